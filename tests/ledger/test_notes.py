"""Notes, keys and checkpoints byte for byte as C2SP writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.checkpoints import Checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from safeconduct.ledger.keys import PublicKey, SecretKey
from safeconduct.ledger.notes import (
    KEY_NAME_CHARS_MAX,
    SIGNATURES_MAX,
    Cosigner,
    Note,
    NoteError,
    NoteSigner,
    SignatureType,
    VerifierKey,
    check_key_name,
    parse_note,
    parse_signatures,
)

# From the documentation of Go's golang.org/x/mod/sumdb/note, whose format C2SP signed-note is.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
GO_CHECKSUMS = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"

LOG = NoteSigner("example.com/behind-the-sofa", SecretKey(bytes(range(32))))
WITNESS = Cosigner("witness.example/w1", SecretKey(bytes(range(32, 64))))
CHECKPOINT = Checkpoint("example.com/behind-the-sofa", 20852163, bytes(range(32)))
GOLDEN = """\
example.com/behind-the-sofa
20852163
AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=

— example.com/behind-the-sofa \
H1no9Ud/OLvYBrmcyFiW0/PSlESZa9zb3sGcoIWrFxQyoOu5ZeaThQJKlpkc8YvYPr3NqnsSQ8/t/I/do/VdfyS+rgs=
— witness.example/w1 \
IDJKvgAAAABkGFDL0G5MEovL3rXevN5VofUlaFUH/6dE7cGwu5rasEq0vPZ4/PGZF80KqXRTMv2HPBeHd+iUKAlXEeakfblZzPgEDw==
"""


def test_a_note_of_another_implementation_verifies():
    key = VerifierKey.parse(NEUMANN)
    note = parse_note(NEUMANN_NOTE)
    assert note.signed_by(key).name == "PeterNeumann"
    assert note.encoded == NEUMANN_NOTE
    changed = NEUMANN_NOTE.replace("answer", "Answer")
    with pytest.raises(NoteError, match="does not verify"):
        parse_note(changed).signed_by(key)


@pytest.mark.parametrize("text", [NEUMANN, GO_CHECKSUMS])
def test_verifier_keys_of_other_implementations_read_back(text):
    assert VerifierKey.parse(text).text == text


def test_keys_and_signatures_golden():
    assert LOG.verifier.text == "example.com/behind-the-sofa+1f59e8f5+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    assert WITNESS.verifier.text == "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
    signed = sign_checkpoint(CHECKPOINT, LOG)
    note = signed.note.with_signatures([WITNESS.cosign(signed.note.text, 1679315147)])
    assert note.encoded == GOLDEN
    assert note.signatures[1].timestamp == 1679315147
    assert note.signed_by(WITNESS.verifier) == note.signatures[1]


def test_a_cosignature_signs_time_and_text():
    signature = WITNESS.cosign(CHECKPOINT.text, 1679315147)
    message = (
        b"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n"
        b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    )
    assert signature.data[:8] == (1679315147).to_bytes(8)
    assert WITNESS.verifier.key.verifies(signature.data[8:], message)


@pytest.mark.parametrize("at_s", [0, -1, 2**63])
def test_a_cosignature_s_time_is_bounded(at_s):
    with pytest.raises(InvalidInputError):
        WITNESS.cosign(CHECKPOINT.text, at_s)


def test_one_key_is_two_keys_by_type():
    log = VerifierKey("a", SignatureType.ED25519, WITNESS.verifier.key)
    witness = VerifierKey("a", SignatureType.COSIGNATURE, WITNESS.verifier.key)
    assert log.key_id != witness.key_id
    assert not LOG.sign("x\n").is_by(witness)


@given(st.integers(0, 8 * 370 - 1))
def test_every_flipped_bit_of_a_signed_checkpoint_is_noticed(bit):
    signed = sign_checkpoint(CHECKPOINT, LOG)
    raw = bytearray(signed.note.with_signatures([WITNESS.cosign(signed.note.text, 1679315147)]).encoded.encode())
    raw[bit // 8 % len(raw)] ^= 1 << bit % 8
    with pytest.raises(NoteError):
        open_checkpoint(bytes(raw), LOG.verifier).note.signed_by(WITNESS.verifier)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "an empty line"),
        ("text\n", "an empty line"),
        ("text\n\n", "signature lines"),
        ("\n\n— a AAAAAAA=\n", "an empty line"),
        ("text\n\n- a AAAAAAA=\n", "signature line"),
        ("text\n\n— a AAAAAAA=", "signature lines"),
        ("text\n\n— a  AAAAAAA=\n", "base64"),
        ("text\n\n— a AAAA\n", "base64|too short"),
        ("text\n\n— a AAAAAAB=\n", "canonical"),
        ("text\n\n— a+b AAAAAAA=\n", "no plus"),
        ("text\n\n— a\u2003b AAAAAAA=\n", "no space"),
        ("te\txt\n\n— a AAAAAAA=\n", "control"),
        (b"te\xffxt\n\n\xe2\x80\x94 a AAAAAAA=\n", "UTF-8"),
        ("x" * 65_536 + "\n\n— a AAAAAAA=\n", "at most 65536 bytes"),
    ],
)
def test_malformed_notes(text, why):
    with pytest.raises(NoteError, match=why):
        parse_note(text)


def test_the_signature_limit_at_its_edge_and_one_beyond():
    lines = "".join(f"— key{number} AAAAAAA=\n" for number in range(SIGNATURES_MAX + 1))
    assert len(parse_note("text\n\n" + lines.removesuffix("— key16 AAAAAAA=\n")).signatures) == SIGNATURES_MAX
    with pytest.raises(NoteError, match="at most 16"):
        parse_note("text\n\n" + lines)


def test_an_unknown_signer_signs_nothing():
    note = Note("text\n", (LOG.sign("text\n"),))
    other = VerifierKey(LOG.verifier.name, SignatureType.ED25519, PublicKey(WITNESS.verifier.key.raw))
    with pytest.raises(NoteError, match="did not sign"):
        note.signed_by(other)


@pytest.mark.parametrize(
    "text",
    [
        "a+00000000",
        "a+zz+AAAA",
        NEUMANN.replace("c74f20a3", "c74f20a4"),
        NEUMANN.replace("+ARpc", "+AhpC"),
        NEUMANN[:-4],
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "a b+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_malformed_verifier_keys(text):
    with pytest.raises(InvalidInputError):
        VerifierKey.parse(text)


@pytest.mark.parametrize(
    "body",
    [
        "log\n1\n",
        "log\n01\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "log\n-1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "log\n9999999999999999999\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "log\n1\nAAEC\n",
        "log\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n",
        "log\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nextension\n",
        "log\n\u0661\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
    ],
)
def test_malformed_checkpoints(body):
    with pytest.raises(NoteError):
        parse_checkpoint(f"{body}\n— log AAAAAAA=\n")


def test_a_key_signs_for_its_own_log_only():
    with pytest.raises(InvalidInputError, match="does not sign for"):
        sign_checkpoint(Checkpoint("other", 0, bytes(32)), LOG)
    with pytest.raises(NoteError, match="expected a checkpoint of witness"):
        open_checkpoint(sign_checkpoint(CHECKPOINT, LOG).encoded, WITNESS.verifier)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_checkpoint_or_an_error(raw):
    with pytest.raises(NoteError):
        parse_checkpoint(raw)


def test_signature_lines_of_a_witness_s_answer():
    line = WITNESS.cosign(CHECKPOINT.text, 5).line
    assert [signature.line for signature in parse_signatures(line + line)] == [line, line]
    with pytest.raises(NoteError):
        parse_signatures(line.removesuffix("\n"))


def test_a_key_name_has_a_length():
    check_key_name("k" * KEY_NAME_CHARS_MAX)
    for name in ("k" * (KEY_NAME_CHARS_MAX + 1), ""):
        with pytest.raises(NoteError, match="1 to 255 characters"):
            check_key_name(name)
