import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.access.assets import parse_asset
from safeconduct.access.domain_names import NAME_LENGTH_MAX
from safeconduct.access.targets import compile_targets
from safeconduct.kernel.errors import InvalidInputError

SCOPE = compile_targets(["192.0.2.0/24", "198.51.100.7", "2001:db8::/32", "Example.com.", "*.corp.example"])


@pytest.mark.parametrize(
    ("target", "covered"),
    [
        ("192.0.2.0", True),
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("192.0.2.128/25", True),
        ("192.0.2.0/23", False),
        ("0.0.0.0/0", False),
        ("198.51.100.7", True),
        ("198.51.100.8", False),
        ("2001:db8:1::1", True),
        ("2001:db9::1", False),
        ("::ffff:192.0.2.1", True),
        ("::ffff:203.0.113.1", False),
        ("EXAMPLE.com", True),
        ("example.com.", True),
        ("www.example.com", False),
        ("evil-example.com", False),
        ("corp.example", False),
        ("a.corp.example", True),
        ("a.b.corp.example", True),
        ("acorp.example", False),
        ("*.corp.example", True),
        ("*.example.com", False),
        ("", False),
        ("no such thing", False),
        ("192.0.2.1:80", False),
        ("192.0.2", False),
        ("http://example.com", False),
    ],
)
def test_what_a_scope_covers(target, covered):
    assert SCOPE.covers(target) is covered


@pytest.mark.parametrize(
    "text", ["", "192.0.2.1/24", "1.2.3", "300.0.0.1", "a..b", "-a.example", "a b", "fa\u00df.example"]
)
def test_what_is_no_target_is_refused(text):
    with pytest.raises(InvalidInputError):
        parse_asset(text)


def test_the_limit_on_names():
    longest = ".".join(["a" * 49] * 5) + ".abc"
    assert len(longest) == NAME_LENGTH_MAX
    assert str(parse_asset(longest)) == longest
    with pytest.raises(InvalidInputError):
        parse_asset(longest + "d")


def test_an_empty_scope_covers_nothing():
    assert not compile_targets([]).covers("192.0.2.1")


@given(st.ip_addresses(v=4))
def test_an_address_and_its_mapped_form_are_the_same_target(address):
    assert (
        SCOPE.covers(str(address))
        == SCOPE.covers(f"::ffff:{address}")
        == str(address).startswith(("192.0.2.", "198.51.100.7"))
        & (str(address).startswith("192.0.2.") or str(address) == "198.51.100.7")
    )


@given(st.text(max_size=40))
def test_any_text_is_covered_or_not_without_an_error(text):
    assert SCOPE.covers(text) in (True, False)
