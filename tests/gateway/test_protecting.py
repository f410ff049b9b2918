"""Requests as they may leave the house: texts with and without findings, and with what has the form of a token."""

import json
from dataclasses import replace

import pytest

from safeconduct.access.compiling import compile_standing
from safeconduct.access.data_handling import DataHandling
from safeconduct.access.inventory import NO_INVENTORY
from safeconduct.boundary.pseudonyms import Known, Pseudonyms
from safeconduct.boundary.tokens import LITERAL, TOKEN
from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.dialects.registry import OPENAI_CHAT
from safeconduct.gateway.inspecting import inspect_request
from safeconduct.gateway.protecting import Protection
from support.standing_changes import PROGRAM

HANDLING = {"internal-address": DataHandling.PSEUDONYMIZE, "indicator": DataHandling.ALLOW}
PATH = replace(compile_standing(PROGRAM).paths["soc-triage"], handling=HANDLING)
OURS = Pseudonyms(lambda: bytes(32), Known()).of("internal-address", "10.0.0.5")
FOREIGN = "USER_abcdefghaa"


def protected(*texts, restored=True):
    """The texts of a request as they leave the house, how its findings were handled, and the tokens in them."""
    messages = [{"role": "user", "content": text} for text in texts]
    body = json.dumps({"model": "m", "messages": messages}).encode()
    inspected = inspect_request(PATH, OPENAI_CHAT.read(body, Shapes()), NO_INVENTORY)
    pseudonyms = Pseudonyms(lambda: bytes(32), Known())
    protection = Protection(PATH, pseudonyms, restored)
    left = json.loads(protection.request(inspected))
    return [one["content"] for one in left["messages"]], protection.done, pseudonyms.used


@pytest.mark.parametrize("token", [OURS, FOREIGN])
@pytest.mark.parametrize("text", ["{}", "see {} again", "a \\ {}"])
def test_a_text_with_no_finding_that_has_a_tokens_form_gets_one_itself(text, token):
    said = text.format(token)
    (left,), handled, used = protected(said)
    assert left != said
    assert token not in left
    assert TOKEN.sub(lambda one: used[one[0]], left) == said
    assert [one.partition("_")[0] for one in used] == [LITERAL]
    assert handled == {}


@pytest.mark.parametrize("text", ["plain words", "one_name", FOREIGN.replace("_", "-"), "x" + FOREIGN])
def test_a_text_without_a_tokens_form_stays_as_it_is(text):
    assert protected(text) == ([text], {}, {})


def test_where_nothing_is_restored_no_text_is_taken_for_a_token():
    assert protected(FOREIGN, OURS, restored=False) == ([FOREIGN, OURS], {}, {})


def test_findings_of_all_texts_are_counted_by_class_and_handling():
    said = ["10.0.0.5 and 10.0.0.6, not 203.0.113.9", "nothing", "10.0.0.5 at 203.0.113.9 and 203.0.113.8"]
    left, handled, used = protected(*said)
    assert [TOKEN.sub(lambda one: used[one[0]], text) for text in left] == said
    assert left[1] == "nothing"
    assert "203.0.113.9" in left[0]
    assert sorted(used.values()) == ["10.0.0.5", "10.0.0.6"]
    assert handled == {"indicator:allow": 3, "internal-address:pseudonymize": 3}
