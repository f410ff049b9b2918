"""What stops a scheduled hunt: it is asked on behalf of who scheduled it, for as long as they might ask it."""

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, refuse_frozen, refuse_left, require
from safeconduct.access.marks import caller_marks, picker
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.stops import RestrictionKind
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ports import Records
from safeconduct.soc.hunts.scheduled_events import SCHEDULES, HuntDue
from safeconduct.soc.ingesting import owned_key
from safeconduct.soc.owners import owned

STOPPING = frozenset({RestrictionKind.HOLD, RestrictionKind.SUSPEND})
"""Restrictions under which nothing is asked on somebody's behalf: a run has nobody to approve it."""


def stopped_by(records: Records, due: HuntDue) -> str:
    """Returns the code of what stops a hunt from being asked on behalf of who scheduled it; empty if nothing does."""
    schedule = records.get(SCHEDULES, owned_key(due.owner, due.name))
    by = records.get(kept.PRINCIPALS, schedule.scheduled.by) if schedule else None
    if schedule is None or by is None:
        return "signer-unknown"
    try:
        refuse_left(records, by)
        refuse_frozen(records, by)
        require(by, Capability.INGEST)
        owned(records, by, due.owner or schedule.scheduled.told)
    except RefusedError as error:
        return error.code
    return _frozen(records, by)


def _frozen(records: Records, by: Principal) -> str:
    agreement = kept.require_agreement(records)
    organization = records.get(kept.ORGANIZATIONS, by.organization)
    marks = caller_marks(by, organization) | {"all", f"agreement:{agreement.id}"}
    if any(picker(one.selector).picks(marks) for _, one in records.scan(kept.FREEZES)):
        return "frozen"
    held = (one for _, one in records.scan(kept.RESTRICTIONS) if one.kind in STOPPING)
    return "restricted" if any(one.selector.mark in marks for one in held) else ""
