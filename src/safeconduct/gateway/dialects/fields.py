"""The top-level fields of a request: which are known, which are refused and why, and what reads like another."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from safeconduct.gateway import limits
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.strict_json import read_with_texts

KEEPS_HISTORY = ("history-out-of-sight", "keeps the conversation at the upstream, where no entry covers it")
KEEPS_CALL = ("store-not-allowed", "keeps the call at the upstream beyond its answer")
GOES_ON = ("background-not-allowed", "goes on after the call's outcome is recorded")
ACTS_OUTSIDE = ("provider-side-tool", "lets the upstream act outside the call")
OURS_TO_SAY = ("vendor-field-derived", "is what the gateway tells the vendor, by the path and the principal")
SOUND = ("content-not-allowed", "asks for or names sound, which nothing here inspects")

NESTED = (dict, list)
"""What holds more than itself. `dict | list` is made anew wherever it stands, for the CPU of twenty comparisons."""

ORDINARY_TIERS = ("auto", "default", "flex")
"""Service tiers at the catalogue's prices or below. Faster ones cost more than a budget reserves."""


def spelling(name: str) -> str:
    """Returns what names that some readers take for each other have in common.

    Some take `Tools`, `maxTokens` or a long s for ours: Go folds case, protobuf reads camel case.
    """
    return name.casefold().replace("_", "").replace("-", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The fields that a dialect knows. Others may be text, numbers, true, false or null, and go on as they are.

    `structured` may be objects and lists: an unknown one could hold tools, documents or other models. `refused` says by
    which code and why a field is not taken unless it is false or empty; `only` the values that one may have.
    """

    plain: frozenset[str]
    structured: frozenset[str]
    refused: Mapping[str, tuple[str, str]]
    only: Mapping[str, tuple[tuple[object, ...], str]]
    _names: frozenset[str] = field(init=False)
    _spellings: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        names = self.plain | self.structured | self.refused.keys() | self.only.keys()
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "_spellings", frozenset(map(spelling, names)))

    def check(self, fields: Mapping[str, Any], *, allowed: Collection[str] = ()) -> None:
        """Checks every field; `allowed` are those of the refused that the path lets through.

        Raises:
            DialectError: one is not taken, reads like another, or has a shape that nobody here has a reading for.
        """
        for name, value in fields.items():
            if name not in allowed and (name not in self.plain or isinstance(value, NESTED)):
                self._check(name, value)

    def _check(self, name: str, value: object) -> None:
        if name in self.refused and value is not False and value != []:
            code, why = self.refused[name]
            raise DialectError(f"{name} is not taken: it {why}", code=code, param=name, remedy=f"leave {name} out")
        if name in self.only:
            self._check_only(name, value)
        if name not in self._names and spelling(name) in self._spellings:
            raise DialectError(f"{name[:64]!r} reads like another field", code="ambiguous-name", param=name[:64])
        if isinstance(value, dict | list) and name in self.plain:
            raise DialectError(f"{name} must be text, a number, true or false", code="unknown-shape", param=name)
        if isinstance(value, dict | list) and name not in self._names:
            raise unknown(name)

    def _check_only(self, name: str, value: object) -> None:
        taken, code = self.only[name]
        if not any(value == one and type(value) is type(one) for one in taken):
            listed = " or ".join(map(repr, taken))
            raise DialectError(f"{name} must be {listed}", code=code, param=name, remedy=f"leave {name} out")


def read_fields(body: bytes) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Returns a body's fields but for those that are null, and every text and member name in it.

    Raises:
        DialectError: the bytes are no JSON that every reader reads alike.
    """
    document, found = read_with_texts(body)
    if None in document.values():
        document = {name: value for name, value in document.items() if value is not None}
    return document, tuple(found)


def model_name(fields: Mapping[str, Any]) -> str:
    """Returns the model asked for.

    Raises:
        DialectError: `model-missing`.
    """
    model = fields.get("model")
    if not isinstance(model, str) or not 0 < len(model.encode()) <= limits.MODEL_NAME_BYTES_MAX:
        text = f"model must be a name of 1 to {limits.MODEL_NAME_BYTES_MAX} bytes"
        raise DialectError(text, code="model-missing", param="model")
    return model


def flag(fields: Mapping[str, Any], name: str) -> bool:
    """Returns a field that is true or false; false where it is not there.

    Raises:
        DialectError: `unknown-shape`.
    """
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise DialectError(f"{name} must be true or false", code="unknown-shape", param=name)
    return value


def largest(fields: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """Returns the largest of the limits that a request sets, None if it sets none.

    Raises:
        DialectError: `unknown-shape`: one is no whole number from 1 (from 0 for a least number).
    """
    most: int | None = None
    for name in names:
        value = fields.get(name)
        if value is None:
            continue
        least = 0 if name.startswith("min_") else 1
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise DialectError(f"{name} must be a whole number from {least}", code="unknown-shape", param=name)
        most = value if most is None else max(most, value)
    return most


def messages_of(given: object, name: str = "messages") -> list[object]:
    """Returns the messages of a conversation, unread. They stand in the field `name`.

    Raises:
        DialectError: `messages-missing` or `too-many-messages`.
    """
    if not isinstance(given, list) or not given:
        raise DialectError(f"{name} must be a list with at least one message", code="messages-missing", param=name)
    if len(given) > limits.MESSAGES_MAX:
        text = f"a request may hold {limits.MESSAGES_MAX} messages, got {len(given)}"
        raise DialectError(text, code="too-many-messages", param=name)
    return given


def unknown(place: str) -> DialectError:
    """Returns the refusal of an object or list that nobody here has a reading for."""
    return DialectError(
        f"{place[:64]!r} is not a field of this dialect; unknown fields may be text, numbers or true and false",
        code="unknown-shape",
        param=place[:64],
    )
