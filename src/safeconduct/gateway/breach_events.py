"""The entries of boundary breaches: that data left which the path does not let leave, and who was told."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from safeconduct.access.acts import record_act
from safeconduct.access.due import organization_owner
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EntryId, OrganizationId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.notices import Notice, NoticeLine, order_notice
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType

BREACH = "boundary-breach"
"""The kind of the notices, as a channel may name it."""


class Noticed(StrEnum):
    """How a breach was noticed."""

    QUOTED = "quoted"  # the model said an original that its request held as a token
    REPORTED = "reported"  # a person says so
    RECHECKED = "rechecked"  # a later rule finds in a past request what left


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who has what left: a model server that the call was sent to, as its path states it."""

    upstream: str
    vendor: str
    region: str
    retention: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachNoticed:
    """Data of `classes` left in a call, so many values of each; 0 where a person did not count.

    `to` has it. `in_request` says that the request as it was sent holds the values (True), or does not, so that an
    earlier call must have (False); None where nobody looked. `by` and `reason` are of a report or a recheck.
    Sealed: `values`.
    """

    call: str
    path: str
    principal: str
    organization: OrganizationId
    classes: Mapping[str, int]
    to: tuple[Recipient, ...]
    noticed: Noticed
    in_request: bool | None = None
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachTold:
    """An organization is told of a breach."""

    breach: EntryId
    organization: OrganizationId


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A breach on record. `told` are the organizations that a notice was ordered for."""

    id: EntryId
    at: Instant
    facts: BreachNoticed
    told: tuple[OrganizationId, ...] = ()


BREACH_NOTICED = EventType("gateway.breach.noticed/1", BreachNoticed, Retention.CALL)
BREACH_TOLD = EventType("gateway.breach.told/1", BreachTold)
BREACHES = Collection("boundary-breaches", Breach)  # at the entry that noticed it


def _noticed(state: State, entry: Entry) -> None:
    event = BREACH_NOTICED.read(entry)
    if event.noticed is Noticed.REPORTED:
        record_act(state, entry)
    state.insert(BREACHES, entry.id, Breach(id=entry.id, at=entry.at, facts=event))


def _told(state: State, entry: Entry) -> None:
    event = BREACH_TOLD.read(entry)
    known = state.get(BREACHES, event.breach)
    if known is None:
        raise UnavailableError(f"entry {entry.id} tells of breach {event.breach}: there is none", code="log-damaged")
    told = Breach(id=known.id, at=known.at, facts=known.facts, told=(*known.told, event.organization))
    state.put(BREACHES, known.id, told)
    classes = ", ".join(known.facts.classes)
    line = NoticeLine(
        kind=BREACH,
        name=known.id,
        at=known.at,
        owner=organization_owner(event.organization),
        text=f"data of class {classes} left in call {known.facts.call}",
        look=f"safeconduct data breaches {known.id}",
    )
    subject = f"a boundary breach on path {known.facts.path}: {classes}"
    order_notice(state, entry, Notice(kind=BREACH, to=event.organization, at=entry.at, subject=subject, lines=(line,)))


PROJECTIONS: Mapping[str, Projection] = {BREACH_NOTICED.name: _noticed, BREACH_TOLD.name: _told}
