"""An act that a passkey signed is what it was signed as, for ever and offline; each altered byte class is refused."""

import base64
import hashlib
import json
from dataclasses import replace

import msgspec
import pytest

from safeconduct.http.acts import HEADER_BYTES_MAX, decode_act, encode_act
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.errors import InvalidInputError, UnauthenticatedError
from safeconduct.ledger.acts import Act, Envelope, SignedAct
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.passkeys import Site
from support.authenticator import EDDSA, ES256, PRESENT, RS256, SITE, VERIFIED, Authenticator, encoded

ACT = Act(
    actor="nora", operation="POST /api/v1/grants/G/vote", content="00" * 32, at="2026-11-21T08:00:00Z", nonce="n" * 16
)
CHALLENGE = hashlib.sha256(b"an offer").digest()


@pytest.fixture(scope="module")
def nora():
    """An authenticator of nora's, and its public half as it was registered."""
    made = Authenticator("nora")
    return made, made.register(CHALLENGE).verify(CHALLENGE, SITE).key


def code(signed, key):
    with pytest.raises(UnauthenticatedError) as caught:
        signed.verify(key)
    return caught.value.code


def test_the_challenge_is_the_digest_of_exactly_the_bytes_that_a_key_signs():
    assert ACT.challenge() == hashlib.sha256(ACT.signed_bytes()).digest()


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_each_algorithm_is_verified_by_the_entrys_envelope_and_the_public_key_alone(algorithm):
    made = Authenticator("any", algorithm=algorithm)
    key = made.register(CHALLENGE).verify(CHALLENGE, SITE).key
    stored = canonical(made.act(ACT).envelope())
    msgspec.json.decode(stored, type=Envelope).signed().verify(key)
    other = replace(ACT, content="01" * 32)
    changed = msgspec.json.decode(stored.replace(b"00" * 32, b"01" * 32), type=Envelope).signed()
    assert (changed.act, code(changed, key)) == (other, "passkey-invalid")


@pytest.mark.parametrize("field", ["actor", "operation", "content", "at", "nonce"])
def test_no_part_of_the_act_can_be_changed(nora, field):
    made, key = nora
    signed = made.act(ACT)
    signed.verify(key)
    assert code(replace(signed, act=replace(ACT, **{field: "other"})), key) == "passkey-invalid"


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://safeconduct.example:8443"},
        {"origin": "http://safeconduct.example"},
        {"origin": "https://evil.safeconduct.example"},
        {"rp_id": "example"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"kind": "webauthn.create"},
        {"client": {"crossOrigin": True}},
        {"client": {"topOrigin": "https://evil.example"}},
        {"client": {"challenge": encoded(bytes(32))}},
    ],
    ids=str,
)
def test_what_is_signed_for_another_place_or_by_nobody_present_is_refused(nora, wrong):
    made, key = nora
    assert code(made.act(ACT, **wrong), key) == "passkey-invalid"


@pytest.mark.parametrize("part", ["authenticator_data", "client_data", "signature"])
def test_no_byte_can_be_changed(nora, part):
    made, key = nora
    signed = made.act(ACT)
    whole = getattr(signed.signature, part)
    for place in (0, len(whole) // 2, len(whole) - 1):
        altered = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        told = code(replace(signed, signature=replace(signed.signature, **{part: altered})), key)
        assert told == "passkey-invalid"
    cut = replace(signed, signature=replace(signed.signature, **{part: whole[:-1]}))
    assert code(cut, key) == "passkey-invalid"


def test_another_passkey_is_another(nora):
    made, key = nora
    other = Authenticator("other").act(ACT)
    assert code(other, key) == "passkey-invalid"
    named = replace(other, signature=replace(other.signature, credential=made.credential))
    assert code(named, key) == "passkey-invalid"


def test_neither_form_passes_for_the_other(nora):
    made, key = nora
    secret = SecretKey(bytes(32))
    assert code(made.act(ACT), secret.public) == "wrong-key"
    assert code(SignedAct(act=ACT, signature=secret.sign(ACT.signed_bytes())), key) == "wrong-key"


@pytest.mark.parametrize(
    ("known", "states", "expected"),
    [(0, 0, ""), (0, 1, ""), (5, 6, ""), (5, 5, "passkey-cloned"), (5, 4, "passkey-cloned"), (5, 0, "passkey-cloned")],
)
def test_a_counter_goes_on_or_there_is_none(nora, known, states, expected):
    made, key = nora
    signed = made.act(ACT, count=states)
    if expected:
        assert code(signed, replace(key, count=known)) == expected
    else:
        signed.verify(replace(key, count=known))


def test_an_unsigned_counter_is_not_told_from_any_other_alteration(nora):
    made, key = nora
    signed = made.act(ACT, count=9)
    data = signed.signature.authenticator_data[:33] + (10).to_bytes(4)
    assert code(replace(signed, signature=replace(signed.signature, authenticator_data=data)), key) == "passkey-invalid"


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://evil.example"},
        {"rp_id": "evil.example"},
        {"flags": 0x41},
        {"flags": 0x44},
        {"flags": 0x05},
        {"kind": "webauthn.get"},
        {"client": {"crossOrigin": True}},
        {"format": "packed", "statement": {}},
        {"format": "made-up"},
        {"public": {1: 2, 3: -35, -1: 2, -2: bytes(48), -3: bytes(48)}},
        {"public": {}},
        {"public": 7},
    ],
    ids=str,
)
def test_a_registration_holds_for_its_challenge_and_site_only(wrong):
    with pytest.raises(UnauthenticatedError) as caught:
        Authenticator("new").register(CHALLENGE, **wrong).verify(CHALLENGE, SITE)
    assert caught.value.code == "passkey-invalid"


def test_a_registration_for_another_challenge_or_of_no_form_is_refused():
    made = Authenticator("new").register(CHALLENGE)
    for registration, challenge in (
        (made, bytes(32)),
        (replace(made, attestation=b""), CHALLENGE),
        (replace(made, attestation=b"\xff" * 40), CHALLENGE),
        (replace(made, client_data=b"[]"), CHALLENGE),
        (replace(made, client_data=b"["), CHALLENGE),
        (replace(made, client_data=b"[" * 100_000), CHALLENGE),
    ):
        with pytest.raises(UnauthenticatedError):
            registration.verify(challenge, SITE)


def test_the_header_carries_either_form_and_no_longer_one(nora):
    made, key = nora
    text = encode_act(made.act(ACT))
    decode_act(text).verify(key)
    longest = replace(made.sign(ACT.challenge()), credential=encoded(bytes(1023)), signature=bytes(512))
    assert len(encode_act(SignedAct(act=ACT, signature=longest))) <= HEADER_BYTES_MAX


@pytest.mark.parametrize("drop", [("signature", "passkey"), ()])
def test_an_act_has_one_signature(nora, drop):
    both = dict(nora[0].act(ACT).envelope()) | {"signature": base64.b64encode(bytes(64)).decode()}
    kept = {name: value for name, value in both.items() if name not in drop}
    text = base64.urlsafe_b64encode(json.dumps(kept).encode()).decode()
    with pytest.raises(UnauthenticatedError) as caught:
        decode_act(text)
    assert caught.value.code == "act-unreadable"


@pytest.mark.parametrize(
    ("origin", "rp_id"),
    [
        ("https://safeconduct.example", "safeconduct.example"),
        ("https://safeconduct.example:8700", "safeconduct.example"),
        ("http://localhost:8700", "localhost"),
    ],
)
def test_an_origin_and_its_host(origin, rp_id):
    assert Site.parse(origin).rp_id == rp_id


@pytest.mark.parametrize(
    "origin",
    [
        "http://safeconduct.example",
        "https://192.0.2.7",
        "http://127.0.0.1:8700",
        "https://[2001:db8::1]",
        "https://safeconduct.example/",
        "https://safeconduct.example/path",
        "https://user@safeconduct.example",
        "safeconduct.example",
        "",
    ],
)
def test_where_browsers_offer_no_passkeys(origin):
    with pytest.raises(InvalidInputError) as caught:
        Site.parse(origin)
    assert caught.value.code == "origin-unusable"
    assert "IP address" in caught.value.message
