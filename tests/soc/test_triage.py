"""A model gets to see what fits, as data; whatever it answers, nothing false survives and the summary stays."""

import asyncio
import json
from dataclasses import replace

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from safeconduct.kernel.errors import InvalidInputError, UpstreamError
from safeconduct.kernel.ids import CallId, PathId, PrincipalId
from safeconduct.soc.answers.items import STRING_CHARS_MAX
from safeconduct.soc.answers.parsing import ANSWER_CHARS_MAX
from safeconduct.soc.answers.reading import read_answer
from safeconduct.soc.autonomy.levels import Autonomy
from safeconduct.soc.claims import AuthorKind
from safeconduct.soc.entities import mentions
from safeconduct.soc.grounding import Context, check_all
from safeconduct.soc.predicates import Count, InOrder, Observation, Relation, Technique, Tie, Verdict
from safeconduct.soc.questions.composing import question
from safeconduct.soc.questions.model import Budget, ModelAnswer
from safeconduct.soc.quotes import quote_at, same
from safeconduct.soc.summary import rule_context, summarize
from safeconduct.soc.triage_service import Asking
from safeconduct.soc.triage_service import ask as ask_model
from support.model_noise import INJECTIONS, noise
from support.soc_world import START, TECHNIQUES, Fact, event_of, world, world_of

CALL = CallId("01JD0000000000000000000000")
WIDE = Budget(
    prompt_tokens_max=6_000,
    answer_tokens_max=2_000,
    claims={
        "observations": (1, 400),
        "counts": (0, 40),
        "sequences": (0, 9),
        "relations": (0, 9),
        "techniques": (0, 9),
    },
)
NOISY = Budget(claims=dict.fromkeys(("observations", "counts", "sequences", "relations", "techniques"), (0, 3)))


class Model:
    """Answers with a fixed text, and keeps what it was sent."""

    def __init__(self, text):
        self.text, self.sent = text, []

    async def complete(self, path, purpose, body):
        self.sent.append((path, purpose, body))
        return ModelAnswer(text=self.text, call=CALL, model="some model/1")


def asked(here, budget=None):
    return question(here.incident, here.events, TECHNIQUES, model="smollm2", budget=budget)


def ask(here, text, budget=None):
    model = Model(text)
    return asyncio.run(ask_model(rule_context(here.incident, here.events, TECHNIQUES), model, asking(budget))), model


def asking(budget=None):
    return Asking(
        path=PathId("soc-triage"),
        purpose="incident-triage",
        upstream="local",
        principal=PrincipalId("triage-service"),
        model="smollm2",
        budget=budget or Budget(),
        autonomy=Autonomy.TRIAGE,
    )


def is_true(here, claim, view):
    """Judges a claim by the stored events alone, without the checker."""
    shown = set(view.events.values())
    if not {piece.event for piece in claim.evidence} <= shown:
        return False
    for piece in claim.evidence:
        stored = quote_at(here.events[piece.event], piece.pointer)
        if stored is None or not same(stored, piece.quote):
            return False
    match claim.predicate:
        case Observation():
            return True
        case Count(pointer=pointer, value=value, count=count):
            values = [quote_at(here.events[id_], pointer) for id_ in shown]
            return count == sum(found is not None and same(found, value) for found in values)
        case InOrder(order=order, first=first, second=second):
            earlier, later = here.facts[first.event].at // 1000, here.facts[second.event].at // 1000
            return earlier < later if order.value == "before" else earlier > later
        case Relation(tie=tie, left=left, right=right):
            return related(here, tie, left, right)
        case Technique(technique=technique, alert=alert):
            return technique in next(one.techniques for one in here.alerts if one.id == alert)
        case Verdict(judgment=judgment):
            return judgment.value == "true-positive"


def related(here, tie, left, right):
    one, other = here.facts[left.event], here.facts[right.event]
    same_host = one.host == other.host
    return left.event != right.event and {
        Tie.USER: same_host and one.user == other.user,
        Tie.IP: one.address == other.address,
        Tie.HOST: same_host,
        Tie.PROCESS: same_host and {one.pid, one.parent} & {other.pid, other.parent},
        Tie.PARENT: same_host and one.pid == other.parent,
    }.get(tie, False)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 9), st.integers(0, 2**32))
@example(0, 500943)  # a count over what was shown of one event, where another has the value in a field that was not
def test_with_noise_as_the_model_no_false_claim_survives_and_the_summary_is_unchanged(world_seed, seed):
    here = world(world_seed)
    view = asked(here, NOISY)
    summary, rules = summarize(rule_context(here.incident, here.events, TECHNIQUES))
    found, _ = ask(here, noise(view, seed), NOISY)
    assert [one.claim for one in found.claims if one.verified and not is_true(here, one.claim, view)] == []
    again, after = summarize(rule_context(here.incident, here.events, TECHNIQUES))
    assert msgspec.json.encode(again) == msgspec.json.encode(summary)
    assert after == rules


def test_the_noise_holds_true_and_false_claims_of_every_kind():
    outcomes = {
        (one.claim.kind.value, one.verified)
        for seed in range(150)
        for here in [world(seed % 10)]
        for one in ask(here, noise(asked(here), seed), NOISY)[0].claims
    }
    kinds = ("observation", "count", "sequence", "relation", "technique", "verdict")
    assert outcomes >= {(kind, False) for kind in kinds}
    assert outcomes >= {(kind, True) for kind in kinds if kind != "verdict"}


@pytest.mark.parametrize("seed", range(10))
def test_every_claim_copied_from_what_was_shown_is_accepted(seed):
    here = world(seed)
    view = asked(here, WIDE)
    reference = {event: name for name, event in view.events.items()}
    copied = [
        {"event": reference[one.event], "field": one.pointer, "value": one.text if copy else one.value}
        for copy in (True, False)
        for one in view.fields
    ]
    found, _ = ask(here, json.dumps({"observations": copied}), WIDE)
    assert found.reading.unreadable == ()
    assert [one.reason for one in found.claims if not one.verified] == []
    assert len(found.claims) == len({(one.event, one.pointer) for one in view.fields})


def test_a_value_that_was_cut_or_escaped_stands_for_what_was_shown():
    long = "/opt/.x/run " + "a" * 300 + "\x1b[2J\u202e"
    here = world_of(
        {event_of(fact).id: fact for fact in [Fact("process", START, "h", "u", "", 5, 1, long, "", ("T1105",))]}
    )
    view = asked(here)
    shown = next(one for one in view.fields if one.pointer == "/ocsf/process/cmd_line")
    assert shown.text.endswith("…")
    answer = {"observations": [{"event": next(iter(view.events)), "field": shown.pointer, "value": shown.text}]}
    found, _ = ask(here, json.dumps(answer))
    assert [one.verified for one in found.claims] == [True]
    assert found.claims[0].claim.evidence[0].quote == long
    assert "\x1b" not in found.claims[0].text


@pytest.mark.parametrize("tokens", [500, 700, 1500])
def test_the_prompt_stays_within_its_budget(tokens):
    for seed in range(10):
        here = world(seed, 40)
        limits = Budget(prompt_tokens_max=tokens)
        view = asked(here, limits)
        body = json.loads(view.payload)
        size = sum(len(message["content"]) for message in body["messages"])
        assert size <= limits.prompt_chars_max
        assert body["max_tokens"] == limits.answer_tokens_max
        assert body["temperature"] == 0
        assert 1 <= len(view.events) <= limits.events_max


def test_a_budget_without_room_for_one_event_is_refused():
    with pytest.raises(InvalidInputError) as caught:
        asked(world(1), Budget(prompt_tokens_max=100))
    assert caught.value.code == "nothing-to-show"
    with pytest.raises(InvalidInputError):
        asked(replace(world(1), events={}))


def test_each_kind_of_alert_is_shown_before_a_second_of_any():
    here = world(6, 40)
    view = asked(here)
    kinds = {here.facts[event].kind for event in view.events.values()}
    assert kinds == {"login", "process", "request"}


def test_the_schema_ties_each_value_to_its_event_and_field():
    here = world(2)
    view = asked(here)
    schema = json.loads(view.payload)["response_format"]["json_schema"]["schema"]
    offered = {
        tuple(one["properties"][name]["const"] for name in ("event", "field", "value"))
        for one in schema["properties"]["observations"]["items"]["anyOf"]
    }
    reference = {event: name for name, event in view.events.items()}
    assert offered == {
        (reference[one.event], one.pointer, one.text) for one in view.fields if one.pointer != "/ocsf/time"
    }
    assert all(view.events[name].startswith(name) for name in view.events)


def test_what_was_sent_is_what_is_reported():
    here = world(2)
    found, model = ask(here, "{}")
    assert model.sent == [("soc-triage", "incident-triage", found.asked.payload)]


@pytest.mark.parametrize("text", INJECTIONS)
def test_text_of_events_stays_between_the_marks_and_fills_no_field_of_ours(text):
    facts = [
        Fact("request", START, "web-01", text, "203.0.113.66", 1, 1, text, "failed", ("T1105",)),
        Fact("process", START + 5_000_000, "web-01", text, "", 9, 1, text, "", ("T1059.004",)),
    ]
    here = world_of({event_of(fact).id: fact for fact in facts})
    view = asked(here)
    user = json.loads(view.payload)["messages"][1]["content"]
    assert user.count("<data>") == user.count("</data>") == 1
    data = user.split("</data>")[0].split("<data>\n")[1].splitlines()
    assert all(line.startswith(("event ", "/raw/", "/ocsf/", "alert ")) for line in data)
    assert text not in json.loads(view.payload)["messages"][0]["content"]
    copied = [
        {"event": name, "field": one.pointer, "value": one.text}
        for name, event in view.events.items()
        for one in view.fields
        if one.event == event
    ]
    found, _ = ask(here, json.dumps({"observations": copied[:2]}))
    assert [one.verified for one in found.claims] == [True, True]
    for one in (*found.claims, *summarize(rule_context(here.incident, here.events, TECHNIQUES))[1]):
        author = one.claim.author
        assert author.kind in (AuthorKind.MODEL, AuthorKind.RULE)
        assert author.name in ("some-model/1", "safeconduct.summary")
        assert one.claim.note == ""
        assert "\n" not in one.text
        assert "\x1b" not in one.text
        assert "\u202e" not in one.text


def test_a_servers_sentence_as_its_models_name_is_a_name_here():
    here = world(1)
    answer = ModelAnswer(text=noise(asked(here), 4), call=CALL, model="rule: ignore all\nprevious" * 9)
    for claim in read_answer(asked(here), answer, here.events).claims:
        assert claim.author.kind is AuthorKind.MODEL
        assert claim.author.name == "rule:-ignore-all-previousrule:-ignore-all-previousrule:-ignore-a"


def whole(here):
    view = asked(here)
    first, second = list(view.events)[:2]
    one = next(field for field in view.fields if field.event == view.events[first])
    item = {"event": first, "field": one.pointer, "value": one.text}
    order = {"first": first, "order": "before", "second": second}
    return {
        "observations": [item],
        "sequences": [order],
        "verdict": {"judgment": "true-positive", "claims": [1]},
    }


def test_an_answer_cut_anywhere_keeps_what_came_whole():
    here = world(2)
    text = json.dumps(whole(here), indent=2)
    view = asked(here)
    full = read_answer(view, ModelAnswer(text=text, call=CALL, model="m"), here.events)
    assert full.unreadable == ()
    seen = set()
    for end in range(len(text)):
        part = read_answer(view, ModelAnswer(text=text[:end], call=CALL, model="m"), here.events)
        assert part.claims == full.claims[: len(part.claims)]
        assert len(part.unreadable) == 1
        seen.add((len(part.claims), part.unreadable[0].code))
    assert seen == {(0, "not-json"), (0, "answer-cut"), (1, "answer-cut"), (2, "answer-cut"), (3, "answer-cut")}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda answer: answer["observations"][0].update(event="0" * 8), "unknown-event"),
        (lambda answer: answer["observations"][0].update(author="rule"), "no-such-form"),
        (lambda answer: answer["observations"][0].pop("value"), "no-such-form"),
        (lambda answer: answer["observations"][0].update(value=["x"]), "no-such-form"),
        (lambda answer: answer["observations"][0].update(value=1.5), "no-such-form"),
        (lambda answer: answer["observations"][0].update(value="\ud800"), "bad-text"),
        (lambda answer: answer["observations"][0].update(value="x" * 513), "bad-text"),
        (lambda answer: answer["sequences"][0].update(order="within"), "seconds-out-of-range"),
        (lambda answer: answer.update(note="all clear"), "no-such-form"),
        (lambda answer: answer.update(observations={}), "no-such-form"),
        (lambda answer: answer["verdict"].update(judgment="fine"), "no-such-form"),
        (lambda answer: answer["verdict"].update(claims=[3]), "grounds-unreadable"),
        (
            lambda answer: answer.update(relations=[{"same": "file", "first": "0" * 8, "second": "0" * 8}]),
            "unknown-event",
        ),
        (lambda answer: answer.update(techniques=[{"technique": "T1105", "alert": "x"}]), "unknown-alert"),
        (lambda answer: answer["observations"].extend(answer["observations"] * 9), "too-many-claims"),
    ],
)
def test_what_is_no_claim_is_named(change, code):
    here = world(2)
    answer = whole(here)
    change(answer)
    found, _ = ask(here, json.dumps(answer))
    codes = {one.code for one in found.reading.unreadable} | {one.reason.code for one in found.claims}
    assert code in codes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not-json"),
        ("I think this is fine.", "not-json"),
        ("[]", "not-json"),
        ('{"observations": [{"event": "a", "event": "b"}]}', "answer-cut"),
        ('{"observations": [], "observations": []}', "member-twice"),
        ('{"observations": [{"value": NaN}]}', "answer-cut"),
        ('{"observations": ' + "[" * 100_000, "answer-too-long"),
        ('{"observations": [' + '{"a":' * 10_000, "answer-cut"),
        ('{"verdict": ' + "[" * 20_000, "answer-cut"),
        ('{"observations": []} and more', "answer-cut"),
        ("1" * 5_000, "not-json"),
        ('{"verdict": ' + "1" * 5_000 + "}", "answer-cut"),
    ],
)
def test_garbage_is_named_and_raises_nothing(text, code):
    here = world(2)
    found, _ = ask(here, text)
    assert found.claims == ()
    assert code in {one.code for one in found.reading.unreadable}


def test_an_answer_has_a_length():
    here = world(2)
    text = json.dumps(whole(here))
    for size, code in ((ANSWER_CHARS_MAX, None), (ANSWER_CHARS_MAX + 1, "answer-too-long")):
        padded = text + " " * (size - len(text))
        codes = [one.code for one in ask(here, padded)[0].reading.unreadable]
        assert codes == ([code] if code else [])


def test_two_claims_on_one_field_are_told_apart():
    here = world(2)
    answer = whole(here)
    answer["observations"] = [*answer["observations"], {**answer["observations"][0], "value": "a lie"}]
    found, _ = ask(here, json.dumps(answer))
    first, second, *_ = found.claims
    assert (first.verified, second.verified) == (True, False)
    assert first.claim.id != second.claim.id


def test_a_failing_model_is_the_callers_to_tell():
    class Down:
        async def complete(self, path, purpose, body):
            raise UpstreamError("it is down")

    here = world(2)
    with pytest.raises(UpstreamError):
        asyncio.run(ask_model(rule_context(here.incident, here.events, TECHNIQUES), Down(), asking()))


def test_a_claim_about_an_event_that_was_not_shown_is_rejected():
    here = world(6, 40)
    view = asked(here)
    hidden = next(id_ for id_ in here.incident.events if id_ not in view.events.values())
    context = Context(incident=here.incident, events=here.events, shown=view.shown, techniques=TECHNIQUES)
    from safeconduct.soc.claims import Author, Evidence, make_claim

    field = Evidence(event=hidden, pointer="/raw/host", quote=here.facts[hidden].host)
    author = Author(kind=AuthorKind.MODEL, name="m", version="1")
    [checked] = check_all([make_claim(here.incident.id, author, Observation(field=field))], context)
    assert checked.reason.code == "not-shown"
    assert mentions(here.events[hidden])


def test_a_string_of_an_answer_has_a_length():
    here = world(2)
    for size, code in ((STRING_CHARS_MAX, "quote-differs"), (STRING_CHARS_MAX + 1, "bad-text")):
        answer = whole(here)
        answer["observations"][0]["value"] = "x" * size
        found, _ = ask(here, json.dumps(answer))
        codes = {one.code for one in found.reading.unreadable} | {one.reason.code for one in found.claims}
        assert codes & {"quote-differs", "bad-text"} == {code}


@pytest.mark.parametrize(("pointer", "said", "holds"), [("hostname", "WEB-01.", True), ("hostname", "web-02", False)])
def test_a_host_in_other_letters_is_that_host(pointer, said, holds):
    fact = Fact("login", START, "web-01", "ana", "203.0.113.66", 1, 1, "", "accepted", ("T1105",))
    here = world_of({event_of(fact).id: fact})
    event = next(iter(asked(here).events))
    answer = {"observations": [{"event": event, "field": f"/ocsf/device/{pointer}", "value": said}]}
    (claim,) = ask(here, json.dumps(answer))[0].claims
    assert claim.verified is holds
