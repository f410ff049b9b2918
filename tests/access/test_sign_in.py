"""Signing in: each claim that counts, each with the smallest change that makes it count for nothing."""

import pytest

from safeconduct.access.compiling import compile_standing
from safeconduct.access.freezes import freeze
from safeconduct.access.identity import IdentityProvider
from safeconduct.access.program import parse_program
from safeconduct.access.sign_in import AGE_MAX, AHEAD_MAX, LIFETIME_MAX, VERIFIER_MAX, VERIFIER_MIN, nonce_of
from safeconduct.access.tokens import give_up, list_tokens
from safeconduct.kernel.errors import InvalidInputError, SafeconductError
from safeconduct.kernel.instants import seconds
from support.freezing import ordered
from support.immediate import START
from support.programs import bring_into_force, demo_program, in_force, signed
from support.sign_ins import CLIENT, ISSUER, SUBJECT, claims, signs_in, with_sign_ins

NOW_S = START // 1_000_000


@pytest.fixture
def writer():
    return in_force(with_sign_ins())


def refused(writer, **changed):
    before = len(writer.entries)
    with pytest.raises(SafeconductError) as caught:
        signs_in(writer, **changed)
    assert len(writer.entries) == before
    return caught.value.code


def test_who_signed_in_gets_a_token_of_their_own_for_an_hour_at_most(writer):
    issued = signs_in(writer)
    standing = compile_standing(writer.state)
    assert standing.identify(issued.secret, START).id == "ana"
    assert issued.expires_at == START + LIFETIME_MAX
    assert refused(writer, lifetime=LIFETIME_MAX + 1) == refused(writer, lifetime=0) == "invalid-input"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"iss": ISSUER + "/"}, "sign-in-not-ours"),
        ({"aud": "another"}, "sign-in-not-ours"),
        ({"aud": ()}, "sign-in-not-ours"),
        ({"aud": (CLIENT, "another")}, "sign-in-not-ours"),
        ({"aud": (CLIENT, "another"), "azp": "another"}, "sign-in-not-ours"),
        ({"nonce": ""}, "sign-in-not-ours"),
        ({"nonce": nonce_of("w" * 43)}, "sign-in-not-ours"),
        ({"verifier": "w" * 43}, "sign-in-not-ours"),
        ({"verifier": "v" * 42}, "verifier-invalid"),
        ({"sub": SUBJECT.upper()}, "identity-unknown"),
        ({"iat": NOW_S - AGE_MAX // 1_000_000 - 1}, "sign-in-stale"),
        ({"iat": NOW_S + AHEAD_MAX // 1_000_000 + 1}, "sign-in-stale"),
        ({"exp": NOW_S}, "sign-in-stale"),
        ({"provider": "another"}, "identity-provider-unknown"),
    ],
)
def test_what_is_not_of_this_sign_in_is_refused(writer, changed, code):
    assert refused(writer, **changed) == code


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": (CLIENT,)},
        {"aud": (CLIENT, "another"), "azp": CLIENT},
        {"iat": NOW_S - AGE_MAX // 1_000_000},
        {"iat": NOW_S + AHEAD_MAX // 1_000_000},
        {"exp": NOW_S + 1},
    ],
)
def test_what_just_is_counts(writer, changed):
    assert signs_in(writer, **changed).principal == "ana"


@pytest.mark.parametrize("length", [VERIFIER_MIN - 1, VERIFIER_MAX + 1])
def test_a_verifier_has_a_length(length):
    assert nonce_of("v" * VERIFIER_MIN)
    assert nonce_of("v" * VERIFIER_MAX)
    with pytest.raises(InvalidInputError):
        nonce_of("v" * length)


def test_an_id_token_is_used_once(writer):
    told = claims(START)
    signs_in(writer, told=told)
    assert refused(writer, told=told) == "sign-in-used"


def test_who_is_frozen_does_not_sign_in(writer):
    act = signed("ops", "POST /api/v1/freezes", b"x", START)
    said = {"operation": "POST /api/v1/freezes", "content": act.act.content}
    writer.run(lambda tx: freeze(tx, act, ordered("principal:ana"), **said))
    assert refused(writer) == "principal-frozen"


def test_what_the_provider_said_is_sealed_and_no_secret_stands_in_the_log(writer):
    issued = signs_in(writer)
    entry = writer.entries[-1]
    assert entry.body["signed_in"]["provider"] == "northwind-sso"
    assert issued.secret not in repr(writer.entries) + repr(writer.state.rows)
    assert SUBJECT not in repr(entry)


def test_who_holds_a_token_may_give_it_up(writer):
    issued = signs_in(writer)
    assert writer.run(lambda tx: give_up(tx, issued.secret)) == issued.id
    with pytest.raises(SafeconductError):
        writer.run(lambda tx: give_up(tx, issued.secret))
    assert not list(list_tokens(writer.state))


CONTEXTS = {"pwd": 1, "phr": 3}


@pytest.mark.parametrize(
    ("stated", "attested", "reach"),
    [
        ((), 0, 0),
        (("unheard-of",), 0, 0),
        (("pwd",), 0, 1),
        (("pwd", "phr"), 0, 3),
        (("phr",), 2, 3),
        ((), 2, 2),
    ],
)
def test_a_sign_in_counts_for_the_best_that_it_states_and_for_what_its_organization_attests(stated, attested, reach):
    provider = IdentityProvider(
        id="p", organization="o", issuer=ISSUER, client_id=CLIENT, contexts=CONTEXTS, attested=attested
    )
    assert provider.reach(stated) == reach


@pytest.mark.parametrize(
    ("changed", "contexts"),
    [({"acr": "phr"}, ("phr",)), ({"acrs": ("c1", "c2"), "acr": "1"}, ("1", "c1", "c2")), ({"acrs": "c1"}, ("c1",))],
)
def test_both_claims_of_contexts_are_read(changed, contexts):
    assert claims(START, **changed).contexts == contexts


def with_change(old, new):
    return with_sign_ins().replace(old.encode(), new.encode())


@pytest.mark.parametrize(
    "later",
    [
        with_sign_ins(subject="00u2ana"),
        with_sign_ins(issuer="https://other.example"),
        with_change("contexts: {pwd: 0, phr: 1}", "contexts: {}"),
        demo_program(),
    ],
    ids=["another-subject", "another-issuer", "other-contexts", "no-provider"],
)
def test_a_sign_in_that_would_not_come_about_now_has_ended(writer, later):
    issued = signs_in(writer)
    bring_into_force(writer, later)
    assert issued.id not in [token.id for token in list_tokens(writer.state)]


def test_a_program_that_changes_something_else_ends_no_sign_in(writer):
    issued = signs_in(writer)
    bring_into_force(writer, with_change("name: Northwind Bank", "name: Northwind"))
    assert [token.id for token in list_tokens(writer.state)] == [issued.id]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (with_change("provider: northwind-sso", "provider: northwind-sse"), "no identity provider 'northwind-sse'"),
        (with_change("    organization: northwind\n", "    organization: meridian\n"), "people of meridian sign in"),
        (with_change("    organization: northwind\n", "    organization: nowhere\n"), "no organization 'nowhere'"),
        (with_change("issuer: https://", "issuer: http://"), "expected https"),
        (
            with_change(
                "roles: [responder]", f"identity: {{provider: northwind-sso, subject: {SUBJECT}}}, roles: [responder]"
            ),
            "has the same identity",
        ),
    ],
)
def test_programs_whose_sign_ins_can_not_be_meant_are_refused(source, said):
    with pytest.raises(InvalidInputError, match=said):
        parse_program(source)


def test_a_person_needs_a_key_or_an_identity():
    assert parse_program(with_sign_ins(key=False))
    without = with_sign_ins(key=False).replace(b"identity: {provider: northwind-sso, subject: 00u1ana}, ", b"")
    with pytest.raises(InvalidInputError, match="needs a key"):
        parse_program(without)


def test_a_sign_in_counts_seconds_not_only_instants(writer):
    writer.now = START + seconds(1)
    assert signs_in(writer, iat=NOW_S + 0.5).principal == "ana"
