"""The forms that a part of an answer may have, as it is written."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from safeconduct.soc.predicates import (
    Judgment,
    Order,
    Tie,
    Word,
)
from safeconduct.soc.quotes import Scalar, quotable

STRING_CHARS_MAX = 512
"""Characters of one string in an answer. What was shown is shorter."""


class ObservationItem(msgspec.Struct, forbid_unknown_fields=True):
    """A field of an event has a value."""

    event: str
    field: str
    value: Scalar


class CountItem(msgspec.Struct, forbid_unknown_fields=True):
    """A field has a value in so many events."""

    field: str
    value: Scalar
    count: int


class SequenceItem(msgspec.Struct, forbid_unknown_fields=True):
    """Two events, in this order."""

    first: str
    order: Order
    second: str


class RelationItem(msgspec.Struct, forbid_unknown_fields=True):
    """Two events share an entity, or one is the parent."""

    same: Tie
    first: str
    second: str


class ConsequenceItem(msgspec.Struct, forbid_unknown_fields=True):
    """An event led to another, in a word of the schema, over an edge between them."""

    first: str
    word: Word
    second: str
    same: Tie


class AbsenceItem(msgspec.Struct, forbid_unknown_fields=True):
    """A hunt found nothing. Hunts are numbered from 1."""

    hunt: int


class TallyItem(msgspec.Struct, forbid_unknown_fields=True):
    """A hunt found so many."""

    hunt: int
    count: int


class TechniqueItem(msgspec.Struct, forbid_unknown_fields=True):
    """An alert shows a technique."""

    technique: str
    alert: str


class VerdictItem(msgspec.Struct, forbid_unknown_fields=True):
    """A judgment, and the numbers of the claims it rests on, from 1."""

    judgment: Judgment
    claims: list[int]


Item: TypeAlias = (
    ObservationItem
    | CountItem
    | SequenceItem
    | RelationItem
    | ConsequenceItem
    | TechniqueItem
    | AbsenceItem
    | TallyItem
)
"""A claim as a model writes it. References stand for what was shown."""

FORMS: Mapping[str, type[Item]] = {
    "observations": ObservationItem,
    "counts": CountItem,
    "sequences": SequenceItem,
    "relations": RelationItem,
    "consequences": ConsequenceItem,
    "techniques": TechniqueItem,
    "absences": AbsenceItem,
    "tallies": TallyItem,
}
"""The form of the items of each list in an answer, by its name."""


class NotAClaimError(Exception):
    """A part of an answer says nothing that could be checked; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def convert(item: Any, kind: Any) -> Any:  # noqa: ANN401 - a model's JSON, and any of the forms above
    """Returns a part of an answer in its form.

    Raises:
        NotAClaimError: it has another (`no-such-form`), or a text that is too long or can't be quoted (`bad-text`).
    """
    try:
        found = msgspec.convert(item, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise NotAClaimError("no-such-form") from error
    texts = [text for text in msgspec.structs.astuple(found) if isinstance(text, str)]
    if any(not quotable(text) or len(text) > STRING_CHARS_MAX for text in texts):
        raise NotAClaimError("bad-text")
    return found
