"""Second looks: which closings of models are drawn, what people find, and what that says of each path.

The draw is a function of the entry that closed and of nothing else: the entry's id is made in the transaction that
records the closing, from the server's entropy, so that neither the model nor who asks it foresees it; whoever holds the
log computes it again. Who can forge the server's entropy can forge the draw.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.model.paths import ModelClosing
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.ids import EntryId, IncidentId, PathId
from safeconduct.kernel.instants import DAY, Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc import reasons
from safeconduct.soc.autonomy.evidence import Share
from safeconduct.soc.autonomy.look_events import (
    LOOK_DONE,
    LOOK_DUE,
    LOOK_OVERDUE,
    LOOKS,
    Look,
    LookDone,
    LookDue,
    LookOutcome,
    LookOverdue,
)
from safeconduct.soc.incidents.closing import CLOSINGS, REOPENED, Closed, Closings, IncidentReopened, Why, closing_key
from safeconduct.soc.incidents.closing_service import Finding
from safeconduct.soc.incidents.reading import incident_for
from safeconduct.soc.owners import origin_of

_DRAW = b"safeconduct.second-look/1\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookRate:
    """What second looks say of a path, of all its closings: how many were drawn, are overdue, were confirmed.

    `reopened` are those that a person opened again without one, or after it.
    """

    path: PathId
    closed: int
    reopened: int
    drawn: int
    overdue: int
    confirmed: Share


def drawn(closing: EntryId, percent: int) -> bool:
    """Tells whether the closing of an entry is looked at again, where so many of a hundred are."""
    return int.from_bytes(sha256(_DRAW + closing.encode()).digest()[:8]) * 100 < percent << 64


def draw(tx: Transaction, closed: Closed, rule: ModelClosing) -> LookDue | None:
    """Records that a second look is due, if the closing was drawn, and returns it."""
    if not drawn(EntryId(closed.entry), rule.look_percent):
        return None
    said = closed.closed
    due = LookDue(
        incident=said.incident,
        closing=EntryId(closed.entry),
        path=PathId(said.path),
        percent=rule.look_percent,
        due_at=Instant(tx.now + rule.look_days * DAY),
    )
    tx.append(origin_of(tx), LOOK_DUE.draft(due, subject=said.incident))
    return due


def owed(records: Records, owners: frozenset[str]) -> list[Look]:
    """Returns the second looks that these owners' people owe, the oldest first."""
    waiting = (look for look, closed in _looks(records, owners) if look.done is None and closed.stands)
    return sorted(waiting, key=lambda look: (look.due.due_at, look.due.closing))


def look(tx: Transaction, signed: SignedAct, finding: Finding, *, operation: str, content: str) -> LookDone:
    """Records what a person finds an incident to be that a model closed, and opens it again where that differs.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not triage, or is not of the incident's owner.
        AbsentError: `incident-unknown`. ConflictError: `look-not-due`: nothing was drawn, or somebody looked.
        InvalidInputError: `closing-invalid`: no reason, or one too long.
    """
    reasons.check(finding.reason, code="closing-invalid", remedy="safeconduct review look --help")
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.TRIAGE)
    record = incident_for(tx, signer, finding.incident)
    closed, due = _due(tx, record.id)
    right = finding.disposition is closed.closed.disposition
    done = LookDone(
        incident=record.id,
        closing=due.closing,
        outcome=LookOutcome.CONFIRMED if right else LookOutcome.OVERTURNED,
        disposition=finding.disposition,
        by=signer.id,
    )
    draft = LOOK_DONE.draft(done, sealed={"reason": finding.reason}, subject=record.id, act=signed.envelope())
    tx.append(origin_of(tx), draft)
    if not right:
        reopened = IncidentReopened(incident=record.id, closing=done.closing, why=Why.SECOND_LOOK, by=signer.id)
        tx.append(origin_of(tx), REOPENED.draft(reopened, subject=record.id))
    return done


def _due(records: Records, incident: IncidentId) -> tuple[Closed, LookDue]:
    closed = Closings(records).of(incident)
    known = records.get(LOOKS, closed.entry) if closed else None
    if closed is None or known is None or known.done is not None:
        raise ConflictError(
            f"no second look at incident {incident} is due", code="look-not-due", remedy="safeconduct review looks"
        )
    return closed, known.due


def pass_due(tx: Transaction, closing: EntryId) -> None:
    """Records that nobody looked in time."""
    known = tx.get(LOOKS, closing)
    if known is not None and known.done is None and not known.overdue:
        event = LookOverdue(incident=known.due.incident, closing=closing, path=known.due.path)
        tx.append(origin_of(tx), LOOK_OVERDUE.draft(event, subject=known.due.incident))


def rates(records: Records, owners: frozenset[str]) -> list[LookRate]:
    """Returns what second looks say of each path that closed something of these owners, all looks counted."""
    closings = [one for one in Closings(records) if one.by_model and one.closed.owner in owners]
    looks = [one for one, _ in _looks(records, owners)]
    return [_rate(PathId(path), closings, looks) for path in sorted({one.closed.path for one in closings})]


def _rate(path: PathId, closings: list[Closed], looks: list[Look]) -> LookRate:
    closed = [one for one in closings if one.closed.path == path]
    due = [one for one in looks if one.due.path == path]
    done = [one.done for one in due if one.done is not None]
    confirmed = sum(one.outcome is LookOutcome.CONFIRMED for one in done)
    return LookRate(
        path=path,
        closed=len(closed),
        reopened=sum(not one.stands for one in closed),
        drawn=len(due),
        overdue=sum(one.overdue and one.done is None for one in due),
        confirmed=Share(found=confirmed, of=len(done)),
    )


def _looks(records: Records, owners: frozenset[str]) -> Iterator[tuple[Look, Closed]]:
    for _, one in records.scan(LOOKS):
        closed = records.get(CLOSINGS, closing_key(one.due.incident, one.due.closing))
        if closed is not None and closed.closed.owner in owners:
            yield one, closed
