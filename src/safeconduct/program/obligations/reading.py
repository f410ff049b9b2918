"""What people are told of obligations: what is owed by whom and when, what waits, what was met, what is lowered."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from safeconduct.access import records as kept
from safeconduct.access.due import Due, organization_owner, principal_owner
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.program.obligations.meeting import find_duty
from safeconduct.program.obligations.model import DUTIES, MEETINGS, Action, Duty, DutyState, Meeting, moments


def duties(records: Records) -> Iterator[Duty]:
    """Yields what the program in force says is owed, by name."""
    return (duty for _, duty in records.scan(DUTIES) if duty.state is not DutyState.OVER)


def due(records: Records, _now: Instant) -> Iterator[Due]:
    """Yields when each duty has to be met again and what follows if it is not, and evidence that waits to be judged."""
    for duty in duties(records):
        owed = Due(
            kind="obligation",
            name=duty.obligation.id,
            at=duty.due_at,
            owner=principal_owner(duty.obligation.owner),
            consequence=_consequence(duty),
            since=duty.counts_from,
            look=f"safeconduct obligation show {duty.obligation.id}",
        )
        yield owed
        agreement = kept.agreement_in_force(records)
        if duty.state is DutyState.HANDED_IN and agreement is not None:
            other = ({agreement.provider, agreement.partner} - {duty.obligation.organization}).pop()
            yield replace(owed, kind="obligation-evidence", owner=organization_owner(other), asked=True)


def _consequence(duty: Duty) -> str:
    left = [one for one in moments(duty.obligation, duty.due_at)[duty.passed :] if one.action is Action.LOWER]
    if not left:
        return f"{duty.obligation.organization} is lowered to tier {duty.tier}"
    return f"{duty.obligation.organization} is lowered to tier {left[0].tier} at {rfc3339(left[0].at)}"


def shown(records: Records, name: str) -> dict[str, Any]:
    """Returns a duty with all that met it, oldest first.

    Raises:
        AbsentError: `obligation-unknown`.
    """
    met = sorted((one for _, one in records.scan(MEETINGS, f"{name}/")), key=lambda one: one.at)
    return duty_document(find_duty(records, name)) | {"met": [_meeting(one) for one in met]}


def duty_document(duty: Duty) -> dict[str, Any]:
    """Returns a duty for people and machines."""
    handed, following = duty.evidence, duty.next
    return asdict(duty.obligation) | {
        "state": duty.state,
        "due_at": rfc3339(duty.due_at),
        "counts_from": rfc3339(duty.counts_from),
        "tier": duty.tier,
        "next": None if following is None else asdict(following) | {"at": rfc3339(following.at)},
        "evidence": None if handed is None else asdict(handed) | {"at": rfc3339(handed.at)},
        "reason": duty.reason,
    }


def _meeting(one: Meeting) -> dict[str, Any]:
    return asdict(one) | {"at": rfc3339(one.at), "evidence": asdict(one.evidence) | {"at": rfc3339(one.evidence.at)}}
