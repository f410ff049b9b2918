"""The ATT&CK table is generated, complete, and carries its notice."""

import json
from pathlib import Path

import pytest

import attack_table as tool
from safeconduct.soc.attack import attack_table
from support.corpora import corpora


@pytest.mark.corpora
def test_the_shipped_table_is_what_the_tool_makes(tmp_path):
    target = tmp_path / "attack.json"
    assert tool.main([str(corpora() / "attack" / "enterprise-18.1.json"), str(target)]) == 0
    assert target.read_bytes() == tool.TARGET.read_bytes()


@pytest.mark.corpora
def test_no_technique_is_lost():
    source = json.loads((corpora() / "attack" / "enterprise-18.1.json").read_text())
    table = attack_table()
    assert {item["id"] for item in source["techniques"]} == table.techniques.keys()
    assert sum(technique.in_use for technique in table.techniques.values()) == 691


def test_the_tool_says_how_to_use_it(capsys):
    assert tool.main([]) == 2
    assert "SOURCE" in capsys.readouterr().err


def test_the_notice_and_license_go_with_the_table():
    table = attack_table()
    assert "The MITRE Corporation" in table.notice
    assert "royalty-free license" in table.license
    assert table.source == "MITRE ATT&CK Enterprise 18.1 (mitre/cti)"


@pytest.mark.parametrize(
    ("technique", "in_use", "name"),
    [
        ("T1110.001", True, "Brute Force: Password Guessing"),
        ("T1105", True, "Ingress Tool Transfer"),
        ("T1002", False, "Data Compressed"),
        ("T9999", False, "T9999"),
        ("t1105", False, "t1105"),
        ("", False, ""),
    ],
)
def test_look_ups(technique, in_use, name):
    assert (attack_table().in_use(technique), attack_table().name(technique)) == (in_use, name)


def test_revoked_is_not_never_was():
    revoked = attack_table().technique("T1002")
    assert revoked is not None
    assert revoked.revoked
    assert attack_table().technique("T9999") is None


def test_every_tactic_of_a_technique_is_in_the_table():
    table = attack_table()
    assert all(tactic in table.tactics for technique in table.techniques.values() for tactic in technique.tactics)
    assert Path(tool.TARGET).stat().st_size < 100_000
