"""Who may work on what is shown at the command line: a record in a real zone, and rules that the owner signed."""

import hashlib
from types import SimpleNamespace

import pytest

from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.ownership.dns_txt import LABEL
from safeconduct.kernel.instants import DAY, Instant, rfc3339
from support.programs import KEYS
from support.shell import made, witness
from support.zone import name_server

SCOPE = "northwind-perimeter"


@pytest.fixture(scope="module")
def agreed(tmp_path_factory):
    house, key = made(tmp_path_factory.mktemp("scope") / "house")
    records = {}
    with (
        name_server(records) as (address, port),
        witness(house.root / "witness", key) as told,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SAFECONDUCT_SCOPE_RESOLVERS", f"{address}:{port}")
        file = house.program(told)
        owner = f"    owner: {KEYS['stranger'].public.text}\n    authorization: "
        file.write_text(file.read_text().replace("    authorization: ", owner, 1))
        assert house("program", "apply", file).code == 0
        yield SimpleNamespace(house=house, records=records)


def test_a_record_in_the_zone_shows_a_domain(agreed):
    house = agreed.house
    told = house("scope", "challenge", SCOPE, "Northwind.example.", "--json").json
    assert (told["asset"], told["kind"]) == ("northwind.example", "dns-txt")
    missed = house("scope", "verify", SCOPE, "northwind.example", "--json")
    assert (missed.code, missed.json["problem"]) == (1, "record-missing")
    agreed.records[f"{LABEL}.northwind.example"] = [told["text"]]
    found = house("scope", "verify", SCOPE, "northwind.example", "--json")
    assert (found.code, found.json["problem"], found.json["seen"]) == (0, "", told["text"])
    [shown] = [
        one for one in house("scope", "show", SCOPE, "--json").json["authorizations"] if one["kind"] == "dns-txt"
    ]
    assert (shown["assets"], shown["holds"], shown["by"]) == (["northwind.example", "*.northwind.example"], True, "ops")
    assert shown["where"].startswith(f"TXT {LABEL}.northwind.example by ")


def test_rules_that_the_owner_signed_show_networks_too(agreed, tmp_path):
    house, document, statement = agreed.house, tmp_path / "rules.pdf", tmp_path / "rules.json"
    document.write_bytes(b"what may be done, and when")
    until = rfc3339(Instant(SystemClock().now() + 30 * DAY))
    words = ("scope", "sign", SCOPE, document, "--target", "192.0.2.0/25", "--until", until, "--out", statement)
    assert house(*words, "--owner-key", house.key("ops")).code == 0
    assert house("scope", "rules", SCOPE, statement).error == "rules-unsigned"
    assert house(*words, "--owner-key", house.key("stranger")).code == 0
    shown = house("scope", "rules", SCOPE, statement, "--json").json
    assert (shown["assets"], shown["holds"], shown["expires_at"]) == (["192.0.2.0/25"], True, until)
    assert shown["evidence"] == hashlib.sha256(document.read_bytes()).hexdigest()
    assert "192.0.2.0/25" in house("scope", "show", SCOPE).out
    statement.write_text("{")
    assert house("scope", "rules", SCOPE, statement).error == "rules-invalid"


def test_who_may_not_is_told_so_and_what_is_not_there_too(agreed):
    house = agreed.house
    assert house("scope", "challenge", SCOPE, "northwind.example", by="ana").error == "role-missing"
    assert house("scope", "show", "other").error == "scope-unknown"
    assert house("scope", "verify", SCOPE, "www.northwind.example").error == "challenge-unknown"
    assert [one["id"] for one in house("scope", "list", "--json").json] == [SCOPE]
