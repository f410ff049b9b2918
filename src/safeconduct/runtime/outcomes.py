"""What is recorded and told when one call is over."""

from typing import TYPE_CHECKING

import msgspec

from safeconduct.gateway.breaches import note_quoted
from safeconduct.gateway.dialects.registry import dialect
from safeconduct.gateway.label_entries import answered_draft
from safeconduct.gateway.labelling import CallLabels
from safeconduct.gateway.moves import Outcome
from safeconduct.gateway.observing import EndedCall, upstream_of
from safeconduct.gateway.prepared import Prepared
from safeconduct.gateway.vendor_outcomes import merged, rerouted
from safeconduct.kernel.errors import UpstreamError
from safeconduct.kernel.ports import Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safeconduct.gateway.ports import Upstream
    from safeconduct.kernel.entries import Draft


def compared(outcome: Outcome, prepared: Prepared, upstreams: "Mapping[str, Upstream]") -> Outcome:
    """Returns the outcome, with a notice where another model answered than the one that was asked for."""
    if not outcome.attempt:
        return outcome
    target, sent = prepared.providers[outcome.attempt - 1], prepared.asks[outcome.attempt - 1]
    vendor = upstreams[target.upstream].facts.vendor
    found = rerouted(vendor, (prepared.model.version, sent.model), outcome.answered_as)
    return msgspec.structs.replace(outcome, notices=merged(outcome.notices, found)) if found else outcome


def said(outcome: Outcome, prepared: Prepared, call: str, labels: CallLabels | None) -> "Draft | None":
    """Returns the entry of what a labelled call answered; what nobody can read is remembered as nothing."""
    if labels is None:
        return None
    try:
        answer = dialect(prepared.arrival.dialect).answered(outcome.released)
    except UpstreamError:
        return None
    return answered_draft(call, labels, answer)


def append_outcome(
    tx: Transaction, call: str, prepared: Prepared, outcome: Outcome, *, draft: "Draft", answered: "Draft | None" = None
) -> None:
    """Appends the outcome's entry, and in the same transaction what was answered and what left that should not have."""
    tx.append(prepared.path.origin, draft)
    if answered is not None:
        tx.append(prepared.path.origin, answered)
    if outcome.quoted:
        note_quoted(tx, call, prepared, outcome.attempt, outcome.quoted)


def told(outcome: Outcome, prepared: Prepared, call: str, *, took_s: float, first_s: float | None) -> EndedCall:
    """Returns what observers are told of a call that has ended."""
    return EndedCall(
        call=call,
        path=prepared.path.id,
        dialect=prepared.arrival.dialect,
        upstream=upstream_of(prepared, outcome.attempt),
        model=prepared.model.name,
        began_at=prepared.arrival.at,
        seconds=took_s,
        first_s=first_s,
        end=outcome.end,
        why=outcome.why,
        attempt=outcome.attempt,
        finish_reason=outcome.finish_reason,
        prompt_tokens=outcome.prompt_tokens,
        completion_tokens=outcome.completion_tokens,
        notices=outcome.notices,
        trace=prepared.arrival.trace,
    )
