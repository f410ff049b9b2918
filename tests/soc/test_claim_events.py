"""What the log and the control state keep of claims, and what can be found again from it."""

import json
import random

import msgspec
import pytest

from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import CallId, Origin
from safeconduct.kernel.instants import seconds
from safeconduct.soc.answers.reading import Unreadable, read_answer
from safeconduct.soc.claim_events import (
    CLAIM_BYTES_MAX,
    PROJECTIONS,
    TRIAGED,
    Triaged,
    claim_record,
    claims_of,
    record_claims,
)
from safeconduct.soc.claims import ClaimKind, decode_claim, encode_claim
from safeconduct.soc.grounding import Context, Outcome, Shown, check_all
from safeconduct.soc.hunts.model import Comparison, Hunt, Where
from safeconduct.soc.questions.composing import question
from safeconduct.soc.questions.model import Budget, ModelAnswer
from safeconduct.soc.quotes import quotes
from safeconduct.soc.rechecking import read_sealed, recheck
from safeconduct.soc.summary import rule_context, summarize
from support.immediate import ImmediateWriter
from support.model_noise import noise
from support.soc_world import START, TECHNIQUES, with_field, world
from support.true_claims import true_claims

ORIGIN = Origin("safeconduct.example/ag")
LEAF_BYTES_MAX = 65_535


def keep(here, seed=5):
    """Records the claims of rules and of a noisy model, and returns the writer and all that was checked."""
    writer = ImmediateWriter(dict(PROJECTIONS))
    _, rules = summarize(rule_context(here.incident, here.events, TECHNIQUES))
    wide = Budget(claims=dict.fromkeys(("observations", "counts", "sequences", "relations", "techniques"), (0, 3)))
    asked = question(here.incident, here.events, TECHNIQUES, model="m", budget=wide)
    answer = ModelAnswer(text=noise(asked, seed), call=CallId("01JD0000000000000000000000"), model="m")
    reading = read_answer(asked, answer, here.events)
    context = Context(incident=here.incident, events=here.events, shown=asked.shown, techniques=TECHNIQUES)
    model = check_all(reading.claims, context)

    def command(tx):
        record_claims(tx, ORIGIN, here.incident.id, rules)
        record_claims(
            tx, ORIGIN, here.incident.id, model,
            call=answer.call, unreadable=reading.unreadable, shown=asked.shown,
        )  # fmt: skip

    writer.run(command)
    return writer, (*rules, *model)


def sealed(writer):
    fields = [writer.drafts[entry.id].sealed for entry in writer.entries]
    through = [json.loads(canonical(one)) for one in fields]
    return [read_sealed(one["claims"], one["shown"]) for one in through]


def test_the_state_keeps_outcomes_and_places():
    here = world(3)
    writer, checked = keep(here)
    assert {one.verified for one in checked} == {True, False}
    kept = {record.claim.id: record for record in claims_of(writer.state, here.incident.id)}
    assert kept.keys() == {one.claim.id for one in checked}
    for one in checked:
        record = kept[one.claim.id]
        assert record.claim.outcome is one.outcome
        assert record.claim.reason == one.reason.code
        assert [(place.event, place.pointer) for place in record.claim.evidence] == [
            (piece.event, piece.pointer) for piece in one.claim.evidence
        ]
    assert claim_record(writer.state, here.incident.id, "0" * 32) is None


def test_it_is_told_what_a_verdict_says_and_which_technique_holds():
    writer, checked = keep(world(3))
    for one in checked:
        kept = claim_record(writer.state, one.claim.incident, one.claim.id).claim
        assert kept.judgment == getattr(one.claim.predicate, "judgment", None)
        assert kept.technique == (getattr(one.claim.predicate, "technique", "") if one.verified else "")
    techniques = [one for one in checked if one.claim.kind is ClaimKind.TECHNIQUE]
    assert {one.verified for one in techniques} == {True, False}
    assert any(one.claim.kind is ClaimKind.VERDICT for one in checked)


def test_when_somebody_looked_first_stays():
    here = world(3)
    writer, _ = keep(here)
    first = writer.entries[0]
    keep_again = summarize(rule_context(here.incident, here.events, TECHNIQUES))[1]
    writer.now += seconds(60)
    writer.run(lambda tx: record_claims(tx, ORIGIN, here.incident.id, keep_again))
    assert writer.state.get(TRIAGED, here.incident.id) == Triaged(at=first.at, entry=first.id)
    assert writer.entries[-1].at > first.at


def test_no_value_of_an_event_stands_in_the_clear():
    here = world(3)
    writer, checked = keep(here)
    clear = json.dumps([dict(entry.body) for entry in writer.entries])
    values = {piece.quote for one in checked for piece in one.claim.evidence if isinstance(piece.quote, str)}
    long = {value for value in values if len(value) > 6 and not value.startswith("2026")}
    assert len(long) > 5
    assert [value for value in long if value in clear] == []


def test_ids_are_the_same_whatever_the_quotes_are():
    here = world(3)
    for claim in true_claims(here):
        assert decode_claim(json.loads(canonical(encode_claim(claim)))) == claim


@pytest.mark.parametrize("change", [{"id": "0" * 32}, {"kind": "rumor"}, {"predicate": {}}, {"serial": "x"}])
def test_what_is_no_claim_is_not_read_as_one(change):
    claim = true_claims(world(3))[0]
    with pytest.raises(InvalidInputError):
        decode_claim(encode_claim(claim) | change)
    with pytest.raises(InvalidInputError):
        decode_claim({})
    with pytest.raises(InvalidInputError):
        read_sealed([1], None)


def test_claims_checked_again_on_an_untouched_store_come_out_the_same():
    here = world(3)
    writer, checked = keep(here)
    again = recheck(sealed(writer), rule_context(here.incident, here.events, TECHNIQUES))
    assert {one.claim.id: (one.outcome, one.reason.code) for one in again} == {
        one.claim.id: (one.outcome, one.reason.code) for one in checked
    }


@pytest.mark.parametrize("seed", range(5))
def test_one_changed_field_turns_the_sealed_claims_on_it(seed):
    here = world(seed)
    writer, checked = keep(here, 5)
    verified = {one.claim.id for one in checked if one.verified}
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    event = here.events[rng.choice(list(here.events))]
    for pointer, value in quotes(event):
        other = (not value) if isinstance(value, bool) else value + 77 if isinstance(value, int) else f"{value}~"
        events = {**here.events, event.id: with_field(event, pointer, other)}
        again = recheck(sealed(writer), rule_context(here.incident, events, TECHNIQUES))
        turned = {one.claim.id for one in again if one.claim.id in verified and one.outcome is Outcome.REJECTED}
        on = {
            one.claim.id
            for one in checked
            if one.verified and any((p.event, p.pointer) == (event.id, pointer) for p in one.claim.evidence)
        }
        verdicts = {
            one.claim.id for one in checked if one.verified and set(getattr(one.claim.predicate, "claims", ())) & on
        }
        assert turned == on | verdicts, pointer


def test_many_claims_take_several_entries_each_within_a_leaf():
    here = world(4, 150)
    writer, checked = keep(here)
    bodies = [entry.body for entry in writer.entries]
    assert len(bodies) > 3
    assert max(len(canonical(body)) for body in bodies) < min(LEAF_BYTES_MAX, CLAIM_BYTES_MAX + 10_000)
    assert sum(len(body["claims"]) for body in bodies) == len(checked)
    rules = [body for body in bodies if body["call"] == ""]
    assert [(body["part"], body["parts"]) for body in rules] == [(n + 1, len(rules)) for n in range(len(rules))]


def test_an_answer_without_claims_is_recorded_too():
    here = world(1)
    writer = ImmediateWriter(dict(PROJECTIONS))
    problems = [Unreadable(position=0, code="not-json"), Unreadable(position=1, code="answer-cut")]
    writer.run(lambda tx: record_claims(tx, ORIGIN, here.incident.id, (), call="01JD", unreadable=problems))
    [entry] = writer.entries
    assert entry.type == "soc.claims.checked/1"
    assert entry.body["unreadable"] == {"not-json": 1, "answer-cut": 1}
    assert list(entry.body["claims"]) == []
    assert msgspec.json.encode(dict(entry.body))


def test_what_a_model_saw_is_sealed_with_its_hunts_and_read_back():
    here = world(3)
    event = here.incident.events[0]
    asked = Hunt(where=(Where("user", Comparison.EQUALS, "ana"),), first=START, last=START, sources=("login",))
    seen = Shown({event: frozenset({"/raw/host"})}, (asked,))
    writer = ImmediateWriter(dict(PROJECTIONS))
    writer.run(lambda tx: record_claims(tx, ORIGIN, here.incident.id, [], shown=seen))
    (part,) = sealed(writer)
    assert part.shown == seen
    assert part.events == {event}


def test_what_was_sealed_before_there_were_hunts_is_read():
    event = "0" * 32
    assert read_sealed([], {event: ["/raw/host"]}).shown == Shown({event: frozenset({"/raw/host"})})
    assert read_sealed([], {}).shown == Shown({})
    assert read_sealed([], None).shown is None
