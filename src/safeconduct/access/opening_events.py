"""The entries of opening sealed fields, and what they leave in the records."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry, Reader
from safeconduct.kernel.ids import ApprovalId, EntryId
from safeconduct.kernel.ports import Collection, Projection, Records, State
from safeconduct.ledger.events import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldOpened:
    """A person sees a sealed field from here on. `reader` is the role they see it in.

    `by` is a principal, or `local`: whoever holds the data. `own_copy` where the value is opened from the reader's
    own copy and not given out here. `approval` is that of both parties, where the agreement asks for it.
    """

    entry: EntryId
    field: str
    reader: Reader
    by: str
    reason: str
    own_copy: bool = False
    approval: ApprovalId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningProposed:
    """A person asks both parties to let them open a sealed field. `content` is what the votes are on.

    `entry` is empty where it is about many fields at once; `field` then says which.
    """

    approval: ApprovalId
    content: str
    entry: EntryId
    field: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedOpening:
    """What is put to the vote, for who votes."""

    approval: ApprovalId
    entry: EntryId
    field: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The approval that was last asked for the same opening."""

    approval: ApprovalId


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The entry that says that somebody opened a field."""

    entry: EntryId


OPENED_FIELDS = Collection("opened-fields", Opened)  # at entry, field and person: the last time
OPENINGS = Collection("openings", ProposedOpening)  # at the approval's id
LATEST_OPENINGS = Collection("latest-openings", Latest)  # at the digest of what would be done

OPENED = EventType("access.field.opened/1", FieldOpened)
PROPOSED = EventType("access.opening.proposed/1", OpeningProposed)


def _opened(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = OPENED.read(entry)
    state.put(OPENED_FIELDS, f"{event.entry}/{event.field}/{event.by}", Opened(entry=entry.id))


def opened_by(records: Records, entry: EntryId, field: str, person: str) -> bool:
    """Tells whether a person has opened a sealed field."""
    return records.get(OPENED_FIELDS, f"{entry}/{field}/{person}") is not None


def _proposed(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = PROPOSED.read(entry)
    state.insert(
        OPENINGS,
        event.approval,
        ProposedOpening(
            approval=event.approval, entry=event.entry, field=event.field, by=event.by, reason=event.reason
        ),
    )
    state.put(LATEST_OPENINGS, event.content, Latest(approval=event.approval))


PROJECTIONS: Mapping[str, Projection] = {OPENED.name: _opened, PROPOSED.name: _proposed}
