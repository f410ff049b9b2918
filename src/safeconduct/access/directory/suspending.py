"""What follows from a directory for principals: who left is suspended, as state that follows the directory's own.

One restriction for each principal, under an id of its own, so that nothing that a person set is ever lifted by it.
Projections call this, and so does the program's: a principal who is entered after its directory let it go starts out
suspended.
"""

from collections.abc import Iterable
from functools import partial

from safeconduct.access import records as kept
from safeconduct.access.changes import end_tokens
from safeconduct.access.directory.model import (
    LINKS,
    DirectoryLink,
    directory_restriction,
    link_of,
    set_by_directory,
)
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.stops import Restriction, RestrictionKind, Selector, SelectorKind
from safeconduct.access.model.tokens import Token
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.ports import State


def settle(state: State, organization: str) -> None:
    """Suspends or frees those whom a directory's last word concerns: its own people, and for whom they answer."""
    people = {one.id: one for _, one in state.scan(kept.PRINCIPALS)}
    concerned = (one for one in people.values() if _concerns(organization, one, people))
    _settle(state, concerned, people)


def settle_all(state: State) -> None:
    """Does so for everybody, where a program may have changed who is whom."""
    if next(iter(state.scan(LINKS)), None) is None:
        return
    people = {one.id: one for _, one in state.scan(kept.PRINCIPALS)}
    for key, one in list(state.scan(kept.RESTRICTIONS)):
        if set_by_directory(one) and one.selector.name not in people:
            state.delete(kept.RESTRICTIONS, key)
    _settle(state, people.values(), people)


def _settle(state: State, principals: Iterable[Principal], people: dict[PrincipalId, Principal]) -> None:
    for one in principals:
        key = directory_restriction(one.id)
        left, stands = _left(state, one, people), state.get(kept.RESTRICTIONS, key) is not None
        if left is not None and not stands:
            state.insert(kept.RESTRICTIONS, key, _restriction(one, left))
            end_tokens(state, partial(_is_of, one.id))
        elif left is None and stands:
            state.delete(kept.RESTRICTIONS, key)


def _left(state: State, principal: Principal, people: dict[PrincipalId, Principal]) -> DirectoryLink | None:
    """Returns the word by which a principal, or who answers for it, is out; None where none says so."""
    sponsor = people.get(principal.sponsor) if principal.sponsor else None
    said = (link_of(state, one) for one in (principal, sponsor) if one is not None)
    return next((link for link in said if link is not None and not link.active), None)


def _concerns(organization: str, principal: Principal, people: dict[PrincipalId, Principal]) -> bool:
    sponsor = people.get(principal.sponsor) if principal.sponsor else None
    return organization in (principal.organization, sponsor.organization if sponsor else None)


def _is_of(principal: PrincipalId, token: Token) -> bool:
    return token.principal == principal


def _restriction(principal: Principal, link: DirectoryLink) -> Restriction:
    gone = "has it as inactive" if link.user else "does not know it any more"
    return Restriction(
        id=directory_restriction(principal.id),
        selector=Selector(SelectorKind.PRINCIPAL, principal.id),
        kind=RestrictionKind.SUSPEND,
        slow_ms=0,
        by=PrincipalId(f"directory:{link.organization}"),
        reason=f"the directory of {link.organization} {gone}",
        at=link.at,
    )
