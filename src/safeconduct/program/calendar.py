"""One calendar of everything that ends or is owed. Each feature tells its own; here they are joined and asked.

docs/spec/notices.md section 1.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from safeconduct.access import appeals, approvals_due, freezes, grants_due, scopes, tokens
from safeconduct.access import records as kept
from safeconduct.access.due import Due, Owner, organization_owner, principal_owner
from safeconduct.access.model.parties import Role
from safeconduct.kernel.ids import OrganizationId, PrincipalId
from safeconduct.kernel.instants import DAY, Instant
from safeconduct.kernel.ports import Records
from safeconduct.program import agreements
from safeconduct.program.obligations import reading as obligations
from safeconduct.program.recertifying import reading as recertifying
from safeconduct.program.vetting import reading as vetting

SOURCES: tuple[Callable[[Records, Instant], Iterable[Due]], ...] = (
    agreements.due,
    vetting.due,
    obligations.due,
    recertifying.due,
    grants_due.due,
    scopes.due,
    tokens.due,
    approvals_due.due,
    appeals.due,
    freezes.due,
)
"""What each feature has in the calendar. A feature whose things end adds its `due` here."""


def calendar(records: Records, now: Instant, *, within: int | None = None, owner: str = "") -> list[Due]:
    """Returns what is due, by its time: all of it, or what is due within so many days, overdue things among them.

    `owner` is one's whole text, or a name alone.
    """
    every = chain.from_iterable(source(records, now) for source in SOURCES)
    until = None if within is None else now + within * DAY
    found = (one for one in every if (until is None or one.at <= until) and _owned(one.owner, owner))
    return sorted(found, key=lambda one: (one.at, one.kind, one.name, one.owner))


def readable(records: Records, reader: PrincipalId) -> frozenset[Owner]:
    """Returns the owners whose dates a person may read: themselves and whom they sponsor, and their organization.

    An administrator reads those of their organization's people too.
    """
    person = records.get(kept.PRINCIPALS, reader)
    return frozenset(_readable(records, reader, person.organization, person.roles)) if person else frozenset()


def _readable(
    records: Records, reader: PrincipalId, organization: OrganizationId, roles: tuple[Role, ...]
) -> Iterator[Owner]:
    yield organization_owner(organization)
    for _, one in records.scan(kept.PRINCIPALS):
        colleague = one.organization == organization and Role.ADMINISTRATOR in roles
        if colleague or reader in (one.id, one.sponsor):
            yield principal_owner(one.id)


def _owned(owner: Owner, wanted: str) -> bool:
    return not wanted or wanted in (owner, owner.partition(":")[2])
