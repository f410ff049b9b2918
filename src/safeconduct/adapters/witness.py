"""A witness's own disk: the last checkpoint it cosigned of each log, and what its log did wrong."""

import threading
from dataclasses import replace
from pathlib import Path

from safeconduct.adapters.cosigner_folder import Algorithm, CosignerFolder, Role
from safeconduct.adapters.files import file_name, write_atomically
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import SECOND
from safeconduct.kernel.ports import Clock, Entropy
from safeconduct.ledger.checkpoints import SignedCheckpoint, parse_checkpoint
from safeconduct.ledger.evidence import against
from safeconduct.ledger.notes import Cosigner, Note, NoteError, VerifierKey
from safeconduct.ledger.witness import (
    BAD_REQUEST,
    CONFLICT,
    NOT_FOUND,
    OK,
    UNPROCESSABLE,
    Submission,
    WitnessAnswer,
    parse_submission,
    refusal,
)


class WitnessFolder:
    """A witness: its key, the logs it knows and the last checkpoint it cosigned of each, in a folder of its own."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.kept = CosignerFolder(folder, Role.WITNESS)
        self._records = folder / "checkpoints"
        self._records.mkdir(exist_ok=True)
        self._clock = clock
        self._locks: dict[Origin, threading.Lock] = {}

    @classmethod
    def create(cls, folder: Path, name: str, entropy: Entropy, algorithm: Algorithm = Algorithm.ED25519) -> None:
        """Makes the folder and key of a new witness.

        Raises:
            UnavailableError: there is one already.
            NoteError: the name can't name a key.
        """
        CosignerFolder.create(folder, Role.WITNESS, name, entropy, algorithm)

    @property
    def cosigner(self) -> Cosigner:
        """Its own signing key."""
        return self.kept.cosigner

    def trust(self, key: VerifierKey) -> None:
        """Adds a key of a log to those that are cosigned for."""
        self.kept.trust(key)

    def latest(self, origin: Origin) -> SignedCheckpoint | None:
        """Returns the last checkpoint that it cosigned.

        Raises:
            UnavailableError: the record is damaged: it cosigns nothing more of this log.
        """
        path = self._records / file_name(origin)
        if not path.exists():
            return None
        try:
            signed = parse_checkpoint(path.read_bytes())
            signed.note.signed_by(self.cosigner.verifier)
        except NoteError as error:
            raise UnavailableError(
                f"the record of {origin} is damaged: {error.message}", code="record-damaged"
            ) from error
        return signed

    def add_checkpoint(self, body: bytes) -> WitnessAnswer:
        """Answers one request. What it cosigns, and what a refusal shows against the log, is on disk before it answers.

        Raises:
            UnavailableError: its own records are damaged or can't be written.
        """
        try:
            submission = parse_submission(body)
        except NoteError as error:
            return WitnessAnswer(BAD_REQUEST, f"{error.message}\n")
        origin = submission.signed.checkpoint.origin
        keys = self.kept.keys_of(origin)
        if not keys:
            return WitnessAnswer(NOT_FOUND, f"unknown log {origin}\n")
        with self._locks.setdefault(origin, threading.Lock()):  # compared with the last one and recorded as one step
            latest = self.latest(origin)
            refused = refusal(submission, keys, None if latest is None else latest.checkpoint)
            if refused is None:
                return self._cosign(submission, origin, keys)
            if refused.status in {CONFLICT, UNPROCESSABLE}:
                shown = self.kept.keep_evidence(against(submission, latest, keys))
                return replace(refused, evidence=shown)
            return refused

    def _cosign(self, submission: Submission, origin: Origin, keys: tuple[VerifierKey, ...]) -> WitnessAnswer:
        note = submission.signed.note
        cosignature = self.cosigner.cosign(note.text, self._clock.now() // SECOND)
        by_log = [line for line in note.signatures if any(line.is_by(key) for key in keys)]
        kept = Note(note.text, (*by_log, cosignature))
        write_atomically(self._records / file_name(origin), kept.encoded.encode())
        return WitnessAnswer(OK, cosignature.line)
