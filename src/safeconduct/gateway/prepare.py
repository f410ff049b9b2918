"""Steps 1 to 6 as one pure function: who asks, for what path, with what, and whether that is allowed.

The numbers are those of docs/spec/call.md. Steps 4 (labels) and 7 (protection) are not built: everything counts as
`unlabeled`, which a path must take by name.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import replace

import msgspec

from safeconduct.access.catalogue import Provider, SealedModel
from safeconduct.access.floor import UNFREEZING
from safeconduct.access.freezes import call_facts
from safeconduct.access.model import (
    CallFacts,
    CallRequest,
    Grant,
    Principal,
    Restriction,
    RestrictionKind,
    SealedPath,
)
from safeconduct.access.sign_in import check_reach
from safeconduct.access.standing import Decide, Standing
from safeconduct.access.target_rules import Handling, Place, handled
from safeconduct.gateway.budgets.bounds import Sending, cost_of
from safeconduct.gateway.budgets.model import Cost
from safeconduct.gateway.dialects.model import Dialect, ModelRequest, Shapes
from safeconduct.gateway.dialects.registry import dialect
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.limits import HEADER_VALUE_BYTES_MAX, answer_bytes_max
from safeconduct.gateway.moves import Release
from safeconduct.gateway.ports import Ask, Inspector
from safeconduct.gateway.probing import check_probe
from safeconduct.gateway.providers import Configured, Upstreams, askable
from safeconduct.gateway.remedies import clause_of
from safeconduct.gateway.spoken import way_to
from safeconduct.gateway.targets import NO_TARGETS, find_targets
from safeconduct.gateway.terms import JSON, CallTerms
from safeconduct.gateway.vendors import members, safety_id
from safeconduct.kernel.decisions import Decision
from safeconduct.kernel.errors import (
    RefusedError,
    SafeconductError,
    TooLargeError,
    UnauthenticatedError,
)
from safeconduct.kernel.ids import GrantId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.policy import PolicyRequest

_WORD = re.compile(r"[A-Za-z0-9._:/-]*")


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came in. A header that did not come is empty.

    `dialect` is what its route speaks. Without one nothing can be read, and the request is refused.
    `trace` is the caller's `traceparent`, as it came.
    `principal` is set by callers in this process that act for one; nothing from outside can set it.
    """

    path: PathId
    at: Instant
    dialect: str = ""
    version: str = ""
    betas: str = ""
    token: str = ""
    principal: PrincipalId | None = None
    purpose: str = ""
    session: str = ""
    grant: str = ""
    content_type: str = JSON
    content_encoding: str = ""
    trace: str = ""

    def __repr__(self) -> str:  # without the token
        return f"Arrival(path={self.path!r}, at={self.at!r}, dialect={self.dialect!r})"


class Admitted(msgspec.Struct, frozen=True):
    """Steps 1 and 2 passed."""

    principal: Principal
    path: SealedPath


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Steps 1 to 6 said no, or 8 did for a budget. `principal`, `path` and `model` are what was known by then.

    `decision` is that of step 6 by the policies of `policy_digest`, where it came to one; they were `asked` on the
    standing of `epoch`, unless there was nothing to ask them about.
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

    @property
    def clause(self) -> str:
        """What decided; empty where no rule did."""
        return clause_of(self.error, self.path.id if self.path else "")


class Hold(msgspec.Struct, frozen=True):
    """Why a person must approve a call first: the clause that demands it, and what the caller is told."""

    clause: str
    text: str


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """An allowed call: everything its intent says, and the bytes for the upstream, in the dialect `spoken` there.

    `model` is what the request means by the name it asks for, `approval` the key of the one that it needs, if any;
    `providers` may be asked for it, in this order. `outside` are those of its `targets` that the scope does not cover.
    `restrictions` hold for it; one of them may have changed `model`.
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

    @property
    def slow_s(self) -> float:
        """How long the caller waits before the call is decided, in seconds: the longest of its restrictions."""
        return max((one.slow_ms for one in self.restrictions), default=0) / 1000

    @property
    def marked(self) -> tuple[str, ...]:
        """The targets outside the scope that the path lets pass and has said so."""
        return handled(self.path.target_rule, self.outside, Handling.MARK)

    @property
    def hold(self) -> "Hold | None":
        """Why a person must approve this call first, if one must: a restriction, its grant, or targets out of scope."""
        restriction = restricts(self.restrictions, RestrictionKind.HOLD)
        if restriction is not None:
            return Hold(f"restriction:{restriction.id}", f"{restriction.selector} is held for a person")
        if self.grant.conditions.hold:
            clause = f"grant:{self.grant.id}/conditions/approval"
            return Hold(clause, f"grant {self.grant.id} is for calls that a person approves, each by itself")
        held = handled(self.path.target_rule, self.outside, Handling.HOLD)
        if not held:
            return None
        return Hold(f"scope:{self.path.scope}/targets", f"it speaks of targets outside the scope: {', '.join(held)}")

    @property
    def facts(self) -> CallFacts:
        """What a freeze can select this call by."""
        return call_facts(self.principal, self.path, self.grant.id, tier=self.model.tier, approval=self.approval)

    def terms(self, inspector: Inspector) -> CallTerms:
        """Returns what the call's machine must know."""
        return CallTerms(
            dialect=self.spoken,
            request=self.asked,
            answer_bytes_max=answer_bytes_max(self.output_tokens_max, self.asked.answer_bytes),
            release=Release(self.path.release),
            inspector=inspector,
            attempts=len(self.providers),
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


class _Told(msgspec.Struct, frozen=True):
    """What every provider of a call is told alike."""

    principal: PrincipalId
    model: SealedModel
    dialect: str
    version: str
    betas: tuple[str, ...]
    output_tokens: int


def identify(standing: Standing, arrival: Arrival) -> Principal:
    """Step 1: returns who asks.

    Raises:
        UnauthenticatedError: no token, or none that holds.
    """
    if arrival.principal is not None:
        principal = standing.principals.get(arrival.principal)
        if principal is None:
            raise UnauthenticatedError(
                f"no principal {arrival.principal!r} is in the program", code="principal-unknown"
            )
        return principal
    if not arrival.token:
        raise UnauthenticatedError(
            "expected the header: Authorization: Bearer TOKEN",
            code="token-missing",
            remedy="give the client a token from `safeconduct token issue` as its API key",
        )
    return standing.identify(arrival.token, arrival.at)


def sign_in_tier(standing: Standing, arrival: Arrival) -> int | None:
    """Returns the tier up to which the caller's sign-in counts; None where a key or this process speaks for it."""
    return standing.sign_in_tier(arrival.token) if arrival.token and arrival.principal is None else None


def admit(standing: Standing, arrival: Arrival) -> Admitted:
    """Steps 1 and 2, on headers alone: cheap, and what limits the body that is then read.

    Raises:
        UnauthenticatedError: no token, or none that holds.
        AbsentError: no such path, or none for this caller.
        RefusedError: a freeze stands against it.
    """
    return _resolved(standing, identify(standing, arrival), arrival)


def too_large(admitted: Admitted) -> Refusal:
    """Returns the refusal of a body over the path's limit, for those who stop reading there."""
    return Refusal(step=3, error=_too_large(admitted.path), principal=admitted.principal, path=admitted.path)


def prepare(
    standing: Standing, upstreams: Upstreams, arrival: Arrival, body: bytes, *, decide: Decide
) -> Prepared | Refusal:
    """Steps 1 to 6: decides a request. Equal arguments give equal answers."""
    step = 1
    principal = path = asked = decision = request = None
    try:
        principal = identify(standing, arrival)
        step = 2
        path = _resolved(standing, principal, arrival).path
        step = 3
        check_words(arrival)
        _check_content(arrival)
        if len(body) > path.limits.request_bytes:
            raise _too_large(path)
        spoken = dialect(arrival.dialect)
        _check_dialect(path, spoken, arrival.version)
        shapes = _shapes(path)
        asked = spoken.read(body, shapes)
        tokens = _output_tokens(path, asked)
        _check_tools(path, asked)
        check_probe(arrival.purpose, body, tokens)
        step = 5
        targets = find_targets(asked.texts, asked.arguments)
        compiled = standing.compiled[path.id]
        step = 6
        request = decision_request(arrival, principal, path, asked.model, targets)
        decision, grant = standing.authorize(request, decide)
        _check_decision(decision)
        restrictions = standing.restricted(principal, path, grant) if grant else ()
        if restricts(restrictions, RestrictionKind.WEAKER):
            request = replace(request, model=_weaker(path, restrictions))
            decision, grant = standing.authorize(request, decide)
            _check_decision(decision)
        providers = askable(path, upstreams)
        model = compiled.model(request.model, standing.reach(principal, grant)) if grant else None
        if grant is None or model is None:
            raise RuntimeError("an allowed call falls under a grant and is for a model")
        check_reach(sign_in_tier(standing, arrival), model.tier, model.name)
        way = way_to(providers, upstreams, spoken, asked, shapes)
        version = arrival.version if arrival.version in way.spoken.versions else ""
        identity = _Told(principal.id, model, way.spoken.name, version, _betas(way.spoken, arrival), tokens)
        asks = tuple(_ask(upstreams[one.upstream], way.asked, identity) for one in way.providers)
        step = 8
        sending = Sending(path=path, asked=asked, model=model, asks=asks, answer=tokens)
        cost = cost_of(standing.budgets_of(principal, path, grant), arrival.at, sending)
    except SafeconductError as error:
        return Refusal(
            step=step,
            error=error,
            principal=principal,
            path=path,
            model=asked.model if asked else "",
            decision=decision,
            policy_digest=standing.policies.digest if decision else "",
            asked=standing.asked(request) if decision and request else None,
            epoch=standing.epoch,
        )
    return Prepared(
        arrival=arrival,
        principal=principal,
        path=path,
        grant=grant,
        purpose=request.purpose,
        asked=asked,
        spoken=way.spoken,
        model=model,
        approval=compiled.approval(model),
        providers=way.providers,
        asks=asks,
        output_tokens_max=tokens,
        targets=targets,
        outside=standing.outside(path, targets, arrival.at) if targets else NO_TARGETS,
        decision=decision,
        policy_digest=standing.policies.digest,
        epoch=standing.epoch,
        cost=cost,
        restrictions=restrictions,
    )


def _resolved(standing: Standing, principal: Principal, arrival: Arrival) -> Admitted:
    path = standing.resolve(principal.id, arrival.path)
    freeze = standing.frozen(principal, path)
    if freeze is not None:
        raise RefusedError(
            f"{freeze.selector} is frozen: {freeze.reason}",
            code="frozen",
            clause=f"freeze:{freeze.id}",
            remedy=UNFREEZING,
        )
    return Admitted(principal, path)


def check_words(arrival: Arrival) -> None:
    """Returns if the headers that decide something are words.

    Raises:
        DialectError: `header-invalid`.
    """
    if not (arrival.purpose or arrival.session or arrival.grant):
        return
    for name in ("purpose", "session", "grant"):
        value = getattr(arrival, name)
        if len(value) > HEADER_VALUE_BYTES_MAX or not _WORD.fullmatch(value):
            raise DialectError(
                f"safeconduct-{name} must be a name of up to {HEADER_VALUE_BYTES_MAX} letters, digits and . _ : / -",
                code="header-invalid",
                param=f"safeconduct-{name}",
            )


def _check_content(arrival: Arrival) -> None:
    if arrival.content_type == JSON and not arrival.content_encoding:
        return
    media, _, parameters = arrival.content_type.lower().partition(";")
    if media.strip() != JSON or parameters.replace(" ", "") not in ("", "charset=utf-8"):
        raise DialectError(
            f"expected content-type {JSON}, got {arrival.content_type[:64]!r}",
            code="wrong-content-type",
            param="content-type",
        )
    if arrival.content_encoding.lower() not in ("", "identity"):
        raise DialectError(
            f"expected a body without content-encoding, got {arrival.content_encoding[:64]!r}",
            code="content-encoding-not-taken",
            param="content-encoding",
            remedy="send it uncompressed",
        )


def _too_large(path: SealedPath) -> TooLargeError:
    return TooLargeError(
        f"this path takes requests of {path.limits.request_bytes} bytes",
        code="request-too-large",
        clause=f"path:{path.id}/limits",
        remedy="send less, or in several calls",
    )


def _check_dialect(path: SealedPath, spoken: Dialect, version: str) -> None:
    if spoken.name not in path.dialects:
        raise RefusedError(
            f"this path takes {', '.join(path.dialects)}; the request speaks {spoken.name}",
            code="dialect-not-allowed",
            clause=f"path:{path.id}/dialects",
        )
    if spoken.versions and version not in ("", *spoken.versions):
        text = f"expected anthropic-version {' or '.join(sorted(spoken.versions))}, got {version[:64]!r}"
        raise DialectError(text, code="version-not-taken", param="anthropic-version")


def _shapes(path: SealedPath) -> Shapes:
    return Shapes(tools=path.tools, media=path.media, history=path.history, provider_tools=path.provider_tools)


def _output_tokens(path: SealedPath, asked: ModelRequest) -> int:
    most = path.limits.output_tokens
    if asked.output_tokens is not None and asked.output_tokens > most:
        raise RefusedError(
            f"this path gives answers of {most} tokens, the request asks for {asked.output_tokens}",
            code="output-tokens-over-limit",
            clause=f"path:{path.id}/limits",
            remedy=f"ask for {most} or fewer",
        )
    return asked.output_tokens if asked.limits_itself and asked.output_tokens is not None else most


def _check_tools(path: SealedPath, asked: ModelRequest) -> None:
    if not asked.tools:
        return
    foreign = sorted(set(asked.tools) - set(path.tools))
    if foreign:
        raise RefusedError(
            f"this path lists no tool {', '.join(map(repr, foreign))}"[:256],
            code="tools-not-allowed",
            clause=f"path:{path.id}/tools",
        )


def decision_request(
    arrival: Arrival, principal: Principal, path: SealedPath, model: str, targets: Mapping[str, Place] = NO_TARGETS
) -> CallRequest:
    """Returns what step 6 decides: who asks for which model, under what, speaking of which targets."""
    return CallRequest(
        principal=principal.id,
        path=path.id,
        purpose=arrival.purpose or path.purpose,
        model=model,
        now=arrival.at,
        grant=GrantId(arrival.grant) if arrival.grant else None,
        targets=targets,
        session=arrival.session,
    )


def _ask(upstream: Configured, asked: ModelRequest, told: _Told) -> Ask:
    facts, version = upstream.facts, told.model.version
    name = upstream.names.get(version, version)
    identifier = safety_id(upstream.safety_key, told.principal)
    wanted = members(facts.vendor, told.dialect, identifier, told.model.program_value, facts.headers)
    return Ask(
        dialect=told.dialect,
        model=name,
        body=asked.forwarded(model=name, output_tokens=told.output_tokens, vendor=wanted),
        stream=asked.stream,
        safety_id=identifier,
        program=told.model.program_value,
        version=told.version,
        betas=told.betas,
    )


def _betas(spoken: Dialect, arrival: Arrival) -> tuple[str, ...]:
    named = arrival.betas and spoken.betas.intersection(map(str.strip, arrival.betas.split(",")))
    return tuple(sorted(named or ()))


def restricts(restrictions: Collection[Restriction], kind: RestrictionKind) -> Restriction | None:
    """Returns the first restriction of a kind."""
    if not restrictions:
        return None
    return next((one for one in restrictions if one.kind is kind), None)


def _weaker(path: SealedPath, restrictions: tuple[Restriction, ...]) -> str:
    found = restricts(restrictions, RestrictionKind.WEAKER)
    if path.weaker is None:
        raise RefusedError(
            f"{found.selector if found else path.id} is restricted to a weaker model, and this path names none",
            code="no-weaker-model",
            clause=f"restriction:{found.id}" if found else f"path:{path.id}/weaker",
            remedy="an administrator applies a program in which the path names its weaker model, or it is lifted",
        )
    return path.weaker


def _check_decision(decision: Decision) -> None:
    if decision.allowed:
        return
    first = decision.reasons[0]
    raise RefusedError(first.text, code=first.code, clause=first.clause, remedy=first.remedy)
