"""The partner's commands as processes of their own: a provider that forks its log, and who shows it to whom."""

import json
import shutil

import pytest

from safeconduct.cli.output import NO
from support.liars import Raw
from support.patience import PATIENCE_S
from support.ports import lasting_port
from support.shell import House, agreed, run, serving, start, until

REFUSED, BAD_INPUT = 4, 2


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    house, _told, log_key = agreed(tmp_path_factory.mktemp("template") / "house")
    return house, log_key


@pytest.fixture
def histories(template, tmp_path):
    """Two houses that were one: from a backup on, each went its own way under the same keys."""
    made = []
    for name, whom in (("shown", "principal:ana"), ("hidden", "principal:bo")):
        shutil.copytree(template[0].root, tmp_path / name)
        house = House(tmp_path / name)
        said = house("freeze", whom, "--reason", "a drill")
        assert said.code == 0, said
        made.append(house)
    return made


def mirror(house, server, folder, log_key, *more):
    address = f"{server.url}/log/{house.agreement}"
    return ("log", "mirror", address, "--dir", folder, "--log-key", log_key, "--key", house.key("ops"), *more)


def test_a_provider_that_shows_another_history_is_convicted_by_its_own_signatures(histories, template, tmp_path):
    (shown, hidden), log_key = histories, template[1]
    copy = tmp_path / "copy"
    with serving(shown.data) as (_process, server):
        assert run(*mirror(shown, server, copy, log_key)).code == 0
    with serving(hidden.data) as (_process, server):
        said = run(*mirror(hidden, server, copy, log_key))
    assert (said.code, said.error) == (REFUSED, "log-forked")
    (file,) = (copy / "evidence").iterdir()
    assert str(file) in said.err.replace("\n", "")
    judged = run("log", "verify", file, "--key", log_key, "--json")
    assert (judged.code, judged.json["verified"], judged.json["shows"]["claim"]) == (0, True, "forked")
    assert "PROVEN" in run("log", "verify", file, "--key", log_key).out
    assert run("log", "verify", copy, "--key", log_key, "--json").json["verified"]
    other = run("log", "show", "--json", data=shown.data, key=shown.key("ops")).json["logs"]
    own_key = next(log["key"] for log in other if log["origin"] != shown.agreement)
    assert run("log", "verify", file, "--key", own_key).code == BAD_INPUT
    file.write_bytes(file.read_bytes().replace(b"claim forked", b"claim rolled-back"))
    assert run("log", "verify", file, "--key", log_key).code == BAD_INPUT


def test_a_rollback_is_told_and_not_said_to_be_proven(histories, template, tmp_path):
    (shown, _hidden), (house, log_key) = histories, template
    copy = tmp_path / "copy"
    with serving(shown.data) as (_process, server):
        assert run(*mirror(shown, server, copy, log_key)).code == 0
    shutil.copytree(house.root, tmp_path / "backup")
    with serving(tmp_path / "backup" / "data") as (_process, server):
        said = run(*mirror(house, server, copy, log_key))
    assert (said.code, said.error) == (REFUSED, "log-rolled-back")
    (file,) = (copy / "evidence").iterdir()
    judged = run("log", "verify", file, "--key", log_key, "--json")
    assert (judged.code, judged.json["verified"]) == (NO, False)
    assert "whoever kept this says" in judged.json["shows"]["text"]


def looks(file):
    """The whole documents that a following mirror has printed, one after the other."""
    return [json.loads(part + "}") for part in file.read_text().split("}\n")[:-1]]


def test_a_mirror_that_follows_outlives_the_log_s_absence_and_not_its_fork(histories, template, tmp_path):
    (shown, hidden), log_key = histories, template[1]
    copy, log = tmp_path / "copy", tmp_path / "following"
    port = lasting_port()
    with serving(shown.data, "--port", port) as (_process, server):
        words = mirror(shown, server, copy, log_key, "--follow", "--every", "1", "--json")
        following = start(*words, log=log)
        process = following.__enter__()
        until(lambda: looks(log.with_suffix(".out")), process, says="the first look")
    try:
        until(lambda: "log-unreachable" in log.with_suffix(".out").read_text(), process, says="the absence")
        with start("serve", "--port", port, "--no-local-model", data=hidden.data, log=tmp_path / "again"):
            process.wait(PATIENCE_S)
    finally:
        following.__exit__(None, None, None)
    assert process.returncode == REFUSED
    assert "log-forked" in log.with_suffix(".err").read_text()
    seen = looks(log.with_suffix(".out"))
    assert (seen[0]["before"], seen[0]["size"] > 0) == (0, True)
    assert {look.get("problem") for look in seen[1:]} <= {None, "log-unreachable"}


def test_a_mirror_server_is_a_process_with_its_own_name(template, tmp_path):
    words = ("log", "mirror-server", "--listen", "127.0.0.1:0", "--trust", template[1], "--json")
    folder, log = tmp_path / "m", tmp_path / "server"
    with start(
        *words, "--dir", folder, "--name", "partner.example/mirror", "--algorithm", "ml-dsa-44", log=log
    ) as process:
        until(lambda: log.with_suffix(".out").read_text().endswith("}\n"), process, says="its key")
        told = json.loads(log.with_suffix(".out").read_text())
        assert told["key"].startswith("partner.example/mirror+")
        assert run(*words, "--dir", folder).error == "data-in-use"
    assert run("log", "witness", "--listen", "127.0.0.1:0", "--dir", folder).error == "no-witness-here"
    assert run(*words, "--dir", tmp_path / "none").error == "no-mirror-here"
    assert run("log", "witness", "--listen", "127.0.0.1:0", "--dir", folder, "--name", "w").error == "role-conflict"


def test_a_log_that_is_no_log_ends_no_command_in_a_traceback(template, tmp_path):
    house, log_key = template
    with Raw(lambda connection: connection.sendall(b"\xff\x00garbage")) as bad:
        said = run(*mirror(house, bad, tmp_path / "copy", log_key))
    assert (said.code, said.error) == (REFUSED, "log-unreachable")
