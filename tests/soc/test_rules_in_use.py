"""Which values placeholders have, and that rules are read once until something changes."""

import pytest

from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.in_use import Kept, in_use, inventory_values
from safeconduct.soc.inventory import NOTHING, Account, Host, Inventory
from support.sigma import record, rule

OWN = Inventory(
    domains=("example.org",),
    hosts=(Host("dc-1", "192.0.2.1", "Domain controller"), Host("web-*", "192.0.2.2")),
    users=(Account("ana", 1, "admin"), Account("bo", 2)),
)


def kept(text, digest="1"):
    return Kept("own", digest, lambda: [("x.yml", text)])


def fires(name, value, inventory=OWN):
    text = rule({"s": {"name|expand": f"%{name}%"}, "condition": "s"})
    found = in_use((), inventory, (kept(text, name),))
    return bool([alert for alert in detect([record(name=value)], found.rules) if alert.title == "Rule one"])


def test_what_an_inventory_has_for_placeholders():
    assert inventory_values(OWN) == {
        "domains": ["example.org"],
        "hosts": ["dc-1", r"web-\*"],
        "hosts_domain_controller": ["dc-1"],
        "addresses": ["192.0.2.1", "192.0.2.2"],
        "addresses_domain_controller": ["192.0.2.1"],
        "users": ["ana", "bo"],
        "users_admin": ["ana"],
    }
    assert inventory_values(NOTHING) == {}


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("hosts_domain_controller", "DC-1", True),
        ("hosts_domain_controller", "web-*", False),
        ("hosts", "web-*", True),
        ("hosts", "web-2", False),
        ("users_admin", "bo", False),
    ],
)
def test_a_placeholder_stands_for_what_the_inventory_says(name, value, found):
    assert fires(name, value) is found


def test_a_placeholder_without_values_sets_its_rule_aside():
    text = rule({"s": {"name|expand": "%hosts%"}, "condition": "s"})
    (problem,) = in_use((), NOTHING, (kept(text),)).aside
    assert (problem.name, problem.error.code) == ("own/x.yml", "rule-unsupported")


def test_rules_are_read_once_until_their_digest_changes():
    asked = []

    def files():
        asked.append(1)
        return [("x.yml", rule({"s": {"name": "x"}, "condition": "s"}))]

    first = in_use((), OWN, (Kept("own", "once", files),))
    assert in_use((), OWN, (Kept("own", "once", files),)) is first
    assert in_use((), OWN, (Kept("own", "twice", files),)) is not first
    assert len(asked) == 2
