"""The two ends of a witness: the log's client, and the witness's own key and disk."""

import http.client
import threading
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

from safeconduct.adapters.files import file_name, write_atomically, write_secret
from safeconduct.adapters.outbound import connection_to, http_address
from safeconduct.kernel.errors import AbsentError, InvalidInputError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Clock, Entropy
from safeconduct.ledger.checkpoints import SignedCheckpoint, parse_checkpoint, parse_size
from safeconduct.ledger.keys import SEED_BYTES, PostQuantumSecret, SecretKey, parse_secret
from safeconduct.ledger.notes import Cosigner, Note, NoteError, VerifierKey, parse_signatures
from safeconduct.ledger.reader import LogReader
from safeconduct.ledger.witness import (
    BAD_REQUEST,
    CONFLICT,
    OK,
    Submission,
    WitnessAnswer,
    parse_submission,
    refusal,
)

TIMEOUT_S = 10.0  # a cosignature takes milliseconds; the effect is tried again anyway
ANSWER_BYTES_MAX = 65_536
ATTEMPTS_MAX = 3  # the first may learn the witness's size, the second may lose a race against another process's
_MICROSECONDS = 1_000_000


class WitnessClient:
    """Asks one witness for cosignatures over HTTP."""

    def __init__(self, url: str, key: VerifierKey) -> None:
        where = http_address(url, "the witness's address as http://host:port")
        if not key.kind.cosigns:
            raise InvalidInputError(f"the key of {key.name} is not one for cosignatures", code="key-invalid")
        self._where = where
        self.key = key

    def cosign(self, log: LogReader, origin: Origin, size_min: int) -> SignedCheckpoint:
        """Returns a checkpoint of at least that size with the witness's cosignature.

        Raises:
            AbsentError: the log has no such entries.
            UnavailableError: the witness can't be reached or refuses. `log-behind-witness` if it has seen more of
                the log than is here, `log-forked` if it has seen something else: then nothing here may be trusted.
        """
        signed = log.checkpoint(origin)
        size = signed.checkpoint.size
        if size < size_min:
            raise AbsentError(f"{origin} has {size} entries, expected at least {size_min}")
        old = log.cosigned_size(origin, self.key)
        status, body = CONFLICT, ""
        for _attempt in range(ATTEMPTS_MAX):
            status, body = self._post(Submission(old, tuple(log.consistency(origin, old, size)), signed))
            if status == OK:
                return self._cosigned(signed, body)
            if status != CONFLICT:
                break
            old = self._witnessed(body, old, size, origin)
        raise UnavailableError(
            f"witness {self.key.name} refused with {status}: {body.strip()[:200]}", code="witness-refused"
        )

    def _witnessed(self, body: str, old: int, size: int, origin: Origin) -> int:
        try:
            seen = parse_size(body.removesuffix("\n"))
        except NoteError as error:
            raise UnavailableError(f"witness {self.key.name} answered no size: {error.message}") from error
        if seen > size:
            raise UnavailableError(
                f"witness {self.key.name} has seen {seen} entries of {origin}, here are {size}: a restored backup?",
                code="log-behind-witness",
                remedy="restore the log from the partner's mirror before it is used again",
            )
        if seen == old:
            raise UnavailableError(f"witness {self.key.name} has seen another {origin}", code="log-forked")
        return seen

    def _cosigned(self, signed: SignedCheckpoint, body: str) -> SignedCheckpoint:
        try:
            own = [line for line in parse_signatures(body) if line.is_by(self.key)]
            by_log = [line for line in signed.note.signatures if line.name == signed.checkpoint.origin]
            note = Note(signed.note.text, (*by_log, *own))
            note.signed_by(self.key)
        except NoteError as error:
            raise UnavailableError(
                f"witness {self.key.name} answered no cosignature of its own: {error.message}", code="not-cosigned"
            ) from error
        return SignedCheckpoint(signed.checkpoint, note)

    def _post(self, submission: Submission) -> tuple[int, str]:
        connection = connection_to(self._where, TIMEOUT_S)
        try:
            connection.request("POST", self._where.path.rstrip("/") + "/add-checkpoint", submission.encoded)
            response = connection.getresponse()
            return response.status, response.read(ANSWER_BYTES_MAX).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(
                f"witness {self.key.name} does not answer: {error}", code="witness-unreachable"
            ) from error
        finally:
            connection.close()


class Algorithm(StrEnum):
    """What a new cosigner signs with."""

    ED25519 = "ed25519"
    ML_DSA_44 = "ml-dsa-44"


_SECRETS: Mapping[Algorithm, Callable[[bytes], SecretKey | PostQuantumSecret]] = {
    Algorithm.ED25519: SecretKey,
    Algorithm.ML_DSA_44: PostQuantumSecret,
}


class WitnessFolder:
    """A witness: its key, the logs it knows and the last checkpoint it cosigned of each, in a folder of its own.

    `witness.key` is one line, name and secret key; `logs` holds one verifier key a line, read at each request.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()  # a checkpoint is compared with the last one and recorded as one step
        name, secret = self._read_key()
        self.cosigner = Cosigner(name, secret)

    @classmethod
    def create(cls, folder: Path, name: str, entropy: Entropy, algorithm: Algorithm = Algorithm.ED25519) -> None:
        """Makes the folder and key of a new witness.

        Raises:
            UnavailableError: there is one already.
            NoteError: the name can't name a key.
        """
        secret = _SECRETS[algorithm](entropy(SEED_BYTES))
        Cosigner(name, secret)
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        write_secret(folder / "witness.key", f"{name} {secret.text}\n")

    def trust(self, key: VerifierKey) -> None:
        """Adds a log to those that are cosigned.

        Raises:
            InvalidInputError: the log is known under another key.
        """
        known = self.logs()
        other = [one for one in known if one.name == key.name and one != key]
        if other:
            raise InvalidInputError(f"{key.name} is known under another key", code="key-conflict")
        if key not in known:
            lines = "".join(f"{one.text}\n" for one in [*known, key])
            write_atomically(self._folder / "logs", lines.encode())

    def logs(self) -> list[VerifierKey]:
        """Returns the keys of the logs it knows.

        Raises:
            InvalidInputError: a line is no verifier key.
        """
        path = self._folder / "logs"
        if not path.exists():
            return []
        return [VerifierKey.parse(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]

    def latest(self, origin: Origin) -> SignedCheckpoint | None:
        """Returns the last checkpoint that it cosigned.

        Raises:
            UnavailableError: the record is damaged: it cosigns nothing more of this log.
        """
        path = self._folder / "checkpoints" / file_name(origin)
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
        """Answers one request. What it cosigns is on disk before it answers.

        Raises:
            UnavailableError: its own records are damaged or can't be written.
        """
        try:
            submission = parse_submission(body)
        except NoteError as error:
            return WitnessAnswer(BAD_REQUEST, f"{error.message}\n")
        origin = submission.signed.checkpoint.origin
        keys = [key for key in self.logs() if key.name == origin]
        with self._lock:
            latest = self.latest(origin) if keys else None
            refused = refusal(submission, keys, None if latest is None else latest.checkpoint)
            if refused is not None:
                return refused
            return self._cosign(submission, origin, keys)

    def _cosign(self, submission: Submission, origin: Origin, keys: list[VerifierKey]) -> WitnessAnswer:
        note = submission.signed.note
        cosignature = self.cosigner.cosign(note.text, self._clock.now() // _MICROSECONDS)
        by_log = [line for line in note.signatures if any(line.is_by(key) for key in keys)]
        kept = Note(note.text, (*by_log, cosignature))
        write_atomically(self._folder / "checkpoints" / file_name(origin), kept.encoded.encode())
        return WitnessAnswer(OK, cosignature.line)

    def _read_key(self) -> tuple[str, SecretKey | PostQuantumSecret]:
        path = self._folder / "witness.key"
        try:
            name, _, secret = path.read_text(encoding="utf-8").strip().partition(" ")
            return name, parse_secret(secret)
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(
                f"there is no witness in {self._folder}", code="no-witness-here", remedy="give it a name with --name"
            ) from error
