"""What a reader keeps of a log besides its mirror, to open what it may without asking anybody. Pure.

The reader - provider, customer, auditor - holds the sealed blobs of its fields, each checked against the digest in a
leaf that its mirror proves, and the data keys that were wrapped for it. docs/spec/sealing.md 4.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.envelope import SealedField, decode_leaf
from safeconduct.ledger.ports import LogSource
from safeconduct.ledger.sealing import WrappedKey

RECORDS_MAX = 1000  # wrapped keys in one answer: about 300 bytes each


@dataclass(frozen=True, slots=True)
class Readable:
    """A sealed field that a reader may open: its entry, its name, and what the leaf says of it."""

    entry_id: str
    name: str
    said: SealedField


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an update brought. `missing` are fields of this reader whose key is held and whose blob nobody gave."""

    keys: int
    blobs: int
    missing: tuple[tuple[str, str], ...]


class Served(Protocol):
    """What the keeper of the log gives one reader."""

    def wrapped(self, after: int) -> Sequence[WrappedKey]:
        """Returns the next data keys that were wrapped for this reader, by number; none if there are no more.

        Raises:
            UnavailableError: the keeper does not answer, or answers something else.
        """
        ...

    def blob(self, entry_id: str, name: str) -> bytes | None:
        """Returns the stored blob of a field, or None if the keeper does not have it.

        Raises:
            UnavailableError: the keeper does not answer.
        """
        ...


def readable(source: LogSource, origin: Origin, reader: Reader) -> Iterator[Readable]:
    """Yields every field of a log that the reader may open, in the order of the entries.

    Raises:
        UnavailableError: an entry can't be read.
    """
    for stored in source.entries(origin):
        for name, said in decode_leaf(stored.leaf).sealed.items():
            if reader in said.readers:
                yield Readable(stored.id, name, said)


def check_blob(field: Readable, blob: bytes) -> None:
    """Returns if these bytes are the field's blob.

    Raises:
        UnavailableError: they have another digest than the leaf says.
    """
    if hashlib.sha256(blob).hexdigest() != field.said.blob:
        raise UnavailableError(
            f"what came as the sealed {field.name} of entry {field.entry_id} is not what its entry says",
            code="payload-damaged",
        )


def encode_records(records: Sequence[WrappedKey]) -> bytes:
    """Returns wrapped keys as JSON: an array of objects, their bytes in base64."""
    return msgspec.json.encode(records)


def decode_records(body: bytes) -> list[WrappedKey]:
    """Reads wrapped keys.

    Raises:
        UnavailableError: these are none, or more than RECORDS_MAX.
    """
    try:
        records = msgspec.json.decode(body, type=list[WrappedKey])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UnavailableError(f"expected wrapped data keys: {error}", code="records-unreadable") from error
    if len(records) > RECORDS_MAX:
        raise UnavailableError(
            f"expected at most {RECORDS_MAX} wrapped data keys, got {len(records)}", code="records-unreadable"
        )
    return records
