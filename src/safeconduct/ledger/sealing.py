"""Who may open a sealed field, and the data keys that follow from it. docs/spec/sealing.md."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from safeconduct.kernel.entries import Draft, Reader, Retention
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.kernel.ports import Entropy, Records

DATA_KEY_BYTES = 32
KEY_ID_BYTES = 16
DAY_LENGTH = len("2026-11-21")

HOUSE = Reader.PARTNER
"""The role of whoever runs the installation."""


class DataKeyName(msgspec.Struct, frozen=True, kw_only=True):
    """Which key seals: destroying it destroys what one subject's entries of one class and day hold for these readers.

    `day` is the UTC day as YYYY-MM-DD where the retention class is limited in days, else empty.
    """

    origin: Origin
    subject: str
    retention: Retention
    readers: frozenset[Reader] = frozenset({HOUSE})
    day: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readership:
    """Who may read a field, and for how many days each retention class is kept.

    `house` tells whether this installation is among them; `wrap_for` has the public key (`x25519:`) of each other
    reader that has one. `days` does not name a class without a limit.
    """

    readers: frozenset[Reader]
    house: bool
    wrap_for: Mapping[Reader, str] = field(default_factory=dict)
    days: Mapping[Retention, int] = field(default_factory=dict)

    def key_name(self, origin: Origin, draft: Draft, at: Instant) -> DataKeyName:
        """Returns the name of the key that seals such a field of a draft."""
        day = _day(at) if draft.retention in self.days else ""
        return DataKeyName(
            origin=origin, subject=draft.subject, retention=draft.retention, readers=self.readers, day=day
        )

    @property
    def recipients(self) -> str:
        """Who can open a key made for this readership, as text: another text asks for another key."""
        others = [f"{reader} {key}" for reader, key in sorted(self.wrap_for.items())]
        return "\n".join(["house"] * self.house + others)


HOUSE_ONLY = Readership(readers=frozenset({HOUSE}), house=True)
"""Who reads a field that no agreement speaks of: a missing label is the most confidential."""

Matrix = Callable[[Records, Origin, str, str], Readership]
"""Tells who may read a field: control state, the log's origin, the entry's type, the field's name."""


def house_only(records: Records, origin: Origin, entry_type: str, name: str) -> Readership:  # noqa: ARG001 - a Matrix
    """The matrix of an installation without agreements: nobody else reads anything."""
    return HOUSE_ONLY


@dataclass(frozen=True, slots=True)
class DataKey:
    """A data key while it seals: its id (16 bytes in hex), its 32 bytes, and who may read what it seals."""

    id: str
    key: bytes
    readers: frozenset[Reader]
    cipher: AESGCM = field(init=False, compare=False)  # every sealed field passes here: what stays the same is kept
    said_readers: bytes = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cipher", AESGCM(self.key))
        object.__setattr__(self, "said_readers", msgspec.json.encode(sorted(self.readers)))

    def __repr__(self) -> str:
        return f"DataKey(id={self.id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A data key as another reader gets it: only the secret of its public key opens `wrapped` (wrapping.py).

    `number` grows from record to record; a reader asks for those after the last that it has.
    """

    number: int
    id: str
    origin: Origin
    reader: Reader
    retention: Retention
    day: str
    wrapped: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySelector:
    """Which data keys of a log: all that fit every part that is given. `before` is a day, which is not included.

    A key without a day has none before it.
    """

    origin: Origin
    subject: str | None = None
    retention: Retention | None = None
    before: str | None = None


def fits(name: DataKeyName, selector: KeySelector) -> bool:
    """Tells whether a key of this name is selected."""
    return (
        name.origin == selector.origin
        and selector.subject in (None, name.subject)
        and selector.retention in (None, name.retention)
        and (selector.before is None or "" < name.day < selector.before)
    )


def new_key(name: DataKeyName, readership: Readership, entropy: Entropy) -> DataKey:
    """Returns a fresh data key.

    Raises:
        InvalidInputError: nobody could open what it seals, which would be destroyed as it is written.
    """
    if not readership.house and not readership.wrap_for:
        readers = ", ".join(sorted(readership.readers)) or "nobody"
        raise InvalidInputError(
            f"a field for {readers} can't be sealed: none of them has a public key",
            code="reader-without-key",
            remedy="enter the reader's x25519 key into the agreement",
        )
    return DataKey(entropy(KEY_ID_BYTES).hex(), entropy(DATA_KEY_BYTES), name.readers)


@lru_cache(maxsize=16)  # the entries of a batch share their instant
def _day(at: Instant) -> str:
    return rfc3339(at)[:DAY_LENGTH]


def house_bound(key_id: str) -> bytes:
    """Returns what a data key is bound to when it is wrapped for the house."""
    return f"safeconduct/data-key/v1\n{key_id}".encode()


def record_bound(key_id: str, reader: str) -> bytes:
    """Returns what a key wrapped for another reader is bound to when it is wrapped once more to lie at the house."""
    return f"safeconduct/reader-key/v1\n{key_id}\n{reader}".encode()
