"""A classifier of this machine beside the rules: what it says is a hint, and what it fails to say is one too."""

import asyncio
from itertools import pairwise

import pytest

from safeconduct.access.detection import HintClassifier
from safeconduct.boundary.model import Block, Source, Transcript
from safeconduct.gateway.classifying import OVERLAP, PIECE, PIECES_MAX, judged, pieces_of
from safeconduct.gateway.events import CALL_INTENT, CALL_REFUSED
from safeconduct.kernel.errors import UnavailableError
from support.call_ends import ANSWER, JSON_HEAD, ScriptedClient, ScriptedUpstream, request
from support.gateway_world import PATH, log_world
from support.patience import PATIENCE_S
from support.programs import demo_program

ASKS = "    hint_classifier: {labels: [INJECTION], percent: 90}\n    hint_families: {model: ACT, hidden: ACT}\n"
RULE = HintClassifier(labels=("INJECTION",), percent=90)


class Says:
    """`Classifier` that says one score, or fails."""

    def __init__(self, score=None):
        self.score, self.asked = score, []

    async def classify(self, texts):
        self.asked += texts
        if self.score is None:
            raise UnavailableError("no", code="classifier-failed")
        return [{"INJECTION": self.score, "SAFE": 1 - self.score} for _ in texts]


def asked(classifier, act="refuse", text="a plain question", **more):
    keys = ASKS.replace("ACT", act)
    program = demo_program().replace(b"    upstream: local\n", f"    upstream: local\n{keys}".encode(), 1)
    with log_world(program=program) as world:
        upstream = ScriptedUpstream(JSON_HEAD, ANSWER)
        client = asyncio.run(run(world, upstream, classifier, request(text=text, **more)))
        return client, world.entries()[0], upstream.exchanges


async def run(world, upstream, classifier, body):
    calls, client = world.calls(upstream, classifier=classifier), ScriptedClient()
    arrival = calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"])
    await asyncio.wait_for(calls.run(arrival, body, client), PATIENCE_S)
    return client


def test_what_it_takes_for_an_attack_is_refused_and_reaches_no_model():
    client, entry, sent = asked(Says(0.95))
    assert (client.failure.code, client.failure.clause) == (
        "hint-refused",
        "path:soc-triage/hint_families/model",
    )
    assert CALL_REFUSED.read(entry).hints == {"model": 1}
    assert sent == []


def test_what_it_takes_for_none_goes_on_and_it_is_asked_once():
    classifier = Says(0.89)
    _, entry, sent = asked(classifier)
    assert (CALL_INTENT.read(entry).hints, len(sent)) == ({}, 1)
    assert classifier.asked == ["a plain question"]


@pytest.mark.parametrize("classifier", [Says(), None])
def test_a_classifier_that_fails_or_is_not_there_leaves_the_text_unread(classifier):
    client, entry, sent = asked(classifier)
    assert (client.failure.code, sent) == ("hint-refused", [])
    assert "rule not-read" in str(client.failure)
    assert entry.body["hints"] == {"hidden": 1}
    _, entry, sent = asked(classifier, "lower")
    assert (CALL_INTENT.read(entry).hints, len(sent)) == ({"hidden": 1}, 1)


def test_a_call_that_is_refused_for_something_else_is_not_shown_to_it():
    classifier = Says(0.0)
    client, _, _ = asked(classifier, text="x", max_tokens=1025)
    assert (client.failure.code, classifier.asked) == ("output-tokens-over-limit", [])


def test_every_character_is_in_a_piece_and_neighbors_share_some():
    text = "".join(chr(0x4E00 + number) for number in range(2_345))
    pieces, left = pieces_of(Transcript(blocks=(Block(pointer="/a", source=Source.TOOL, text=text),)))
    assert ({len(one.text) for one in pieces[:-1]}, left) == ({PIECE}, ())
    assert all(one.text[-OVERLAP:] == other.text[:OVERLAP] for one, other in pairwise(pieces))
    assert set("".join(one.text for one in pieces)) == set(text)


@pytest.mark.parametrize(("count", "unread"), [(PIECES_MAX, ()), (PIECES_MAX + 1, ("/last",))])
def test_what_is_beyond_the_bound_counts_as_not_read(count, unread):
    blocks = [Block(pointer=f"/{number}", source=Source.USER, text="x") for number in range(count - 1)]
    pieces, left = pieces_of(Transcript(blocks=(*blocks, Block(pointer="/last", source=Source.USER, text="x"))))
    found = judged(RULE, pieces, left, [{"INJECTION": 0.0}] * len(pieces))
    assert tuple(one.pointer for one in found) == unread


def test_an_answer_for_fewer_texts_counts_for_none():
    pieces, left = pieces_of(Transcript(blocks=(Block(pointer="/a", source=Source.USER, text="x"),)))
    assert [one.rule for one in judged(RULE, pieces, left, [])] == ["not-read"]
    assert judged(RULE, pieces, left, [{"INJECTION": 0.9}])[0].rule == "classifier-user"
    assert judged(RULE, pieces, left, [{"SAFE": 0.9}]) == ()
