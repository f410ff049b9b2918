"""Steps 1 to 7 as one pure function: who asks, for what path, with what, and whether that is allowed.

The numbers are those of docs/spec/call.md. Step 4 reads what is said, where the path labels that; the labels are given
in the intent's transaction, which has what is remembered of the session. What a path without handling rules gets counts
as `unlabeled`, which it must take by name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec

from safeconduct.access.catalogue import SealedModel
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.model.grants import Grant
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.paths import SealedPath
from safeconduct.access.model.stops import Restriction, RestrictionKind
from safeconduct.access.rulings import Asked, Ruling, Rulings, asked_of, ruled
from safeconduct.access.sign_in import check_reach
from safeconduct.access.standing import Decide, Standing
from safeconduct.access.target_rules import Place
from safeconduct.boundary.model import Hint, Transcript
from safeconduct.gateway.arriving import Admitted, Arrival, decision_request, identify, misused, resolved, sign_in_tier
from safeconduct.gateway.budgets.bounds import Sending, cost_of
from safeconduct.gateway.dialects.model import Dialect, ModelRequest
from safeconduct.gateway.hiding import TOLD, Hidden, hide
from safeconduct.gateway.hinting import check_hints, find_hints
from safeconduct.gateway.inspecting import inspect_request
from safeconduct.gateway.ports import Ask
from safeconduct.gateway.prepared import Prepared, Refusal, restricts
from safeconduct.gateway.probing import check_probe
from safeconduct.gateway.protecting import Tokens, no_tokens, protected_request
from safeconduct.gateway.providers import Configured, Upstreams, askable
from safeconduct.gateway.request_checks import check_request, check_tools, output_tokens_max, shapes_of
from safeconduct.gateway.spoken import Way, way_to
from safeconduct.gateway.spotlighting import spotlighted
from safeconduct.gateway.targets import NO_TARGETS, find_targets
from safeconduct.gateway.vendors import members, safety_id
from safeconduct.kernel.decisions import Decision
from safeconduct.kernel.errors import RefusedError, SafeconductError
from safeconduct.kernel.ids import PrincipalId
from safeconduct.policy import PolicyRequest, decide


def prepare(
    standing: Standing,
    upstreams: Upstreams,
    arrival: Arrival,
    body: bytes,
    *,
    decide: Decide,
    tokens: Tokens = no_tokens,
    admitted: Admitted | None = None,
    rulings: Rulings | None = None,
) -> Prepared | Refusal:
    """Steps 1 to 7: decides a request. Equal arguments, and equal pseudonyms of `tokens`, give equal answers.

    `admitted` is what steps 1 and 2 said of this arrival before; on another standing they are taken again.
    `rulings` remembers what this `decide` allowed: it changes what an answer costs, and no answer.
    """
    steps = _Steps(standing, arrival, decide, tokens, admitted, rulings)
    try:
        return steps.prepared(upstreams, body)
    except SafeconductError as error:
        return steps.refusal(error)


def let_in(standing: Standing, arrival: Arrival) -> Admitted | Refusal:
    """Steps 1 and 2, on headers alone: cheap, and what limits the body that is then read."""
    steps = _Steps(standing, arrival)
    try:
        return Admitted(*steps.let_in(), standing)
    except SafeconductError as error:
        return steps.refusal(error)


class _Told(msgspec.Struct, frozen=True):
    """What every provider of a call is told alike."""

    principal: PrincipalId
    model: SealedModel
    dialect: str
    version: str
    betas: tuple[str, ...]
    output_tokens: int


@dataclass(slots=True)
class _Steps:
    """How far a request came, and what was known of it by then: what a refusal says."""

    standing: Standing
    arrival: Arrival
    decide: Decide = decide
    tokens: Tokens = no_tokens
    admitted: Admitted | None = None
    rulings: Rulings | None = None
    step: int = 1
    principal: Principal | None = None
    path: SealedPath | None = None
    asked: ModelRequest | None = None
    request: CallRequest | None = None
    decision: Decision | None = None
    hints: tuple[Hint, ...] = ()
    grant: Grant | None = None

    def prepared(self, upstreams: Upstreams, body: bytes) -> Prepared:
        standing, arrival = self.standing, self.arrival
        principal, path = self.let_in()
        self.step = 3
        spoken = check_request(path, arrival, body)
        asked = self.asked = spoken.read(body, shapes_of(path))
        tokens = output_tokens_max(path, asked)
        check_tools(path, asked)
        check_probe(arrival.purpose, body, tokens)
        self.step = 4
        transcript = spoken.transcript(body) if path.transcribed else None
        hidden = self._hidden(principal, path, body, transcript)
        shown = spoken.read(hidden.body, shapes_of(path)) if hidden and hidden.places else asked
        self.step = 5
        targets = find_targets(asked.texts, asked.arguments)
        if transcript is not None and path.looks_for_hints:
            self.hints = find_hints(path, transcript, arrival.judged)
            check_hints(path, self.hints)
        inspected = inspect_request(path, shown, standing.inventory)
        classes = inspected.classes if inspected else {}
        self.step = 6
        outside = standing.outside(path, targets, arrival.at) if targets else NO_TARGETS
        ruling = self._allowed(path, self._request(principal, path, asked.model, targets, classes), outside)
        providers = askable(path, upstreams)
        model = ruling.model
        check_reach(sign_in_tier(standing, arrival), model.tier, model.name)
        self.step = 7
        protected = protected_request(path, principal, arrival, inspected, self.tokens) if inspected else None
        sent = protected.body if protected else shown.body
        if transcript is not None and path.spotlight:
            sent = spotlighted(spoken, sent, transcript, arrival.nonce)
        if hidden and hidden.places and spoken.instructed is not None:
            sent = spoken.instructed(sent, TOLD)
        leaves = spoken.read(sent, shapes_of(path)) if sent != body else asked
        way = way_to(providers, upstreams, spoken, leaves, shapes_of(path))
        asks = _asks(way, upstreams, _told(way.spoken, arrival, principal.id, model, tokens))
        self.step = 8
        sending = Sending(path=path, asked=leaves, model=model, asks=asks, answer=tokens)
        return Prepared(
            arrival=arrival,
            principal=principal,
            path=path,
            grant=ruling.grant,
            purpose=arrival.purpose or path.purpose,
            asked=asked,
            spoken=way.spoken,
            model=model,
            approval=ruling.approval,
            providers=way.providers,
            asks=asks,
            output_tokens_max=tokens,
            targets=targets,
            outside=outside,
            decision=ruling.decision,
            policy_digest=standing.policies.digest,
            epoch=standing.epoch,
            cost=cost_of(ruling.budgets, arrival.at, sending),
            restrictions=ruling.restrictions,
            hints=self.hints,
            data_classes=classes,
            protected=protected,
            hidden=hidden,
            transcript=transcript,
        )

    def let_in(self) -> tuple[Principal, SealedPath]:
        known = self.admitted
        if known is not None and known.standing is self.standing:
            self.principal, self.path = known.principal, known.path
            return known.principal, known.path
        principal = self.principal = identify(self.standing, self.arrival)
        self.step = 2
        path = self.path = resolved(self.standing, principal, self.arrival).path
        return principal, path

    def refusal(self, error: SafeconductError) -> Refusal:
        return Refusal(
            step=self.step,
            error=error,
            principal=self.principal or misused(self.standing, self.arrival, error),
            path=self.path,
            model=self.asked.model if self.asked else "",
            hints=self.hints,
            decision=self.decision,
            policy_digest=self.standing.policies.digest if self.decision else "",
            asked=self._question(),
            epoch=self.standing.epoch,
            grant=self.grant.id if self.grant else "",
        )

    def _hidden(
        self, principal: Principal, path: SealedPath, body: bytes, transcript: Transcript | None
    ) -> Hidden | None:
        if transcript is None or not path.hides:
            return None
        return hide(path, principal, self.arrival, body, transcript, tokens=self.tokens)

    def _request(
        self, principal: Principal, path: SealedPath, model: str, targets: Mapping[str, Place], classes: Iterable[str]
    ) -> CallRequest:
        token = self.standing.token_id(self.arrival.token)
        return decision_request(self.arrival, principal, path, model, targets, token=token, data_classes=tuple(classes))

    def _allowed(self, path: SealedPath, request: CallRequest, outside: Mapping[str, Place]) -> Ruling:
        ruling = self._ruling(request, outside)
        if restricts(ruling.restrictions, RestrictionKind.WEAKER):
            ruling = self._ruling(replace(request, model=_weaker(path, ruling.restrictions)), outside)
        return ruling

    def _ruling(self, request: CallRequest, outside: Mapping[str, Place]) -> Ruling:
        self.request = request
        rulings = self.rulings
        asked = asked_of(self.standing, request, outside) if rulings is not None else None
        known = rulings.find(self.standing, asked, request.now) if rulings is not None and asked is not None else None
        if known is None:
            return self._decided(request, asked)
        self.decision, self.grant = known.decision, known.grant
        return known

    def _decided(self, request: CallRequest, asked: Asked | None) -> Ruling:
        self.decision, self.grant = self.standing.authorize(request, self.decide)
        if not self.decision.allowed:
            first = self.decision.reasons[0]
            raise RefusedError(first.text, code=first.code, clause=first.clause, remedy=first.remedy)
        ruling = ruled(self.standing, request, self.decision, self.grant)
        if self.rulings is not None and asked is not None:
            self.rulings.keep(self.standing, asked, request, ruling)
        return ruling

    def _question(self) -> PolicyRequest | None:
        """Returns what the policies were asked; None where it did not come to that."""
        if self.decision is None or self.request is None:
            return None
        return self.standing.asked(self.request)


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


def _asks(way: Way, upstreams: Upstreams, told: _Told) -> tuple[Ask, ...]:
    return tuple([_ask(upstreams[one.upstream], way.asked, told) for one in way.providers])


def _told(spoken: Dialect, arrival: Arrival, principal: PrincipalId, model: SealedModel, tokens: int) -> _Told:
    version = arrival.version if arrival.version in spoken.versions else ""
    return _Told(principal, model, spoken.name, version, _betas(spoken, arrival), tokens)


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
