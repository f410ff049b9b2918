"""What a campaign asks about: the access that there is, who holds it, and who is asked."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from safeconduct.access import records as kept
from safeconduct.access.acts import ROLES, Capability
from safeconduct.access.agreement import Side
from safeconduct.access.model.grants import GrantOrigin
from safeconduct.access.model.parties import Principal, PrincipalKind, Role
from safeconduct.access.model.stops import Selector, SelectorKind
from safeconduct.access.recertifications import Access
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.ids import OrganizationId
from safeconduct.kernel.ports import Records
from safeconduct.program.duties import ACCESS_REVIEW
from safeconduct.program.recertifying.model import Campaign, Item, SubjectKind
from safeconduct.program.vetting.acting import answerable
from safeconduct.program.vetting.model import Person, person


@dataclass(frozen=True, slots=True)
class Found:
    """A piece of access as it stands: its name, what it is, and who holds it."""

    kind: SubjectKind
    name: str
    value: Any
    holder: str


def accountable(records: Records) -> OrganizationId:
    """Returns the party that answers for whether access is still needed. The agreement was checked to name one."""
    agreement = kept.require_agreement(records)
    (side,) = agreement.responsibilities[ACCESS_REVIEW].accountable
    return agreement.provider if side is Side.PROVIDER else agreement.partner


def items(records: Records, campaign: Campaign) -> Iterator[Item]:
    """Yields everything that a campaign asks about, each with who is asked: its owner, else the first who may."""
    able = tuple(reviewers(records, campaign.organization))
    first = sorted(able, key=lambda one: (one.id != campaign.owner, one.id))
    for found in (one for access in campaign.of for one in _SELECT[access](records)):
        holders = tuple(answerable(records, Selector(SelectorKind.PRINCIPAL, found.holder)))
        free = [one.id for one in first if not any(person(one).is_one_with(holder) for holder in holders)]
        yield Item(
            campaign=campaign.id,
            kind=found.kind,
            name=found.name,
            digest=digest(msgspec.to_builtins(found.value)),
            holders=holders,
            reviewer=free[0] if free else "",
        )


def reviewers(records: Records, organization: str) -> Iterator[Principal]:
    """Yields the people of an organization who may answer."""
    for _, one in records.scan(kept.PRINCIPALS):
        able = ROLES[Capability.RECERTIFY] & set(one.roles)
        if one.organization == organization and one.kind is PrincipalKind.PERSON and able:
            yield one


def present(records: Records, item: Item) -> Found | None:
    """Returns what an item is about as it stands now; None where it is gone."""
    match item.kind:
        case SubjectKind.GRANT:
            grant = kept.grant(records, item.name)
            return Found(item.kind, item.name, grant, grant.principal) if grant else None
        case SubjectKind.ROLE:
            name, _, role = item.name.partition("/")
            holder = records.get(kept.PRINCIPALS, name)
            return Found(item.kind, item.name, role, name) if holder and role in holder.roles else None
        case SubjectKind.AGREEMENT:
            agreement = records.get(kept.AGREEMENTS, item.name)
            return Found(item.kind, item.name, agreement, "") if agreement else None


def indispensable(records: Records, item: Item) -> bool:
    """Tells whether without it nobody could change the program: the last administrator's role."""
    administrators = [one.id for _, one in records.scan(kept.PRINCIPALS) if Role.ADMINISTRATOR in one.roles]
    return item.kind is SubjectKind.ROLE and [f"{one}/{Role.ADMINISTRATOR}" for one in administrators] == [item.name]


def holders_now(records: Records, item: Item) -> tuple[Person, ...]:
    """Returns who never judges an item: who held it or answered for them at the opening, and who does now."""
    found = present(records, item)
    now = answerable(records, Selector(SelectorKind.PRINCIPAL, found.holder)) if found else ()
    return (*item.holders, *now)


def _grants(records: Records) -> Iterator[Found]:
    return (Found(SubjectKind.GRANT, key, one, one.principal) for key, one in records.scan(kept.GRANTS))


def _issued(records: Records) -> Iterator[Found]:
    for key, one in records.scan(kept.ISSUED_GRANTS):
        if one.origin is not GrantOrigin.BREAK_GLASS:  # over within the hour, and reviewed by both
            yield Found(SubjectKind.GRANT, key, one, one.principal)


def _roles(records: Records) -> Iterator[Found]:
    for key, one in records.scan(kept.PRINCIPALS):
        yield from (Found(SubjectKind.ROLE, f"{key}/{role}", role.value, key) for role in one.roles)


def _agreements(records: Records) -> Iterator[Found]:
    agreement = kept.require_agreement(records)
    yield Found(SubjectKind.AGREEMENT, agreement.id, records.get(kept.AGREEMENTS, agreement.id), "")


_SELECT: Mapping[Access, Callable[[Records], Iterator[Found]]] = {
    Access.GRANTS: _grants,
    Access.ISSUED_GRANTS: _issued,
    Access.ROLES: _roles,
    Access.AGREEMENTS: _agreements,
}
