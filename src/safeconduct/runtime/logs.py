"""One open log: its right edge in memory, what the running batch adds to it, and why it is stopped if it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Receipt, Records
from safeconduct.ledger.audit import Finding, audit
from safeconduct.ledger.checkpoints import Checkpoint, SignedCheckpoint, parse_checkpoint, sign_checkpoint
from safeconduct.ledger.cosigned import AT_START
from safeconduct.ledger.keys import KeyUnavailableError
from safeconduct.ledger.log_events import signing_keys
from safeconduct.ledger.merkle import Frontier
from safeconduct.ledger.notes import NoteSigner, VerifierKey
from safeconduct.ledger.ports import Heads, LogGrowth, LogSource, NewEntry
from safeconduct.ledger.reader import read_tile
from safeconduct.ledger.receipts import deadline_of, make_receipts
from safeconduct.ledger.tiles import Edge, load_edge

UNREAD = "database"
"""The place of a finding that says no more than that the store or the heads did not answer."""

SignerOf = Callable[[VerifierKey], NoteSigner]
"""Finds the signer of one of a log's later keys. Raises KeyUnavailableError."""


def no_later_key(key: VerifierKey) -> NoteSigner:
    """Finds none: logs have their first keys only."""
    raise KeyUnavailableError(f"the key {key.text} is not here", code="key-missing")


def signers_now(first: NoteSigner, records: Records, now: Instant, signer_of: SignerOf) -> list[NoteSigner]:
    """Returns who signs a log now, as its entries say, the one that must first.

    The records are those that the entries to be signed make: a rotation among them is signed by the new key already.

    Raises:
        KeyUnavailableError: a key is not here.
    """
    known = first.verifier
    keys = signing_keys(records, Origin(known.name), known.text, now)
    return [first if key == known.text else signer_of(VerifierKey.parse(key)) for key in keys]


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a log takes no entries."""

    code: str
    message: str


class OpenLog:
    """A log that this process appends to. Only the writer's thread touches it.

    `first` is its first key; `signing` returns the keys that sign it now, the one that must first.
    """

    def __init__(self, first: NoteSigner, heads: Heads, signing: Callable[[], Sequence[NoteSigner]]) -> None:
        self.origin = Origin(first.verifier.name)
        self.pending: list[NewEntry] = []
        self.stop: Stop | None = None
        self._first = first
        self._signing = signing
        self._heads = heads
        self._edge = Edge(Frontier())
        self._grown: tuple[Edge, SignedCheckpoint] | None = None
        self._head: str | None = None

    def require_running(self) -> None:
        """Returns if the log takes entries.

        Raises:
            UnavailableError: it is stopped.
        """
        if self.stop is not None:
            raise self.stopped_error()

    def stopped_error(self) -> UnavailableError:
        """Returns what an append to a stopped log raises."""
        stop = self.stop or Stop("log-stopped", "it takes no entries")
        return UnavailableError(
            f"the log {self.origin} is stopped: {stop.message}",
            code=stop.code,
            remedy="`safeconduct log verify` tells what is wrong; with no server, `safeconduct log recover` mends it",
        )

    def open(self, source: LogSource, *, payloads: bool = True) -> list[Finding]:
        """Checks the stored log and loads its edge; stops it where anything is wrong (R4). Returns what is."""
        try:
            heads = self._heads.copies(self.origin)
            key = self._first.verifier
            findings = audit(source, self.origin, key, heads, payloads=payloads, newest=AT_START)
            self._head = self._heads.read(self.origin)
            if source.size(self.origin) and self._head is None and not findings:
                findings = [Finding(origin=self.origin, what="there is no head", place="heads")]
            if not findings:
                self._load(source)
                self._bring_head_up()
        except KeyUnavailableError as error:
            findings = [Finding(origin=self.origin, what=error.message, place="keys", code=error.code)]
        except UnavailableError as error:
            findings = [Finding(origin=self.origin, what=error.message, place=UNREAD)]
        self.stop = _stop(findings)
        return findings

    def reload(self, source: LogSource) -> bool:
        """Finds out what a failed commit did: tells whether it wrote the pending entries. Stops the log if unclear.

        Raises:
            UnavailableError: the store can't be read.
        """
        encoded, stored = source.checkpoint(self.origin), source.size(self.origin)
        applied = self._grown is not None and encoded == self._grown[1].encoded
        if applied:
            self.settle()
        else:
            self.forget()
            signed = 0 if encoded is None else parse_checkpoint(encoded).checkpoint.size
            if (signed, stored) != (self._edge.size, self._edge.size):
                self.stop = Stop("log-damaged", f"it has {stored} entries after a failed commit to {self._edge.size}")
        return applied

    def grow(self) -> LogGrowth:
        """Returns what the pending entries add to the store, under a newly signed checkpoint.

        Raises:
            KeyUnavailableError: its key does not sign: the log stops, so that others are not held up by it.
        """
        edge = self._edge.copy()
        tiles = edge.extend(entry.hash for entry in self.pending)
        checkpoint = self._sign(Checkpoint(self.origin, edge.size, edge.frontier.root()))
        self._grown = (edge, checkpoint)
        return LogGrowth(
            origin=self.origin,
            base=self._edge.size,
            entries=tuple(self.pending),
            tiles=tiles,
            checkpoint=checkpoint.encoded,
        )

    def settle(self) -> None:
        """Moves on after the growth was committed.

        A log whose head can't follow stops: a later restored backup would go unnoticed.
        """
        if self._grown is None:
            return
        self._edge, checkpoint = self._grown
        self.forget()
        try:
            self._replace_head(checkpoint.encoded)
        except UnavailableError as error:
            self.stop = Stop(error.code, error.message)

    def receipts(self, growth: LogGrowth, now: Instant) -> list[Receipt]:
        """Returns the receipts of a growth that is durable and settled, under one more signature.

        Raises:
            UnavailableError: the log has stopped.
        """
        self.require_running()
        return make_receipts(
            growth.entries, self.origin, floor=growth.base, deadline_s=deadline_of(now), signer=self._signing()[0]
        )

    def forget(self) -> None:
        """Forgets what was pending."""
        self.pending = []
        self._grown = None

    def _sign(self, checkpoint: Checkpoint) -> SignedCheckpoint:
        try:
            signer, *former = self._signing()
            return sign_checkpoint(checkpoint, signer, former)
        except KeyUnavailableError as error:
            self.stop = Stop(error.code, error.message)
            raise

    def _replace_head(self, head: str) -> None:
        self._heads.replace(self.origin, head, previous=self._head)
        self._head = head

    def _bring_head_up(self) -> None:
        """Signs the head again where it is behind the database; a new log gets the head of an empty one."""
        root = self._edge.frontier.root()
        head = self._sign(Checkpoint(self.origin, self._edge.size, root)).encoded
        if head != self._head:
            self._replace_head(head)

    def _load(self, source: LogSource) -> None:
        self._edge = load_edge(source.size(self.origin), lambda tile: read_tile(source, self.origin, tile))


def _stop(findings: Sequence[Finding]) -> Stop | None:
    if not findings:
        return None
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    telling = next((finding.code for finding in findings if finding.code != "log-damaged"), "log-damaged")
    return Stop(telling, findings[0].text + more)
