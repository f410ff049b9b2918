"""C2SP tlog-witness 1.0.0: what a witness is asked, and when it cosigns. Pure: the caller keeps the last checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass

from safeconduct.ledger import merkle
from safeconduct.ledger.checkpoints import Checkpoint, SignedCheckpoint, parse_checkpoint, parse_size
from safeconduct.ledger.merkle import EMPTY_ROOT, HASH_BYTES, ProofError
from safeconduct.ledger.notes import NOTE_BYTES_MAX, NoteError, VerifierKey, base64_text, unbase64

PROOF_LINES_MAX = 63  # tlog-witness: the client must not send more
REQUEST_BYTES_MAX = NOTE_BYTES_MAX + 4096  # a note, and 63 lines of 45 bytes with the old size
EVIDENCE_HEADER = "safeconduct-evidence"
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"

OK, BAD_REQUEST, FORBIDDEN, NOT_FOUND, CONFLICT, UNPROCESSABLE = 200, 400, 403, 404, 409, 422


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint to cosign and the proof that it continues the one of size `old`."""

    old: int
    proof: tuple[bytes, ...]
    signed: SignedCheckpoint

    @property
    def encoded(self) -> bytes:
        """The request's body."""
        lines = [f"old {self.old}\n", *(f"{base64_text(node)}\n" for node in self.proof), "\n"]
        return ("".join(lines) + self.signed.encoded).encode()


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """Status, body and content type of the answer; `evidence` is the path of what a refusal shows against the log."""

    status: int
    body: str
    content_type: str = TEXT_TYPE
    evidence: str = ""


def parse_submission(body: bytes) -> Submission:
    """Reads a request's body.

    Raises:
        NoteError: it is malformed.
    """
    if len(body) > REQUEST_BYTES_MAX:
        raise NoteError(f"a request has at most {REQUEST_BYTES_MAX} bytes")
    head, gap, checkpoint = body.partition(b"\n\n")
    lines = head.split(b"\n")
    if not gap or not lines[0].startswith(b"old "):
        raise NoteError("expected 'old <size>', proof lines, an empty line and a checkpoint")
    if len(lines) - 1 > PROOF_LINES_MAX:
        raise NoteError(f"a proof has at most {PROOF_LINES_MAX} lines, got {len(lines) - 1}")
    old = parse_size(lines[0].removeprefix(b"old ").decode("ascii", "replace"))
    return Submission(old, tuple(_node(line) for line in lines[1:]), parse_checkpoint(checkpoint))


def refusal(submission: Submission, keys: Sequence[VerifierKey], latest: Checkpoint | None) -> WitnessAnswer | None:
    """Returns why the witness does not cosign, or None if it does. `keys` are the origin's, one or more."""
    said = submission.signed.checkpoint
    size = 0 if latest is None else latest.size
    if not _signed(submission.signed, keys):
        return WitnessAnswer(FORBIDDEN, "no trusted key of the log signed this checkpoint\n")
    if submission.old > said.size:
        return WitnessAnswer(BAD_REQUEST, f"old size {submission.old} is above the checkpoint's {said.size}\n")
    if submission.old != size or (latest and said.size == size and said.root != latest.root):
        return WitnessAnswer(CONFLICT, f"{size}\n", SIZE_TYPE)
    try:
        _verify(submission, latest)
    except ProofError as error:
        return WitnessAnswer(UNPROCESSABLE, f"{error.message}\n")
    return None


def _signed(signed: SignedCheckpoint, keys: Sequence[VerifierKey]) -> bool:
    """Tells whether a trusted key signed, and no line in a trusted key's name fails."""
    named = [key for key in keys if signed.note.names(key)]
    try:
        for key in named:
            signed.note.signed_by(key)
    except NoteError:
        return False
    return bool(named)


def _verify(submission: Submission, latest: Checkpoint | None) -> None:
    said = submission.signed.checkpoint
    if said.size == 0 and said.root != EMPTY_ROOT:
        raise ProofError("an empty tree has the hash of nothing as its root")
    if latest is None or latest.size == 0:
        if submission.proof:
            raise ProofError("from an empty tree there is no proof")
        return
    merkle.verify_consistency(latest.size, said.size, submission.proof, latest.root, said.root)


def _node(line: bytes) -> bytes:
    node = unbase64(line.decode("ascii", "replace"))
    if len(node) != HASH_BYTES:
        raise NoteError(f"a proof line is the canonical base64 of {HASH_BYTES} bytes")
    return node
