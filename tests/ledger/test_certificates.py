"""The house's certificate: its bytes, who signed it, and that it is nothing else."""

import pytest

from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import parse_rfc3339
from safeconduct.ledger.certificates import Certificate, keys_digest, read_certificate, sign_certificate
from safeconduct.ledger.checkpoints import parse_checkpoint
from safeconduct.ledger.notes import Note, NoteError
from support.logs import CALLS, OTHER, signer

KEYS = ("aa" * 16, "bb" * 16)
MADE = Certificate(
    origin=CALLS,
    order="01JD0000000000000000000000",
    holder=Reader.PARTNER,
    method="deleted, and the key-encryption key replaced",
    at=parse_rfc3339("2026-11-21T08:00:00Z"),
    count=2,
    digest=keys_digest(KEYS),
)
TEXT = """\
safeconduct/destruction/v1
safeconduct.example/demo/ag-1
01JD0000000000000000000000
partner
deleted, and the key-encryption key replaced
2026-11-21T08:00:00.000000Z
2
VaVMVk+ngv098iLCy2gTSPnfQ1xSFxLtiudKmjXR1tk=
"""


def test_its_bytes():
    assert MADE.text == TEXT


def test_it_reads_as_it_was_signed():
    assert read_certificate(sign_certificate(MADE, signer()), signer().verifier) == MADE


def test_it_is_about_exactly_its_keys():
    assert MADE.covers(KEYS)
    assert MADE.covers(KEYS[::-1])
    for other in (KEYS[:1], (*KEYS, "cc" * 16), ("aa" * 16, "cc" * 16)):
        assert not MADE.covers(other)


def test_another_key_s_signature_is_none():
    with pytest.raises(NoteError):
        read_certificate(sign_certificate(MADE, signer(OTHER)), signer().verifier)


def test_each_changed_byte_is_found():
    encoded = sign_certificate(MADE, signer()).encode()
    for place in range(len(encoded)):
        changed = encoded[:place] + bytes([encoded[place] ^ 1]) + encoded[place + 1 :]
        with pytest.raises((NoteError, InvalidInputError)):
            read_certificate(changed, signer().verifier)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("safeconduct/destruction/v1", "safeconduct/destruction/v2"),
        ("partner", "house"),
        ("2026-11-21T08:00:00.000000Z", "2026-11-21T08:00:00Z"),
        ("2026-11-21T08:00:00.000000Z", "yesterday"),
        ("\n2\n", "\n02\n"),
        ("\n2\n", "\ntwo\n"),
        ("partner\n", ""),
        ("partner\n", "partner\npartner\n"),
    ],
)
def test_what_would_be_written_otherwise_is_refused_though_it_is_signed(old, new):
    assert TEXT.count(old) >= 1
    text = TEXT.replace(old, new, 1)
    note = Note(text, (signer().sign(text),)).encoded
    with pytest.raises(NoteError):
        read_certificate(note, signer().verifier)


def test_it_is_no_checkpoint():
    with pytest.raises((NoteError, InvalidInputError)):
        parse_checkpoint(sign_certificate(MADE, signer()))
