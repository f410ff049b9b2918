"""Rows for a SIEM: their ids, the forms that fit, how far a destination got, and what a destination promises."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from safeconduct.kernel.errors import Kind, SafeconductError, UnavailableError
from safeconduct.kernel.ids import ULID_LENGTH, Origin
from safeconduct.ledger.merkle import leaf_hash
from safeconduct.ledger.ocsf import EntryForm, PlacedLeaf, ocsf_event, place_only, without_leaf

REFUSED_MAX = 100
"""Entries that a destination may refuse for good before its line stops: more is a wrong setting, not bad entries."""

ID_HASH_DIGITS = 32  # 128 bits of the leaf's hash: another leaf under the same entry id is another row


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a destination takes: bytes of one encoded row, bytes and rows of one batch."""

    row_bytes: int
    batch_bytes: int
    batch_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One row: an id that is the same in every attempt and process, the event, and where its entry stands."""

    id: str
    event: Mapping[str, Any]
    origin: Origin
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An entry that a destination does not take in any form, and what it said."""

    origin: Origin
    index: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a destination got: the index that comes next in each log, and what it refused for good.

    Derived (R3): lost, it begins at 0 and sends again, with the same ids.
    """

    next: Mapping[Origin, int] = field(default_factory=dict)
    refused: tuple[Refused, ...] = ()

    def advanced(self, origin: Origin, index: int, refused: Sequence[Refused] = ()) -> "Cursor":
        """Returns the cursor with everything before an index of a log acknowledged."""
        return replace(self, next={**self.next, origin: index}, refused=(*self.refused, *refused))


class BatchRefusedError(SafeconductError):
    """A destination refuses a batch for what is in it, and does not say which row it is."""

    kind = Kind.UPSTREAM
    default_code = "batch-refused"


class DestinationBusyError(UnavailableError):
    """A destination takes nothing now. `after_s` is when it wants to be asked again, 0 where it did not say."""

    def __init__(self, message: str, *, after_s: float = 0.0, code: str = "destination-busy") -> None:
        super().__init__(message, code=code, remedy="nothing is lost: it is sent again")
        self.after_s = after_s


class Destination(Protocol):
    """Where rows go. Taking the same row again changes nothing there, or leaves a row with the same id."""

    limits: Limits

    def encode(self, row: Outgoing) -> bytes:
        """Returns the row as it stands in a batch."""
        ...

    def send(self, rows: Sequence[Outgoing], encoded: Sequence[bytes]) -> Mapping[str, str]:
        """Sends a batch within the limits. On return it is taken durably, but for the rows told by id and reason.

        Raises:
            BatchRefusedError: something in the batch is refused for good.
            DestinationBusyError: nothing is known of the batch: send all of it again.
            UnavailableError: as that, and somebody has to change something first.
        """
        ...


class Cursors(Protocol):
    """Where one destination's cursor is kept."""

    def read(self) -> Cursor:
        """Returns the cursor; an empty one where there is none, or none that can be read."""
        ...

    def write(self, cursor: Cursor) -> None:
        """Replaces the cursor, durably.

        Raises:
            UnavailableError: it can't be written.
        """
        ...


def outgoing(placed: PlacedLeaf, forms: Mapping[str, EntryForm]) -> Outgoing:
    """Returns the row of an entry."""
    event = ocsf_event(placed, forms)
    row_id = f"{event['metadata']['uid'][:ULID_LENGTH]}-{leaf_hash(placed.leaf).hex()[:ID_HASH_DIGITS]}"
    return Outgoing(id=row_id, event=event, origin=placed.origin, index=placed.index)


def least(row: Outgoing) -> Outgoing:
    """Returns a row that says only where its entry stands. Every destination has room for it."""
    return replace(row, event=place_only(row.event))


def fitted(row: Outgoing, destination: Destination) -> tuple[Outgoing, bytes]:
    """Returns the longest form of a row that the destination takes, and its bytes."""
    shorter = replace(row, event=without_leaf(row.event))
    for form in (row, shorter):
        encoded = destination.encode(form)
        if len(encoded) <= destination.limits.row_bytes:
            return form, encoded
    form = least(row)
    return form, destination.encode(form)


def batches(rows: Iterator[Outgoing], destination: Destination) -> Iterator[tuple[Sequence[Outgoing], Sequence[bytes]]]:
    """Yields the rows in order, in batches that the destination takes."""
    limits = destination.limits
    batch: list[Outgoing] = []
    parts: list[bytes] = []
    size = 0
    for row in rows:
        form, encoded = fitted(row, destination)
        if batch and (len(batch) == limits.batch_rows or size + len(encoded) > limits.batch_bytes):
            yield batch, parts
            batch, parts, size = [], [], 0
        batch.append(form)
        parts.append(encoded)
        size += len(encoded)
    if batch:
        yield batch, parts
