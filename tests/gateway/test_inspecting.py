"""What a request's texts hold is what each of them holds by itself, however often it stands there."""

import json

import pytest

from safeconduct.access.inventory import NO_INVENTORY, Site, compile_inventory
from safeconduct.boundary.by_field import names_in
from safeconduct.boundary.recognizing import recognize
from safeconduct.gateway import inspecting
from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.dialects.registry import OPENAI_CHAT
from safeconduct.gateway.inspecting import AGAIN_CHARACTERS_MAX, finder

EVENT = json.dumps({"EventID": 4624, "Channel": "Security", "TargetUserName": "content", "Computer": "role"})
ODD = compile_inventory([Site(id="odd", accounts=("content", "messages"), hosts=("role",))])
SAID = ["hello", "hello", "10.0.0.5", "content", "a" * AGAIN_CHARACTERS_MAX, "10.0.0.5 " * 9]


def asked(*texts):
    messages = [{"role": "user", "content": text} for text in texts]
    return OPENAI_CHAT.read(json.dumps({"model": "m", "messages": messages}).encode(), Shapes())


@pytest.mark.parametrize("inventory", [NO_INVENTORY, ODD])
@pytest.mark.parametrize("texts", [SAID, [EVENT, *SAID]])
def test_each_text_holds_what_it_would_alone(inventory, texts):
    request = asked(*texts)
    find, known = finder(inventory, request), names_in(request.texts, inventory)
    for text in (*request.texts, *request.texts):
        assert find(text) == recognize(text, inventory, known)


def test_a_name_of_the_dialect_that_is_an_own_one_is_found():
    assert [one.kind for one in finder(ODD, asked("hello"))("content")] == ["known-account"]
    assert finder(NO_INVENTORY, asked("hello"))("content") == ()
    assert [one.kind for one in finder(NO_INVENTORY, asked(EVENT))("content")] == ["field-account"]


def test_what_callers_say_is_remembered_for_no_other_request():
    find = finder(NO_INVENTORY, asked("secret-word"))
    find("secret-word")
    assert set(inspecting._in_words(NO_INVENTORY)) == set(inspecting._WORDS)
