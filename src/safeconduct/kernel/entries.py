"""What goes into the log, as the features see it. ledger/ owns the envelope that carries it."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from safeconduct.kernel.canonical import JSONValue
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.instants import Instant


class Retention(StrEnum):
    """How long the sealed fields of an entry are kept. The entry itself and its commitments stay."""

    CALL = "call"  # prompts and answers
    EXPLOIT = "exploit"  # answers in which a working exploit was found
    OPERATIONS = "operations"  # incidents, claims, actions
    CONTROL = "control"  # access, approvals, policies


class Reader(StrEnum):
    """Who may open a sealed field: a role in the agreement, which says for each field which of them."""

    PROVIDER = "provider"
    PARTNER = "partner"
    CUSTOMER = "customer"
    AUDITOR = "auditor"


class Draft(NamedTuple):
    """An entry before it has an id and a place.

    `type` is `area.subject.action/version`; `body` is clear and in the leaf; each value in `sealed` enters the leaf
    only as a salted commitment and is stored encrypted under a data key of (origin, `subject`, `retention`) and of
    those who may read it.
    `act` is the signed act that caused the entry, where a person or an organization did.
    """

    type: str
    body: Mapping[str, JSONValue]
    sealed: Mapping[str, JSONValue] = MappingProxyType({})
    subject: str = "installation"
    retention: Retention = Retention.CONTROL
    act: Mapping[str, JSONValue] | None = None


class Entry(NamedTuple):
    """An entry of a log. Projections read this and nothing else, so that entries rebuild the state.

    `index` is its place in the log where that was read from the log. It is None for projections and listeners, also in
    a replay: many workers commit entries before a place is given to them.
    """

    id: EntryId
    origin: Origin
    at: Instant
    type: str
    body: Mapping[str, JSONValue]
    act: Mapping[str, JSONValue] | None = None
    index: int | None = None  # type: ignore[assignment]  # the place; nobody looks for a member of this tuple
