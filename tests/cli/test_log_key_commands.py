"""Rotating a log's key and closing a compromised log, as keeper, partner and verifier do it."""

import base64
import contextlib
import sqlite3

import pytest

from safeconduct.adapters.data_folder import LOG_KEYS
from safeconduct.ledger.checkpoints import parse_checkpoint
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import Note, NoteSigner, VerifierKey
from support.logs import cosigner
from support.shell import agreed, run, serving, until, witness


@pytest.fixture
def house(tmp_path):
    made, told, _key = agreed(tmp_path / "house")
    made.told = told
    return made


def logs(house):
    return {log["origin"]: log for log in house("log", "show", "--json").json["logs"]}


def key(house, origin=""):
    return logs(house)[origin or house.agreement]["key"]


@contextlib.contextmanager
def partner(house, *trusted):
    with witness(house.root / "witness", *trusted, listen=house.told["url"].removeprefix("http://")) as told:
        yield told


def rotated(house):
    """Rotates the joint log's key; returns the old one, the new one and the evidence's file."""
    old = key(house)
    with partner(house, old):
        said = house("log", "rotate-key", "--json")
    assert said.code == 0, said
    assert (said.json["state"], said.json["old"]) == ("in-force", old)
    entries = house("log", "show", "--json").json["entries"]
    (entry,) = [one for one in entries if one["type"] == "ledger.key.rotated/1"]
    evidence = house.root / f"{said.json['new'].split('+')[1]}.tlog-proof"
    assert house("log", "prove", entry["id"], "--out", evidence).code == 0
    return old, said.json["new"], evidence


def exported(house, name, *trusted):
    with partner(house, *trusted):
        said = house("log", "export", house.root / name)
    assert said.code == 0, said
    return house.root / name


def test_from_the_rotation_on_both_keys_sign_and_who_knows_either_can_verify(house):
    old, new, evidence = rotated(house)
    assert key(house) == new != old
    assert house("freeze", "all", "--everybody", "--reason", "a drill").code == 0
    folder = exported(house, "export", old)
    note = parse_checkpoint((folder / "checkpoint").read_bytes()).note
    assert all(note.names(VerifierKey.parse(one)) for one in (old, new))
    for known in (old, new):
        assert run("log", "verify", folder, "--key", known).code == 0
        assert (
            run("log", "verify", evidence, "--key", known, "--witness", house.told["key"], "--rotation", evidence).code
            == 0
        )
    assert house("log", "verify").code == 0


def test_a_stolen_old_key_can_not_go_on_for_who_knows_the_rotation(house):
    before = exported(house, "before", key(house))
    old, new, evidence = rotated(house)
    after = exported(house, "after", old)
    secret = SecretKey.parse((house.data / LOG_KEYS / house.agreement.replace("/", "%2F")).read_text())
    thief = NoteSigner(house.agreement, secret)
    assert thief.verifier.text == old
    signed = parse_checkpoint((after / "checkpoint").read_bytes())
    (after / "checkpoint").write_text(Note(signed.note.text, (thief.sign(signed.note.text),)).encoded)
    found = run("log", "verify", after, "--key", old, "--json")
    assert found.code == 1
    assert f"key id {VerifierKey.parse(new).key_id.hex()}" in str(found.json)
    # What it signed before the rotation stays good.
    assert run("log", "verify", before, "--key", old, "--rotation", evidence).code == 0


def test_a_witness_follows_with_the_evidence_and_then_refuses_the_old_key_alone(house):
    old, new, evidence = rotated(house)
    said = run("log", "follow", evidence, "--dir", house.root / "witness", "--json")
    assert said.code == 0, said
    assert said.json["key"] == new
    assert (house.root / "witness" / "logs").read_text().count(new) == 1
    assert old not in (house.root / "witness" / "logs").read_text()
    assert house("freeze", "all", "--everybody", "--reason", "a drill").code == 0
    assert exported(house, "export").exists()
    assert run("log", "follow", evidence, "--dir", house.root / "witness").code == 0


def test_evidence_of_another_entry_rotates_nothing(house):
    old, _new, _evidence = rotated(house)
    entry = house("log", "show", "--json").json["entries"][0]["id"]
    other = house.root / "other.tlog-proof"
    assert house("log", "prove", entry, "--out", other).code == 0
    assert run("log", "follow", other, "--dir", house.root / "witness").code == 2
    assert old in (house.root / "witness" / "logs").read_text()


def test_a_rotation_waits_for_the_partner_and_nothing_changes_before(house):
    old = key(house)
    said = house("log", "rotate-key", "--json")
    assert (said.code, said.json["state"]) == (4, "waiting")
    assert key(house) == old
    assert house("log", "rotate-key").error == "rotation-pending"
    with partner(house, old), serving(house.data):
        until(lambda: key(house) != old, says="the new key")  # a server takes up what waits
    assert key(house) == said.json["new"]


def test_only_an_administrator_rotates_or_closes(house):
    for words in (("rotate-key",), ("close", "--compromised", "--reason", "lost")):
        assert house("log", *words, by="ana").error == "role-missing"
        assert house("log", *words, by="stranger").code in {2, 3}
    assert len(list((house.data / LOG_KEYS).iterdir())) == 2  # nobody made a key by asking


def test_the_installations_own_log_is_rotated_as_well(house):
    own = "safeconduct.example/demo/installation"
    before = key(house, own)
    with partner(house, key(house)):
        said = house("log", "rotate-key", "--origin", own, "--json")
    assert said.code == 0, said
    assert key(house, own) == said.json["new"] != before
    assert house("log", "verify").code == 0


def test_a_closed_log_takes_nothing_more_and_its_successor_goes_on(house):
    old = key(house)
    exported(house, "cosigned", old)
    said = house("log", "close", "--compromised", "--reason", "the key was copied", "--json")
    assert said.code == 0, said
    successor = said.json["successor"]
    assert successor == f"{house.agreement}/2"
    shown = logs(house)
    assert shown[house.agreement]["successor"] == successor
    assert f"{house.agreement}  {shown[house.agreement]['size']} entries  closed, goes on as" in house("status").out
    again = house("log", "close", "--compromised", "--reason", "the key was copied")
    assert again.error == "log-closed"  # the same command once more closes no second log
    # A freeze is in force at once, in the successor.
    assert house("freeze", "all", "--everybody", "--reason", "now").code == 0
    entries = house("log", "show", "--json").json
    assert entries["origin"] == successor
    assert [one["type"] for one in entries["entries"]] == ["ledger.log.succeeded/1", "access.freeze.started/1"]
    size = shown[house.agreement]["size"]
    last = house("log", "show", "--origin", house.agreement, "--json").json["entries"][-1]
    assert (last["index"], last["type"], last["body"]["successor_key"]) == (
        size - 1,
        "ledger.log.closed/1",
        said.json["successor_key"],
    )
    assert logs(house)[house.agreement]["size"] == size
    assert house("log", "verify").code == 0
    assert (
        house("log", "close", "--compromised", "--reason", "again", "--origin", house.agreement).error == "log-closed"
    )
    beginning = entries["entries"][0]["body"]
    trusted = parse_checkpoint(beginning["trusted"])
    assert trusted.cosigned
    assert (beginning["predecessor"], beginning["predecessor_key"], beginning["closed"]) == (
        house.agreement,
        old,
        last["id"],
    )


def test_what_waits_for_the_partner_waits_for_its_trust_in_the_successor(house):
    assert house("freeze", "all", "--everybody", "--reason", "now", "--json").code == 0
    freeze = house("unfreeze", "--json").json[0]["id"]
    closed = house("log", "close", "--compromised", "--reason", "copied", "--json").json
    with partner(house, closed["successor_key"]):
        assert house("unfreeze", freeze).code == 0
        plan = house("program", "plan", house.root / "program.yaml", "--json")
        assert plan.code == 0
        assert "nothing" in str(plan.json) or plan.json.get("changes", []) == []
        assert house("log", "export", house.root / "export").code == 0
    assert run("log", "verify", house.root / "export", "--key", closed["successor_key"]).code == 0


def exported_once_closed(house):
    """Closes the joint log; returns exports of it and its successor, the first one's key, and what closing said."""
    old = key(house)
    exported(house, "cosigned", old)
    closed = house("log", "close", "--compromised", "--reason", "copied", "--json").json
    after = exported(house, "after", old, closed["successor_key"])
    before = house.root / "before"
    assert house("log", "export", before, "--origin", house.agreement).code == 0
    return before, after, old, closed


def test_a_successor_is_found_offline_from_the_closed_logs_key_alone(house):
    before, after, old, closed = exported_once_closed(house)
    said = run("log", "succession", before, after, "--key", old, "--json")
    assert said.code == 0, said
    assert said.json["successor"]["key"] == closed["successor_key"]
    assert said.json["said_by_the_closed_log"]
    assert said.json["closed"]["vouched_for"] == 0  # no witness is known whose line would count
    known = ("log", "succession", before, after, "--key", old, "--witness")
    said = run(*known, house.told["key"], "--json")
    assert 0 < said.json["closed"]["vouched_for"] < said.json["closed"]["size"]
    assert run(*known, cosigner().verifier.text).error == "succession-broken"
    for words in (
        (before, after, "--key", closed["successor_key"]),
        (after, before, "--key", closed["successor_key"]),
        (before, before, "--key", old),
        (before, house.root / "cosigned", "--key", old, "--new-key", old),
        (house.root / "cosigned", after, "--key", old),
        (house.root / "cosigned", after, "--key", old, "--new-key", closed["successor_key"]),
    ):
        assert run("log", "succession", *words).code == 2, words


def test_the_installations_own_log_is_closed_and_goes_on(house):
    own = "safeconduct.example/demo/installation"
    said = house("log", "close", "--compromised", "--reason", "copied", "--origin", own, "--json")
    assert said.json["successor"] == f"{own}/2"
    assert house("log", "verify").code == 0
    assert house("status").code == 0


def test_a_log_whose_key_is_lost_goes_on_from_the_last_cosigned_checkpoint_and_says_so(house):
    exported(house, "cosigned", key(house))
    file = house.data / LOG_KEYS / house.agreement.replace("/", "%2F")
    secret = SecretKey.parse(file.read_text())
    (house.data / "custody.toml").write_text("")
    public = base64.b64encode(secret.public.raw).decode()
    file.write_text(f"kept:token safeconduct-1 ed25519:{public}\n")
    assert house("freeze", "all", "--everybody", "--reason", "now").error == "key-keeper-unknown"
    said = house("log", "close", "--compromised", "--reason", "the token is lost", "--json")
    assert said.code == 0, said
    assert not said.json["closed"]
    body = house("log", "show", "--json").json["entries"][0]["body"]
    assert body["closed"] is None
    assert parse_checkpoint(body["trusted"]).cosigned
    assert house("freeze", "all", "--everybody", "--reason", "now").code == 0


def deleted(house, count):
    """Deletes the joint log's last entries by SQL."""
    with sqlite3.connect(house.data / "safeconduct.db") as database:
        (number,) = database.execute("SELECT number FROM logs WHERE origin = ?", (house.agreement,)).fetchone()
        (size,) = database.execute("SELECT max(idx) + 1 FROM entries WHERE log = ?", (number,)).fetchone()
        gone = database.execute("DELETE FROM entries WHERE log = ? AND idx >= ?", (number, size - count))
        assert gone.rowcount == count
    database.close()


@pytest.mark.parametrize("count", [1, 3])
def test_a_log_comes_back_from_a_mirror_across_a_rotation(house, count):
    old, new, _evidence = rotated(house)
    assert house("freeze", "all", "--everybody", "--reason", "a drill").code == 0
    copy = exported(house, "mirror", old)
    size = logs(house)[house.agreement]["size"]
    deleted(house, count)
    assert house("log", "verify").code == 1
    with partner(house, old):
        given = ("--from-mirror", copy, "--key", old, "--witness", house.told["key"])
        said = house("log", "recover", *given, "--json")
    assert said.code == 0, said
    assert house("log", "verify").code == 0
    assert logs(house)[house.agreement]["size"] > size
    assert key(house) == new
