"""The sentences of claims, and how a value from an event is shown: quoted, escaped, bounded. Never as our own words."""

import unicodedata
from collections.abc import Mapping

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.soc.claims import Claim
from safeconduct.soc.hunts.model import Comparison, Hunt, Where
from safeconduct.soc.predicates import (
    Absence,
    Consequence,
    Count,
    InOrder,
    Observation,
    Order,
    Relation,
    Tally,
    Technique,
    Tie,
    Verdict,
    Word,
)
from safeconduct.soc.quotes import Scalar, text_of

VALUE_CHARS_MAX = 80
"""Characters of one value that are shown. Enough for a path, a short URL, or what a long command line begins with."""

CUT = "…"
"""Ends a value that was cut."""

REFERENCE_CHARS = 8
"""Digits of an event id in a sentence. The whole id stands in the evidence."""

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # control, format (bidi), surrogates, separators


def number_of(count: int, noun: str, many: str = "") -> str:
    """Returns a count with its noun: `1 incident`, `2,404 events`, and with `many` `2 people`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {many or f'{noun}s'}"


def shown(value: Scalar) -> str:
    """Returns the value as put before a person or a model: what can't be seen is escaped, what is long is cut."""
    text = text_of(value)
    visible = "".join(_escaped(character) for character in text[: VALUE_CHARS_MAX + 1])
    return visible if len(visible) <= VALUE_CHARS_MAX else visible[: VALUE_CHARS_MAX - 1] + CUT


def quoted(value: Scalar) -> str:
    """Returns the shown value between quotation marks that it can't close."""
    return '"' + shown(value).replace('"', "'") + '"'


def render(claim: Claim, *, names: Mapping[str, str], titles: Mapping[str, str]) -> str:
    """Returns the claim's sentence. `names` are ATT&CK technique names, `titles` the titles of rules by alert id."""
    match claim.predicate:
        case Observation(field=field):
            return f"Event {_reference(field.event)}: {_pointer(field.pointer)} is {quoted(field.quote)}."
        case Count(pointer=pointer, value=value, count=count):
            return f"{count} of the events in view have {quoted(value)} at {_pointer(pointer)}."
        case InOrder():
            return _in_order(claim.predicate)
        case Relation():
            return _relation(claim.predicate)
        case Consequence():
            return _consequence(claim.predicate)
        case Technique(technique=technique, alert=alert, tactic=tactic):
            known = [part for part in (names.get(technique, ""), shown(tactic)) if part]
            name = f" ({', '.join(known)})" if known else ""
            return f"Technique {shown(technique)}{name} is supported by the alert {quoted(titles.get(alert, alert))}."
        case Absence(hunt=hunt) | Tally(hunt=hunt):
            many = str(claim.predicate.count) if isinstance(claim.predicate, Tally) else "no"
            return f"There are {many} events {asked_in_words(hunt)}."
        case Verdict(judgment=judgment, claims=claims):
            return f"Verdict {judgment.value}, resting on {number_of(len(claims), 'claim')}."


def _in_order(predicate: InOrder) -> str:
    first, second = predicate.first, predicate.second
    stated = {
        Order.BEFORE: "came before",
        Order.AFTER: "came after",
        Order.WITHIN: f"lies within {predicate.seconds} s of",
    }[predicate.order]
    return (
        f"Event {_reference(first.event)} at {_time(first.quote)} {stated} "
        f"event {_reference(second.event)} at {_time(second.quote)}."
    )


def _relation(predicate: Relation) -> str:
    left, right = _reference(predicate.left.event), _reference(predicate.right.event)
    if predicate.tie is Tie.PARENT:
        return f"The process {quoted(predicate.left.quote)} of event {left} started the process of event {right}."
    return f"Events {left} and {right} concern the same {predicate.tie.value}: {quoted(predicate.right.quote)}."


def _consequence(predicate: Consequence) -> str:
    edge = predicate.edge
    said = {
        Word.FOLLOWED_BY: "was followed by",
        Word.LED_TO: "led to",
        Word.CAUSED: "caused",
    }[predicate.word]
    by = "as its parent" if edge.tie is Tie.PARENT else f"by the same {edge.tie.value}"
    left, right = _reference(edge.left.event), _reference(edge.right.event)
    return f"Event {left} {said} event {right}, joined {by}: {quoted(edge.right.quote)}."


_SAID: Mapping[Comparison, str] = {
    Comparison.EQUALS: "is",
    Comparison.CONTAINS: "contains",
    Comparison.STARTS_WITH: "begins with",
    Comparison.ENDS_WITH: "ends with",
    Comparison.EXISTS: "is there",
    Comparison.WITHIN: "lies in",
    Comparison.LESS: "is below",
    Comparison.LESS_OR_EQUAL: "is at most",
    Comparison.GREATER: "is above",
    Comparison.GREATER_OR_EQUAL: "is at least",
}


def asked_in_words(hunt: Hunt) -> str:
    """Returns what a hunt asks, in words: `of auth, from ... to ..., where host is "web-01"`."""
    window = f"from {_bound(hunt.first)} to {_bound(hunt.last)}"
    conditions = " and ".join(map(_condition, hunt.where))
    return f"of {', '.join(map(shown, hunt.sources))}, {window}, where {conditions}"


def _bound(instant: Instant | None) -> str:
    return "any time" if instant is None else _time(instant // 1000)


def _condition(where: Where) -> str:
    value = "" if where.operator is Comparison.EXISTS else f" {quoted(where.value)}"
    return f"{'not ' if where.negated else ''}{_pointer(where.field)} {_SAID[where.operator]}{value}"


def _reference(event: EventId) -> str:
    return shown(event[:REFERENCE_CHARS])


def _pointer(pointer: str) -> str:
    return shown(pointer).replace(" ", "_")


def _time(quote: Scalar) -> str:
    if isinstance(quote, int) and 0 <= quote < 10**14:  # beyond is no year that a date can name
        return rfc3339(Instant(quote * 1000))
    return quoted(quote)


def _escaped(character: str) -> str:
    if unicodedata.category(character) in _INVISIBLE:
        return f"\\u{{{ord(character):x}}}"
    return character
