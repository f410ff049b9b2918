"""The compiled standing: everything a call is judged by, as one immutable value that look-ups answer from.

It is rebuilt from the records whenever their epoch moved, and swapped whole.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from safeconduct.access import authorization as cedar
from safeconduct.access import records as kept
from safeconduct.access.admissions import PROBE, Admissions
from safeconduct.access.budgets import StatedBudget
from safeconduct.access.compiled import CompiledPath, compile_path
from safeconduct.access.floor import Case, floor
from safeconduct.access.model import (
    Agreement,
    CallFacts,
    CallRequest,
    Freeze,
    Grant,
    Principal,
    ProgramRecord,
    Restriction,
    RestrictionKind,
    SealedPath,
    Selector,
    SelectorKind,
    Token,
)
from safeconduct.access.secrets import secret_hash
from safeconduct.kernel.decisions import Decision, Effect, Reason
from safeconduct.kernel.errors import AbsentError, UnauthenticatedError
from safeconduct.kernel.ids import GrantId, OrganizationId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records
from safeconduct.policy import Entities, PolicyRequest, PolicySet, decide

Decide = Callable[[PolicySet, PolicyRequest, Entities], Decision]
"""`policy.decide`, or a memo of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Who may do what, at one epoch."""

    epoch: int
    program: ProgramRecord | None
    issued: int  # `records.issued_epoch`
    policies: PolicySet
    entities: Entities
    tokens: Mapping[str, Token] = field(repr=False)  # by hash
    principals: Mapping[PrincipalId, Principal] = field(repr=False)
    ceilings: Mapping[OrganizationId, int] = field(repr=False)  # the tier of each organization
    paths: Mapping[PathId, SealedPath] = field(repr=False)
    compiled: Mapping[PathId, CompiledPath] = field(repr=False)  # each of `paths`
    agreements: Mapping[str, Agreement] = field(repr=False)
    grants: Mapping[tuple[PrincipalId, PathId], tuple[Grant, ...]] = field(repr=False)
    freezes: Mapping[Selector, Freeze] = field(repr=False)
    budgets: Mapping[str, StatedBudget] = field(repr=False)  # by owner
    approved: frozenset[str] = frozenset()  # keys of `ModelUse`
    restrictions: Mapping[Selector, tuple[Restriction, ...]] = field(default_factory=dict, repr=False)
    admissions: Admissions = field(default_factory=Admissions, repr=False)

    def identify(self, token: str, now: Instant) -> Principal:
        """Returns whose token this is (step 1).

        Raises:
            UnauthenticatedError: `token-unknown` (never issued, revoked, or its principal is gone), `token-expired`.
        """
        found = self.tokens.get(secret_hash(token))
        principal = self.principals.get(found.principal) if found else None
        if found is None or principal is None:
            raise UnauthenticatedError(
                "the token is not known here, or was revoked",
                code="token-unknown",
                remedy="get one: safeconduct token prints yours",
            )
        if now >= found.expires_at:
            raise UnauthenticatedError(
                f"token {found.id} has expired",
                code="token-expired",
                remedy="get a new one: safeconduct token prints yours",
            )
        return principal

    def path(self, path_id: PathId) -> SealedPath | None:
        """Returns the path's version in force, to whoever asks. Callers want `resolve`."""
        return self.paths.get(path_id)

    def resolve(self, principal: PrincipalId, path_id: PathId) -> SealedPath:
        """Returns a path to a principal with a grant on it (step 2).

        Raises:
            AbsentError: `path-unknown`, the same for a path that is not there and for one that is not this caller's.
        """
        path = self.paths.get(path_id)
        if path is None or (principal, path_id) not in self.grants:
            raise AbsentError(f"no path {path_id!r} is open to you", code="path-unknown")
        return path

    def authorize(self, request: CallRequest, decide: Decide = decide) -> tuple[Decision, Grant | None]:
        """Decides a call, once, on facts (step 6), and returns the grant it falls under.

        Allowed only if the floor finds nothing against it and the policies permit it: each can only refuse more.
        """
        path = self.paths.get(request.path)
        principal = self.principals.get(request.principal)
        held = self.grants.get((request.principal, request.path), ())
        if path is None or principal is None or not held:
            text = f"no path {request.path!r} is open to {request.principal}"
            return Decision(Effect.DENY, (Reason("path-unknown", "path", text),)), None
        probe = self.admissions.required and request.purpose == PROBE
        if probe:  # what a call would meet is what a probe has to meet
            request = replace(request, purpose=path.purpose)
        case = self._case(request, path, held, probe=probe)
        found = floor(case)
        policy = decide(self.policies, self._policy_request(case), self.entities)
        if found or not policy.allowed:
            reasons = (*found, *policy.reasons)
            return Decision(Effect.DENY, reasons, policy.determining, policy.errors), case.grant
        return policy, case.grant

    def reach(self, principal: Principal, grant: Grant) -> int:
        """Returns the highest tier of models that a principal may use under a grant of its."""
        return grant.reach(principal, self.ceilings.get(principal.organization, 0))

    def reach_on(self, principal: Principal, path_id: PathId) -> int:
        """Returns the highest tier of models that a principal may use on a path, under any grant."""
        held = self.grants.get((principal.id, path_id), ())
        return max((self.reach(principal, grant) for grant in held), default=0)

    def sponsor(self, principal: Principal) -> Principal | None:
        """Returns who answers for a principal, if anybody does."""
        return self.principals.get(principal.sponsor) if principal.sponsor else None

    def approves(self, approval: str) -> bool:
        """Tells whether an approval stands, or none is needed. The key is that of `CompiledPath.approval`."""
        return not approval or approval in self.approved

    def frozen(self, principal: Principal, path: SealedPath, grant: Grant | None = None) -> Freeze | None:
        """Returns a freeze that stops this principal on this path (under this grant), the widest first."""
        if not self.freezes:
            return None
        selectors = [
            Selector(SelectorKind.ALL),
            Selector(SelectorKind.AGREEMENT, path.agreement),
            Selector(SelectorKind.ORGANIZATION, principal.organization),
            Selector(SelectorKind.PATH, path.id),
            Selector(SelectorKind.PRINCIPAL, principal.id),
        ]
        if grant is not None:
            selectors.append(Selector(SelectorKind.GRANT, grant.id))
        return next((self.freezes[selector] for selector in selectors if selector in self.freezes), None)

    def restricted(self, principal: Principal, path: SealedPath, grant: Grant) -> tuple[Restriction, ...]:
        """Returns the restrictions that hold for a call under a grant. All of them do."""
        if not self.restrictions:
            return ()
        selectors = (
            Selector(SelectorKind.ORGANIZATION, principal.organization),
            Selector(SelectorKind.PATH, path.id),
            Selector(SelectorKind.PRINCIPAL, principal.id),
            Selector(SelectorKind.GRANT, grant.id),
        )
        return tuple(one for selector in selectors for one in self.restrictions.get(selector, ()))

    def budgets_of(self, principal: Principal, path: SealedPath, grant: Grant) -> tuple[StatedBudget, ...]:
        """Returns the budgets that a call counts against. All of them must hold."""
        if not self.budgets:
            return ()
        owners = (f"grant:{grant.id}", f"path:{path.id}", f"organization:{principal.organization}")
        return tuple(self.budgets[owner] for owner in owners if owner in self.budgets)

    def _case(self, request: CallRequest, path: SealedPath, held: tuple[Grant, ...], *, probe: bool) -> Case:
        grant, matching = _choose(request, held)
        compiled, principal = self.compiled[path.id], self.principals[request.principal]
        tier = self.reach(principal, grant)
        model = compiled.model(request.model, tier)
        return Case(
            request=request,
            principal=principal,
            tier=tier,
            compiled=compiled,
            model=model,
            approved=model is None or self.approves(compiled.approval(model)),
            agreement=self.agreements[path.agreement],
            held=held,
            grant=grant,
            matching=matching,
            unvetted=self.admissions.against(
                principal,
                self.sponsor(principal),
                path,
                request.now,
                tier=model.tier if model else 0,
                probe=probe,
            ),
            freeze=self.frozen(principal, path, grant),
            suspended=_suspension(self.restricted(principal, path, grant)),
            outside=frozenset(target for target in request.targets if not compiled.targets.covers(target)),
        )

    def _policy_request(self, case: Case) -> PolicyRequest:
        return cedar.policy_request(
            case.request,
            case.grant,
            model=case.model.name if case.model else case.request.model,
            agreement_valid=case.agreement.valid.holds(case.request.now),
            frozen=case.freeze is not None,
            outside=case.outside,
        )


def _suspension(restrictions: Iterable[Restriction]) -> Restriction | None:
    return next((one for one in restrictions if one.kind is RestrictionKind.SUSPEND), None)


def _by_selector(restrictions: Iterable[Restriction]) -> dict[Selector, tuple[Restriction, ...]]:
    found: dict[Selector, tuple[Restriction, ...]] = defaultdict(tuple)
    for one in restrictions:
        found[one.selector] += (one,)
    return dict(found)


def cuts(selector: Selector, call: CallFacts) -> bool:
    """Tells whether a selector selects a call."""
    match selector.kind:
        case SelectorKind.ALL:
            return True
        case SelectorKind.PRINCIPAL:
            return selector.name == call.principal
        case SelectorKind.PATH:
            return selector.name == call.path
        case SelectorKind.ORGANIZATION:
            return selector.name == call.organization
        case SelectorKind.GRANT:
            return selector.name == call.grant
        case SelectorKind.AGREEMENT:
            return selector.name == call.agreement


def compile_standing(records: Records, previous: Standing | None = None) -> Standing:
    """Compiles the standing from the records. Without policies in force it permits nothing.

    What comes from the program is taken from `previous` where the same request brought it: a freeze must not wait for
    thousands of entities to be parsed again.
    """
    program = kept.program_in_force(records)
    current = program is not None and previous is not None and previous.program == program
    if previous is not None and current and previous.issued == kept.issued_epoch(records):
        compiled = previous
    else:
        compiled = _compile_program(records, program, previous)
    return replace(
        compiled,
        epoch=kept.epoch(records),
        tokens={token.hash: token for _, token in records.scan(kept.TOKENS)},
        freezes={freeze.selector: freeze for _, freeze in records.scan(kept.FREEZES)},
        restrictions=_by_selector(one for _, one in records.scan(kept.RESTRICTIONS)),
        approved=frozenset(key for key, _ in records.scan(kept.MODEL_APPROVALS)),
        admissions=_admissions(records),
    )


def _admissions(records: Records) -> Admissions:
    if records.get(kept.VETTING, kept.VETTING_KEY) is None:
        return Admissions()
    return Admissions(
        required=True,
        facts=dict(records.scan(kept.ADMISSIONS)),
        proofs={(proof.principal, proof.path): proof for _, proof in records.scan(kept.PATH_PROOFS)},
    )


def _compile_program(records: Records, program: ProgramRecord | None, previous: Standing | None) -> Standing:
    policies = records.get(kept.POLICIES, kept.POLICIES_KEY)
    paths = {path.id: path for _, path in records.scan(kept.PATHS)}
    grants: dict[tuple[PrincipalId, PathId], tuple[Grant, ...]] = defaultdict(tuple)
    for grant in kept.grants(records):
        grants[grant.principal, grant.path] += (grant,)
    return Standing(
        epoch=0,
        program=program,
        issued=kept.issued_epoch(records),
        policies=cedar.compile_policies(policies.text if policies else ""),
        entities=_entities(records, previous.entities if previous else None),
        tokens={},
        principals={principal.id: principal for _, principal in records.scan(kept.PRINCIPALS)},
        ceilings={one.id: one.tier for _, one in records.scan(kept.ORGANIZATIONS)},
        paths=paths,
        compiled={path.id: compile_path(path) for path in paths.values()},
        agreements={agreement.id: agreement for _, agreement in records.scan(kept.AGREEMENTS)},
        grants=dict(grants),
        freezes={},
        budgets={stated.owner: stated for stated in stated_budgets(records)},
    )


def stated_budgets(records: Records) -> Iterator[StatedBudget]:
    """Yields the budgets in force: of grants by their windows, of paths and organizations by their agreement's."""
    agreements = {one.id: one.valid for _, one in records.scan(kept.AGREEMENTS)}
    agreement = kept.agreement_in_force(records)
    if agreement is None:
        return
    owned = [
        *((f"grant:{one.id}", one.budget, one.window) for one in kept.grants(records)),
        *((f"path:{one.id}", one.budget, agreements[one.agreement]) for _, one in records.scan(kept.PATHS)),
        *((f"organization:{o.id}", o.budget, agreement.valid) for _, o in records.scan(kept.ORGANIZATIONS)),
    ]
    for owner, budget, own in owned:
        if budget is not None:
            yield StatedBudget(owner=owner, budget=budget, own=own)


def _entities(records: Records, previous: Entities | None) -> Entities:
    return Entities.compile(
        [
            *(cedar.organization_entity(value) for _, value in records.scan(kept.ORGANIZATIONS)),
            *(cedar.agreement_entity(value) for _, value in records.scan(kept.AGREEMENTS)),
            *(cedar.principal_entity(value) for _, value in records.scan(kept.PRINCIPALS)),
            *(cedar.scope_entity(value) for _, value in records.scan(kept.SCOPES)),
            *(cedar.path_entity(value) for _, value in records.scan(kept.PATHS)),
            *(cedar.grant_entity(value) for value in kept.grants(records)),
        ],
        previous,
    )


def _choose(request: CallRequest, held: tuple[Grant, ...]) -> tuple[Grant, tuple[GrantId, ...]]:
    """Returns the grant to judge by, and the ids of all that match: one is needed, and the request may name it.

    Where none matches, the nearest is judged, so that the answer says what is missing.
    """
    named = [grant for grant in held if request.grant in (None, grant.id)]
    matching = [grant for grant in named if grant.purpose == request.purpose and grant.window.holds(request.now)]
    nearest = matching or [grant for grant in named if grant.purpose == request.purpose] or named or list(held)
    return nearest[0], tuple(grant.id for grant in matching)
