"""A model closes an incident: only what its path may, what the checker let it clear, and what nobody stopped."""

from collections.abc import Iterable

from safeconduct.access import records as kept
from safeconduct.access.model.paths import ModelClosing, SealedPath
from safeconduct.kernel.ids import CallId, EntryId, IncidentId, PrincipalId
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.soc.autonomy.levels import may
from safeconduct.soc.autonomy.looking import draw
from safeconduct.soc.autonomy.model import Autonomy
from safeconduct.soc.grounding import CheckedClaim
from safeconduct.soc.incidents.closing import CLOSED, Closed, Closings, IncidentClosed
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.owners import origin_of
from safeconduct.soc.predicates import Judgment, Verdict


def closing_rule(records: Records, path: SealedPath) -> ModelClosing | None:
    """Returns what a path's model may close now; None while it may close nothing."""
    return path.closing if path.closing and may(records, path.id, Autonomy.ACT) else None


def close_by_verdict(
    tx: Transaction,
    incident: IncidentId,
    claims: Iterable[CheckedClaim],
    *,
    path: str,
    call: CallId,
    by: PrincipalId,
) -> Closed | None:
    """Closes an incident by a model's verified verdict and draws for a second look; None where it closes nothing.

    Whatever changed since the model was asked counts: the level, the program, a stop, somebody's own closing.
    """
    sealed, record = tx.get(kept.PATHS, path), tx.get(INCIDENTS, incident)
    rule = closing_rule(tx, sealed) if sealed else None
    found = _verdict(claims)
    if rule is None or record is None or found is None or not record.stands or Closings(tx).of(incident):
        return None
    disposition, model = found
    if disposition not in rule.dispositions:
        return None
    event = IncidentClosed(
        incident=incident, disposition=disposition, by=by, owner=record.owner, path=path, model=model, call=call
    )
    entry = tx.append(origin_of(tx), CLOSED.draft(event, subject=incident))
    closed = Closed(closed=event, at=entry.at, entry=EntryId(entry.id))
    draw(tx, closed, rule)
    return closed


def _verdict(claims: Iterable[CheckedClaim]) -> tuple[Judgment, str] | None:
    for one in claims:
        predicate = one.claim.predicate
        if one.verified and isinstance(predicate, Verdict):
            return predicate.judgment, one.claim.author.name
    return None
