"""The entry of checked claims, and what the control state keeps of it: outcomes and places, never a value."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import msgspec

from safeconduct.access.acts import record_act
from safeconduct.kernel.canonical import JSONValue
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.ids import CallId, ClaimId, EntryId, EventId, IncidentId, Origin, PathId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, Records, State, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.events import EventType, in_parts
from safeconduct.soc.answers.reading import Unreadable
from safeconduct.soc.claims import Author, ClaimKind, encode_claim
from safeconduct.soc.grounding import CHECKER_VERSION, CheckedClaim, Outcome, Shown
from safeconduct.soc.predicates import Judgment, Technique, Verdict

CLAIM_BYTES_MAX = 40_000
"""Bytes of claims in one entry. A leaf holds 65,535, the envelope and the commitments of sealed fields with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A cited field. Its value is sealed."""

    event: EventId
    pointer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimOutcome:
    """What became of one claim. `rule` is the rule of docs/spec/grounding.md that it broke, if it broke one.

    `judgment` is what a verdict says, also one that was rejected; `technique` what a verified claim of a technique
    names: words of our own and of ATT&CK, never one that a model is free to choose.
    """

    id: ClaimId
    kind: ClaimKind
    author: Author
    evidence: tuple[Place, ...]
    outcome: Outcome
    reason: str
    rule: str
    judgment: Judgment | None = None
    technique: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsChecked:
    """Claims about an incident were checked. Many claims take several entries: `part` of `parts`.

    `call` is the governed call whose answer held the model's claims, empty where no model was asked; `unreadable`
    counts what the answer held beside claims. `path` is the one that the model was asked on, `prompt` the version of
    the words it was asked in.
    """

    incident: IncidentId
    call: str
    checker: str
    part: int
    parts: int
    unreadable: Mapping[str, int]
    claims: tuple[ClaimOutcome, ...]
    path: str = ""
    prompt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRecord:
    """A checked claim, as actions look it up.

    `entry` is where it was last checked; `path` the one that its model was asked on, empty for claims of others.
    """

    incident: IncidentId
    claim: ClaimOutcome
    entry: EntryId
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRecord:
    """What a model answered on a governed call about an incident, in numbers: it waits for a person's review.

    `verdict` is the claim that holds its judgment, empty where it gave none.
    """

    call: CallId
    incident: IncidentId
    path: PathId
    at: Instant
    prompt: str
    claims: int
    verified: int
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Triaged:
    """When claims about an incident were checked first: somebody, or something, began to look at it."""

    at: Instant
    entry: EntryId


CLAIMS_CHECKED = EventType("soc.claims.checked/1", ClaimsChecked, Retention.OPERATIONS)
CLAIMS = Collection("claims", ClaimRecord)
ANSWERS = Collection("model_answers", AnswerRecord)
TRIAGED = Collection("incidents_triaged", Triaged)  # at the incident's id


def record_claims(
    tx: Transaction,
    origin: Origin,
    incident: IncidentId,
    checked: Sequence[CheckedClaim],
    *,
    call: str = "",
    path: str = "",
    prompt: str = "",
    unreadable: Sequence[Unreadable] = (),
    shown: Shown | None = None,
    signed: SignedAct | None = None,
) -> tuple[Entry, ...]:
    """Appends what became of claims, with their texts and quotes sealed. At least one entry, also for no claims.

    `shown` is what a model had in view, the hunts among it: without it its claims could not be checked again.
    """
    outcomes = list(in_parts(map(_outcome, checked), CLAIM_BYTES_MAX))
    texts, problems = iter(checked), Counter(problem.code for problem in unreadable)
    entries = list[Entry]()
    for number, part in enumerate(outcomes, start=1):
        event = ClaimsChecked(
            incident=incident,
            call=call,
            checker=CHECKER_VERSION,
            part=number,
            parts=len(outcomes),
            unreadable=dict(problems) if number == 1 else {},
            claims=part,
            path=path,
            prompt=prompt,
        )
        sealed = {"claims": [_sealed(one) for one in islice(texts, len(part))], "shown": _view(shown)}
        act = signed.envelope() if signed and number == 1 else None
        entries.append(tx.append(origin, CLAIMS_CHECKED.draft(event, sealed=sealed, subject=incident, act=act)))
    return tuple(entries)


def claims_of(records: Records, incident: IncidentId) -> Iterator[ClaimRecord]:
    """Yields what became of an incident's claims, by claim id."""
    return (record for _, record in records.scan(CLAIMS, f"{incident}/"))


def claim_record(records: Records, incident: IncidentId, claim: ClaimId) -> ClaimRecord | None:
    """Returns what became of a claim, or None: never checked."""
    return records.get(CLAIMS, f"{incident}/{claim}")


def _outcome(checked: CheckedClaim) -> ClaimOutcome:
    claim = checked.claim
    return ClaimOutcome(
        id=claim.id,
        kind=claim.kind,
        author=claim.author,
        evidence=tuple(Place(event=piece.event, pointer=piece.pointer) for piece in claim.evidence),
        outcome=checked.outcome,
        reason=checked.reason.code,
        rule="" if checked.verified else checked.reason.clause,
        judgment=claim.predicate.judgment if isinstance(claim.predicate, Verdict) else None,
        technique=claim.predicate.technique if checked.verified and isinstance(claim.predicate, Technique) else "",
    )


def _view(shown: Shown | None) -> dict[str, JSONValue] | None:
    if shown is None:
        return None
    fields: dict[str, JSONValue] = {
        event: sorted(pointers) if pointers is not None else None for event, pointers in shown.fields.items()
    }
    hunts: list[JSONValue] = [msgspec.to_builtins(hunt) for hunt in shown.hunts or ()]
    return {"fields": fields, "hunts": hunts, "clears": shown.clears}


def _sealed(checked: CheckedClaim) -> dict[str, JSONValue]:
    return encode_claim(checked.claim) | {"text": checked.text, "reason": checked.reason.text}


def _claims_checked(state: State, entry: Entry) -> None:
    event = CLAIMS_CHECKED.read(entry)
    for claim in event.claims:
        record = ClaimRecord(incident=event.incident, claim=claim, entry=entry.id, path=event.path)
        state.put(CLAIMS, f"{event.incident}/{claim.id}", record)
    if event.call and event.path:
        state.put(ANSWERS, event.call, _answered(state.get(ANSWERS, event.call), event, entry.at))
    if state.get(TRIAGED, event.incident) is None:
        state.put(TRIAGED, event.incident, Triaged(at=entry.at, entry=entry.id))
    record_act(state, entry)


def _answered(former: AnswerRecord | None, event: ClaimsChecked, at: Instant) -> AnswerRecord:
    verdicts = [claim.id for claim in event.claims if claim.kind is ClaimKind.VERDICT]
    return AnswerRecord(
        call=CallId(event.call),
        incident=event.incident,
        path=PathId(event.path),
        at=former.at if former else at,
        prompt=event.prompt,
        claims=len(event.claims) + (former.claims if former else 0),
        verified=sum(one.outcome is Outcome.VERIFIED for one in event.claims) + (former.verified if former else 0),
        verdict=next(iter(verdicts), former.verdict if former else ""),
    )


PROJECTIONS: Mapping[str, Projection] = {CLAIMS_CHECKED.name: _claims_checked}
