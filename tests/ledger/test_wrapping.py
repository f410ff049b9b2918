"""Data keys wrapped for readers, pinned: these bytes are what readers hold, whatever release they run."""

import base64

import pytest

from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.ledger.wrapping import ReaderPublic, ReaderSecret, wrap_for
from support.logs import CALLS

SECRET = ReaderSecret(bytes(range(1, 33)))
KEY = bytes(range(32))
ID = "0a" * 16
WRAPPED = base64.b64decode(
    "t87d/UCQqsN2TjTGeQ35/GUrag9fNPUQION/tuSTdyMjFiJpcaLDPjFWQkG4V98dW7GrXSDkVbER4MmB7zqdltXptt64o3tZIcn0dHJDHNw="
)


def test_a_wrapped_key_of_this_form_opens():
    assert SECRET.unwrap(WRAPPED, CALLS, ID, Reader.PROVIDER) == KEY
    assert len(WRAPPED) == 32 + 32 + 16  # encapsulated key, ciphertext, tag


def test_what_is_wrapped_opens_and_is_never_the_same_twice():
    one, two = (wrap_for(SECRET.public.text, KEY, CALLS, ID, Reader.AUDITOR) for _ in range(2))
    assert one != two
    assert SECRET.unwrap(one, CALLS, ID, Reader.AUDITOR) == SECRET.unwrap(two, CALLS, ID, Reader.AUDITOR) == KEY


def test_a_changed_bit_does_not_open():
    for at in range(len(WRAPPED)):
        damaged = WRAPPED[:at] + bytes([WRAPPED[at] ^ 1]) + WRAPPED[at + 1 :]
        with pytest.raises(UnavailableError):
            SECRET.unwrap(damaged, CALLS, ID, Reader.PROVIDER)
    for short in (b"", WRAPPED[:31], WRAPPED[:-1]):
        with pytest.raises(UnavailableError):
            SECRET.unwrap(short, CALLS, ID, Reader.PROVIDER)


def test_the_keys_have_a_text_form_and_hide_the_secret():
    assert SECRET.public.text == "x25519:B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw="
    assert ReaderPublic.parse(SECRET.public.text) == SECRET.public
    assert SECRET.text == "x25519-secret:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
    assert ReaderSecret.parse(SECRET.text + "\n").public == SECRET.public
    assert SECRET.text.partition(":")[2] not in repr(SECRET)


@pytest.mark.parametrize("text", ["", "ed25519:" + "A" * 43 + "=", "x25519:AAAA", "x25519:!", "x25519-secret:AAAA"])
def test_a_text_that_is_no_key_is_told(text):
    for kind in (ReaderPublic, ReaderSecret):
        with pytest.raises(InvalidInputError, match="expected a key of the form x25519"):
            kind.parse(text)
    with pytest.raises(InvalidInputError):
        wrap_for(text, KEY, CALLS, ID, Reader.PROVIDER)


def test_a_public_key_of_small_order_is_refused():
    with pytest.raises(InvalidInputError) as caught:
        wrap_for(ReaderPublic(bytes(32)).text, KEY, CALLS, ID, Reader.PROVIDER)
    assert caught.value.code == "reader-key-unusable"
