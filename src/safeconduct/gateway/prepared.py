"""What steps 1 to 6 come to: an allowed call with all that its intent says, or a refusal."""

import hashlib
from collections.abc import Collection, Mapping

import msgspec

from safeconduct.access.catalogue import Provider, SealedModel
from safeconduct.access.detection import HintAct
from safeconduct.access.freezes import call_facts
from safeconduct.access.model.calls import CallFacts
from safeconduct.access.model.grants import Grant
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.paths import SealedPath
from safeconduct.access.model.stops import Restriction, RestrictionKind
from safeconduct.access.target_rules import Handling, Place, handled
from safeconduct.boundary.model import Hint, Transcript
from safeconduct.boundary.restoring import Restorable
from safeconduct.gateway.arriving import Arrival
from safeconduct.gateway.budgets.model import Cost
from safeconduct.gateway.dialects.model import Dialect, ModelRequest
from safeconduct.gateway.hiding import Hidden
from safeconduct.gateway.hinting import acted_on, counted, held_for
from safeconduct.gateway.limits import answer_bytes_max
from safeconduct.gateway.moves import Release
from safeconduct.gateway.ports import Ask, Inspector
from safeconduct.gateway.protecting import Protected
from safeconduct.gateway.remedies import clause_of
from safeconduct.gateway.terms import CallTerms
from safeconduct.gateway.withheld import WITHHELD
from safeconduct.kernel.decisions import Decision
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ids import PathId, PrincipalId
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.policy import PolicyRequest


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Steps 1 to 6 said no, or 8 did for a budget. `principal`, `path` and `model` are what was known by then.

    `decision` is that of step 6 by the policies of `policy_digest`, where it came to one; they were `asked` on the
    standing of `epoch`, unless there was nothing to ask them about. `grant` is the one it fell under, if that is known.
    `hints` are those of the request, if they were looked for by then.
    """

    step: int
    error: SafeconductError
    principal: Principal | None = None
    path: SealedPath | None = None
    model: str = ""
    decision: Decision | None = None
    policy_digest: str = ""
    asked: PolicyRequest | None = None
    epoch: int = 0
    grant: str = ""
    hints: tuple[Hint, ...] = ()

    @property
    def clause(self) -> str:
        """What decided; empty where no rule did."""
        return clause_of(self.error, self.path.id if self.path else "")


class Hold(msgspec.Struct, frozen=True):
    """Why a person must approve a call first: the clause that demands it, and what the caller is told."""

    clause: str
    text: str


def held_whatever(restrictions: Collection[Restriction], grant: Grant) -> Hold | None:
    """Returns why a person must approve a call first whatever it says, if one must: a restriction, or its grant."""
    restriction = restricts(restrictions, RestrictionKind.HOLD)
    if restriction is not None:
        return Hold(f"restriction:{restriction.id}", f"{restriction.selector} is held for a person")
    if grant.conditions.hold:
        clause = f"grant:{grant.id}/conditions/approval"
        return Hold(clause, f"grant {grant.id} is for calls that a person approves, each by itself")
    return None


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """An allowed call: everything its intent says, and the bytes for the upstream, in the dialect `spoken` there.

    `model` is what the request means by the name it asks for, `approval` the key of the one that it needs, if any;
    `providers` may be asked for it, in this order. `outside` are those of its `targets` that the scope does not cover.
    `restrictions` hold for it; one of them may have changed `model`. `transcript` is what it says, where the path
    has that read; `hints` are what detectors say of its blocks, `data_classes` counts what was found
    on a path that is inspected, by class, and `protected` is what was done. `hidden` is what no model is shown, on a
    path that hides results of tools.
    """

    arrival: Arrival
    principal: Principal
    path: SealedPath
    grant: Grant
    purpose: str
    asked: ModelRequest
    spoken: Dialect
    model: SealedModel
    approval: str
    providers: tuple[Provider, ...]
    asks: tuple[Ask, ...]
    output_tokens_max: int
    targets: Mapping[str, Place]
    outside: Mapping[str, Place]
    decision: Decision
    policy_digest: str
    epoch: int
    cost: Cost
    restrictions: tuple[Restriction, ...] = ()
    hints: tuple[Hint, ...] = ()
    data_classes: Mapping[str, int] = {}
    protected: Protected | None = None
    hidden: Hidden | None = None
    transcript: Transcript | None = None

    @property
    def caller(self) -> tuple[PrincipalId, PathId]:
        """Whose calls it is counted among."""
        return self.principal.id, self.path.id

    def refusal(self, error: SafeconductError, *, step: int) -> Refusal:
        """Returns what is against it after all."""
        return Refusal(
            step=step,
            error=error,
            principal=self.principal,
            path=self.path,
            model=self.asked.model,
            grant=self.grant.id,
            hints=self.hints,
        )

    @property
    def restorable(self) -> Restorable | None:
        """The tokens that become originals again in the answer; None where its caller gets it as it is."""
        if self.protected is None or not (self.protected.restored and self.protected.used):
            return None
        return Restorable(originals=self.protected.used, elsewhere=self.protected.made)

    @property
    def slow_s(self) -> float:
        """How long the caller waits before the call is decided, in seconds: the longest of its restrictions."""
        return max((one.slow_ms for one in self.restrictions), default=0) / 1000

    @property
    def marked(self) -> tuple[str, ...]:
        """The targets outside the scope that the path lets pass and has said so."""
        return handled(self.path.target_rule, self.outside, Handling.MARK)

    @property
    def hinted(self) -> tuple[str, ...]:
        """The families of hints that the answer's header names, where the path has them named."""
        return tuple(counted(acted_on(self.path, self.hints, HintAct.MARK))) if self.hints else ()

    @property
    def unjudged(self) -> bool:
        """Whether the machine's classifier must be asked before the call goes on."""
        return self.path.hint_classifier is not None and self.arrival.judged is None

    @property
    def hold(self) -> Hold | None:
        """Why a person must approve this call first, if one must: a restriction, its grant, or targets out of scope."""
        if not (self.restrictions or self.grant.conditions.hold or self.hints or self.outside):
            return None  # as nearly always
        standing = held_whatever(self.restrictions, self.grant)
        if standing is not None:
            return standing
        clause, looked = held_for(self.path, self.hints) if self.hints else ("", "")
        if looked:
            return Hold(clause, looked)
        held = handled(self.path.target_rule, self.outside, Handling.HOLD)
        if not held:
            return None
        return Hold(f"scope:{self.path.scope}/targets", f"it speaks of targets outside the scope: {', '.join(held)}")

    @property
    def facts(self) -> CallFacts:
        """What a freeze can select this call by."""
        return call_facts(self.principal, self.path, self.grant.id, model=self.model, approval=self.approval)

    def terms(self, inspector: Inspector) -> CallTerms:
        """Returns what the call's machine must know."""
        return CallTerms(
            dialect=self.spoken,
            request=self.asked,
            answer_bytes_max=answer_bytes_max(self.output_tokens_max, self.asked.answer_bytes),
            release=Release(self.path.release),
            inspector=inspector,
            attempts=len(self.providers),
            withheld=WITHHELD.get(self.arrival.dialect) if self.path.sinks and self.asked.tools else None,
            restorable=self.restorable,
            used=self.protected.used if self.protected else {},
            variables=self.hidden.variables if self.hidden else None,
        )

    @property
    def ask(self) -> Ask:
        """What the first of the providers is asked; each has its own of `asks`."""
        return self.asks[0]

    @property
    def sent(self) -> bytes:
        """The bytes for the first of the providers."""
        return self.ask.body

    @property
    def deadline_at(self) -> Instant:
        """When the path's deadline cuts the call."""
        return Instant(self.arrival.at + seconds(self.path.limits.deadline_s))

    @property
    def request_sha256(self) -> str:
        """The hash of the caller's bytes."""
        return hashlib.sha256(self.asked.body).hexdigest()

    @property
    def sent_sha256(self) -> str:
        """The hash of the bytes for the upstream."""
        return hashlib.sha256(self.sent).hexdigest()


def restricts(restrictions: Collection[Restriction], kind: RestrictionKind) -> Restriction | None:
    """Returns the first restriction of a kind."""
    if not restrictions:
        return None
    return next((one for one in restrictions if one.kind is kind), None)
