"""docs/spec/dialects.md names every dialect, every field that is refused or bound, and the limits."""

from pathlib import Path

import pytest

import safeconduct
from safeconduct.access.path_schema import BUILT_MEDIA, BUILT_PROVIDER_TOOLS, RELEASES
from safeconduct.access.path_schema import DIALECTS as NAMED
from safeconduct.gateway import limits
from safeconduct.gateway.dialects import openai_chat, openai_embeddings, openai_responses
from safeconduct.gateway.dialects.fields import ORDINARY_TIERS
from safeconduct.gateway.dialects.registry import DIALECTS
from safeconduct.gateway.moves import Release

SPEC = (Path(safeconduct.__file__).parents[2] / "docs" / "spec" / "dialects.md").read_text("utf-8")
SECTIONS = {part.split("\n")[0].split(". ", 1)[-1]: part for part in SPEC.split("\n## ")}


def test_a_path_names_the_dialects_and_release_modes_that_there_are():
    assert set(NAMED) == set(DIALECTS)
    assert set(RELEASES) == set(Release)


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_is_there(name):
    assert f"`{name}`" in SPEC


@pytest.mark.parametrize(
    ("section", "module"),
    [("Chat completions", openai_chat), ("Responses", openai_responses), ("Embeddings", openai_embeddings)],
)
def test_every_field_that_is_refused_or_bound_is_in_its_section(section, module):

    words = module._VOCABULARY.refused.keys() | module._VOCABULARY.only.keys()
    assert {name for name in words if f"`{name}`" not in SECTIONS[section] + SECTIONS["All of OpenAI's"]} == set()


def test_the_limits_are_those_of_the_code():
    for value, sentence in (
        (limits.TOOL_CALLS_MAX, "most 128"),
        (limits.MESSAGES_MAX, "up to 1,024 items"),
        (limits.EMBEDDING_INPUTS_MAX, "up to 128 texts"),
        (limits.RESPONSE_FRAME_BYTES_MAX // 1024**2, "may have 1 MiB"),
        (limits.ANSWER_BYTES_MAX // 1024**2, "(3 MiB)"),
    ):
        assert sentence in SPEC
        assert str(value) in sentence.replace(",", "")
    assert openai_responses.ECHOES == 4
    assert "four times the request's bytes" in SPEC


def test_what_a_path_may_list_is_there():
    for name in (*BUILT_PROVIDER_TOOLS, *BUILT_MEDIA, *ORDINARY_TIERS):
        assert name in SPEC
