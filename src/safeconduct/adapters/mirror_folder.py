"""A mirror's own disk: its key, the logs it knows, a copy of each, and what their logs did wrong."""

import hashlib
import secrets
import threading
from dataclasses import replace
from pathlib import Path

from safeconduct.adapters.cosigner_folder import Algorithm, CosignerFolder, Role
from safeconduct.adapters.files import write_secret
from safeconduct.adapters.mirrored_log import MirroredLog
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import SECOND
from safeconduct.kernel.ports import Clock, Entropy
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.evidence import against
from safeconduct.ledger.merkle import ProofError
from safeconduct.ledger.mirror import ACCEPTED, MirrorInfo, Package, Upload
from safeconduct.ledger.notes import NoteError
from safeconduct.ledger.tiles import CHECKPOINT_PATH
from safeconduct.ledger.witness import (
    BAD_REQUEST,
    CONFLICT,
    NOT_FOUND,
    OK,
    UNPROCESSABLE,
    WitnessAnswer,
    parse_submission,
    refusal,
)

RESENT_MAX = 32 * 256  # entries that an upload may begin before the next one: one request of an interrupted client
_SECRET_BYTES = 32


class MirrorFolder:
    """A mirror of logs in a folder of its own. Safe from any thread; each log is worked on by one at a time.

    `reader.secret` is what whoever reads entries must show: they are not public.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.kept = CosignerFolder(folder, Role.MIRROR)
        self.reader_secret = (folder / "reader.secret").read_text(encoding="ascii").strip()
        self._clock = clock
        self._gate = threading.Lock()
        self._logs: dict[tuple[str, ...], MirroredLog] = {}

    @classmethod
    def create(cls, folder: Path, name: str, entropy: Entropy, algorithm: Algorithm = Algorithm.ED25519) -> None:
        """Makes the folder, key and reader's secret of a new mirror.

        Raises:
            UnavailableError: there is one already.
            NoteError: the name can't name a key.
        """
        CosignerFolder.create(folder, Role.MIRROR, name, entropy, algorithm)
        write_secret(folder / "reader.secret", entropy(_SECRET_BYTES).hex() + "\n")

    def add_checkpoint(self, body: bytes) -> WitnessAnswer:
        """Answers as a witness does, with nothing cosigned: it makes the checkpoint the newest pending one.

        Raises:
            UnavailableError: its own records are damaged or can't be written.
        """
        try:
            submission = parse_submission(body)
        except NoteError as error:
            return WitnessAnswer(BAD_REQUEST, f"{error.message}\n")
        origin = submission.signed.checkpoint.origin
        keys = self.kept.keys_of(origin)
        log = self._log(origin)
        if log is None:
            return _unknown(origin)
        with log.lock:
            latest = _latest(log)
            refused = refusal(submission, keys, None if latest is None else latest.checkpoint)
            if refused is None:
                log.add_pending(submission.signed)
                return WitnessAnswer(OK, "")
        if refused.status in {CONFLICT, UNPROCESSABLE}:
            return replace(refused, evidence=self.kept.keep_evidence(against(submission, latest, keys)))
        return refused

    def begin(self, upload: Upload) -> WitnessAnswer | None:
        """Returns why an upload is not taken, or None if it is.

        Raises:
            UnavailableError: its own records are damaged.
        """
        log = self._log(Origin(upload.origin))
        if log is None:
            return _unknown(upload.origin)
        with log.lock:
            fits = log.next_entry - RESENT_MAX <= upload.start <= log.next_entry
            known = upload.end in log.pending() and upload.end >= log.size
            return None if fits and known else self._info(log, upload, CONFLICT)

    def save(self, upload: Upload, package: Package, leaves: list[bytes], proof: list[bytes]) -> WitnessAnswer | None:
        """Keeps one package durably; returns why not, or None.

        Raises:
            UnavailableError: it can't be written.
        """
        log = self._required(upload)
        with log.lock:
            under = log.pending().get(upload.end)
            if under is None or package.start > log.next_entry:
                return self._info(log, upload, CONFLICT)
            try:
                log.save(package, leaves, proof, under)
            except ProofError as error:
                return WitnessAnswer(UNPROCESSABLE, f"entries {package.start} to {package.end}: {error.message}\n")
        return None

    def accepted(self, upload: Upload) -> WitnessAnswer:
        """Returns the answer to an upload of which more is to come."""
        log = self._required(upload)
        with log.lock:
            return self._info(log, upload, ACCEPTED)

    def finish(self, upload: Upload) -> WitnessAnswer:
        """Makes the upload's checkpoint the mirror checkpoint and returns the mirror's cosignature on it.

        Raises:
            UnavailableError: what is here is damaged or can't be written; then nothing is cosigned.
        """
        log = self._required(upload)
        with log.lock:
            under = log.pending().get(upload.end)
            if under is None or upload.end < log.size or log.next_entry < upload.end:
                return self._info(log, upload, CONFLICT)
            cosignature = log.commit(upload, under, self._clock.now() // SECOND)
        return WitnessAnswer(OK, cosignature.line)

    def read(self, prefix: str, path: str) -> bytes | None:
        """Returns a file of the copy of the log whose origin has this SHA-256, or None.

        Raises:
            InvalidInputError: the path is no tile's.
        """
        origins = {Origin(key.name) for key in self.kept.logs()}
        found = next((origin for origin in origins if _hash(origin) == prefix), None)
        log = self._log(found) if found else None
        return log.read(path) if log else None

    def evidence(self, name: str) -> bytes | None:
        """Returns kept evidence by its file name, or None."""
        return self.kept.evidence(name)

    def may_read(self, path: str, shown: bytes) -> bool:
        """Tells whether a file is given to who shows a secret: a checkpoint to anybody, entries to the house."""
        return path == CHECKPOINT_PATH or secrets.compare_digest(shown, f"Bearer {self.reader_secret}".encode())

    def _log(self, origin: Origin) -> MirroredLog | None:
        keys = self.kept.keys_of(origin)
        if not keys:
            return None
        name = (origin, *(key.text for key in keys))
        with self._gate:
            if name not in self._logs:
                self._logs[name] = MirroredLog(self.kept.path / _hash(origin), keys, self.kept.cosigner)
            return self._logs[name]

    def _required(self, upload: Upload) -> MirroredLog:
        log = self._log(Origin(upload.origin))
        if log is None:
            raise AbsentError(f"{upload.origin} is no log of this mirror any more", code="log-unknown")
        return log

    def _info(self, log: MirroredLog, upload: Upload, status: int) -> WitnessAnswer:
        sizes = list(log.pending())
        known = upload.end in sizes and upload.end >= log.size
        size = upload.end if known else max(sizes, default=0)
        return MirrorInfo(size, log.next_entry).answer(status)


def _latest(log: MirroredLog) -> SignedCheckpoint | None:
    pending = log.pending()
    return pending[max(pending)] if pending else None


def _unknown(origin: str) -> WitnessAnswer:
    return WitnessAnswer(NOT_FOUND, f"unknown log {origin}\n")


def _hash(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()
