"""What leaves of a request with results of opaque tools: none of these, and every other byte."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.access.tools import Constraint, Effect, Tool
from safeconduct.boundary.pseudonyms import Known, Pseudonyms
from safeconduct.boundary.variables import SHOWN
from safeconduct.gateway.dialects.registry import ANTHROPIC_MESSAGES, OPENAI_CHAT, OPENAI_RESPONSES
from safeconduct.gateway.hiding import QUOTED_CHARACTERS_MIN, hide
from support.opaque_turns import brought

FETCH = Tool(name="fetch", effect=Effect.READ, opaque=True)
READ = Tool(name="read", effect=Effect.READ)
SENT = "send"
DIALECTS = {one.name: one for one in (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES)}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def hidden(dialect, messages, *, tools=(FETCH, READ), session="s1", key=b"k"):
    body = json.dumps({"model": "m", "input" if dialect == "openai.responses" else "messages": messages}).encode()
    path = SimpleNamespace(sinks=tools, origin="o", restore=())
    principal = SimpleNamespace(id="ana", organization="northwind", roles=())
    arrival = SimpleNamespace(at=0, session=session)

    def tokens(space, *, keep_subnets):
        return Pseudonyms(lambda: space.secret(key), Known(), keep_subnets=keep_subnets)

    found = hide(path, principal, arrival, body, DIALECTS[dialect].transcript(body), tokens=tokens)
    return body, found


def back(body, found):
    """Returns a request with its variables read again, wherever they stand."""
    text = json.loads(body)
    return _read(text, found.variables.texts)


def _read(value, texts):
    if isinstance(value, dict):
        return {name: _read(inner, texts) for name, inner in value.items()}
    if isinstance(value, list):
        return [_read(inner, texts) for inner in value]
    if isinstance(value, str) and value.startswith("{"):
        try:
            return json.dumps(_read(json.loads(value), texts))
        except ValueError:
            pass
    return texts.get(value, value)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(result=TEXTS, other=TEXTS)
def test_a_result_leaves_and_so_do_arguments_that_it_became(dialect, result, other):
    messages = brought(
        dialect,
        (("fetch", {"q": other}), result),
        (("read", {}), other),
        ((SENT, {"body": result, "in": [result, f"{result}!"]}), "sent"),
    )
    body, found = hidden(dialect, messages)
    variables = SHOWN.findall(found.body.decode())
    told = 3 + 2 * (other == result)  # as another's result it is shown, as an argument it is none
    assert 3 <= len(variables) <= told
    assert len(set(variables)) == 1
    assert len(found.places) == 1
    assert found.unkept.keys() == {f"VAR_{variables[0]}aa"}
    if not result.startswith("{"):
        assert back(found.body, found) == json.loads(body)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_request_without_any_is_the_same_bytes(dialect):
    for messages in (
        brought(dialect),
        brought(dialect, (("read", {}), "a page")),
        brought(dialect, (("fetch", {}), "")),
    ):
        body, found = hidden(dialect, messages)
        assert found.body is body
        assert found.places == found.unkept.keys() == set()


def test_equal_texts_have_one_variable_in_a_session_and_another_in_each_other():
    messages = brought("openai.chat", (("fetch", {}), "a page"), (("fetch", {"p": 2}), "a page"))
    first, again, elsewhere, theirs = (
        SHOWN.findall(hidden("openai.chat", messages, **more)[1].body.decode())
        for more in ({}, {}, {"session": "s2"}, {"key": b"other"})
    )
    assert len(set(first)) == 1
    assert first == again
    assert len({*first, *elsewhere, *theirs}) == 3


@pytest.mark.parametrize(("length", "gone"), [(QUOTED_CHARACTERS_MIN - 1, False), (QUOTED_CHARACTERS_MIN, True)])
def test_what_the_model_said_is_searched_for_longer_texts(length, gone):
    page = "\u00e9" * length
    messages = [*brought("openai.chat", (("fetch", {}), page)), {"role": "assistant", "content": f"It says: {page}."}]
    _, found = hidden("openai.chat", messages)
    assert (page not in json.loads(found.body)["messages"][-1]["content"]) is gone


def test_a_short_text_that_is_all_the_model_said_is_gone_too():
    messages = [*brought("openai.chat", (("fetch", {}), "up")), {"role": "assistant", "content": "up"}]
    assert json.loads(hidden("openai.chat", messages)[1].body)["messages"][-1]["content"].startswith("{{var:")


def test_a_longer_text_goes_before_one_that_stands_in_it():
    inner = "page of sixteen.."
    outer = f"this {inner} and more"
    results = ((("fetch", {}), inner), (("fetch", {"p": 2}), outer))
    messages = [*brought("openai.chat", *results), {"role": "assistant", "content": f"{outer} {inner}"}]
    said = json.loads(hidden("openai.chat", messages)[1].body)["messages"][-1]["content"]
    assert SHOWN.sub("V", said) == "V V"


def test_a_closed_result_is_shown_and_one_that_says_a_word_more_is_not():
    tools = (replace(FETCH, result_schema={"state": Constraint(one_of=("up", "down"))}),)
    for result, hides in (('{"state": "up"}', False), ('{"state": "up!"}', True)):
        _, found = hidden("openai.chat", brought("openai.chat", (("fetch", {}), result)), tools=tools)
        assert bool(found.places) is hides


def test_parts_of_a_result_have_a_variable_each_and_a_picture_counts_as_read():
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}}
    made = {"type": "tool_use", "id": "c", "name": "fetch", "input": {}}
    messages = [
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": [made]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": [*parts, image]}]},
    ]
    _, found = hidden("anthropic.messages", messages)
    at = "/messages/2/content/0/content"
    assert found.places == {f"{at}/0/text", f"{at}/1/text"}
    assert len(set(SHOWN.findall(found.body.decode()))) == 2
    assert b"aGVsbG8=" in found.body


def test_a_result_of_two_calls_of_one_id_is_hidden_if_any_of_them_is_opaque():
    messages = brought("openai.chat", (("fetch", {}), "a page"))
    twin = {"id": "c_0", "type": "function", "function": {"name": "read", "arguments": "{}"}}
    messages[1]["tool_calls"].append(twin)
    assert hidden("openai.chat", messages)[1].places
