"""`doctor`: each thing that keeps calls from being governed is found, named and comes with what to do."""

import json
import resource

import pytest
from typer.testing import CliRunner

from safeconduct.bootstrap.installation import create
from safeconduct.cli import doctor, keys, logins
from safeconduct.cli.doctor import FILES_MIN
from safeconduct.cli.findings import State, about, about_path, healthy
from safeconduct.cli.main import app
from support.programs import KEYS

HEALTHY = {
    "server": "http://127.0.0.1:8700",
    "program": "sha256 of a program",
    "agreement": [],
    "administrators_with_keys": ["ops"],
    "vetting": {"demanded": False, "overdue": 0},
    "ownerless": 0,
    "waiting": 0,
    "freezes": 0,
    "overdue_reviews": 0,
    "unrevoked_keys": [],
    "broken_promises": 0,
    "effects": 0,
    "logs": [{"origin": "safeconduct.example/installation", "size": 4, "stopped": "", "successor": ""}],
    "shipping": [{"name": "splunk", "problem": "", "refused": []}],
    "upstreams": [
        {"name": "local", "vendor": "local", "region": "here", "retention": "none", "experimental": False},
    ],
}


def examine(folder, config="/nonexistent"):
    environment = {"SAFECONDUCT_CONFIG": str(config), "SAFECONDUCT_DATA": str(folder)}
    result = CliRunner(env=environment).invoke(app, ["doctor", "--json"])
    document = json.loads(result.stdout)
    return result.exit_code, {one["check"]: one for one in document["findings"]}


def test_what_is_in_order_is_healthy():
    findings = list(about(HEALTHY))
    assert {finding.state for finding in findings} == {State.OK}
    assert healthy(findings)


def test_nothing_looked_at_is_no_health():
    assert not healthy([])


STOPPED = [{**HEALTHY["logs"][0], "stopped": "its head is ahead"}]
UNREVOKED = {"key": "key_7", "upstreams": ["claude"], "state": "by-hand", "said": "whoever administers it"}
EXPERIMENTAL = [{**HEALTHY["upstreams"][0], "experimental": True}]


@pytest.mark.parametrize(
    ("change", "check", "state"),
    [
        ({"logs": STOPPED}, "log", State.BAD),
        ({"logs": [{**STOPPED[0], "successor": "safeconduct.example/installation/2"}]}, "log", State.OK),
        ({"program": "none in force"}, "program", State.BAD),
        ({"upstreams": []}, "upstream", State.BAD),
        ({"administrators_with_keys": []}, "way in", State.WARN),
        ({"upstreams": EXPERIMENTAL}, "upstream", State.WARN),
        ({"waiting": 1}, "waiting", State.WARN),
        ({"freezes": 2}, "freezes", State.WARN),
        ({"overdue_reviews": 1}, "overdue_reviews", State.WARN),
        ({"unrevoked_keys": [UNREVOKED]}, "key", State.WARN),
        ({"vetting": {"demanded": True, "overdue": 1}}, "vetting", State.WARN),
        ({"ownerless": 1}, "ownerless", State.WARN),
        ({"broken_promises": 1}, "broken_promises", State.WARN),
        ({"effects": 3}, "effects", State.WARN),
        ({"shipping": [{"name": "splunk", "problem": "refused", "refused": []}]}, "shipping", State.WARN),
        ({"shipping": [{"name": "splunk", "problem": "", "refused": ["x"]}]}, "shipping", State.WARN),
    ],
)
def test_each_trouble_is_told(change, check, state):
    findings = list(about(HEALTHY | change))
    (found,) = (one for one in findings if one.check == check)
    assert found.state is state
    assert healthy(findings) is (state is not State.BAD)


RUNS = {"upstream": "one", "configured": True, "inside": True, "otherwise": []}
OUTSIDE = {"upstream": "two", "configured": True, "inside": False, "otherwise": ["region", "retention"]}
MISSING = {"upstream": "three", "configured": False, "inside": None, "otherwise": []}


@pytest.mark.parametrize(
    ("running", "state", "said"),
    [
        ([OUTSIDE, RUNS], State.OK, "triage v3: one"),
        ([OUTSIDE], State.BAD, "triage takes no calls: two has another region and retention"),
        ([MISSING, OUTSIDE], State.BAD, "three is not configured; two has another region and retention"),
    ],
)
def test_a_path_without_a_provider_that_may_be_asked_is_bad(running, state, said):
    found = about_path({"id": "triage", "version": 3, "running": running})
    assert found.state is state
    assert said in found.said


def test_no_upstream_is_missed_where_no_server_runs():
    assert healthy(list(about(HEALTHY | {"upstreams": [], "server": "none"})))


def test_a_new_installation_lacks_a_program_and_a_server(tmp_path):
    create(tmp_path / "data", "safeconduct.example/local")
    code, found = examine(tmp_path / "data")
    assert (code, found["program"]["state"], found["server"]["state"]) == (1, "bad", "warn")
    assert found["program"]["remedy"].startswith("safeconduct program plan")
    assert (found["data"] if "data" in found else found["disk"])["state"] == "ok"


def test_a_folder_that_others_enter_is_bad(tmp_path):
    create(tmp_path / "data", "safeconduct.example/local")
    (tmp_path / "data").chmod(0o750)
    code, found = examine(tmp_path / "data")
    assert (code, found["data"]["state"], found["data"]["remedy"]) == (1, "bad", f"chmod 700 {tmp_path / 'data'}")


def test_without_an_installation_it_says_so_and_looks_no_further(tmp_path):
    code, found = examine(tmp_path)
    assert (code, found["data"]["state"]) == (1, "bad")
    assert "no installation" in found["data"]["said"]
    assert "server" not in found


def test_a_login_whose_key_is_gone_is_bad(tmp_path):
    create(tmp_path / "data", "safeconduct.example/local")
    keys.write_key(tmp_path / "ana.key", "ana", KEYS["ana"])
    logins.write(tmp_path / "config", logins.Login(key=str(tmp_path / "ana.key"), data=str(tmp_path / "data")))
    assert examine(tmp_path / "data", tmp_path / "config")[1]["login"]["state"] == "ok"
    (tmp_path / "ana.key").unlink()
    assert examine(tmp_path / "data", tmp_path / "config")[1]["login"]["state"] == "bad"


@pytest.mark.parametrize(
    ("files", "state"), [(FILES_MIN, State.OK), (FILES_MIN - 1, State.WARN), (resource.RLIM_INFINITY, State.OK)]
)
def test_too_few_open_files_are_told(monkeypatch, files, state):
    monkeypatch.setattr(doctor.resource, "getrlimit", lambda _which: (files, files))
    (found,) = doctor._limits()
    assert found.state is state


@pytest.mark.parametrize(("free", "state"), [(doctor.DISK_FREE_MIN, "ok"), (doctor.DISK_FREE_MIN - 1, "warn")])
def test_a_disk_that_is_nearly_full_is_told(tmp_path, monkeypatch, free, state):
    create(tmp_path / "data", "safeconduct.example/local")
    usage = type(doctor.shutil.disk_usage("/"))(10 * free, 9 * free, free)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _path: usage)
    assert examine(tmp_path / "data")[1]["disk"]["state"] == state


def test_who_signed_in_has_no_key_and_that_is_no_trouble(tmp_path):
    logins.write(tmp_path / "config", logins.Login(key="", data="/d", oidc="northwind-sso", principal="ana"))
    _code, found = examine(tmp_path / "none", tmp_path / "config")
    assert found["login"]["state"] == "ok"
    assert "northwind-sso" in found["login"]["said"]
