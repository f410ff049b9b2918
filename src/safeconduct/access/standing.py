"""The compiled standing: everything a call is judged by, as one immutable value that look-ups answer from.

It is patched whenever the records' epoch moved (access/compiling.py), and swapped whole.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from safeconduct.access import authorization as cedar
from safeconduct.access.admissions import PROBE, Admissions
from safeconduct.access.budgets import StatedBudget
from safeconduct.access.catalogue import SealedModel
from safeconduct.access.compiled import CompiledPath
from safeconduct.access.floor import Case, floor
from safeconduct.access.inventory import NO_INVENTORY, Inventory
from safeconduct.access.lowering import Lowered, Lowerings, lowest
from safeconduct.access.marks import NO_MARKS, Freezes, Marks, caller_marks, grant_marks, model_marks
from safeconduct.access.model.agreements import Agreement
from safeconduct.access.model.calls import CallFacts, CallRequest
from safeconduct.access.model.grants import Grant
from safeconduct.access.model.parties import Credential, Organization, Principal, PrincipalKind
from safeconduct.access.model.paths import SealedPath
from safeconduct.access.model.programs import ProgramRecord
from safeconduct.access.model.stops import Freeze, Restriction, RestrictionKind, Selector, SelectorKind
from safeconduct.access.model.tokens import Token
from safeconduct.access.ownership import Proven, shows
from safeconduct.access.secrets import secret_hash
from safeconduct.access.target_rules import Place
from safeconduct.kernel.decisions import Decision, Effect, Reason
from safeconduct.kernel.errors import AbsentError, RefusedError, UnauthenticatedError
from safeconduct.kernel.ids import AgreementId, GrantId, OrganizationId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.maps import PersistentMap
from safeconduct.policy import Entities, PolicyRequest, PolicySet, decide

Decide = Callable[[PolicySet, PolicyRequest, Entities], Decision]
"""`policy.decide`, or a memo of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Who may do what, at one epoch."""

    epoch: int
    program: ProgramRecord | None
    policies: PolicySet
    entities: Entities
    tokens: PersistentMap[str, Token] = field(repr=False)  # by hash
    token_hashes: PersistentMap[str, str] = field(repr=False)  # by the token's id
    organizations: PersistentMap[OrganizationId, Organization] = field(repr=False)
    principals: PersistentMap[PrincipalId, Principal] = field(repr=False)
    paths: PersistentMap[PathId, SealedPath] = field(repr=False)
    compiled: PersistentMap[PathId, CompiledPath] = field(repr=False)  # each of `paths`
    agreements: PersistentMap[AgreementId, Agreement] = field(repr=False)
    granted: PersistentMap[GrantId, Grant] = field(repr=False)
    grants: PersistentMap[tuple[PrincipalId, PathId], tuple[Grant, ...]] = field(repr=False)  # each of `granted`
    freezes: Freezes = field(repr=False)
    approved: frozenset[str] = frozenset()  # keys of `ModelUse`
    honeytokens: Mapping[str, str] = field(default_factory=dict, repr=False)  # their ids, by hash
    restrictions: Mapping[Selector, tuple[Restriction, ...]] = field(default_factory=dict, repr=False)
    lowered: Lowerings = field(default_factory=dict, repr=False)
    inventory: Inventory = field(default=NO_INVENTORY, repr=False)
    admissions: Admissions = field(default_factory=Admissions, repr=False)
    proven: Mapping[str, tuple[Proven, ...]] = field(default_factory=dict, repr=False)  # by scope

    def owner(self, token: str) -> Principal | None:
        """Returns for whom a token was issued, whether it holds or not."""
        found = self.tokens.get(secret_hash(token))
        return self.principals.get(found.principal) if found else None

    def bound(self, token: str) -> str:
        """Returns what a token is bound to; empty where it is to nothing, or is none."""
        found = self.tokens.get(secret_hash(token))
        return found.bound if found else ""

    def identify(self, token: str, now: Instant, holds: Collection[str] = ()) -> Principal:
        """Returns whose token this is (step 1). `holds` is what its sender showed to hold (access/possession.py).

        Raises:
            UnauthenticatedError: `token-unknown` (never issued, revoked, or its principal is gone), `token-expired`,
                `token-not-held` (bound to what its sender does not hold), `token-unbound` (the program wants it bound),
                `token-only-ships` (of a service that sends telemetry in).
        """
        principal = self._holder(token, now, holds)
        if principal.ships:
            raise UnauthenticatedError(
                f"{principal.id} sends telemetry in, and its tokens are good for nothing else",
                code="token-only-ships",
                clause=f"principal:{principal.id}/ships",
                remedy="use the token of another principal",
            )
        return principal

    def shipper(self, token: str, now: Instant, holds: Collection[str] = ()) -> Principal:
        """Returns the service whose token this is, if the program lets it send telemetry in.

        Raises:
            UnauthenticatedError: as `identify`.
            RefusedError: `may-not-ship`.
        """
        principal = self._holder(token, now, holds)
        if not principal.ships:
            raise RefusedError(
                f"{principal.id} does not send telemetry in by a token",
                code="may-not-ship",
                clause=f"principal:{principal.id}/ships",
                remedy="have the program name a service with ships: true, and use a token of it",
            )
        return principal

    def _holder(self, token: str, now: Instant, holds: Collection[str]) -> Principal:
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
        if found.bound not in holds and (found.bound or principal.credential is Credential.BOUND):
            raise _not_held(found, principal)
        return principal

    def bait(self, token: str) -> str:
        """Returns the id of a honeytoken; empty of whatever is none."""
        return self.honeytokens.get(secret_hash(token), "") if self.honeytokens and token else ""

    def sign_in_tier(self, token: str) -> int | None:
        """Returns the tier that the sign-in behind a token counts for; None where a key signed for the token."""
        found = self.tokens.get(secret_hash(token))
        return found.tier if found else None

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
        case = self._case_of(request)
        if case is None:
            text = f"no path {request.path!r} is open to {request.principal}"
            return Decision(Effect.DENY, (Reason("path-unknown", "path", text),)), None
        found = floor(case)
        policy = decide(self.policies, self._policy_request(case), self.entities)
        if found or not policy.allowed:
            reasons = (*found, *policy.reasons)
            return Decision(Effect.DENY, reasons, policy.determining, policy.errors), case.grant
        return policy, case.grant

    def asked(self, request: CallRequest) -> PolicyRequest | None:
        """Returns what the policies are asked of a call; None where there is nothing to ask them about."""
        case = self._case_of(request)
        return self._policy_request(case) if case is not None else None

    def reach(self, principal: Principal, grant: Grant) -> int:
        """Returns the highest tier of models that a principal may use under a grant of its."""
        organization = self.organizations.get(principal.organization)
        return grant.reach(principal, organization.tier if organization else 0)

    def reach_on(self, principal: Principal, path_id: PathId) -> int:
        """Returns the highest tier of models that a principal may use on a path, under any grant."""
        held = self.grants.get((principal.id, path_id), ())
        most = max((self.reach(principal, grant) for grant in held), default=0)
        lowered = self.lowering(principal)
        return most if lowered is None else min(most, lowered.tier)

    def lowering(self, principal: Principal) -> Lowered | None:
        """Returns what duties that were not met leave a principal, whatever its grants say; None if nothing does."""
        return lowest(self.lowered, principal, self.sponsor(principal))

    def sponsor(self, principal: Principal) -> Principal | None:
        """Returns who answers for a principal, if anybody does."""
        return self.principals.get(principal.sponsor) if principal.sponsor else None

    def approves(self, approval: str) -> bool:
        """Tells whether an approval stands, or none is needed. The key is that of `CompiledPath.approval`."""
        return not approval or approval in self.approved

    def token_id(self, token: str) -> str:
        """Returns the id of the token that a call came with, while a freeze may ask for it; else nothing."""
        return self.issued_as(token) if self.freezes else ""

    def issued_as(self, token: str) -> str:
        """Returns the id of a token, whether it holds or not; else nothing."""
        found = self.tokens.get(secret_hash(token)) if token else None
        return found.id if found else ""

    def frozen_early(self, principal: Principal, path: SealedPath, token: str) -> Freeze | None:
        """Returns a freeze that stops a principal on a path, whatever grant and model it asks for."""
        if not self.freezes:
            return None
        return self.freezes.stopping(self._marks(principal, path.id, self.token_id(token)), early=True)

    def cut_by(self, call: CallFacts, token: str) -> Freeze | None:
        """Returns a freeze that stops a call that runs, the widest first; `token` is the one it came with."""
        principal = self.principals.get(call.principal)
        if not self.freezes or principal is None or call.path not in self.compiled:
            return None
        own = grant_marks(call.grant, None) | model_marks(call.models, call.tier)
        return self.freezes.stopping(self._marks(principal, call.path, self.token_id(token), own))

    def _marks(self, principal: Principal, path: PathId, token: str, own: Marks = NO_MARKS) -> Marks:
        organization = self.organizations.get(principal.organization)
        return self.compiled[path].marks | caller_marks(principal, organization, token) | own

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

    def outside(self, path: SealedPath, targets: Mapping[str, Place], now: Instant) -> Mapping[str, Place]:
        """Returns the targets of a request that the path's scope does not cover, or not as well shown as it demands."""
        covers, proofs, needed = (
            self.compiled[path.id].targets.covers,
            self.proven.get(path.scope, ()),
            path.authorization,
        )
        return {
            target: place
            for target, place in targets.items()
            if not (covers(target) and shows(proofs, needed, target, now))
        }

    def budgets_of(self, principal: Principal, path: SealedPath, grant: Grant) -> tuple[StatedBudget, ...]:
        """Returns the budgets that a call counts against. All of them must hold."""
        if self.program is None:
            return ()
        organization, agreement = self.organizations[principal.organization], self.agreements[self.program.agreement]
        owned = (
            ("grant", grant.id, grant.budget, grant.window),
            ("path", path.id, path.budget, self.agreements[path.agreement].valid),
            ("organization", organization.id, organization.budget, agreement.valid),
        )
        stated = [(f"{kind}:{name}", budget, own) for kind, name, budget, own in owned if budget]
        return tuple([StatedBudget(owner=owner, budget=budget, own=own) for owner, budget, own in stated])

    def _case_of(self, request: CallRequest) -> Case | None:
        path = self.paths.get(request.path)
        held = self.grants.get((request.principal, request.path), ())
        if path is None or request.principal not in self.principals or not held:
            return None
        probe = self.admissions.required and request.purpose == PROBE
        if probe:  # what a call would meet is what a probe has to meet
            request = replace(request, purpose=path.purpose)
        return self._case(request, path, held, probe=probe)

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
            lowered=self.lowering(principal),
            approved=model is None or self.approves(compiled.approval(model)),
            agreement=self.agreements[path.agreement],
            held=held,
            grant=grant,
            matching=matching,
            unvetted=self._unvetted(principal, path, request.now, tier=model.tier if model else 0, probe=probe),
            freeze=self._frozen(request, principal, grant, model),
            suspended=_suspension(self.restricted(principal, path, grant)),
            outside=self.outside(path, request.targets, request.now),
        )

    def _unvetted(
        self, principal: Principal, path: SealedPath, now: Instant, *, tier: int, probe: bool
    ) -> tuple[Reason, ...]:
        admitted = self.admissions.against(principal, self.sponsor(principal), path, now, tier=tier, probe=probe)
        return (*self._unsponsored(principal), *admitted)

    def _unsponsored(self, principal: Principal) -> tuple[Reason, ...]:
        # A program without the sponsor is not taken; whatever else took it away, nobody answers for the calls.
        needs = principal.sponsor is not None or principal.kind is not PrincipalKind.PERSON
        if not needs or self.sponsor(principal) is not None:
            return ()
        remedy = "an administrator applies a program that names a person who answers for it"
        text = f"nobody answers for {principal.id}"
        return (Reason("sponsor-missing", f"principal:{principal.id}/sponsor", text, remedy),)

    def _frozen(
        self, request: CallRequest, principal: Principal, grant: Grant, model: SealedModel | None
    ) -> Freeze | None:
        if not self.freezes:
            return None
        return self.freezes.stopping(self._marks(principal, grant.path, request.token, grant_marks(grant.id, model)))

    def _policy_request(self, case: Case) -> PolicyRequest:
        return cedar.policy_request(
            case.request,
            case.grant,
            model=case.model.name if case.model else case.request.model,
            agreement_valid=case.agreement.holds(case.request.now),
            frozen=case.freeze is not None,
            outside=case.outside,
        )


def _not_held(token: Token, principal: Principal) -> UnauthenticatedError:
    if token.bound:
        return UnauthenticatedError(
            f"token {token.id} is bound to a key or certificate that its sender did not show to hold",
            code="token-not-held",
            clause=f"token:{token.id}/bound",
            remedy="send it with the proof or over the certificate it was issued for; if you did not, it was taken",
        )
    return UnauthenticatedError(
        f"{principal.id} has bound credentials only, and token {token.id} is a bearer token",
        code="token-unbound",
        clause=f"principal:{principal.id}/credential",
        remedy="use safeconduct sidecar, or get a token that is bound: docs/spec/credentials.md",
    )


def _suspension(restrictions: Iterable[Restriction]) -> Restriction | None:
    return next((one for one in restrictions if one.kind is RestrictionKind.SUSPEND), None)


def restricts(selector: Selector, call: CallFacts) -> bool:
    """Tells whether the selector of a restriction selects a call."""
    match selector.kind:
        case SelectorKind.PRINCIPAL:
            return selector.name == call.principal
        case SelectorKind.PATH:
            return selector.name == call.path
        case SelectorKind.ORGANIZATION:
            return selector.name == call.organization
        case SelectorKind.GRANT:
            return selector.name == call.grant
        case _:  # what no restriction can be of
            return True


def _choose(request: CallRequest, held: tuple[Grant, ...]) -> tuple[Grant, tuple[GrantId, ...]]:
    """Returns the grant to judge by, and the ids of all that match: one is needed, and the request may name it.

    Where none matches, the nearest is judged, so that the answer says what is missing.
    """
    named = [grant for grant in held if request.grant in (None, grant.id)]
    matching = [grant for grant in named if grant.purpose == request.purpose and grant.window.holds(request.now)]
    nearest = matching or [grant for grant in named if grant.purpose == request.purpose] or named or list(held)
    return nearest[0], tuple(grant.id for grant in matching)
