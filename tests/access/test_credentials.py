"""Services' tokens: each thing that an assertion must say, and the smallest change that makes it worth nothing."""

import base64
import hmac
import json

import pytest

from safeconduct.access import credentials
from safeconduct.access import records as kept
from safeconduct.access.assertions import AHEAD_MAX, BYTES_MAX, LIFETIME_MAX, WORKLOAD_MAX, assertion_id
from safeconduct.access.compiling import compile_standing
from safeconduct.access.credentials import LIFETIME_MAX as TOKEN_MAX
from safeconduct.access.credentials import (
    issue_credential,
    provider_of,
    shown_by_certificate,
    shown_by_key,
    shown_by_workload,
)
from safeconduct.access.freezes import freeze
from safeconduct.access.possession import bound_to_certificate
from safeconduct.access.program import parse_program
from safeconduct.access.tokens import list_tokens
from safeconduct.kernel.errors import InvalidInputError, SafeconductError
from safeconduct.kernel.instants import seconds
from support.credentials import (
    AUDIENCE,
    KEY,
    NOW_S,
    OTHER_KEY,
    SERVICE,
    assertion,
    exchange,
    jwk_of,
    with_service,
)
from support.freezing import ordered
from support.immediate import START
from support.programs import bring_into_force, demo_program, in_force, signed
from support.sign_ins import CLIENT, ISSUER, SUBJECT, claims, with_sign_ins

S = 1_000_000
CERTIFICATE = bound_to_certificate(b"a certificate")
PINNED = f", certificate: {CERTIFICATE[4:]}"


@pytest.fixture
def writer():
    return in_force(with_service())


@pytest.fixture(scope="module")
def unchanged():
    """For what is refused, and so changes nothing."""
    return in_force(with_service())


def refused(writer, text=None, **named):
    before = len(writer.entries)
    with pytest.raises(SafeconductError) as caught:
        exchange(writer, text, **named)
    assert len(writer.entries) == before
    return caught.value.code


def test_a_service_gets_a_token_for_an_hour_at_most(writer):
    issued = exchange(writer)
    assert compile_standing(writer.state).identify(issued.secret, START).id == SERVICE
    assert issued.expires_at == START + TOKEN_MAX
    assert refused(writer, lifetime=TOKEN_MAX + 1) == refused(writer, lifetime=0) == "invalid-input"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"iss": "ana"}, "assertion-not-ours"),
        ({"iss": "ana", "sub": "ana"}, "assertion-invalid"),  # her own key did not sign it
        ({"sub": "nobody"}, "client-unknown"),
        ({"aud": "safeconduct.example/other"}, "assertion-not-ours"),
        ({"aud": [AUDIENCE, "another"]}, "assertion-not-ours"),
        ({"aud": []}, "assertion-not-ours"),
        ({"jti": "j" * 15}, "assertion-not-ours"),
        ({"jti": None}, "assertion-not-ours"),
        ({"exp": NOW_S}, "assertion-stale"),
        ({"exp": NOW_S + LIFETIME_MAX // S + 1}, "assertion-stale"),
        ({"iat": NOW_S + AHEAD_MAX // S + 1}, "assertion-stale"),
        ({"nbf": NOW_S + AHEAD_MAX // S + 1}, "assertion-stale"),
        ({"iat": None}, "assertion-invalid"),
        ({"exp": float("inf")}, "assertion-invalid"),
    ],
)
def test_what_an_assertion_must_say(unchanged, changed, code):
    if changed.get("sub") == "ana":
        code = "client-unknown"  # people sign acts
    assert refused(unchanged, assertion(**changed)) == code


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": [AUDIENCE]},
        {"jti": "j" * 16},
        {"iat": NOW_S - LIFETIME_MAX // S + 1, "exp": NOW_S + 1},
        {"iat": NOW_S + AHEAD_MAX // S, "exp": NOW_S + (AHEAD_MAX + LIFETIME_MAX) // S},
        {"nbf": NOW_S + AHEAD_MAX // S},
        {"header": {"kid": jwk_of(KEY).thumbprint(), "typ": "client-authentication+jwt"}},
    ],
)
def test_what_just_is_counts(unchanged, changed):
    assert exchange(unchanged, assertion(**changed)).principal == SERVICE


def part(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def forged(sign, **header):
    said = f"{part(json.dumps(header).encode())}.{assertion().split('.')[1]}"
    return f"{said}.{part(sign(said.encode()))}"


ATTACKS = {
    "no-signature": lambda: forged(lambda _: b"", alg="none"),
    "mac-by-the-public-key": lambda: forged(lambda said: hmac.digest(KEY.public.raw, said, "sha256"), alg="HS256"),
    "mac-by-its-pem": lambda: forged(
        lambda said: hmac.digest(jwk_of(KEY).as_pem(private=False), said, "sha256"), alg="HS256"
    ),
    "another-key": lambda: assertion(OTHER_KEY),
    "foreign-kid": lambda: assertion(header={"kid": jwk_of(OTHER_KEY).thumbprint()}),
    "own-jwk": lambda: assertion(OTHER_KEY, header={"jwk": jwk_of(OTHER_KEY).as_dict(private=False)}),
    "jwk-of-the-key": lambda: assertion(header={"jwk": jwk_of(KEY).as_dict(private=False)}),
    "jku": lambda: assertion(header={"jku": "https://evil.example/jwks"}),
    "x5u": lambda: assertion(header={"x5u": "https://evil.example/chain"}),
    "a-proof-of-possession": lambda: assertion(header={"typ": "dpop+jwt"}),
    "changed": lambda: assertion()[:-8] + "AAAAAAAA",
    "no-token": lambda: "a.b.c",
    "nothing": lambda: "",
    "surrogates": lambda: "\udcff",
    "deep": lambda: f"{part(b'{}')}.{part(b'[' * 9000)}.",
    "too-long": lambda: "a" * (BYTES_MAX + 1),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_the_services_own_key_did_not_sign_shows_nothing(unchanged, attack):
    text = ATTACKS[attack]() or " "
    assert refused(unchanged, text) == "assertion-invalid"


def test_an_assertion_counts_once_until_nobody_could_take_it_any_more(writer):
    text = assertion()
    issued = exchange(writer, text, lifetime=seconds(60))
    assert refused(writer, text) == "assertion-used"
    writer.now = START + seconds(299)  # the token is past, the assertion not
    assert refused(writer, text) == "assertion-used"
    writer.now = START + seconds(300)
    assert refused(writer, text) == "assertion-stale"
    writer.now = START + LIFETIME_MAX + AHEAD_MAX
    later = exchange(writer)
    assert [token.id for token in list_tokens(writer.state)] == [later.id] != [issued.id]


def test_two_who_bring_one_assertion_at_once_get_one_token(writer):
    """Attack: both showed it before either was issued a token, as at two workers."""
    text = assertion()
    first, second = (shown_by_key(writer.state, text, START) for _ in range(2))
    writer.run(lambda tx: issue_credential(tx, bytes, first, holds=(), lifetime=TOKEN_MAX))
    with pytest.raises(SafeconductError) as caught:
        writer.run(lambda tx: issue_credential(tx, bytes, second, holds=(), lifetime=TOKEN_MAX))
    assert caught.value.code == "assertion-used"


def test_a_service_has_so_many_tokens_at_once_and_no_more(writer, monkeypatch):
    monkeypatch.setattr(credentials, "LIVE_MAX", 4)
    secrets = iter(range(4))
    for _ in range(4):
        exchange(writer, entropy=lambda count: next(secrets).to_bytes(count, "big"))
    assert refused(writer) == "credentials-too-many"
    writer.now = START + TOKEN_MAX
    assert exchange(writer)


def test_a_service_without_a_key_and_people_show_nothing_by_assertions():
    assert refused(in_force(demo_program())) == "client-unknown"


def test_a_frozen_service_gets_none(writer):
    act = signed("ops", "POST /api/v1/freezes", b"x", START)
    said = {"operation": "POST /api/v1/freezes", "content": act.act.content}
    writer.run(lambda tx: freeze(tx, act, ordered(f"principal:{SERVICE}"), **said))
    assert refused(writer) == "principal-frozen"


def test_no_secret_and_no_assertion_stands_in_the_log(writer):
    text = assertion()
    issued = exchange(writer, text)
    assert issued.secret not in repr(writer.entries) + repr(writer.state.rows)
    assert text not in repr(writer.entries[-1])


@pytest.mark.parametrize("later", [with_service(OTHER_KEY), with_service(more=PINNED), demo_program()])
def test_a_token_whose_key_is_the_services_no_more_has_ended(writer, later):
    issued = exchange(writer)
    shown = shown_by_key(writer.state, assertion(), START)
    bring_into_force(writer, later)
    assert issued.id not in [token.id for token in list_tokens(writer.state)]
    if b"certificate" not in later:
        with pytest.raises(SafeconductError, match="no service"):
            writer.run(lambda tx: issue_credential(tx, bytes, shown, holds=(), lifetime=TOKEN_MAX))


def test_a_bound_token_is_worth_nothing_without_what_it_is_bound_to(writer):
    issued = exchange(writer, holds=("jkt:mine",))
    standing = compile_standing(writer.state)
    assert standing.identify(issued.secret, START, ("jkt:mine",)).id == SERVICE
    for holds in ((), ("jkt:other",), ("x5t:mine",)):
        with pytest.raises(SafeconductError) as caught:
            standing.identify(issued.secret, START, holds)
        assert caught.value.code == "token-not-held"


def test_a_program_may_demand_bound_tokens(writer):
    bearer, bound = exchange(writer), exchange(writer, holds=("jkt:mine",), entropy=lambda count: b"b" * count)
    bring_into_force(writer, with_service(more=", credential: bound"))
    standing = compile_standing(writer.state)
    assert standing.identify(bound.secret, START, ("jkt:mine",)).id == SERVICE
    with pytest.raises(SafeconductError) as caught:
        standing.identify(bearer.secret, START, ("jkt:mine",))
    assert caught.value.code == "token-unbound"
    assert refused(writer) == "binding-missing"


def test_a_pinned_certificate_is_all_that_a_service_needs_to_show():
    writer = in_force(with_service(None, more=PINNED))
    for client, holds in (
        (SERVICE, ()),
        (SERVICE, ("x5t:another",)),
        (SERVICE, ("jkt:mine",)),
        ("ana", (CERTIFICATE,)),
    ):
        with pytest.raises(SafeconductError) as caught:
            shown_by_certificate(writer.state, client, holds)
        assert caught.value.code == "client-unknown"
    shown = shown_by_certificate(writer.state, SERVICE, (CERTIFICATE,))
    issued = writer.run(lambda tx: issue_credential(tx, bytes, shown, holds=(CERTIFICATE,), lifetime=TOKEN_MAX))
    assert issued.bound == CERTIFICATE


def test_with_a_pinned_certificate_an_assertion_over_another_is_refused():
    writer = in_force(with_service(more=PINNED))
    assert refused(writer, holds=("x5t:another",)) == "certificate-not-pinned"
    assert exchange(writer, holds=(CERTIFICATE, "jkt:mine")).bound == CERTIFICATE


WORKLOAD = "system:serviceaccount:soc:triage"
AT_PLATFORM = f", identity: {{provider: northwind-sso, subject: '{WORKLOAD}'}}"


@pytest.fixture(scope="module")
def platform():
    """A program in which a person and a service are known at one provider."""
    return in_force(with_sign_ins(with_service(None, more=AT_PLATFORM)))


def workload(writer, **changed):
    told = claims(writer.now, **({"sub": WORKLOAD, "nonce": "", "jti": "w" * 16} | changed))
    provider = writer.state.get(kept.IDENTITY_PROVIDERS, "northwind-sso")
    shown = shown_by_workload(writer.state, provider, told, writer.now)
    return writer.run(lambda tx: issue_credential(tx, bytes, shown, holds=(), lifetime=TOKEN_MAX))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"sub": WORKLOAD + "2"}, "client-unknown"),
        ({"sub": SUBJECT}, "client-unknown"),  # a person's ID token
        ({"sub": SERVICE}, "client-unknown"),  # a subject that is called as the service is
        ({"iss": "https://other.example"}, "assertion-not-ours"),
        ({"aud": "another"}, "assertion-not-ours"),
        ({"aud": (CLIENT, "another"), "azp": CLIENT}, "assertion-not-ours"),
        ({"exp": NOW_S}, "assertion-stale"),
        ({"exp": NOW_S + WORKLOAD_MAX // S + 1}, "assertion-stale"),
        ({"iat": NOW_S + AHEAD_MAX // S + 1}, "assertion-stale"),
    ],
)
def test_a_platforms_token_of_somebody_else_or_another_time_shows_nothing(platform, changed, code):
    with pytest.raises(SafeconductError) as caught:
        workload(platform, **changed)
    assert caught.value.code == code


def test_a_platforms_token_counts_once_and_ends_with_what_the_program_says_of_it():
    writer = in_force(with_sign_ins(with_service(None, more=AT_PLATFORM)))
    issued = workload(writer)
    assert compile_standing(writer.state).identify(issued.secret, START).id == SERVICE
    assert compile_standing(writer.state).sign_in_tier(issued.secret) == 0
    with pytest.raises(SafeconductError, match="used before"):
        workload(writer)
    bring_into_force(writer, with_sign_ins(with_service(None)))
    assert list(list_tokens(writer.state)) == []


def test_a_platform_that_numbers_nothing_says_when_for_whom():
    told = [claims(START, jti=jti, iat=iat) for jti, iat in (("", NOW_S), ("", NOW_S), ("", NOW_S + 1), ("j", NOW_S))]
    ids = [assertion_id(one) for one in told]
    assert (ids[0] == ids[1], len(set(ids))) == (True, 3)


def test_an_assertion_is_its_providers_or_the_services_own(platform):
    assert provider_of(platform.state, assertion(iss=ISSUER, aud=CLIENT)).id == "northwind-sso"
    assert provider_of(platform.state, assertion(iss=ISSUER, aud="another")) is None
    assert provider_of(platform.state, assertion()) is None


@pytest.mark.parametrize(
    ("more", "said"),
    [(", certificate: short", "x5t#S256"), (", credential: none", "bearer")],
)
def test_programs_that_can_not_be_meant_are_refused(more, said):
    assert parse_program(with_service(more=PINNED + ", credential: bound"))
    with pytest.raises(InvalidInputError, match=said):
        parse_program(with_service(more=more))
