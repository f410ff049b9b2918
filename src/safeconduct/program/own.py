"""What a principal is told of itself: how far it reaches and what lowers that, its grants, and what it is waiting for.

docs/spec/notices.md section 5. Nothing in it is of others, but that a freeze or restriction of several holds for it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from safeconduct.access.appeal_events import APPEALS
from safeconduct.access.catalogue import SealedModel
from safeconduct.access.due import Due, principal_owner
from safeconduct.access.freezes import pending
from safeconduct.access.grant_model import GrantState
from safeconduct.access.grant_requests import cases
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.model.grants import Grant
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.paths import SealedPath
from safeconduct.access.model.stops import Restriction
from safeconduct.access.sign_in import check_reach
from safeconduct.access.standing import Standing
from safeconduct.approvals import State
from safeconduct.approvals.events import APPROVALS
from safeconduct.kernel.decisions import Reason
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records
from safeconduct.program.calendar import calendar
from safeconduct.program.vetting.model import CASES
from safeconduct.program.vetting.states import State as CaseState

OVER = frozenset((CaseState.READY, CaseState.WITHDRAWN, CaseState.SUPERSEDED))
"""Cases of vetting that wait for nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """One bound on the tier of models: `of` names what it is of. `lowers` says that it is below the principal's own."""

    of: str
    tier: int
    lowers: bool
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usable:
    """Whether a model may be used now under a grant; `against` is all that stands against it, none where it may."""

    model: str
    tier: int
    against: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnGrant:
    """A grant of one's own: how high it reaches, what restricts it, and what may be used under it.

    A freeze that stops a model stands among what is against that.
    """

    grant: Grant
    tier: int
    models: tuple[Usable, ...]
    restrictions: tuple[Restriction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that a principal asked for and has no answer to, or is asked for."""

    kind: str
    id: str
    state: str
    until: Instant | None = None


def ceilings(standing: Standing, principal: Principal, signed_in: int | None) -> Iterator[Ceiling]:
    """Yields what bounds the tier of a principal's models; `signed_in` is what its sign-in counts for, None with a key.

    A grant above the principal's own tier reaches higher, up to its organization's; `OwnGrant.tier` says so.
    """
    yield Ceiling(of="principal", tier=principal.tier, lowers=False)
    organization = standing.organizations.get(principal.organization)
    if organization is not None:
        yield _bound(principal, "organization", organization.tier, "the program says so: safeconduct program plan")
    for agreement in standing.agreements.values():
        yield _bound(principal, f"agreement:{agreement.id}", agreement.tier_ceiling, "both parties sign another")
    lowered = standing.lowering(principal)
    if lowered is not None:
        yield _bound(principal, lowered.clause, lowered.tier, f"safeconduct obligation show {lowered.obligation}")
    if signed_in is not None:
        yield _bound(principal, "sign-in", signed_in, "sign in again: safeconduct login --oidc NAME --acr CONTEXT")


def _bound(principal: Principal, of: str, tier: int, remedy: str) -> Ceiling:
    lowers = tier < principal.tier
    return Ceiling(of=of, tier=tier, lowers=lowers, remedy=remedy if lowers else "")


def own_grants(standing: Standing, principal: Principal, now: Instant, signed_in: int | None) -> Iterator[OwnGrant]:
    """Yields the principal's grants, and what calls under each would come to now."""
    for (holder, path_id), grants in sorted(standing.grants.items()):
        path = standing.path(path_id)
        if holder == principal.id and path is not None:
            for grant in grants:
                yield OwnGrant(
                    grant=grant,
                    tier=standing.reach(principal, grant),
                    models=tuple(_models(standing, principal, path, grant, now=now, signed_in=signed_in)),
                    restrictions=standing.restricted(principal, path, grant),
                )


def _models(
    standing: Standing, principal: Principal, path: SealedPath, grant: Grant, *, now: Instant, signed_in: int | None
) -> Iterator[Usable]:
    # Of a pre-release model, who can't use it does not learn.
    for model in standing.compiled[path.id].there_for(standing.reach_on(principal, path.id)):
        request = CallRequest(
            principal=principal.id, path=path.id, purpose=grant.purpose, model=model.name, now=now, grant=grant.id
        )
        decision, _ = standing.authorize(request)
        against = () if decision.allowed else decision.reasons
        yield Usable(model=model.name, tier=model.tier, against=(*against, *_too_weak(signed_in, model)))


def _too_weak(signed_in: int | None, model: SealedModel) -> Iterator[Reason]:
    try:
        check_reach(signed_in, model.tier, model.name)
    except RefusedError as error:
        yield Reason(error.code, error.clause, error.message, error.remedy)


def due_of(records: Records, principal: Principal, now: Instant) -> list[Due]:
    """Returns what is due of a principal itself, by its time."""
    return calendar(records, now, owner=principal_owner(principal.id))


def waiting_for(records: Records, principal: Principal) -> Iterator[Waiting]:
    """Yields what a principal asked for and has no answer to: grants, vetting, appeals, and what is to be cosigned."""
    for case in cases(records):
        open_ = case.state in (GrantState.ASKED, GrantState.WAITING)
        if open_ and principal.id in (case.by, case.draft.principal):
            yield Waiting(kind="grant", id=case.id, state=case.state, until=case.decide_by)
    for _, vetting in records.scan(CASES):
        if vetting.applicant.id == principal.id and vetting.state not in OVER:
            yield Waiting(kind="vetting", id=vetting.id, state=vetting.state, until=vetting.due_at)
    for _, appeal in records.scan(APPEALS):
        if appeal.by == principal.id and appeal.decision is None:
            yield Waiting(kind="appeal", id=appeal.call, state="lodged", until=appeal.due_at)
    yield from (_pending(one.request, one.kind) for one in pending(records) if one.by == principal.id)


def _pending(request: str, kind: str) -> Waiting:
    return Waiting(kind=kind, id=request, state="waits for the partner's cosignature")


def asked_of(records: Records, principal: Principal, now: Instant) -> Iterator[Waiting]:
    """Yields what waits for a vote that this person may have: a group of theirs, no hand in it, and not voted yet."""
    for _, approval in records.scan(APPROVALS):
        proposal = approval.proposal
        apart = principal.id not in (proposal.proposer, *proposal.recused, *(one.voter for one in approval.votes))
        seats = _seats(principal, ((group.organization, group.role) for group in proposal.groups))
        if approval.state is State.PROPOSED and now < proposal.expires_at and apart and seats:
            yield Waiting(kind=proposal.kind, id=approval.id, state=approval.state, until=proposal.expires_at)


def _seats(principal: Principal, groups: Iterable[tuple[str, str]]) -> bool:
    return any(organization == principal.organization and role in principal.roles for organization, role in groups)
