"""`log export`: a report to print, and all that both parties are due at the end of an agreement."""

import html
import json
import re

import pytest

from safeconduct.ledger.quorums import parse_policy
from support.shell import agreed, run, witness


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    return agreed(tmp_path_factory.mktemp("export") / "house")


def test_a_report_of_the_log_is_one_page_that_loads_nothing(house, tmp_path):
    installed, _, key = house
    file = tmp_path / "report.html"
    said = installed("log", "export", "--report", file, "--json")
    assert (said.code, said.json["report"], said.json["folder"]) == (0, str(file), None)
    page = file.read_text()
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert not re.search(r"\b(src|href)=", page)
    assert html.escape(key) in page
    assert "nobody cosigned it yet" in page
    assert installed("log", "export", "--report", file).error == "file-unwritable"


def test_the_evidence_on_the_page_verifies_by_itself(house, tmp_path):
    installed, told, key = house
    entry = installed("log", "show", "--json").json["entries"][0]
    file = tmp_path / "about.html"
    assert installed("log", "export", "--report", file, "--about", entry["id"]).code == 0
    blocks = [html.unescape(block) for block in re.findall(r"<pre>(c2sp[^<]*)</pre>", file.read_text())]
    assert len(blocks) == 1
    proof = tmp_path / "entry.tlog-proof"
    proof.write_text(blocks[0])
    verified = run("log", "verify", proof, "--key", key, "--witness", told["key"], "--json").json
    assert (verified["verified"], verified["entry"]["id"]) == (True, entry["id"])


@pytest.mark.parametrize("words", [(), ("--about", "x"), ("--contract-end",), ("--contract-end", "--report", "r.html")])
def test_a_command_that_says_nothing_to_write_is_refused(house, words):
    assert house[0]("log", "export", *words).error == "usage"


def test_a_report_about_nothing_is_refused_and_writes_nothing(house, tmp_path):
    said = house[0]("log", "export", "--report", tmp_path / "r.html", "--about", "nothing")
    assert said.error == "nothing-about"
    assert not (tmp_path / "r.html").exists()


def test_at_the_end_of_an_agreement_both_parties_get_all_and_it_verifies_offline(house, tmp_path):
    installed, told, key = house
    folder = tmp_path / "parting"
    with witness(installed.root / "witness", key, listen=told["url"].removeprefix("http://")):
        assert installed("log", "export", folder, "--contract-end").code == 0
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names >= {"checkpoint", "ids", "manifest", "policy", "agreement.json", "README.md", "report.html"}
    agreement = json.loads((folder / "agreement.json").read_text())
    assert agreement["agreement"]["origin"] == installed.agreement
    assert {one["id"] for one in agreement["principals"]} >= {"ops"}
    assert parse_policy((folder / "policy").read_bytes()).logs[0].key.text == key
    known = ("--policy", folder / "policy")
    said = run("log", "verify", folder, *known, "--json")
    assert (said.code, said.json["verified"], len(said.json["cosigned_by"])) == (0, True, 1)
    assert run("log", "verify", folder, "--key", key, "--witness", told["key"]).code == 0
    for name in ("agreement.json", "README.md", "report.html", "policy"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        said = run("log", "verify", folder, "--key", key, "--witness", told["key"], "--json")
        assert (said.code, [one["place"] for one in said.json["findings"]]) == (1, [name])
        (folder / name).write_bytes(content)


def test_it_waits_for_the_partner_and_is_the_joint_logs_alone(house, tmp_path):
    installed, _, _ = house
    installed("token", "issue", "--principal", "svc-triage")
    own = ("log", "export", tmp_path / "own", "--contract-end", "--origin", "safeconduct.example/demo/installation")
    assert installed(*own).error == "not-the-agreements-log"
    assert not (tmp_path / "own").exists()
