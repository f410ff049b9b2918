"""Takes an answer apart, step by step: what came whole counts, also where the rest was cut."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from safeconduct.soc.answers.items import FORMS, Item

ANSWER_CHARS_MAX = 65_536
"""Characters of an answer that are read. 300 tokens have about 1,200; a larger model's answer fits many times."""


@dataclass(slots=True)
class Answered:
    """The parts of an answer that came whole, and why reading ended where it did."""

    items: list[tuple[type[Item], Any]] = field(default_factory=list)
    verdict: Any = None
    problem: str = ""


_OPEN = re.compile(r"\s*\{")
_MEMBER = re.compile(r'\s*(?:,\s*)?"(\w+)"\s*:\s*')
_ITEM = re.compile(r"\s*(?:,\s*)?(?=\{)")
_LIST_END = re.compile(r"\s*\]")
_END = re.compile(r"\s*\}\s*$")


def taken_apart(text: str) -> Answered:
    """Returns the parts of an answer. Never raises for what it says.

    Step by step, because a token limit cuts JSON although the schema held: what came whole still counts.
    """
    answered = Answered()
    if len(text) > ANSWER_CHARS_MAX:
        answered.problem = "answer-too-long"
        return answered
    opened = _OPEN.match(text)
    if opened is None:
        answered.problem = "not-json"
        return answered
    try:
        answered.problem = _members(text, opened.end(), answered)
    except (ValueError, RecursionError):
        answered.problem = "answer-cut"
    return answered


def _members(text: str, place: int, answered: Answered) -> str:
    seen: set[str] = set()
    while (member := _MEMBER.match(text, place)) is not None:
        name = member.group(1)
        if name in seen:
            return "member-twice"
        seen.add(name)
        if member.end() == len(text):
            return "answer-cut"
        if name == "verdict":
            answered.verdict, place = _DECODER.raw_decode(text, member.end())
        elif name in FORMS and text.startswith("[", member.end()):
            place = _list(text, member.end() + 1, FORMS[name], answered)
        else:
            return "no-such-form"
    return "" if _END.match(text, place) else "answer-cut"


def _list(text: str, place: int, form: type[Item], answered: Answered) -> int:
    while (begin := _ITEM.match(text, place)) is not None:
        item, place = _DECODER.raw_decode(text, begin.end())
        answered.items.append((form, item))
    ended = _LIST_END.match(text, place)
    if ended is None:
        raise ValueError
    return ended.end()


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    # Two members of one name mean two things to two readers.
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _refuse(constant: str) -> Any:  # noqa: ANN401 - never returns
    raise ValueError(constant)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)
