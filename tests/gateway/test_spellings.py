"""What is refused by name is refused in every spelling that some reader takes for that name, on every dialect."""

import json

import pytest

from safeconduct.gateway.dialects import anthropic_request, openai_chat, openai_embeddings, openai_responses
from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.dialects.registry import DIALECTS
from safeconduct.gateway.errors import DialectError

SAID = [{"role": "user", "content": "hi"}]
GOOD = {
    "openai.chat": {"model": "m", "messages": SAID},
    "openai.responses": {"model": "m", "input": SAID},
    "openai.embeddings": {"model": "m", "input": "hi"},
    "anthropic.messages": {"model": "m", "messages": SAID},
}
MODULES = {
    "openai.chat": openai_chat,
    "openai.responses": openai_responses,
    "openai.embeddings": openai_embeddings,
    "anthropic.messages": anthropic_request,
}
NAMES = [
    (dialect, name)
    for dialect, module in MODULES.items()
    for name in (*module._VOCABULARY.refused, *module._VOCABULARY.only)
]


def spellings(name):
    words = name.split("_")
    camel = words[0] + "".join(word.title() for word in words[1:])
    found = {name, name.upper(), name.title(), camel, camel[0].upper() + camel[1:], name.replace("_", "-")}
    return found | {name.replace("s", "\u017f"), name.replace("k", "\u212a")}


@pytest.mark.parametrize(("dialect", "name"), NAMES)
def test_a_name_that_is_refused_is_refused_in_every_spelling(dialect, name):
    read = DIALECTS[dialect].read
    fields = GOOD[dialect]
    assert read(json.dumps(fields).encode(), Shapes())
    for spelling in spellings(name):
        for value in ("x", 2, {"id": "x"}, ["x"]):
            with pytest.raises(DialectError):
                read(json.dumps(fields | {spelling: value}).encode(), Shapes())


@pytest.mark.parametrize("role", [[], {}, ["user"], 1, None, "User"])
@pytest.mark.parametrize("dialect", [name for name, fields in GOOD.items() if SAID in fields.values()])
def test_a_role_is_one_of_those_that_are_known(dialect, role):
    given = json.dumps(GOOD[dialect]).replace('"user"', json.dumps(role))
    with pytest.raises(DialectError):
        DIALECTS[dialect].read(given.encode(), Shapes())
