"""Bound tokens on real sockets: what a thief of a token, of a proof or of a certificate gets, and what callers pay."""

import contextlib
import ssl

import httpx
import pytest
from joserfc.jwk import ECKey, OKPKey

from safeconduct.access.credentials import LIFETIME_MAX, Means, Shown, issue_credential, shown_by_key
from safeconduct.access.possession import (
    PROOF_AGE_MAX,
    PROOF_BYTES_MAX,
    bound_to_certificate,
    bound_to_key,
    token_hash,
)
from safeconduct.adapters.clock import SystemClock, system_entropy
from safeconduct.bootstrap.forms import FORMS
from safeconduct.bootstrap.listening import server_tls, tls_files
from safeconduct.gateway.events import CALL_REFUSED
from safeconduct.http import holding
from safeconduct.kernel.errors import UnauthenticatedError
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.ocsf import HIGH
from support.certificates import Authority
from support.credentials import KEY, NOW_S, SERVICE, assertion, proof, with_service
from support.gateway_world import MODEL, log_world
from support.patience import PATIENCE_S
from support.wire import wire

AGE_S = PROOF_AGE_MAX // 1_000_000
MINE, THIEFS = OKPKey.generate_key("Ed25519"), OKPKey.generate_key("Ed25519")
BODY = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def gate():
    with wire(program=with_service()) as served:
        served.token = token(served, bound_to_key(MINE.thumbprint()))
        yield served


@pytest.fixture(scope="module")
def secured(authority):
    files = tls_files(*authority.issue("server"), authority.file, optional=True)
    with wire(program=with_service(), tls=server_tls(files, SystemClock().now())) as served:
        served.certificate = authority.issue("agent")
        der = ssl.PEM_cert_to_DER_cert(served.certificate[0].read_text())
        served.token = token(served, bound_to_certificate(der))
        yield served


def token(gate, *holds):
    shown = Shown(principal=SERVICE, means=Means.KEY, evidence=KEY.public.text, assertion="", until=Instant(0))
    issued = gate.world.run(lambda tx: issue_credential(tx, system_entropy, shown, holds=holds, lifetime=LIFETIME_MAX))
    return issued.value.secret


def url(gate):
    return f"{gate.base_url}/chat/completions"


def asked(gate, shown=None, *, bearer=None, scheme="DPoP", client=httpx, host=None):
    headers = {"authorization": f"{scheme} {bearer or gate.token}", "safeconduct-purpose": "incident-triage"}
    headers |= {"dpop": shown} if isinstance(shown, str) else {}
    headers |= {"host": host} if host else {}
    listed = [*headers.items(), *([("dpop", one) for one in shown] if isinstance(shown, list) else [])]
    reply = client.post(url(gate), json=BODY, headers=listed, timeout=PATIENCE_S)
    return reply.status_code, reply.json().get("error", {}).get("code", "")


def of(gate, key=MINE, **changed):
    return proof(key, **({"htu": url(gate), "token": gate.token} | changed))


def test_with_a_proof_for_each_request_a_bound_token_calls(gate):
    for _ in range(2):
        assert asked(gate, of(gate)) == (200, "")


def test_a_token_that_was_taken_is_worth_nothing_and_the_log_names_whose_it_was(gate):
    before = {one.id for one in gate.world.entries()}
    assert asked(gate, scheme="Bearer") == (401, "token-not-held")
    assert asked(gate, of(gate, THIEFS)) == (401, "token-not-held")
    refused = [one for one in gate.world.entries() if one.type == CALL_REFUSED.name and one.id not in before]
    assert [(one.body["principal"], one.body["code"]) for one in refused] == [(SERVICE, "token-not-held")] * 2
    assert FORMS[CALL_REFUSED.name].more(refused[0].body)["severity_id"] == HIGH


def test_a_proof_that_was_taken_is_worth_nothing(gate):
    shown = of(gate)
    assert asked(gate, shown) == (200, "")
    assert asked(gate, shown) == (401, "proof-used")


PRIVATE = MINE.as_dict(private=True)
BAD = {
    "another method": {"htm": "GET"},
    "another path": {"htu": "http://127.0.0.1/paths/other/openai/v1/chat/completions"},
    "another token": {"token": "sck_another"},
    "no token": {"token": ""},
    "too old": {"now": NOW_S - AGE_S - 1},
    "of a clock too far ahead": {"now": NOW_S + AGE_S + 1},
    "a short id": {"jti": "j" * 15},
    "no id": {"jti": None},
    "another type": {"header": {"typ": "JWT"}},
    "with its secret": {"header": {"jwk": PRIVATE}},
    "a key that did not sign": {"header": {"jwk": THIEFS.as_dict(private=False)}},
    "a shared secret as key": {"header": {"jwk": {"kty": "oct", "k": "AAAA"}}},
    "a kind of key that proofs are not by": {"header": {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}},
    "a key of no kind": {"header": {"jwk": {"x": "AAAA"}}},
    "a curve that there is not": {"header": {"jwk": MINE.as_dict(private=False) | {"crv": "Ed1"}}},
    "times that are none": {"iat": "now"},
    "a time beyond all": {"iat": 1e308},
}


@pytest.mark.parametrize("what", BAD)
def test_a_proof_that_is_not_for_this_request_shows_nothing(gate, what):
    assert asked(gate, of(gate, **BAD[what])) == (401, "proof-invalid")


@pytest.mark.parametrize("now", [NOW_S - AGE_S, NOW_S + AGE_S])
def test_a_proof_at_the_edge_of_its_time_counts(gate, now):
    assert asked(gate, of(gate, now=now)) == (200, "")


def test_a_proof_is_for_the_host_that_was_asked(gate):
    assert asked(gate, of(gate), host="elsewhere.example") == (401, "proof-invalid")


@pytest.mark.parametrize("shown", ["", "a.b.c", "e30.e30.e30", "x" * (PROOF_BYTES_MAX + 1)])
def test_what_is_no_proof_shows_nothing(gate, shown):
    assert asked(gate, shown) == (401, "proof-invalid")


def test_two_proofs_are_none(gate):
    assert asked(gate, [of(gate), of(gate)])[0] in (400, 401)


def test_a_proof_by_another_kind_of_key_counts_as_well(gate):
    key = ECKey.generate_key("P-256")
    mine = token(gate, bound_to_key(key.thumbprint()))
    shown = of(gate, key, token=mine, algorithm="ES256")
    assert asked(gate, shown, bearer=mine) == (200, "")


def test_who_needs_no_proof_is_not_asked_for_one(gate):
    assert asked(gate, bearer=gate.world.tokens["triage-service"], scheme="Bearer") == (200, "")


def test_proofs_of_nobody_are_not_kept_and_a_full_memory_refuses(gate, monkeypatch):
    """Attack: proofs without a token, made to fill what is kept in mind."""
    monkeypatch.setattr(holding, "PROOFS_KEPT_MAX", 0)
    own = gate.world.tokens["triage-service"]
    assert asked(gate, of(gate, token=own), bearer=own) == (200, "")
    assert asked(gate, of(gate)) == (429, "proofs-too-many")


def test_one_key_can_not_use_up_what_others_need(gate, monkeypatch):
    """Attack: whoever holds one bound token fills the memory of proofs, so that nobody else gets in."""
    monkeypatch.setattr(holding, "PROOFS_OF_KEY_MAX", 2)
    mine, other = (ECKey.generate_key("P-256") for _ in range(2))
    bound, others = (token(gate, bound_to_key(key.thumbprint())) for key in (mine, other))
    shown = [of(gate, mine, token=bound, algorithm="ES256") for _ in range(3)]
    assert [asked(gate, one, bearer=bound) for one in shown] == [(200, ""), (200, ""), (429, "proofs-too-many")]
    assert asked(gate, of(gate, other, token=others, algorithm="ES256"), bearer=others) == (200, "")


def test_after_a_restart_an_assertion_is_still_used(tmp_path):
    """Attack: an assertion that was seen is brought again once the server has forgotten all it had in memory."""
    with log_world(tmp_path, program=with_service()) as world:
        text = assertion()

        def brought():
            with world.store.snapshot() as records:
                shown = shown_by_key(records, text, world.clock.now())
            return world.run(lambda tx: issue_credential(tx, system_entropy, shown, holds=(), lifetime=LIFETIME_MAX))

        assert brought().value.principal == SERVICE
        world.restart()
        with pytest.raises(UnauthenticatedError) as caught:
            brought()
        assert caught.value.code == "assertion-used"


@contextlib.contextmanager
def showing(authority, certificate=None):
    tls = ssl.create_default_context(cafile=authority.file)
    if certificate:
        tls.load_cert_chain(*certificate)
    with httpx.Client(verify=tls) as client:
        yield client


def test_a_token_bound_to_a_certificate_calls_over_that_and_over_no_other(secured, authority):
    with showing(authority, secured.certificate) as client:
        assert asked(secured, client=client, scheme="Bearer") == (200, "")
    with showing(authority) as client:
        assert asked(secured, client=client, scheme="Bearer") == (401, "token-not-held")
    with showing(authority, authority.issue("another")) as client:
        assert asked(secured, client=client, scheme="Bearer") == (401, "token-not-held")
        assert asked(secured, of(secured, THIEFS), client=client) == (401, "token-not-held")


def test_who_shows_no_certificate_gets_in_where_that_is_optional(secured, authority):
    with showing(authority) as client:
        own = secured.world.tokens["triage-service"]
        assert asked(secured, client=client, bearer=own, scheme="Bearer") == (200, "")


def test_a_certificate_of_another_authority_gets_no_further_than_the_handshake(secured, authority, tmp_path):
    stranger = Authority(tmp_path, "other authority").issue("agent")
    with showing(authority, stranger) as client, pytest.raises(httpx.HTTPError):
        asked(secured, client=client)


def test_the_hash_of_a_token_is_the_standards():
    # RFC 9449, section 4.1 and 7.1: the token and the ath of its example
    shown = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
    assert token_hash(shown) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
