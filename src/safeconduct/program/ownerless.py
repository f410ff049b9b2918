"""Owners who are there no more: what is named after somebody who is gone, frozen or admitted no longer.

What they owned counts as unanswered: no clock waits for them. docs/spec/recertification.md section 3.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from safeconduct.access import records as kept
from safeconduct.access.acts import frozen_by_name
from safeconduct.access.admissions import ADMITTED, AdmissionState
from safeconduct.access.grant_events import GRANT_CASES
from safeconduct.access.grant_model import GrantState
from safeconduct.access.model.stops import RestrictionKind, Selector, SelectorKind
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records
from safeconduct.program.obligations.reading import duties
from safeconduct.program.recertifying.campaigns import items_of
from safeconduct.program.recertifying.model import CAMPAIGNS, SCHEDULES, ItemState
from safeconduct.program.vetting.model import CASES
from safeconduct.program.vetting.states import UNDECIDED

_ENDED = frozenset({AdmissionState.SUSPENDED, AdmissionState.EXPIRED, AdmissionState.DENIED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownerless:
    """Something that an owner sees to who can't: `what` it is, as `kind:name`, and why the owner can't."""

    what: str
    owner: str
    why: str


def ownerless(records: Records, now: Instant) -> list[Ownerless]:
    """Returns everything whose owner is there no more, by what it is."""
    owned = chain.from_iterable(source(records) for source in _OWNED)
    found = ((what, owner, gone(records, owner, now)) for what, owner in owned)
    return sorted(
        (Ownerless(what=what, owner=owner, why=why) for what, owner, why in found if why), key=lambda one: one.what
    )


def gone(records: Records, owner: str, now: Instant) -> str:
    """Returns why somebody can't see to what they own; empty where they can."""
    principal = records.get(kept.PRINCIPALS, owner)
    if principal is None:
        return "is not in the program"
    if frozen_by_name(records, principal) is not None:
        return "is frozen"
    by_name = Selector(SelectorKind.PRINCIPAL, owner)
    restrictions = (one for _, one in records.scan(kept.RESTRICTIONS) if one.selector == by_name)
    if any(one.kind is RestrictionKind.SUSPEND for one in restrictions):
        return "is suspended"  # as whom a directory does not know any more is, too
    for subject in (f"principal:{owner}", f"organization:{principal.organization}"):
        admission = records.get(kept.ADMISSIONS, subject)
        if admission is not None and (
            admission.state in _ENDED or (admission.state in ADMITTED and now >= admission.until)
        ):
            return f"is not admitted any more, as the vetting of {subject} says"
    return ""


def _obligations(records: Records) -> Iterator[tuple[str, str]]:
    return ((f"obligation:{one.obligation.id}", one.obligation.owner) for one in duties(records))


def _recertifications(records: Records) -> Iterator[tuple[str, str]]:
    for name, one in records.scan(SCHEDULES):
        if not one.over:
            yield f"recertification:{name}", one.rule.owner


def _items(records: Records) -> Iterator[tuple[str, str]]:
    for _, campaign in records.scan(CAMPAIGNS):
        if campaign.closed_at is None:
            for item in items_of(records, campaign.id):
                if item.state is ItemState.ASKED:
                    yield f"campaign:{campaign.id}/{item.subject}", item.reviewer


def _custodians(records: Records) -> Iterator[tuple[str, str]]:
    return ((f"model-asset:{key}", one.custodian) for key, one in records.scan(kept.MODEL_ASSETS))


def _sponsors(records: Records) -> Iterator[tuple[str, str]]:
    return ((f"principal:{key}", one.sponsor) for key, one in records.scan(kept.PRINCIPALS) if one.sponsor)


def _vetting(records: Records) -> Iterator[tuple[str, str]]:
    rules = records.get(kept.VETTING, kept.VETTING_KEY)
    if rules is not None:
        yield "vetting:overdue", rules.escalate_to
    for key, case in records.scan(CASES):
        if case.state in UNDECIDED:
            yield f"vetting-case:{key}", case.applicant.id


def _requests(records: Records) -> Iterator[tuple[str, str]]:
    return ((f"grant-request:{key}", one.by) for key, one in records.scan(GRANT_CASES) if one.state is GrantState.ASKED)


_OWNED: tuple[Callable[[Records], Iterator[tuple[str, str]]], ...] = (
    _obligations,
    _recertifications,
    _items,
    _custodians,
    _sponsors,
    _vetting,
    _requests,
)
"""What has an owner, and who it is. A feature that names owners adds its own here."""
