"""Entry types: each feature declares its own, as a frozen dataclass with a versioned name."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from safeconduct.kernel.canonical import JSONValue, canonical
from safeconduct.kernel.entries import Draft, Entry, Retention
from safeconduct.kernel.errors import UnavailableError
from safeconduct.ledger.bodies import EncodedBody, encoded_event

T = TypeVar("T")


def encoded_size(record: object) -> int:
    """Returns how many bytes a record takes in an entry."""
    return len(canonical(msgspec.to_builtins(record)))


def in_parts(records: Iterable[T], bytes_max: int) -> Iterator[tuple[T, ...]]:
    """Yields the records in order, in parts that each take at most so many bytes; a larger record is a part alone.

    Entries are small, and what they carry need not be. Also no records are one part.
    """
    part: list[T] = []
    filled = 0
    for record in records:
        size = encoded_size(record) + 1  # and a comma
        if part and filled + size > bytes_max:
            yield tuple(part)
            part, filled = [], 0
        part.append(record)
        filled += size
    yield tuple(part)


@dataclass(frozen=True, slots=True)
class EventType(Generic[T]):
    """One versioned entry type: `area.subject.action/version` and the frozen dataclass of its body.

    The body's fields are public API: never reorder meaning, never reuse a name; a change is a new version.
    """

    name: str
    kind: type[T]
    retention: Retention = Retention.CONTROL
    _decoder: msgspec.json.Decoder[T] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_decoder", msgspec.json.Decoder(self.kind))

    def draft(
        self,
        event: T,
        *,
        sealed: Mapping[str, JSONValue] | None = None,
        subject: str = "installation",
        act: Mapping[str, JSONValue] | None = None,
    ) -> Draft:
        """Returns the draft that carries the event. `sealed` fields appear in the log only as commitments.

        Raises:
            InvalidInputError: it has no canonical form.
        """
        body = encoded_event(event)
        return Draft(self.name, body, sealed or {}, subject, self.retention, act)

    def read(self, entry: Entry) -> T:
        """Returns the event of an entry of this type.

        Raises:
            UnavailableError: the stored body does not fit the type: the log is damaged or from a newer release.
        """
        body = entry.body
        try:
            if isinstance(body, EncodedBody):
                event = body.event
                return event if isinstance(event, self.kind) else self._decoder.decode(body.encoded)
            return msgspec.convert(body, self.kind)
        except msgspec.ValidationError as error:
            raise UnavailableError(
                f"entry {entry.id} does not fit {self.name}: {error}", code="entry-unreadable"
            ) from error
