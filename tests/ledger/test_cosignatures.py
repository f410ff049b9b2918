"""ML-DSA-44 cosignatures byte for byte as tlog-cosignature writes them. The text has no vectors; these are ours."""

import hashlib

import pytest

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.checkpoints import Checkpoint, parse_checkpoint, sign_checkpoint
from safeconduct.ledger.cosignatures import NAME_BYTES_MAX, TIMESTAMP_MAX, mldsa44_message
from safeconduct.ledger.keys import PostQuantumKey, PostQuantumSecret, SecretKey, parse_secret
from safeconduct.ledger.notes import Cosigner, Note, NoteError, NoteSigner, Signature, SignatureType, VerifierKey

LOG = NoteSigner("example.com/behind-the-sofa", SecretKey(bytes(range(32))))
SECRET = PostQuantumSecret(bytes(range(64, 96)))
MIRROR = Cosigner("mirror.example/m1", SECRET)
CHECKPOINT = Checkpoint("example.com/behind-the-sofa", 20852163, bytes(range(32)))
AT_S = 1679315147


def test_the_signed_message_golden():
    expected = (
        b"subtree/v1\n\x00"
        b"\x11mirror.example/m1"
        b"\x00\x00\x00\x00\x64\x18\x50\xcb"
        b"\x1bexample.com/behind-the-sofa"
        b"\x00\x00\x00\x00\x00\x00\x00\x00"
        b"\x00\x00\x00\x00\x01\x3e\x2d\xc3" + bytes(range(32))
    )
    assert mldsa44_message("mirror.example/m1", CHECKPOINT.text, AT_S) == expected


def test_a_cosignature_has_the_lengths_of_the_type_and_verifies():
    signed = sign_checkpoint(CHECKPOINT, LOG)
    cosignature = MIRROR.cosign(signed.note.text, AT_S)
    assert len(cosignature.data) == 8 + 2420
    assert cosignature.timestamp == AT_S
    note = parse_checkpoint(signed.note.with_signatures([cosignature]).encoded).note
    assert note.signed_by(MIRROR.verifier) == cosignature
    assert note.signed_by(LOG.verifier)


def test_the_key_s_text_and_id():
    key = MIRROR.verifier
    public = SECRET.public.raw
    assert (key.kind, len(public)) == (SignatureType.ML_DSA_44, 1312)
    assert hashlib.sha256(public).hexdigest() == "6c1c65071979225a139b3ec84688e2688ec30fabe8cc510cb688bc435f2d3cb9"
    assert key.key_id == hashlib.sha256(b"mirror.example/m1\n\x06" + public).digest()[:4]
    assert VerifierKey.parse(key.text) == key


def test_secrets_read_back_by_their_prefix():
    assert parse_secret(SECRET.text + "\n").public == SECRET.public
    assert parse_secret(SecretKey(bytes(32)).text).public == SecretKey(bytes(32)).public
    assert SECRET.text.removeprefix("ml-dsa-44-secret:") not in repr(SECRET)
    for text in ("", "ml-dsa-44-secret:AAAA", "rsa-secret:" + "A" * 43 + "="):
        with pytest.raises(InvalidInputError):
            parse_secret(text)
    with pytest.raises(InvalidInputError):
        PostQuantumSecret(bytes(31))
    with pytest.raises(InvalidInputError):
        PostQuantumKey(bytes(1311))


@pytest.mark.parametrize(
    "changed",
    [
        ("mirror.example/m2", CHECKPOINT, AT_S),
        ("mirror.example/m1", Checkpoint("example.com/behind-the-sofa", 20852162, CHECKPOINT.root), AT_S),
        ("mirror.example/m1", Checkpoint("example.com/behind-the-sofas", 20852163, CHECKPOINT.root), AT_S),
        ("mirror.example/m1", Checkpoint("example.com/behind-the-sofa", 20852163, bytes(32)), AT_S),
        ("mirror.example/m1", CHECKPOINT, AT_S + 1),
    ],
)
def test_name_origin_size_root_and_time_are_all_signed(changed):
    name, checkpoint, at_s = changed
    made = MIRROR.cosign(CHECKPOINT.text, AT_S)
    moved = Signature(
        name, VerifierKey(name, SignatureType.ML_DSA_44, SECRET.public).key_id, at_s.to_bytes(8) + made.data[8:]
    )
    verifier = VerifierKey(name, SignatureType.ML_DSA_44, SECRET.public)
    with pytest.raises(NoteError, match="does not verify"):
        Note(checkpoint.text, (moved,)).signed_by(verifier)
    assert Note(CHECKPOINT.text, (made,)).signed_by(MIRROR.verifier)


def test_time_zero_and_extension_lines_say_too_little():
    zero = SECRET.sign(mldsa44_message(MIRROR.verifier.name, CHECKPOINT.text, 0))
    for at_s, data in ((0, zero), (TIMESTAMP_MAX + 1, zero)):
        line = Signature(MIRROR.verifier.name, MIRROR.verifier.key_id, at_s.to_bytes(8) + data)
        with pytest.raises(NoteError, match="does not verify"):
            Note(CHECKPOINT.text, (line,)).signed_by(MIRROR.verifier)
    with pytest.raises(InvalidInputError, match="no other line"):
        MIRROR.cosign(CHECKPOINT.text + "extension\n", AT_S)
    with pytest.raises(NoteError, match="does not verify"):
        Note(CHECKPOINT.text + "extension\n", (MIRROR.cosign(CHECKPOINT.text, AT_S),)).signed_by(MIRROR.verifier)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a\n1\nAAAA\n",
        "a\n1\n!\n",
        f"a\n1\n{'A' * 42}B=\n",
        f"a\n1\n{'A' * 43}=",
        f"a\n01\n{'A' * 43}=\n",
        f"a\n-1\n{'A' * 43}=\n",
        f"a\n{10**19}\n{'A' * 43}=\n",
        f"\n1\n{'A' * 43}=\n",
    ],
)
def test_what_is_no_checkpoint_is_not_signed(text):
    with pytest.raises(InvalidInputError):
        mldsa44_message("m", text, 1)


def test_the_names_of_the_struct_at_their_edge_and_one_beyond():
    edge = "ä" * 127 + "b"
    assert len(edge.encode()) == NAME_BYTES_MAX
    assert mldsa44_message(edge, CHECKPOINT.text, 1)
    assert VerifierKey(edge, SignatureType.ML_DSA_44, SECRET.public)
    with pytest.raises(NoteError, match="at most 255 bytes"):
        VerifierKey(edge + "b", SignatureType.ML_DSA_44, SECRET.public)
    assert mldsa44_message("m", f"{edge}\n1\n{'A' * 43}=\n", 1)
    with pytest.raises(InvalidInputError, match="1 to 255 bytes, got 256"):
        mldsa44_message("m", f"{edge}b\n1\n{'A' * 43}=\n", 1)


def test_one_secret_of_each_kind_is_two_cosigners():
    both = (MIRROR, Cosigner("mirror.example/m1", SecretKey(bytes(range(64, 96)))))
    note = Note(CHECKPOINT.text, tuple(one.cosign(CHECKPOINT.text, AT_S) for one in both))
    assert [note.signed_by(one.verifier) for one in both] == list(note.signatures)


@pytest.mark.parametrize("at", [0, 3, 4, 11, 12, 700, 2431])
def test_a_flipped_bit_anywhere_in_it_is_noticed(at):
    made = MIRROR.cosign(CHECKPOINT.text, AT_S)
    raw = bytearray(made.key_id + made.data)
    raw[at] ^= 1
    line = Signature(made.name, bytes(raw[:4]), bytes(raw[4:]))
    with pytest.raises(NoteError):
        Note(CHECKPOINT.text, (line,)).signed_by(MIRROR.verifier)
