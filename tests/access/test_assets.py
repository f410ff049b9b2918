"""Spellings of one asset are one asset; what is another, or could be read as two, is covered by nothing."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.access.assets import parse_asset
from safeconduct.access.targets import compile_targets
from safeconduct.kernel.errors import InvalidInputError

ACCOUNT, GUID = "123456789012", "0f8fad5b-d9cb-469f-a165-70867728950e"
MD5, SHA1, SHA256 = "d41d8cd98f00b204e9800998ecf8427e", "a9993e364706816aba3e25717850c26c9cd0d89d", "ab" * 32
SCOPE = compile_targets(
    [
        "192.0.2.0/24",
        "*.corp.example",
        "b\u00fccher.example",
        "host:DC01",
        "repo:github.com/acme/app",
        "repo:gitlab.com/acme/*",
        "git.corp-forge.example",
        "github.com",
        f"aws:{ACCOUNT}",
        f"azure:{GUID}",
        "gcp:acme-prod-1",
        SHA256,
        f"md5:{MD5}",
    ]
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("EXAMPLE.com.", "example.com"),
        ("B\u00dcCHER.example", "xn--bcher-kva.example"),
        ("xn--BCHER-kva.example", "xn--bcher-kva.example"),
        ("\uff45xample\u3002com", "example.com"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::FFFF:C000:201/128", "192.0.2.1/32"),
        ("2001:DB8:0::1", "2001:db8::1/128"),
        ("DC01", "host:dc01"),
        ("https://github.com/Acme/App.git", "repo:github.com/acme/app"),
        ("https://token@www.github.com/acme/app/", "repo:github.com/acme/app"),
        ("git@github.com:acme/app.git", "repo:github.com/acme/app"),
        ("ssh://git@github.com:22/acme/app", "repo:github.com/acme/app"),
        ("repo:gitlab.com/acme/sub/app", "repo:gitlab.com/acme/sub/app"),
        (f"arn:aws:iam::{ACCOUNT}:role/x", f"aws:{ACCOUNT}"),
        (f"arn:aws-us-gov:s3:us-gov-west-1:{ACCOUNT}:b", f"aws-us-gov:{ACCOUNT}"),
        (f"/subscriptions/{GUID.upper()}", f"azure:{GUID}"),
        ("projects/acme-prod-1", "gcp:acme-prod-1"),
        (SHA256.upper(), f"sha256:{SHA256}"),
        (f"SHA-1:{SHA1}", f"sha1:{SHA1}"),
    ],
)
def test_spellings_of_one_thing_are_one_asset_and_its_own_spelling_is_it_again(text, canonical):
    assert str(parse_asset(text)) == canonical
    assert parse_asset(canonical) == parse_asset(text)


@pytest.mark.parametrize(
    "text",
    [
        "0300.0.2.1",
        "192.0.2.010",
        "example.0x7f",
        "fa\u00df.example",
        "ex\u200dample.com",
        "a..b",
        f"sha256:{MD5}",
        f"aws:{ACCOUNT}3",
        "azure:0f8fad5b",
        "gcp:UPPER-case",
        "repo:github.com/acme",
        "repo:github.com/../app",
        "https://example.com/",
        "example.com:443",
        "user@example.com",
        "192.0.2.1/24",
        "fe80::1%eth0",
    ],
)
def test_what_is_no_asset_or_could_be_read_as_two_is_refused(text):
    with pytest.raises(InvalidInputError):
        parse_asset(text)
    assert not SCOPE.covers(text)


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("192.0.2.255", "192.0.3.0"),
        ("a.corp.example", "corp.example"),
        ("xn--bcher-kva.example", "bucher.example"),
        ("b\u00fccher.example", "b\u0443cher.example"),
        ("host:dc01", "host:dc02"),
        ("git@github.com:ACME/app.git", "repo:github.com/acme/app2"),
        ("repo:gitlab.com/acme/deep/one", "repo:gitlab.com/acme2/one"),
        ("repo:git.corp-forge.example/any/one", "repo:git.corp-forge2.example/any/one"),
        ("repo:forge.corp.example/any/one", "repo:github.com/any/one"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/a/b", f"aws-cn:{ACCOUNT}"),
        (f"azure:{GUID}", f"azure:{GUID[:-1]}f"),
        ("gcp:acme-prod-1", "gcp:acme-prod-2"),
        (SHA256, SHA256[:-1] + "c"),
        (MD5, f"sha1:{SHA1}"),
    ],
)
def test_what_is_listed_is_covered_and_its_neighbour_is_not(inside, outside):
    assert SCOPE.covers(inside)
    assert not SCOPE.covers(outside)


labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True).filter(lambda one: one[2:4] != "--")
names = st.lists(labels, min_size=1, max_size=4).map(lambda parts: ".".join([*parts, "example"]))


@given(names, st.booleans(), st.booleans(), st.sampled_from([".", "\u3002", "\uff0e", "\uff61"]))
def test_case_final_dots_and_the_dots_of_other_scripts_change_no_name(name, upper, final, dot):
    spelled = (name.upper() if upper else name).replace(".", dot) + ("." if final else "")
    assert parse_asset(spelled) == parse_asset(name)


@given(names, names)
def test_a_name_covers_exactly_itself_and_a_wildcard_what_ends_in_dot_and_it(name, other):
    assert compile_targets([name]).covers(other) == (name == other)
    assert compile_targets([f"*.{name}"]).covers(other) == other.endswith(f".{name}")


@given(names, st.integers(0, 30), st.sampled_from("\u0430\u0435\u043e\u0440\u0441\u0445\u0456\u03bf\u0131"))
def test_a_confusable_in_a_name_is_another_name(name, place, confusable):
    place %= len(name)
    other = name[:place] + confusable + name[place + 1 :]
    assert not compile_targets([name, f"*.{name}"]).covers(other)


@given(st.ip_addresses(v=4), st.integers(0, 32), st.ip_addresses(v=4))
def test_a_network_covers_the_addresses_of_its_prefix_however_they_are_written(base, prefix, address):
    network = ip_network((base, prefix), strict=False)
    scope = compile_targets([str(network)])
    mapped = f"::ffff:{address}"
    assert scope.covers(str(address)) == scope.covers(mapped) == scope.covers(f"{mapped}/128") == (address in network)


@given(st.text(max_size=60))
def test_any_text_is_an_asset_whose_spelling_is_stable_or_is_refused(text):
    try:
        asset = parse_asset(text)
    except InvalidInputError:
        return
    assert parse_asset(str(asset)) == asset
