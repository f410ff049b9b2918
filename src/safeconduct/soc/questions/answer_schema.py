"""The JSON schema of a model's answer: what was shown stands in it as constants, so that a model copies."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from safeconduct.kernel.ids import EventId
from safeconduct.soc.claims import TIME_POINTER
from safeconduct.soc.predicates import Judgment, Order, Tie, Word
from safeconduct.soc.quotes import Scalar

_ORDERS = (Order.BEFORE, Order.AFTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownField:
    """One field put before the model: how it was shown, and what it stands for."""

    event: EventId
    pointer: str
    text: str
    value: Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What an answer may speak of, and how much: least and most claims of each form, most grounds of a verdict.

    `hunts` is how many hunts were shown with their results; without `judges` there is no verdict.
    """

    fields: Sequence[ShownField]
    events: Mapping[EventId, str]
    alerts: Mapping[str, str]
    techniques: Sequence[str]
    claims: Mapping[str, tuple[int, int]]
    grounds_max: int
    hunts: int = 0
    judges: bool = True


def answer_schema(shape: Shape) -> dict[str, Any]:
    """Returns the schema of an answer."""
    listed = {name: shape.claims.get(name, (0, 0)) for name in _FORMS}
    forms = {name: kinds for name, make in _FORMS.items() if listed[name][1] and (kinds := list(make(shape)))}
    lists = {name: items(kinds, *listed[name]) for name, kinds in forms.items()}
    if not shape.judges:
        return an_object(**lists)
    numbers = {"type": "integer", "minimum": 1, "maximum": sum(most for _, most in shape.claims.values())}
    grounds = items([numbers], 1, shape.grounds_max)
    return an_object(**lists, verdict=an_object(judgment={"enum": list(Judgment)}, claims=grounds))


def items(kinds: Sequence[Any], least: int, most: int) -> dict[str, Any]:
    """Returns the schema of a list of any of these."""
    return {
        "type": "array",
        "minItems": least,
        "maxItems": most,
        "items": kinds[0] if len(kinds) == 1 else {"anyOf": list(kinds)},
    }


def an_object(**properties: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON schema
    """Returns the schema of an object with exactly these members."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _values(shape: Shape) -> list[ShownField]:
    return [field for field in shape.fields if field.pointer != TIME_POINTER]


def _observations(shape: Shape) -> Iterator[dict[str, Any]]:
    for field in _values(shape):
        event = {"const": shape.events[field.event]}
        yield an_object(event=event, field={"const": field.pointer}, value={"const": field.text})


def _counts(shape: Shape) -> Iterator[dict[str, Any]]:
    repeated = Counter((field.pointer, field.text) for field in _values(shape))
    number = {"type": "integer", "minimum": 1, "maximum": len(shape.events)}
    for (pointer, text), times in repeated.items():
        if times > 1:
            yield an_object(field={"const": pointer}, value={"const": text}, count=number)


def _sequences(shape: Shape) -> Iterator[dict[str, Any]]:
    return (an_object(first=one, order={"enum": list(_ORDERS)}, second=rest) for one, rest in _pairs(shape))


def _relations(shape: Shape) -> Iterator[dict[str, Any]]:
    return (an_object(same={"enum": list(Tie)}, first=one, second=rest) for one, rest in _pairs(shape))


def _consequences(shape: Shape) -> Iterator[dict[str, Any]]:
    words, ties = {"enum": list(Word)}, {"enum": list(Tie)}
    return (an_object(first=one, word=words, second=rest, same=ties) for one, rest in _pairs(shape))


def _techniques(shape: Shape) -> Iterator[dict[str, Any]]:
    if shape.techniques:
        yield an_object(technique={"enum": list(shape.techniques)}, alert={"enum": list(shape.alerts.values())})


def _absences(shape: Shape) -> Iterator[dict[str, Any]]:
    if shape.hunts:
        yield an_object(hunt=_numbered(shape))


def _tallies(shape: Shape) -> Iterator[dict[str, Any]]:
    if shape.hunts:
        yield an_object(hunt=_numbered(shape), count={"type": "integer", "minimum": 1})


def _numbered(shape: Shape) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": shape.hunts}


def _pairs(shape: Shape) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for one in shape.events.values():
        rest = [other for other in shape.events.values() if other != one]
        if rest:
            yield {"const": one}, {"enum": rest}


_FORMS = {
    "observations": _observations,
    "counts": _counts,
    "sequences": _sequences,
    "relations": _relations,
    "consequences": _consequences,
    "techniques": _techniques,
    "absences": _absences,
    "tallies": _tallies,
}
"""In the order in which an answer has them; claims are numbered through all of them."""
