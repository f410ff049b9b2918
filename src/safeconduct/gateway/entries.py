"""Steps 8 and 14 as drafts: what goes into the log, and which part of it only as a commitment."""

import hashlib
from collections.abc import Mapping

from safeconduct.access.authorization import TARGETS
from safeconduct.access.detection import FoundKind
from safeconduct.access.readership import APART
from safeconduct.access.target_rules import Place
from safeconduct.boundary.quoting import by_class
from safeconduct.gateway.arriving import Arrival
from safeconduct.gateway.breach_events import BREACH_NOTICED
from safeconduct.gateway.budgets.charging import NO_CHARGE, Charge
from safeconduct.gateway.budgets.model import Amounts, Basis
from safeconduct.gateway.events import (
    CALL_ATTEMPTED,
    CALL_INTENT,
    CALL_OUTCOME,
    CALL_REFUSED,
    CallAttempted,
    CallEnded,
    CallIntended,
    CallRefused,
    Judged,
    Stated,
)
from safeconduct.gateway.held_events import ANSWER_HELD
from safeconduct.gateway.hinting import counted, detailed
from safeconduct.gateway.holding import CALL_HELD
from safeconduct.gateway.moves import AppendAttempt, End, Outcome
from safeconduct.gateway.prepared import Prepared, Refusal
from safeconduct.gateway.remedies import remedy_of
from safeconduct.gateway.restoration_events import TOKEN_ASKED
from safeconduct.gateway.traits import Traits
from safeconduct.kernel.canonical import JSONValue
from safeconduct.kernel.entries import Draft, Retention
from safeconduct.policy import EntityUid, Value

SEALED: Mapping[str, tuple[str, ...]] = {
    CALL_INTENT.name: ("request", "sent", "targets", "marked", "session", "hints"),
    CALL_ATTEMPTED.name: ("kept", "sent"),
    CALL_OUTCOME.name: ("released", "kept", f"{APART}released", f"{APART}kept"),
    CALL_HELD.name: ("request",),
    ANSWER_HELD.name: ("answer", "received", f"{APART}answer", f"{APART}received"),
    CALL_REFUSED.name: ("hints",),
    BREACH_NOTICED.name: ("values",),
    TOKEN_ASKED.name: ("session",),
}
"""Which fields of a call's entries are sealed, where there are any."""

PATH_SHOWN_MAX = 64
"""Characters kept of a path that does not exist: it is the caller's text, and names are no longer."""

REMEDY_SHOWN_MAX = 512
"""Characters kept of a remedy; the longest names the grants or models of a program."""

AGAINST_MAX = 16
"""Findings kept of a decision. The floor knows as many; what is beyond are policies that forbid it too."""


def intent_draft(prepared: Prepared, worker: str, approval: str = "", traits: Traits | None = None) -> Draft:
    """Returns the intent of an allowed call. The request itself is sealed, and destroyed with its principal's key."""
    body, sent, outside = prepared.asked.body, prepared.sent, prepared.outside
    marked = prepared.marked if outside else ()
    request_sha256 = prepared.request_sha256
    event = CallIntended(
        principal=prepared.principal.id,
        organization=prepared.principal.organization,
        grant=prepared.grant.id,
        hints=counted(prepared.hints),
        agreement=prepared.path.agreement,
        path=prepared.path.id,
        path_digest=prepared.path.digest,
        purpose=prepared.purpose,
        model=prepared.asked.model,
        model_version=prepared.model.version,
        dialect=prepared.arrival.dialect,
        upstream=prepared.providers[0].upstream,
        region=prepared.providers[0].region,
        retention=prepared.providers[0].retention,
        determining=prepared.decision.determining,
        policy_digest=prepared.policy_digest,
        epoch=prepared.epoch,
        targets_in_scope=len(prepared.targets) - len(outside),
        targets_out_of_scope=len(outside),
        targets_marked=len(marked),
        targets_mentioned=sum(place is Place.PROSE for place in outside.values()) if outside else 0,
        request_sha256=request_sha256,
        request_bytes=len(body),
        sent_sha256=request_sha256 if sent is body else prepared.sent_sha256,
        stream=prepared.asked.stream,
        output_tokens_max=prepared.output_tokens_max,
        deadline_at=prepared.deadline_at,
        worker=worker,
        reserved=prepared.cost.reserved,
        restrictions=tuple(map(str, prepared.restrictions)),
        approval=approval,
        traits=traits,
        data_classes=prepared.data_classes,
        handled=prepared.protected.handled if prepared.protected else {},
    )
    sealed: dict[str, JSONValue] = {"request": body.decode()}
    if prepared.targets:
        sealed["targets"] = tuple(prepared.targets)
    if marked:
        sealed["marked"] = marked
    if prepared.hints:
        sealed["hints"] = detailed(prepared.hints)
    if sent is not body:
        sealed["sent"] = sent.decode()  # what left differs from what came, and both must be showable
    if prepared.arrival.session:
        sealed["session"] = prepared.arrival.session
    return CALL_INTENT.draft(event, sealed=sealed, subject=prepared.principal.id)


def attempt_draft(call: str, prepared: Prepared, worker: str, further: AppendAttempt) -> Draft:
    """Returns the entry of a further attempt. What the former target said instead of an answer is sealed."""
    provider, body = prepared.providers[further.attempt - 1], prepared.asks[further.attempt - 1].body
    event = CallAttempted(
        call=call,
        attempt=further.attempt,
        path_digest=prepared.path.digest,
        upstream=provider.upstream,
        region=provider.region,
        retention=provider.retention,
        why=further.why,
        status=further.status,
        sent_sha256=hashlib.sha256(body).hexdigest(),
        worker=worker,
    )
    sealed: dict[str, JSONValue] = {"kept": _text(further.kept)} if further.kept else {}
    if body not in (prepared.sent, prepared.asked.body):
        sealed["sent"] = body.decode()
    return CALL_ATTEMPTED.draft(event, sealed=sealed, subject=prepared.principal.id)


def outcome_draft(call: str, subject: str, worker: str, outcome: Outcome, charged: Charge = NO_CHARGE) -> Draft:
    """Returns the outcome of a call, with what it is charged; `subject` is its principal."""
    event = CallEnded(
        call=call,
        end=outcome.end,
        why=outcome.why,
        clause=outcome.clause,
        attempt=outcome.attempt,
        status=outcome.status,
        release=outcome.release,
        released_sha256=outcome.released_sha256,
        released_bytes=len(outcome.released),
        finish_reason=outcome.finish_reason,
        prompt_tokens=outcome.prompt_tokens,
        completion_tokens=outcome.completion_tokens,
        tokens=outcome.tokens.counted,
        quoted=by_class(outcome.quoted) if outcome.quoted else {},
        found=outcome.found,
        unaccounted=outcome.unaccounted,
        notices=outcome.notices,
        worker=worker,
        settled=charged.settled,
        usage=charged.basis,
    )
    draft = CALL_OUTCOME.draft(event, sealed=_answer(outcome), subject=subject)
    return draft._replace(retention=Retention.EXPLOIT) if FoundKind.EXPLOIT in outcome.found else draft


def abandoned_draft(call: str, worker: str, reserved: Amounts = NO_CHARGE.settled, why: str = "worker-gone") -> Draft:
    """Returns the outcome of a call whose worker died or failed: that it began is known, and nothing after it.

    So it is charged what it had reserved.
    """
    event = CallEnded(
        call=call,
        end=End.ABANDONED,
        why=why,
        clause="",
        attempt=None,
        status=None,
        release=None,
        released_sha256=None,
        released_bytes=None,
        finish_reason=None,
        prompt_tokens=None,
        completion_tokens=None,
        unaccounted=None,
        worker=worker,
        settled=reserved,
        usage=Basis.WORST_CASE if reserved else Basis.UNBUDGETED,
    )
    return CALL_OUTCOME.draft(event)


def _judged(refusal: Refusal) -> Judged | None:
    if refusal.asked is None:
        return None
    stated = {name: _stated(name, value) for name, value in refusal.asked.context.items()}
    return Judged(epoch=refusal.epoch, context=stated)


def _stated(name: str, value: Value) -> Stated:
    if isinstance(value, EntityUid):
        return value.id
    if isinstance(value, frozenset):
        return len(value) if name in TARGETS else tuple(sorted(value))
    if isinstance(value, bool | int | str):
        return value
    raise TypeError(f"{name} of a call's context has no form in its entry")


def refused_draft(
    refusal: Refusal, arrival: Arrival, body: bytes, unrecorded: int, traits: Traits | None = None
) -> Draft:
    """Returns the entry of a refusal.

    Raises:
        ValueError: nobody was identified, so that no entry speaks of anyone.
    """
    if refusal.principal is None:
        raise ValueError("a refusal without a principal has no entry of its own")
    event = CallRefused(
        principal=refusal.principal.id,
        organization=refusal.principal.organization,
        path=refusal.path.id if refusal.path else arrival.path[:PATH_SHOWN_MAX],
        path_digest=refusal.path.digest if refusal.path else "",
        purpose=arrival.purpose[:PATH_SHOWN_MAX],
        model=refusal.model,
        step=refusal.step,
        code=refusal.error.code,
        clause=refusal.clause,
        remedy=remedy_of(refusal.error)[:REMEDY_SHOWN_MAX],
        against=_against(refusal),
        determining=refusal.decision.determining if refusal.decision else (),
        policy_digest=refusal.policy_digest,
        judged=_judged(refusal),
        request_sha256=hashlib.sha256(body).hexdigest(),
        request_bytes=len(body),
        unrecorded=unrecorded,
        grant=refusal.grant,
        traits=traits,
        hints=counted(refusal.hints),
    )
    sealed: dict[str, JSONValue] = {"hints": detailed(refusal.hints)} if refusal.hints else {}
    return CALL_REFUSED.draft(event, sealed=sealed, subject=refusal.principal.id)


def _against(refusal: Refusal) -> tuple[str, ...]:
    reasons = refusal.decision.reasons if refusal.decision else ()
    return tuple(f"{reason.code} {reason.clause}" for reason in reasons)[:AGAINST_MAX]


def _answer(outcome: Outcome) -> Mapping[str, JSONValue]:
    # What an upstream sends may be any bytes; what is released is text, because only whole valid frames are.
    parts = {"released": outcome.released, "kept": outcome.kept}
    apart = APART if FoundKind.EXPLOIT in outcome.found else ""  # working exploits have readers of their own
    return {f"{apart}{name}": _text(data) for name, data in parts.items() if data}


def _text(data: bytes) -> str:
    return data.decode(errors="backslashreplace")
