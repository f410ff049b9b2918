"""Entities: their normal forms, where they are found, and which of them may join."""

import json

import pytest

from safeconduct.kernel.errors import InvalidInputError, TooLargeError
from safeconduct.soc.entities import Mention, mentions
from safeconduct.soc.entity_forms import normal_address, normal_host
from safeconduct.soc.inventory import HOSTS_MAX, NOTHING, Inventory, is_inventory, parse_inventory
from safeconduct.soc.joining import joiners, joins
from safeconduct.soc.model import Entity, EntityKind
from safeconduct.soc.pointers import resolve
from support.telemetry import OWN, RECORDING, accepted, auth, events, failed, ran, seen


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("192.0.2.256", None),
        ("web-01", None),
        ("", None),
    ],
)
def test_addresses_have_one_form(text, normal):
    assert normal_address(text) == normal


def test_names_have_one_form():
    assert normal_host(" WEB-01.Example.ORG. ") == "web-01.example.org"


def test_every_mention_points_at_what_it_was_read_from(recorded):
    by_id, *_ = recorded
    kinds = set()
    for event in by_id.values():
        for mention in mentions(event):
            value = str(resolve(event.document(), mention.pointer)).lower()
            assert mention.entity.value.partition("@")[0].lower() in value or normal_address(value)
            kinds.add(mention.entity.kind)
    assert kinds == set(EntityKind) - {EntityKind.FILE, EntityKind.HASH, EntityKind.SESSION, EntityKind.CONNECTION}


def test_an_account_belongs_to_its_host():
    (here,), (there,) = (
        events(accepted("Ana")),
        events(auth("sshd[1]", "Disconnected from user ana 203.0.113.9 port 1", host="DB-02")),
    )
    assert Mention(Entity(EntityKind.USER, "ana@web-01"), "/ocsf/user/name") in mentions(here)
    assert Mention(Entity(EntityKind.USER, "ana@db-02"), "/ocsf/user/name") in mentions(there)


def test_programs_of_the_system_are_no_entities_and_others_are():
    (system,), (own,) = events(ran("id")), events(ran("x", exe="/home/ana/.cache/x"))
    assert EntityKind.FILE not in {mention.entity.kind for mention in mentions(system)}
    assert Entity(EntityKind.FILE, "/home/ana/.cache/x") in {mention.entity for mention in mentions(own)}


def test_an_address_for_a_host_name_is_an_address():
    (event,) = events(seen(http_host="203.0.113.66:8080", http_request_method="GET", http_request_uri="/"))
    assert Mention(Entity(EntityKind.IP, "203.0.113.66"), "/ocsf/http_request/url/hostname") in mentions(event)


@pytest.mark.parametrize(
    ("kind", "value", "inventory", "may"),
    [
        (EntityKind.IP, "203.0.113.66", OWN, True),
        (EntityKind.IP, "192.0.2.77", OWN, False),
        (EntityKind.IP, "10.1.2.3", OWN, True),
        (EntityKind.IP, "10.1.2.3", NOTHING, False),
        (EntityKind.IP, "fd00::1", NOTHING, False),
        (EntityKind.IP, "203.0.113.66", NOTHING, True),
        (EntityKind.DOMAIN, "updates.example.net", OWN, True),
        (EntityKind.DOMAIN, "www.example.org", OWN, False),
        (EntityKind.DOMAIN, "example.org", OWN, False),
        (EntityKind.DOMAIN, "badexample.org", OWN, True),
        (EntityKind.HOST, "web-01", OWN, False),
        (EntityKind.HOST, "elsewhere", OWN, False),
        (EntityKind.USER, "ana@web-01", OWN, True),
        (EntityKind.USER, "root@web-01", OWN, False),
        (EntityKind.USER, "www-data@web-01", OWN, False),
        (EntityKind.PROCESS, "77@web-01", OWN, True),
        (EntityKind.URL, "http://updates.example.net/x", OWN, False),
    ],
)
def test_what_may_join_two_alerts(kind, value, inventory, may):
    assert joins(Entity(kind, value), inventory) is may


def test_a_guessed_account_is_not_its_guessers():
    (wrong,), (right,) = events(failed("ana")), events(accepted("ana"))
    ana = Entity(EntityKind.USER, "ana@web-01")
    assert ana in {mention.entity for mention in mentions(wrong)}
    assert ana not in {mention.entity for mention in joiners(wrong, OWN)}
    assert ana in {mention.entity for mention in joiners(right, OWN)}


def test_the_recordings_inventory_is_read():
    content = (RECORDING / "inventory.json").read_bytes()
    assert is_inventory(content)
    inventory = parse_inventory(content)
    assert inventory.owns_address("192.0.2.53")
    assert inventory.owns_domain("web-01")
    assert inventory.user("1004") == "dana"
    assert (inventory.user("0"), inventory.user("9")) == ("root", None)


@pytest.mark.parametrize("name", ["manifest.json", "ground_truth.json", "auth.log"])
def test_other_files_are_no_inventory(name):
    assert not is_inventory((RECORDING / name).read_bytes())


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b'{"networks":{"x":["192.0.2.0/33"]}}', b'{"hosts":[{"name":"a","address":"b"}]}', b'{"users":[{}]}'],
)
def test_a_wrong_inventory_is_refused(content):
    with pytest.raises(InvalidInputError) as caught:
        parse_inventory(content)
    assert caught.value.code == "inventory-invalid"


def test_an_inventory_without_networks_owns_private_addresses():
    assert Inventory(networks={}).owns_address("192.168.1.1")
    assert not Inventory(networks={"a": ["192.0.2.0/24"]}).owns_address("192.168.1.1")


def test_an_inventory_holds_so_many_hosts():
    def inventory(count):
        return json.dumps({"networks": {}, "hosts": [{"name": f"h{number}"} for number in range(count)]}).encode()

    assert len(parse_inventory(inventory(HOSTS_MAX)).hosts) == HOSTS_MAX
    with pytest.raises(TooLargeError, match=f"more than {HOSTS_MAX}"):
        parse_inventory(inventory(HOSTS_MAX + 1))
