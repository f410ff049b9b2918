"""Asks one witness for its cosignature over HTTP, and judges what it answers."""

from collections.abc import Mapping
from urllib.parse import quote

from safeconduct.adapters.mirror_client import ENTRIES_PATH, push
from safeconduct.adapters.outbound import Answered, exchange, http_address
from safeconduct.adapters.refusals import WitnessError
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.checkpoints import SignedCheckpoint, parse_size
from safeconduct.ledger.evidence import EVIDENCE_BYTES_MAX, contradicts
from safeconduct.ledger.evidence import FOLDER as EVIDENCE
from safeconduct.ledger.notes import Note, NoteError, VerifierKey, parse_signatures
from safeconduct.ledger.reader import LogReader
from safeconduct.ledger.witness import CONFLICT, EVIDENCE_HEADER, OK, UNPROCESSABLE, Submission

TIMEOUT_S = 10.0  # for a whole answer; a cosignature takes milliseconds, and who waits for it asks again
ANSWER_BYTES_MAX = 65_536  # as a note: 16 cosignatures
ENTRIES_TIMEOUT_S = 60.0  # for one upload to a mirror, at most 16 MB and 32 syncs of its disk
ATTEMPTS_MAX = 3  # the first may learn the witness's size, the second may lose a race against another process's


class WitnessClient:
    """Asks one witness for cosignatures over HTTP."""

    def __init__(self, url: str, key: VerifierKey, *, timeout_s: float = TIMEOUT_S) -> None:
        where = http_address(url, "the witness's address as http://host:port")
        if not key.kind.cosigns:
            raise InvalidInputError(f"the key of {key.name} is not one for cosignatures", code="key-invalid")
        self._where = where
        self._timeout_s = timeout_s
        self.key = key

    def cosign(self, log: LogReader, signed: SignedCheckpoint, log_key: VerifierKey) -> SignedCheckpoint:
        """Returns a checkpoint of the log with the witness's cosignature beside the log's signature.

        Raises:
            WitnessError: the witness can't be reached or refuses. `log-behind-witness` if it has seen more of the log
                than is here, `log-forked` if it has seen something else: then nothing here may be trusted.
        """
        origin, size = signed.checkpoint.origin, signed.checkpoint.size
        old = min(log.cosigned_size(origin, self.key), size)
        answered = self._post(Submission(old, tuple(log.consistency(origin, old, size)), signed))
        for _further in range(ATTEMPTS_MAX - 1):
            if answered.status != CONFLICT:
                break
            old = self._witnessed(log, answered, old, signed, log_key)
            answered = self._post(Submission(old, tuple(log.consistency(origin, old, size)), signed))
        if answered.status == OK and not answered.body:  # a mirror: it cosigns once it has the entries
            return self._cosigned(signed, push(self._entries, log, signed.checkpoint, old))
        if answered.status == OK:
            return self._cosigned(signed, answered.text)
        proven = answered.status == UNPROCESSABLE and self._proven(answered, signed, log_key)
        raise WitnessError(
            f"witness {self.key.name} refused with {answered.status}: {answered.text.strip()[:200]}",
            code="log-forked" if proven else "witness-refused",
            proven=proven,
        )

    def _witnessed(
        self, log: LogReader, answered: Answered, old: int, signed: SignedCheckpoint, log_key: VerifierKey
    ) -> int:
        """Returns the size that the witness knows, if the log can prove that it continues it."""
        origin, size = signed.checkpoint.origin, signed.checkpoint.size
        try:
            seen = parse_size(answered.text.removesuffix("\n"))
        except NoteError as error:
            raise WitnessError(
                f"witness {self.key.name} answered no size: {error.message}", code="witness-refused"
            ) from error
        if size < seen <= log.size(origin):
            raise WitnessError(f"witness {self.key.name} cosigned a newer checkpoint already", code="witness-ahead")
        if seen > size or seen == old:
            raise self._damned(seen, signed, self._proven(answered, signed, log_key))
        return seen

    def _damned(self, seen: int, signed: SignedCheckpoint, proven: bool) -> WitnessError:  # noqa: FBT001 - as told
        origin, size = signed.checkpoint.origin, signed.checkpoint.size
        shown = "and shows it under the log's own signature" if proven else "but does not show it"
        if seen > size:
            return WitnessError(
                f"witness {self.key.name} has seen {seen} entries of {origin}, {shown}; here are {size}: "
                f"a restored backup?",
                code="log-behind-witness",
                proven=proven,
                remedy="restore the log from the partner's mirror before it is used again",
            )
        return WitnessError(
            f"witness {self.key.name} has seen another {origin} {shown}", code="log-forked", proven=proven
        )

    def _proven(self, answered: Answered, signed: SignedCheckpoint, log_key: VerifierKey) -> bool:
        """Tells whether the witness can show what it says: what this log's key signed and this log does not have."""
        path = answered.headers.get(EVIDENCE_HEADER, "")
        if not path.startswith(f"/{EVIDENCE}/"):
            return False
        try:
            shown = self._exchange("GET", path, None, bytes_max=EVIDENCE_BYTES_MAX)
        except WitnessError:
            return False
        return shown.status == OK and contradicts(shown.body, signed.checkpoint, log_key)

    def _cosigned(self, signed: SignedCheckpoint, body: str) -> SignedCheckpoint:
        try:
            own = [line for line in parse_signatures(body) if line.is_by(self.key)]
            by_log = [line for line in signed.note.signatures if line.name == signed.checkpoint.origin]
            line = Note(signed.note.text, tuple(own)).signed_by(self.key)
        except NoteError as error:
            raise WitnessError(
                f"witness {self.key.name} answered no cosignature of its own: {error.message}", code="not-cosigned"
            ) from error
        return SignedCheckpoint(signed.checkpoint, Note(signed.note.text, (*by_log, line)))

    def _post(self, submission: Submission) -> Answered:
        return self._exchange("POST", "/add-checkpoint", submission.encoded, bytes_max=ANSWER_BYTES_MAX)

    def _entries(self, body: bytes, headers: Mapping[str, str]) -> Answered:
        return self._exchange(
            "POST", ENTRIES_PATH, body, bytes_max=ANSWER_BYTES_MAX, headers=headers, timeout_s=ENTRIES_TIMEOUT_S
        )

    def _exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        *,
        bytes_max: int,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 0.0,
    ) -> Answered:
        try:
            answered = exchange(
                self._where,
                method,
                self._where.path.rstrip("/") + quote(path),
                body=body,
                headers=headers,
                timeout_s=max(self._timeout_s, timeout_s),
                answer_bytes_max=bytes_max,
            )
        except OSError as error:
            raise WitnessError(
                f"witness {self.key.name} does not answer: {error}", code="witness-unreachable"
            ) from error
        if len(answered.body) > bytes_max:
            raise WitnessError(f"witness {self.key.name} answered over {bytes_max} bytes", code="witness-refused")
        return answered
