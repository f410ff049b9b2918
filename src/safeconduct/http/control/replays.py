"""Rehearsing a change of policies: the calls of the last days, decided again under a proposed text."""

import bisect
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from safeconduct.access.authorization import compile_policies
from safeconduct.access.destruction_events import KEY_FATES
from safeconduct.access.facts import REPLAY_DAYS_MAX, days_kept
from safeconduct.access.past import StoredFacts
from safeconduct.gateway.replaying import decided_calls
from safeconduct.http.control.bodies import ReadPolicies
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.problems import problem
from safeconduct.kernel.decisions import Decision
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import InvalidInputError, SafeconductError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import DAY, Instant, rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.ledger.reader import LogReader
from safeconduct.policy import PolicySet
from safeconduct.policy.replaying import PEOPLE_SHOWN_MAX, Change, Outcome, Replay, Replayed, Tally

router = APIRouter(prefix="/api/v1/policies", tags=["standing"])

PROGRESS_ENTRIES = 2000
"""Entries between two lines of progress: about a second of work."""

Days = Annotated[int, Query(ge=1, le=REPLAY_DAYS_MAX)]


class LinesResponse(StreamingResponse):
    media_type = "application/x-ndjson"


@router.post("/replay", response_class=LinesResponse)
def replay(proposed: ReadPolicies, control: Installation, days: Days = 7) -> StreamingResponse:
    """Decides the calls of the last days again under the policies in the body. Changes nothing.

    Answers JSON lines: `progress` now and then, and last `replay` - or `error`, should something fail on the way.
    """
    policies = compile_policies(_text(proposed))
    since = Instant(control.clock.now() - days * DAY)
    return LinesResponse(map(_line, _told(control, policies, since, days)))


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"the policies are not UTF-8: {error.reason}", code="policy-invalid") from error


def _line(document: Any) -> bytes:  # noqa: ANN401 - JSON
    return msgspec.json.encode(document) + b"\n"


def _told(control: Control, policies: PolicySet, since: Instant, days: int) -> Iterator[dict[str, Any]]:
    try:
        with control.snapshot() as records:
            yield from _replayed(control.log, records, policies, since, days)
    except SafeconductError as error:
        yield {"error": problem(error)}


def _replayed(
    log: LogReader, records: Records, policies: PolicySet, since: Instant, days: int
) -> Iterator[dict[str, Any]]:
    begins = {origin: _first_since(log, origin, since) for origin in log.origins()}
    total = sum(log.size(origin) - start for origin, start in begins.items())
    facts, found, looked_at = Past(log, records), Replayed(), 0
    again = Replay(policies, facts)
    for origin, start in begins.items():
        for number, entry in enumerate(log.entries(origin, start), 1):
            for one in again.each(decided_calls((entry,), facts)):
                found.add(one)
            if number % PROGRESS_ENTRIES == 0:
                yield {"progress": {"entries": looked_at + number, "of": total, "calls": found.calls}}
        looked_at += log.size(origin) - start
    asked = {"since": rfc3339(since), "days": days, "kept_days": days_kept(records)}
    yield {"replay": _document(found, policies) | asked}


def _first_since(log: LogReader, origin: Origin, since: Instant) -> int:
    """Returns the index of the first entry that is not before an instant. Within a log instants never go back."""
    return bisect.bisect_left(range(log.size(origin)), since, key=lambda index: next(log.entries(origin, index, 1)).at)


class Past(StoredFacts):
    """`gateway.replaying.Past` too: what was destroyed, and versions of paths."""

    def __init__(self, log: LogReader, records: Records) -> None:
        super().__init__(records)
        self._log = log
        self._destroyed = frozenset(key for key, fate in records.scan(KEY_FATES) if fate.destroyed)

    def destroyed(self, entry: Entry) -> bool:
        """Tells whether a sealed field of an entry was destroyed."""
        if not self._destroyed:
            return False
        return any(one.key in self._destroyed for one in self._log.leaf(entry.id).sealed.values())


def _document(found: Replayed, policies: PolicySet) -> dict[str, Any]:
    return {
        "policies": policies.digest,
        "calls": found.calls,
        "changes": {change.value: _tally(found.changes[change]) for change in Change if change is not Change.NONE},
        "unchanged": found.changes[Change.NONE].count,
        "not_replayed": [
            {"why": why, "calls": count, "first": found.first_skipped[why]} for why, count in found.skipped.items()
        ],
        "self_check": {"agreed": found.calls - found.mismatches.count, "mismatched": _tally(found.mismatches)},
    }


def _tally(tally: Tally) -> dict[str, Any]:
    people = [{"principal": name, "calls": count} for name, count in tally.people.most_common(PEOPLE_SHOWN_MAX)]
    first = _outcome(tally.first) if tally.first else None
    return {"calls": tally.count, "principals": len(tally.people), "people": people, "first": first}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    call = outcome.call
    return {
        "call": call.call,
        "at": rfc3339(call.at),
        "principal": call.request.principal.id,
        "path": call.request.resource.id,
        "purpose": call.request.context["purpose"],
        "before": {
            "effect": "deny" if call.floor or call.codes else "allow",
            "reasons": sorted(call.floor | call.codes),
            "determining": sorted(call.determining),
        },
        "after": _after(outcome.after, call.floor),
    }


def _after(decision: Decision, floor: frozenset[str]) -> dict[str, Any]:
    codes = {reason.code for reason in decision.reasons}
    effect = "allow" if decision.allowed and not floor else "deny"
    return {"effect": effect, "reasons": sorted(floor | codes), "determining": sorted(decision.determining)}
