"""Readers, of which the schema is made: each turns a node into a plain value and names itself in the reference."""

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from safeconduct.access.document import Fields, Items, Mark, Node, Problem, Scalar
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import parse_rfc3339

Key = tuple[str | int, ...]
"""Where a value stands: `("grants", "ana-triage", "window", "from")`."""

_WHOLE = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(slots=True)
class Log:
    """What reading found wrong, and where each value stands, so that later checks can point at it too."""

    problems: list[Problem] = field(default_factory=list)
    marks: dict[Key, Mark] = field(default_factory=dict)

    def wrong(self, mark: Mark, message: str, code: str = "program-invalid") -> None:
        """Notes a problem."""
        self.problems.append(Problem(mark, message, code))

    def wrong_at(self, key: Key, message: str, code: str = "program-invalid") -> None:
        """Notes a problem with the value at a key, or with the nearest there is above it."""
        while key not in self.marks:
            key = key[:-1]
        self.wrong(self.marks[key], message, code)


class Reader(Protocol):
    """Reads one kind of value. What it returns after noting a problem is never used."""

    @property
    def name(self) -> str:
        """What the reference calls it."""
        ...

    def read(self, node: Node, key: Key, log: Log) -> Any:  # noqa: ANN401 - plain values of many types, typed by msgspec after
        """Returns the value, or notes what is wrong with it."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """Text of a form, told as `form` where `name` is too short. `check` raises InvalidInputError for the rest."""

    name: str = "text"
    pattern: str = r"(?s).{1,4096}"
    check: Callable[[str], object] | None = None
    form: str = ""

    def read(self, node: Node, key: Key, log: Log) -> Any:  # noqa: ANN401 - see Reader
        log.marks[key] = node.mark
        text = _scalar(node, self.name, log)
        if text is None:
            return None
        if not re.fullmatch(self.pattern, text):
            log.wrong(node.mark, f"expected {self.form or self.name}, got {_shown(text)}")
        elif self.check is not None:
            try:
                self.check(text)
            except InvalidInputError as error:
                log.wrong(node.mark, error.message)
        return text


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def name(self) -> str:
        """The words."""
        return ", ".join(f"`{word}`" for word in self.words)

    def read(self, node: Node, key: Key, log: Log) -> Any:  # noqa: ANN401 - see Reader
        log.marks[key] = node.mark
        text = _scalar(node, f"one of {', '.join(self.words)}", log)
        if text is not None and text not in self.words:
            log.wrong(node.mark, f"expected one of {', '.join(self.words)}, got {_shown(text)}{near(text, self.words)}")
        return text


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds."""

    least: int
    most: int

    @property
    def name(self) -> str:
        """The bounds."""
        return f"whole number, {self.least} to {self.most}" if self.least != self.most else f"{self.least}"

    def read(self, node: Node, key: Key, log: Log) -> Any:  # noqa: ANN401 - see Reader
        log.marks[key] = node.mark
        text = _scalar(node, f"a {self.name}", log)
        if text is None:
            return None
        if not (isinstance(node, Scalar) and node.plain and _WHOLE.fullmatch(text)):
            log.wrong(node.mark, f"expected a whole number, got {_shown(text)}")
            return None
        if not self.least <= int(text) <= self.most:
            log.wrong(node.mark, f"expected {self.name}, got {text}")
        return int(text)


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no, written as `true` or `false` and in no other way."""

    name: str = "`true` or `false`"

    def read(self, node: Node, key: Key, log: Log) -> Any:  # noqa: ANN401 - see Reader
        log.marks[key] = node.mark
        text = _scalar(node, "true or false", log)
        if text is not None and not (isinstance(node, Scalar) and node.plain and text in ("true", "false")):
            log.wrong(node.mark, f"expected true or false, got {_shown(text)}")
        return text == "true"


@dataclass(frozen=True, slots=True)
class Decimal:
    """A decimal number, not negative, read as a whole number of its last place: no float ever holds it."""

    places: int
    unit: str

    @property
    def name(self) -> str:
        """The unit."""
        return f"decimal, {self.unit}"

    def read(self, node: Node, key: Key, log: Log) -> Any:  # noqa: ANN401 - see Reader
        log.marks[key] = node.mark
        text = _scalar(node, f"a {self.name}", log)
        if text is None:
            return None
        whole, _, rest = text.partition(".")
        if not re.fullmatch(rf"(?:0|[1-9][0-9]{{0,8}})(?:\.[0-9]{{1,{self.places}}})?", text):
            form = f"a decimal number such as 2.50, of at most {self.places} places, below 1000000000"
            log.wrong(node.mark, f"expected {form}, got {_shown(text)}")
            return None
        return int(whole + rest.ljust(self.places, "0"))


@dataclass(frozen=True, slots=True)
class Moment:
    """A date and time with an offset, read as an instant."""

    name: str = "date-time with offset"

    def read(self, node: Node, key: Key, log: Log) -> Any:  # noqa: ANN401 - see Reader
        log.marks[key] = node.mark
        text = _scalar(node, f"a {self.name}", log)
        if text is None:
            return None
        try:
            return parse_rfc3339(text)
        except (InvalidInputError, OverflowError) as error:
            log.wrong(node.mark, error.message if isinstance(error, InvalidInputError) else "no such year")
            return None


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of at most `most`."""

    item: Reader
    most: int
    least: int = 0

    @property
    def name(self) -> str:
        """What it is a list of."""
        return f"list, each {self.item.name}"

    def read(self, node: Node, key: Key, log: Log) -> Any:  # noqa: ANN401 - see Reader
        log.marks[key] = node.mark
        if not isinstance(node, Items):
            log.wrong(node.mark, "expected a list, such as [..., ...]")
            return None
        if not self.least <= len(node.items) <= self.most:
            log.wrong(node.mark, f"expected {self.least} to {self.most} items, got {len(node.items)}")
        values = [self.item.read(item, (*key, index), log) for index, item in enumerate(node.items)]
        for index, value in enumerate(values):
            if value is not None and value in values[:index]:
                log.wrong(node.items[index].mark, f"{_shown(str(value))} stands twice")
        return values


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One key of a section. `attribute` is the name in the record where it differs from the key in the file."""

    key: str
    reader: "Reader"
    about: str
    required: bool = True
    default: Any = None
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A map with known keys."""

    fields: tuple[FieldSpec, ...]
    name: str = "section"

    def read(self, node: Node, key: Key, log: Log) -> Any:  # noqa: ANN401 - see Reader
        log.marks[key] = node.mark
        if not isinstance(node, Fields):
            log.wrong(node.mark, f"expected keys: {', '.join(spec.key for spec in self.fields)}")
            return None
        _unknown(node, [spec.key for spec in self.fields], log)
        values: dict[str, Any] = {}
        for spec in self.fields:
            found = node.fields.get(spec.key)
            if found is not None:
                values[spec.attribute or spec.key] = spec.reader.read(found[1], (*key, spec.key), log)
            elif spec.required:
                log.wrong(node.mark, f"{spec.key!r} is missing here: {spec.about}")
            else:
                values[spec.attribute or spec.key] = spec.default
        return values


@dataclass(frozen=True, slots=True)
class Named:
    """A map from names of the form of `key` to values of one kind. A value that is a section learns its name."""

    item: Reader
    most: int
    least: int = 0
    words: tuple[str, ...] = ()
    id_attribute: str = "id"
    key: "Text" = field(default_factory=lambda: Text("name", NAME, form=NAME_FORM))

    @property
    def name(self) -> str:
        """What it maps to."""
        return f"map from {self.key.name}s, each to {self.item.name}"

    def read(self, node: Node, key: Key, log: Log) -> Any:  # noqa: ANN401 - see Reader
        log.marks[key] = node.mark
        if not isinstance(node, Fields):
            log.wrong(node.mark, "expected a map from names")
            return None
        if not self.least <= len(node.fields) <= self.most:
            log.wrong(node.mark, f"expected {self.least} to {self.most} names, got {len(node.fields)}")
        values = {}
        for name, (mark, child) in node.fields.items():
            self._check(name, mark, log)
            value = self.item.read(child, (*key, name), log)
            log.marks[(*key, name)] = mark
            values[name] = value if not isinstance(value, dict) else {self.id_attribute: name} | value
        return values

    def _check(self, name: str, mark: Mark, log: Log) -> None:
        if self.words and name not in self.words:
            log.wrong(mark, f"expected one of {', '.join(self.words)}, got {_shown(name)}{near(name, self.words)}")
        elif not re.fullmatch(self.key.pattern, name):
            log.wrong(mark, f"expected {self.key.form}, got {_shown(name)}")


NAME = r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?"
NAME_FORM = "a name of up to 64 lower-case letters, digits and inner hyphens"


def near(word: str, words: Iterable[str]) -> str:
    """Returns a hint at the word that was probably meant, or nothing."""
    found = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {str(found[0])!r}?" if found else ""


def _unknown(node: Fields, known: list[str], log: Log) -> None:
    for name, (mark, _) in node.fields.items():
        if name not in known:
            log.wrong(mark, f"unknown key {_shown(name)}{near(name, known)}", "unknown-key")


def _scalar(node: Node, expected: str, log: Log) -> str | None:
    if not isinstance(node, Scalar):
        log.wrong(node.mark, f"expected {expected}, got a {'list' if isinstance(node, Items) else 'map'}")
        return None
    if node.plain and node.text in ("", "~", "null"):
        log.wrong(node.mark, f"expected {expected}, got nothing")
        return None
    return node.text


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")  # noqa: PLR2004 - what fits beside a message
