"""Targets are found as written, as defanged, and in one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.access.domain_names import NAME_LENGTH_MAX
from safeconduct.access.target_rules import Place
from safeconduct.access.targets import compile_targets
from safeconduct.gateway.targets import find_targets


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from 203.0.113.66 port 2222", ("203.0.113.66",)),
        ("(203.0.113.66), 203.0.113.67; and 203.0.113.68.", ("203.0.113.66", "203.0.113.67", "203.0.113.68")),
        ('{"ip":"203.0.113.66","port":22}', ("203.0.113.66",)),
        ("203.0.113.66:443", ("203.0.113.66",)),
        ("scan 203.0.113.0/24 and 10.1.2.3/8", ("10.0.0.0/8", "203.0.113.0/24")),
        ("203.0.113.66/32", ("203.0.113.66",)),
        ("203[.]0[.]113[.]66", ("203.0.113.66",)),
        ("203(.)0{.}113[ . ]66", ("203.0.113.66",)),
        ("hxxps://evil[.]example[.]com/path.html", ("evil.example.com",)),
        ("evil(dot)example[DOT]com", ("evil.example.com",)),
        ("fe80[:]:1", ("fe80::1",)),
        ("2001:db8::1 and 2001:DB8:0:0:0:0:0:2", ("2001:db8::1", "2001:db8::2")),
        ("net 2001:db8::/32", ("2001:db8::/32",)),
        ("[2001:db8::1]:443", ("2001:db8::1",)),
        ("::ffff:192.0.2.7", ("192.0.2.7",)),
        ("mail Bob@Corp.EXAMPLE.", ("corp.example",)),
        ("https://www.northwind.example:8443/a?b=c", ("www.northwind.example",)),
        ("xn--bcher-kva.example", ("xn--bcher-kva.example",)),
        ("b\u00fccher.example", ("xn--bcher-kva.example",)),
        ("evil.zip and run.sh", ("evil.zip",)),
        ("see /var/log/auth.log, access.log and config.json", ()),
        ("at 2026-11-21T08:00:00Z, 12:30:45, version 1.2, std::vector", ()),
        ("999.1.1.1 1.2.3 1.2.3.4.5", ()),
        ("plain words, nothing else. Really.", ()),
    ],
)
def test_what_is_found(text, found):
    assert tuple(find_targets([text])) == found


def test_a_name_at_its_length_and_one_beyond():
    label = "a" * 61 + "."
    longest = label * 4 + "exam"
    assert len(longest) == NAME_LENGTH_MAX - 1
    assert find_targets([longest + "p"]) == {longest + "p": Place.PROSE}
    assert find_targets([longest + "pl"]) == {}


def test_targets_of_several_texts_are_one_sorted_set():
    assert find_targets(["b.example a.example", "a.example"]) == dict.fromkeys(("a.example", "b.example"), Place.PROSE)


@given(st.ip_addresses().filter(lambda one: str(one) != "::"))  # that is no host, and C++ is full of it
def test_every_address_is_found_in_its_own_spelling(address):
    mapped = getattr(address, "ipv4_mapped", None) or address
    assert find_targets([f"x {address} y"]) == {str(mapped): Place.PROSE}


@given(st.text(max_size=200))
def test_arbitrary_text_never_fails_and_finds_nothing_twice(text):
    found = find_targets([text])
    assert list(found) == sorted(set(found))
    covered = compile_targets(["192.0.2.0/24"])
    assert all(covered.covers(target) in (True, False) for target in found)
