"""Evidence against a log as a file (`safeconduct/evidence@v1`), which a third party checks with the log's key alone.

What it shows must follow from two checkpoints that the log signed: who lacks the log's key can make none.
docs/spec/cosigning.md section 5 is the definition.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger import merkle
from safeconduct.ledger.checkpoints import Checkpoint, SignedCheckpoint, open_checkpoint
from safeconduct.ledger.merkle import HASH_BYTES, ProofError
from safeconduct.ledger.notes import NOTE_BYTES_MAX, Note, NoteError, VerifierKey, base64_text, unbase64
from safeconduct.ledger.witness import PROOF_LINES_MAX, Submission

HEADER = "safeconduct/evidence@v1"
EVIDENCE_BYTES_MAX = 2 * NOTE_BYTES_MAX + 4096  # two notes; header, root and 63 proof lines of 45 bytes
FOLDER = "evidence"
SUFFIX = ".evidence"
_PARTS = 5  # header, and text and signatures of each checkpoint


class EvidenceError(InvalidInputError):
    """A file shows nothing against the log."""

    default_code = "evidence-invalid"


class Claim(StrEnum):
    """What evidence shows.

    `forked`: the log signed two trees of which neither continues the other. `rolled-back`: it signed both, and whoever
    kept the file was given the smaller one later; that order is their word, so it proves nothing by itself.
    """

    FORKED = "forked"
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Two checkpoints of one log: the one `held` before, the one `shown` later.

    Where their sizes differ, a fork also has the `root` that the first entries of the larger tree lead to, as many as
    the smaller tree has, and the consistency `proof` from there to the larger tree. So it is not what the smaller one
    says.
    """

    claim: Claim
    held: SignedCheckpoint
    shown: SignedCheckpoint
    root: bytes | None = None
    proof: tuple[bytes, ...] = ()

    @property
    def encoded(self) -> str:
        """The file's text."""
        lines = [HEADER, f"claim {self.claim}"]
        if self.root is not None:
            lines += [f"root {base64_text(self.root)}", *(base64_text(node) for node in self.proof)]
        return "\n".join(lines) + f"\n\n{self.held.encoded}\n{self.shown.encoded}"

    @property
    def name(self) -> str:
        """A file name: of each fork its own, of a log's rollbacks one, since anybody can repeat old checkpoints."""
        kept = self.encoded if self.claim is Claim.FORKED else self.held.checkpoint.origin
        return f"{self.claim}-{hashlib.sha256(kept.encode()).hexdigest()[:16]}{SUFFIX}"

    @property
    def proven(self) -> bool:
        """Tells whether it shows by itself that the log is at fault."""
        return self.claim is Claim.FORKED

    @property
    def text(self) -> str:
        """What it shows, in one sentence."""
        held, shown = self.held.checkpoint, self.shown.checkpoint
        if self.claim is Claim.FORKED:
            return f"{held.origin} signed two histories: {held.size} entries, and {shown.size} that contradict them"
        return (
            f"{held.origin} signed {held.size} entries and, whoever kept this says, showed {shown.size} later; "
            f"compare with what the log shows now"
        )


def fork(
    held: SignedCheckpoint, shown: SignedCheckpoint, root: bytes | None = None, proof: tuple[bytes, ...] = ()
) -> Evidence | None:
    """Returns the evidence that two checkpoints contradict each other, or None where this does not show it."""
    same = held.checkpoint.size == shown.checkpoint.size
    made = Evidence(
        claim=Claim.FORKED, held=held, shown=shown, root=None if same else root, proof=() if same else proof
    )
    try:
        _check_fork(made)
    except EvidenceError:
        return None
    return made


def against(submission: Submission, held: SignedCheckpoint | None, keys: tuple[VerifierKey, ...]) -> Evidence | None:
    """Returns what a submission that was refused shows against its log, if anything.

    The log's keys must have signed it. A proof that fails shows nothing: anybody could have sent it. One that leads to
    the new root from an old root other than the witnessed one shows a fork.
    """
    if held is None:
        return None
    said, note = submission.signed.checkpoint, submission.signed.note
    shown = SignedCheckpoint(said, Note(note.text, tuple(note.signed_by(key) for key in keys if note.names(key))))
    size = held.checkpoint.size
    if said.size < size:
        return Evidence(claim=Claim.ROLLED_BACK, held=held, shown=shown)
    if said.size == size or submission.old != size:
        return fork(held, shown)
    root = merkle.implied_root(size, said.size, submission.proof, said.root)
    return None if root is None else fork(held, shown, root, submission.proof)


def parse_evidence(content: bytes, *keys: VerifierKey) -> Evidence:
    """Reads a file and verifies both checkpoints' signatures under the log's keys, and what it claims.

    Raises:
        EvidenceError: it is malformed, a checkpoint is not signed by the log, or they don't show what is claimed.
    """
    if len(content) > EVIDENCE_BYTES_MAX:
        raise EvidenceError(f"evidence has at most {EVIDENCE_BYTES_MAX} bytes, got {len(content)}")
    try:
        head, *notes = content.decode().split("\n\n")
        if len(notes) != _PARTS - 1:
            raise EvidenceError(f"expected {HEADER} and two checkpoints, separated by empty lines")
        held = open_checkpoint(f"{notes[0]}\n\n{notes[1]}\n", *keys)
        shown = open_checkpoint(f"{notes[2]}\n\n{notes[3]}", *keys)
        evidence = _read(head.split("\n"), held, shown)
    except (UnicodeDecodeError, NoteError) as error:
        raise EvidenceError(f"this shows nothing: {error}") from error
    _check(evidence)
    return evidence


def contradicts(content: bytes, mine: Checkpoint, key: VerifierKey) -> bool:
    """Tells the log's own keeper whether a file has a checkpoint that the key signed and this log does not continue."""
    try:
        evidence = parse_evidence(content, key)
    except EvidenceError:
        return False
    seen = (evidence.held.checkpoint, evidence.shown.checkpoint)
    behind = any(one.size > mine.size or (one.size == mine.size and one.root != mine.root) for one in seen)
    return behind or evidence.claim is Claim.FORKED


def _read(lines: list[str], held: SignedCheckpoint, shown: SignedCheckpoint) -> Evidence:
    claims = [f"claim {claim}" for claim in Claim]
    if lines[:1] != [HEADER] or len(lines) < 2 or lines[1] not in claims:  # noqa: PLR2004 - header and claim
        raise EvidenceError(f"expected {HEADER} and a line {' or '.join(map(repr, claims))}")
    claim = Claim(lines[1].removeprefix("claim "))
    if len(lines) == 2:  # noqa: PLR2004 - header and claim
        return Evidence(claim=claim, held=held, shown=shown)
    if not lines[2].startswith("root ") or len(lines) - 3 > PROOF_LINES_MAX:
        raise EvidenceError(f"expected a root line and at most {PROOF_LINES_MAX} proof lines after the claim")
    nodes = [unbase64(line) for line in (lines[2].removeprefix("root "), *lines[3:])]
    if any(len(node) != HASH_BYTES for node in nodes):
        raise EvidenceError(f"a root and a proof line are the base64 of {HASH_BYTES} bytes")
    return Evidence(claim=claim, held=held, shown=shown, root=nodes[0], proof=tuple(nodes[1:]))


def _check(evidence: Evidence) -> None:
    if evidence.held.checkpoint.origin != evidence.shown.checkpoint.origin:
        raise EvidenceError("the checkpoints are of two logs")
    if evidence.claim is Claim.FORKED:
        _check_fork(evidence)
    elif evidence.root is not None or evidence.shown.checkpoint.size >= evidence.held.checkpoint.size:
        raise EvidenceError("a rollback is from a larger to a smaller checkpoint, and has no proof")


def _check_fork(evidence: Evidence) -> None:
    small, large = sorted((evidence.held.checkpoint, evidence.shown.checkpoint), key=lambda one: one.size)
    if small.size == large.size:
        if small.root == large.root or evidence.root is not None:
            raise EvidenceError("two checkpoints of one size and one root contradict nothing")
        return
    if evidence.root is None or evidence.root == small.root:
        raise EvidenceError("the larger checkpoint may continue the smaller one: nothing here shows another root")
    try:
        merkle.verify_consistency(small.size, large.size, evidence.proof, evidence.root, large.root)
    except ProofError as error:
        raise EvidenceError(f"that root is not shown to be in the larger tree: {error.message}") from error
