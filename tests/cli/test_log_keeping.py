"""Opening, holding and destroying by the commands, on a real installation and with the partner's witness."""

import contextlib
import json
import shutil

import pytest

from safeconduct.cli.keys import write_key
from support.programs import KEYS, signed_by_both
from support.readers import OPENING, PEOPLE, READERS, without_readers
from support.shell import House, made, run, serving, until, witness

ROW = "    soc.telemetry.ingested/name: {readers: [partner, provider]}\n"


def with_matrix(file):
    """Adds readers to the program file of a house: what the demo's own has not."""
    source = without_readers(file.read_text()).replace("\nprincipals:\n", f"{READERS}\nprincipals:\n")
    source = source.replace("  auditor: audit-office\n", "").replace("  fields:\n", f"  fields:\n{ROW}")
    lines = [line for line in source.splitlines(keepends=True) if "auditor" not in line]
    people = "".join(PEOPLE.splitlines(keepends=True)[1:]) % KEYS["ivo"].public.text
    source = "".join(lines).replace("\nscopes:\n", f"{people}\nscopes:\n")
    file.write_bytes(signed_by_both(source.replace("\nresponses:\n", f"{OPENING}\nresponses:\n").encode()))
    return file


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """An installation whose program has a matrix, with one file taken in; the witness is away again."""
    house, key = made(tmp_path_factory.mktemp("keeping") / "house")
    write_key(house.key("ivo"), "ivo", KEYS["ivo"])
    with witness(house.root / "witness", key) as told:
        said = house("program", "apply", with_matrix(house.program(told)), "--json")
        assert said.code == 0, said
        (house.root / "auth.log").write_text(
            "Nov 21 08:00:00 web1 sshd[1]: Failed password for root from 203.0.113.9 port 4 ssh2\n"
        )
        assert house("ingest", house.root / "auth.log", by="ana").code == 0
    return house


@pytest.fixture
def house(template, tmp_path):
    shutil.copytree(template.root, tmp_path / "house")
    return House(tmp_path / "house")


@contextlib.contextmanager
def partner(house):
    """Runs the partner's witness again, at the address that the program names."""
    told = json.loads((house.root / "witness.out").read_text())
    keys = [log["key"] for log in house("log", "show", "--json").json["logs"]]
    with witness(house.root / "witness", *keys, listen=told["url"].partition("//")[2]):
        yield


def entry_types(house):
    return [entry["type"] for entry in house("log", "show", "--count", 1000, "--json").json["entries"]]


def ingested(house):
    shown = house("log", "show", "--count", 1000, "--json").json
    return next(entry["id"] for entry in shown["entries"] if entry["type"] == "soc.telemetry.ingested/1")


def test_a_field_is_opened_for_a_reason_and_disclosed(house, tmp_path):
    entry = ingested(house)
    assert house("log", "open", entry, "name", by="ana").error == "reason-missing"
    assert house("log", "open", entry, "name", "--reason", "x", by="stranger").error == "signer-unknown"
    file = tmp_path / "name.disclosure"
    said = house("log", "open", entry, "name", "--reason", "incident 7", "--out", file, "--json", by="ops")
    assert (said.code, said.json["value"]) == (0, "auth.log")
    shown = house("log", "show", "--json").json
    assert (shown["entries"][-1]["type"], shown["entries"][-1]["body"]["by"]) == ("access.field.opened/1", "ops")
    log = next(one for one in shown["logs"] if one["origin"] == house.agreement)
    told = json.loads((house.root / "witness.out").read_text())
    verified = house("log", "verify", file, "--key", log["key"], "--witness", told["key"], "--json")
    assert verified.code == 0, verified


def test_a_party_opens_and_lists_from_another_machine(house, tmp_path):
    entry = ingested(house)
    with serving(house.data) as (_process, server):
        away = ("--url", server.url)
        said = run("log", "open", entry, "name", "--reason", "x", *away, "--json", data=tmp_path, key=house.key("ops"))
        assert (said.code, said.json["value"]) == (0, "auth.log")
        assert run("log", "openings", *away, "--json", data=tmp_path, key=house.key("ops")).json == []
        assert run("log", "openings", *away, data=tmp_path).error == "unauthenticated"
        until(lambda: "access.retention.looked/1" in entry_types(house))  # the program limits a class in days


def test_a_hold_and_an_order_and_the_partner_between(house, tmp_path):
    entry = ingested(house)
    hold = house("log", "hold", "--reason", "case 12", "--json", by="bo").json["id"]
    assert [one["id"] for one in house("log", "holds", "--json").json] == [hold]
    assert house("status", "--json").json["holds"] == 1
    order = ("log", "destroy", "--subject", "telemetry", "--reason", "over")
    refused = house(*order)
    assert (refused.code, refused.error) == (3, "legal-hold")
    waiting = house("log", "release", hold, "--reason", "closed", "--json")
    assert (waiting.code, waiting.json["state"]) == (4, "waiting")
    with partner(house), serving(house.data):
        until(lambda: not house("log", "holds", "--json").json)
        said = house(*order, "--json")
        assert said.code == 0, said
        (listed,) = house("log", "destructions", "--json").json
        assert [(one["holder"], one["destroyed"]) for one in listed["holders"]] == [
            ("partner", True),
            ("provider", False),
        ]
        certify = ("log", "certify", listed["order"], "--role", "provider", "--method", "shredded")
        assert house(*certify, by="ana").error == "role-missing"
        assert all(one["destroyed"] for one in house(*certify, "--json").json["holders"])
        assert house("log", "open", entry, "name", "--reason", "incident 7", by="ana").error == "destroyed"
        assert house("log", "verify").code == 0
        copy = tmp_path / "copy"
        assert house("log", "export", copy).code == 0
        logs = {log["origin"]: log["key"] for log in house("log", "show", "--json").json["logs"]}
    offline = ("log", "destructions", copy, "--key", logs[house.agreement], "--json")
    shown = run(*offline, "--signer", KEYS["ops"].public.text)
    assert (shown.code, [one["destroyed"] for one in shown.json[0]["holders"]]) == (0, [True, True])
    unchecked = run(*offline)
    assert (unchecked.code, [one["destroyed"] for one in unchecked.json[0]["holders"]]) == (1, [True, False])


def test_while_the_partner_is_away_an_order_waits(house):
    said = house("log", "destroy", "--subject", "telemetry", "--reason", "over", "--json")
    assert (said.code, said.json["in_force"]) == (4, False)
    entry = ingested(house)
    assert house("log", "open", entry, "name", "--reason", "incident 7", by="ana").code == 0
    assert house("log", "hold", "--reason", "case 12").code == 0
    with partner(house), serving(house.data):
        (listed,) = until(lambda: [one for one in house("log", "destructions", "--json").json if one["in_force"]])
        assert (len(listed["held_by"]), listed["holders"][0]["destroyed"]) == (1, False)
        assert house("log", "open", entry, "name", "--reason", "incident 7", by="ana").code == 0
