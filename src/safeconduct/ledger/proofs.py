"""Evidence for one entry as a file (c2sp.org/tlog-proof@v1), which anyone checks offline with the log's public key.

The file's `extra` line carries the leaf itself, which is not authenticated by standing there: its hash must lead to
the root.
"""

from dataclasses import dataclass

from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger import merkle
from safeconduct.ledger.checkpoints import SignedCheckpoint, parse_checkpoint, parse_size
from safeconduct.ledger.envelope import read_entry
from safeconduct.ledger.merkle import HASH_BYTES, ProofError
from safeconduct.ledger.notes import NOTE_BYTES_MAX, NoteError, base64_text, unbase64
from safeconduct.ledger.reader import Evidence
from safeconduct.ledger.rotation import rotation_of
from safeconduct.ledger.tiles import LEAF_BYTES_MAX
from safeconduct.ledger.trust import Trust, check_signatures

HEADER = "c2sp.org/tlog-proof@v1"
PROOF_FILE_BYTES_MAX = 2 * LEAF_BYTES_MAX + 64 * 64 + NOTE_BYTES_MAX  # base64 leaf, 64 hashes, note


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenEntry:
    """An entry whose evidence verified, and the checkpoint it stands under."""

    entry: Entry
    leaf: bytes
    checkpoint: SignedCheckpoint
    cosigned_by: tuple[str, ...]


def encode_proof(evidence: Evidence) -> str:
    """Returns the file's text."""
    lines = [
        HEADER,
        f"extra {base64_text(evidence.leaf)}",
        f"index {evidence.index}",
        *(base64_text(node) for node in evidence.proof),
    ]
    return "\n".join(lines) + "\n\n" + evidence.checkpoint.encoded


def origin_of(text: bytes) -> Origin:
    """Returns the log that a proof file says it is of. It chooses the key to verify it with, and shows nothing.

    Raises:
        ProofError: the file is malformed.
        NoteError: its checkpoint is.
    """
    return parse_checkpoint(_parse(text)[3]).checkpoint.origin


def follow(text: bytes, trust: Trust) -> Trust:
    """Returns the trust with a rotation of the log's key, of which the proof file is the evidence.

    Signature lines by nobody known are let be: they show nothing, and nothing of them is kept.

    Raises:
        ProofError: it is malformed, proves nothing, or an entry that rotates no key.
        NoteError: `rotation-broken`: it does not begin with a known key; or the new one did not sign the checkpoint.
        PolicyError: `quorum-missing`.
    """
    leaf, index, proof, checkpoint = _parse(text)
    rotation = rotation_of(leaf, index)
    if rotation is None:
        raise ProofError("expected the evidence for an entry that rotates a log's key")
    followed = trust.following([rotation])
    signed, _trust = followed.signed(checkpoint)
    followed.cosigners(signed)
    said = signed.checkpoint
    merkle.verify_inclusion(index, said.size, merkle.leaf_hash(leaf), proof, said.root)
    return followed


def verify_proof(text: bytes, trust: Trust) -> ProvenEntry:
    """Returns the entry that a proof file proves.

    Raises:
        ProofError: it is malformed or proves nothing.
        NoteError: the checkpoint is not signed by the log, or carries a signature line that can't be checked.
        PolicyError: `quorum-missing`: its cosignatures don't fill the quorum.
    """
    leaf, index, proof, checkpoint = _parse(text)
    signed, trust = trust.signed(checkpoint)
    check_signatures(signed, trust)
    said = signed.checkpoint
    merkle.verify_inclusion(index, said.size, merkle.leaf_hash(leaf), proof, said.root)
    cosigned = tuple(key.name for key in trust.cosigners(signed))
    try:
        entry = read_entry(leaf, said.origin, index)
    except SafeconductError as error:
        raise ProofError(f"the entry is in the log but can't be read: {error.message}") from error
    return ProvenEntry(entry=entry, leaf=leaf, checkpoint=signed, cosigned_by=cosigned)


def _parse(text: bytes) -> tuple[bytes, int, list[bytes], bytes]:
    """Returns leaf, index, path and checkpoint as the file has them. Nothing about them has been checked."""
    if len(text) > PROOF_FILE_BYTES_MAX:
        raise ProofError(f"a proof has at most {PROOF_FILE_BYTES_MAX} bytes, got {len(text)}")
    head, gap, checkpoint = text.partition(b"\n\n")
    lines = head.decode("utf-8", "replace").split("\n")
    if not gap or len(lines) < 3 or lines[0] != HEADER:  # noqa: PLR2004 - header, leaf, index
        raise ProofError(f"expected {HEADER}, an extra line with the entry, an index, hashes and a checkpoint")
    if not lines[1].startswith("extra ") or not lines[2].startswith("index "):
        raise ProofError("expected an extra line with the entry and an index line after the header")
    leaf = _unbase64(lines[1].removeprefix("extra "))
    index = _index(lines[2].removeprefix("index "))
    proof = [_hash(line) for line in lines[3:]]
    return leaf, index, proof, checkpoint


def _index(text: str) -> int:
    try:
        return parse_size(text)
    except NoteError as error:
        raise ProofError("expected an index in decimal without leading zeroes") from error


def _hash(line: str) -> bytes:
    node = _unbase64(line)
    if len(node) != HASH_BYTES:
        raise ProofError(f"a proof line is the base64 of {HASH_BYTES} bytes")
    return node


def _unbase64(text: str) -> bytes:
    try:
        return unbase64(text)
    except NoteError as error:
        raise ProofError("expected canonical base64 in the extra line and in each proof line") from error
