"""Hunts that a model proposes on an incident: typed values within bounds, never a query in any language.

The bounds are not the model's: the telemetry is its owner's, the window one of two around the incident, the sources
those that there are.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from safeconduct.kernel.errors import InvalidInputError, SafeconductError
from safeconduct.kernel.instants import HOUR, SECOND, Duration, Instant
from safeconduct.soc.grounding import Search
from safeconduct.soc.grounding.searching import SEARCH_WINDOW_S
from safeconduct.soc.hunts.columns import COLUMNS
from safeconduct.soc.hunts.model import Comparison, Hunt, Where
from safeconduct.soc.model import Incident
from safeconduct.soc.questions.answer_schema import an_object, items
from safeconduct.soc.questions.model import Hunted, Question
from safeconduct.soc.quotes import quotable

HUNTS_MAX = 3
"""Hunts of one answer that are run: each is a search that an analyst waits for, and room in the next prompt."""

CONDITIONS_MAX = 3
"""Conditions of such a hunt."""

VALUE_CHARS_MAX = 128
"""Characters of a compared value: what is longer was copied from an event, and a part of it finds that as well."""

ANSWER_CHARS_MAX = 8_192
"""Characters of an answer that are read: three hunts of three conditions have about 1,500."""

AROUND: Duration = HOUR
"""How far `around` reaches before and behind the incident."""

COMPARISONS = (Comparison.EQUALS, Comparison.CONTAINS, Comparison.STARTS_WITH, Comparison.ENDS_WITH, Comparison.EXISTS)


class _Where(msgspec.Struct, forbid_unknown_fields=True):
    field: str
    operator: Comparison
    value: str


class _Hunt(msgspec.Struct, forbid_unknown_fields=True):
    window: str
    source: str
    where: list[_Where]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """The hunts that an answer holds, and why the rest of it is none, by position from 1 (0: the whole)."""

    hunts: tuple[Hunt, ...]
    problems: tuple[tuple[int, str], ...]


def proposing(asked: Question, sources: Sequence[str]) -> bytes:
    """Returns what to send for proposals: the question about the incident, with hunts for an answer."""
    body = json.loads(asked.payload)
    where = an_object(
        field={"enum": list(COLUMNS)},
        operator={"enum": list(COMPARISONS)},
        value={"type": "string", "maxLength": VALUE_CHARS_MAX},
    )
    one = an_object(
        window={"enum": ["during", "around"]}, source={"enum": list(sources)}, where=items([where], 1, CONDITIONS_MAX)
    )
    body["response_format"]["json_schema"] = {
        "name": "hunts",
        "strict": True,
        "schema": an_object(hunts=items([one], 1, HUNTS_MAX)),
    }
    return msgspec.json.encode(body)


def read_proposals(text: str, incident: Incident, sources: Sequence[str]) -> Proposed:
    """Returns the hunts of an answer. Never raises for what it says."""
    try:
        listed = json.loads(text)["hunts"] if len(text) <= ANSWER_CHARS_MAX else None
    except (ValueError, KeyError, TypeError, RecursionError):
        listed = None
    if not isinstance(listed, list):
        return Proposed(hunts=(), problems=((0, "not-json"),))
    hunts: dict[Hunt, None] = {}
    problems = [(HUNTS_MAX + 1, "too-many-hunts")] if len(listed) > HUNTS_MAX else []
    for position, one in enumerate(listed[:HUNTS_MAX], start=1):
        try:
            hunts[_hunt(msgspec.convert(one, _Hunt), incident, sources)] = None
        except (msgspec.ValidationError, InvalidInputError, KeyError, RecursionError):
            problems.append((position, "no-hunt"))
    return Proposed(hunts=tuple(hunts), problems=tuple(problems))


def run(hunts: Sequence[Hunt], search: Search) -> tuple[tuple[Hunted, ...], tuple[str, ...]]:
    """Returns the hunts that got an answer, with it, and the codes of those that got none."""
    done: list[Hunted] = []
    failed: list[str] = []
    for hunt in hunts:
        try:
            done.append(Hunted(hunt=hunt, result=search(hunt)))
        except SafeconductError as error:
            failed.append(error.code)
    return tuple(done), tuple(failed)


def _hunt(said: _Hunt, incident: Incident, sources: Sequence[str]) -> Hunt:
    first, last = _windows(incident)[said.window]
    if said.source not in sources or not 0 < len(said.where) <= CONDITIONS_MAX:
        raise KeyError(said.source)
    return Hunt(where=tuple(map(_where, said.where)), first=first, last=last, sources=(said.source,))


def _where(said: _Where) -> Where:
    if said.field not in COLUMNS or len(said.value) > VALUE_CHARS_MAX or not quotable(said.value):
        raise KeyError(said.field)
    return Where(said.field, said.operator, "" if said.operator is Comparison.EXISTS else said.value)


def _windows(incident: Incident) -> Mapping[str, tuple[Instant, Instant]]:
    # Of a long incident, its end: what is said to be absent is said of a day at most.
    last = incident.last_at
    first = max(incident.first_at, last - SEARCH_WINDOW_S * SECOND)
    around = last + AROUND
    return {
        "during": (Instant(first), last),
        "around": (Instant(max(first - AROUND, around - SEARCH_WINDOW_S * SECOND)), Instant(around)),
    }


def described(hunted: Hunted) -> dict[str, Any]:
    """Returns a hunt that was run and what it found, as it is shown to people."""
    result = hunted.result
    return {
        "hunt": msgspec.to_builtins(hunted.hunt),
        "counted": result.counted,
        "scanned": result.scanned,
        "sources": result.sources,
        "events": result.events,
    }
