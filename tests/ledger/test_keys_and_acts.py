"""Keys' text forms, and acts that prove who did what."""

import base64
from dataclasses import replace

import pytest

from safeconduct.kernel.errors import InvalidInputError, UnauthenticatedError
from safeconduct.ledger.acts import Act, SignedAct, sign_act
from safeconduct.ledger.keys import PublicKey, SecretKey

KEY = SecretKey(bytes(range(32)))
ACT = Act(actor="ana", operation="POST /api/v1/freezes", content="00" * 32, at="2026-11-21T08:00:00Z", nonce="n1")


def test_text_forms_read_back():
    assert KEY.public.text == "ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    assert PublicKey.parse(KEY.public.text) == KEY.public
    assert SecretKey.parse(KEY.text + "\n").public == KEY.public
    assert KEY.public.fingerprint == "56475aa75463474c"


def test_a_secret_key_does_not_show_itself():
    secret = base64.b64encode(bytes(range(32))).decode()
    assert secret in KEY.text
    assert secret not in repr(KEY) + str(KEY)


@pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:!", "ed25519:AAAA", KEY.text, KEY.public.text[:-2] + "*="])
def test_what_is_no_public_key(text):
    with pytest.raises(InvalidInputError, match="expected a key of the form"):
        PublicKey.parse(text)


def test_a_seed_has_32_bytes():
    for size in (31, 33):
        with pytest.raises(InvalidInputError, match="32 bytes"):
            SecretKey(bytes(size))


def test_signed_bytes_golden():
    assert ACT.signed_bytes() == (
        b'safeconduct/act/v1\n{"actor":"ana","at":"2026-11-21T08:00:00Z","content":"' + b"00" * 32 + b'",'
        b'"nonce":"n1","operation":"POST /api/v1/freezes"}'
    )


def test_an_act_verifies_under_its_key_as_it_was_signed_only():
    signed = sign_act(ACT, KEY)
    signed.verify(KEY.public)
    assert signed.envelope()["signature"] == base64.b64encode(signed.signature).decode()
    with pytest.raises(UnauthenticatedError):
        signed.verify(SecretKey(bytes(32)).public)
    for name in ("actor", "operation", "content", "at", "nonce"):
        changed = SignedAct(act=replace(ACT, **{name: "other"}), signature=signed.signature)
        with pytest.raises(UnauthenticatedError) as caught:
            changed.verify(KEY.public)
        assert caught.value.code == "wrong-key"
