"""Text of events stays data: what attackers write into them fills no author, verdict, target, query or instruction.

The texts are those of public corpora of injections and jailbreaks, put where an attacker of ours could: a user agent, a
command line, the model's own name and words.
"""

import asyncio
import io
import json
import os
import random
import tarfile
from dataclasses import replace

import pytest

from safeconduct.kernel.ids import CallId, PathId, PrincipalId
from safeconduct.kernel.instants import seconds
from safeconduct.soc.autonomy.levels import Autonomy
from safeconduct.soc.claims import NAME, AuthorKind
from safeconduct.soc.hunts.columns import COLUMNS
from safeconduct.soc.model_hunts import COMPARISONS, read_proposals
from safeconduct.soc.predicates import Judgment, Observation, Verdict
from safeconduct.soc.questions.composing import question
from safeconduct.soc.questions.model import TRIAGE, Budget, ModelAnswer
from safeconduct.soc.quotes import quote_at
from safeconduct.soc.summary import rule_context
from safeconduct.soc.triage_service import Asking, ask
from support.corpora import corpora
from support.soc_world import START, TECHNIQUES, Fact, event_of, search_over, world_of

SHARE = 1 if os.environ.get("SAFECONDUCT_LONG") else 40
CALL = CallId("01JD0000000000000000000000")


def strings(value):
    """Yields every text in a JSON document of at least a few words."""
    if isinstance(value, str):
        if 20 <= len(value) <= 4_000:
            yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from strings(one)


def attacks():
    for name in ("cyberseceval_prompt_injection", "inthewild_jailbreaks", "bipia-train"):
        with tarfile.open(corpora() / "guard" / f"{name}.tar.xz") as archive:
            for member in archive:
                if member.isfile() and member.name.endswith(".json"):
                    yield from strings(json.load(io.TextIOWrapper(archive.extractfile(member), "utf-8")))


@pytest.fixture(scope="module")
def texts():
    found = list(dict.fromkeys(attacks()))
    kept = found[::SHARE]
    assert len(kept) > 20
    return kept


def attacked(text):
    """An incident whose user agent and command line an attacker wrote."""
    facts = [
        Fact("request", START, "web-01", "ana", "203.0.113.66", 1, 1, text, "accepted", ("T1105",)),
        Fact("process", START + seconds(5), "web-01", "ana", "", 900, 1, text, "", ("T1059.004",)),
    ]
    return world_of({event_of(fact).id: fact for fact in facts})


def view(here):
    context = rule_context(here.incident, here.events, TECHNIQUES)
    return replace(context, search=search_over(here.events.values()))


def answered(here, text, name="stand-in"):
    class Model:
        async def complete(self, _path, _purpose, _body):
            return ModelAnswer(text=text, call=CALL, model=name)

    asking = Asking(
        path=PathId("p"),
        purpose="x",
        upstream="u",
        principal=PrincipalId("s"),
        model="m",
        budget=Budget(),
        autonomy=Autonomy.TRIAGE,
    )
    return asyncio.run(ask(view(here), Model(), asking))


def test_it_is_shown_as_data_and_ends_no_block(texts):
    for text in texts:
        here = attacked(text)
        body = json.loads(question(here.incident, here.events, TECHNIQUES, model="m").payload)
        system, user = (message["content"] for message in body["messages"])
        data, after = user.removeprefix("<data>\n").split("\n</data>\n")
        assert text[:40] not in system + after
        assert "<" not in data
        assert ">" not in data
        # One line a field, however many the text has.
        assert all(line.startswith(("event ", "alert ", "/")) for line in data.split("\n"))


def parrots(here, text, rng):
    """Answers in which each place that takes a text takes this one."""
    asked = question(here.incident, here.events, TECHNIQUES, model="m")
    field = rng.choice(asked.fields)
    event = next(reference for reference, one in asked.events.items() if one == field.event)
    true = {"event": event, "field": field.pointer, "value": field.text}
    yield text
    yield json.dumps(text)
    for name in true:
        yield json.dumps({"observations": [{**true, name: text}]})
    yield json.dumps({"observations": [true], "author": text})
    yield json.dumps({"observations": [{**true, "note": text}]})
    yield json.dumps({"techniques": [{"technique": text, "alert": text}], "sequences": [{"first": text}]})
    for judgment in (text, "false-positive", "benign-positive"):
        yield json.dumps({"observations": [true], "verdict": {"judgment": judgment, "claims": [1]}})
    yield json.dumps(
        {"absences": [{"hunt": 1}], "tallies": [{"hunt": 1, "count": 1}], "consequences": [{"word": text}]}
    )


def test_a_model_that_repeats_it_claims_nothing_but_that_it_stands_there(texts):
    rng = random.Random(5)  # noqa: S311 - repeatable, not secret
    for text in texts:
        here = attacked(text)
        for said in parrots(here, text, rng):
            for one in answered(here, said, name=text).claims:
                author = one.claim.author
                assert (author.kind, author.version, author.call) == (AuthorKind.MODEL, TRIAGE.prompt.version, CALL)
                assert NAME.fullmatch(author.name)
                if one.verified:
                    assert isinstance(one.claim.predicate, Observation)
                    (piece,) = one.claim.evidence
                    assert quote_at(here.events[piece.event], piece.pointer) == piece.quote
                elif isinstance(one.claim.predicate, Verdict):
                    assert one.claim.predicate.judgment is not Judgment.TRUE_POSITIVE


def test_a_hunt_takes_it_as_a_compared_value_and_as_nothing_else(texts):
    here = attacked(texts[0])
    for text in texts:
        true = {
            "window": "during",
            "source": "process",
            "where": [{"field": "command", "operator": "contains", "value": text}],
        }
        where = true["where"][0]
        for bad in (
            {**true, "window": text},
            {**true, "source": text},
            {**true, "where": [{**where, "field": text}]},
            {**true, "where": [{**where, "operator": text}]},
            {**true, "where": text},
            {**true, "query": text},
            text,
        ):
            proposed = read_proposals(json.dumps({"hunts": [bad]}), here.incident, ["process"])
            assert proposed.hunts == ()
        for hunt in read_proposals(json.dumps({"hunts": [true]}), here.incident, ["process"]).hunts:
            assert hunt.sources == ("process",)
            assert [(one.field in COLUMNS, one.operator in COMPARISONS, one.value) for one in hunt.where] == [
                (True, True, text)
            ]
