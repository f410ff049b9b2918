"""YAML as positions and text: no tags, no aliases, no guessing of types, and a place in the file for every complaint.

Values keep the text that was written; the schema says what it must be. So `name: no` is the word "no", and a
"billion laughs" document has nothing to laugh with.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from safeconduct.kernel.errors import InvalidInputError, TooLargeError

PROGRAM_BYTES_MAX = 256 * 1024
"""Bytes of a program file: about 1,000 principals and grants. It is written and read by people."""

DEPTH_MAX = 12
"""Levels of nesting. The deepest key of the schema stands at 5."""

PROBLEMS_MAX = 20
"""Problems told at once: a screen of them. The rest shows after these are mended."""

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in the file. Both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where."""

    mark: Mark
    message: str
    code: str = "program-invalid"


class ProgramInvalidError(InvalidInputError):
    """The program file can't be taken. `problems` are in the order of the file; each line of the text names a place."""

    default_code = "program-invalid"

    def __init__(self, file: str, problems: list[Problem]) -> None:
        told = sorted(problems, key=lambda problem: problem.mark)[:PROBLEMS_MAX]
        lines = [f"{file}:{problem.mark.line}:{problem.mark.column}: {problem.message}" for problem in told]
        if len(problems) > len(told):
            lines.append(f"{file}: {len(problems) - len(told)} more problems after these")
        super().__init__("\n".join(lines), code=told[0].code, remedy="see docs/spec/program.md for every key")
        self.problems = tuple(told)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A piece of text. `plain` if it was written without quotes; `block` if its first line is the one after `mark`."""

    mark: Mark
    text: str
    plain: bool
    block: bool


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    mark: Mark
    items: "list[Node]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fields:
    """A map in the order of the file. No key stands twice."""

    mark: Mark
    fields: "dict[str, tuple[Mark, Node]]" = field(default_factory=dict)


Node = Scalar | Items | Fields


def parse_document(source: bytes, file: str) -> Node:
    """Returns the one document of a YAML file.

    Raises:
        TooLargeError: the file is over PROGRAM_BYTES_MAX.
        ProgramInvalidError: it is not UTF-8, not YAML, not one document, or uses what we leave out.
    """
    if len(source) > PROGRAM_BYTES_MAX:
        raise TooLargeError(f"{file}: expected at most {PROGRAM_BYTES_MAX} bytes, got {len(source)}")
    text = _text(source, file)
    events = _events(text, file)
    next(events)  # stream start
    if isinstance(next(events), yaml.StreamEndEvent):
        raise _wrong(file, Mark(1, 1), "the file is empty")
    node = _node(next(events), events, file, 1)
    next(events)  # document end
    after = next(events)
    if not isinstance(after, yaml.StreamEndEvent):
        raise _wrong(file, _mark(after), "a second document begins here; expected one")
    return node


def _text(source: bytes, file: str) -> str:
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8-sig")
        raise _wrong(file, _place(before), "the bytes from here are not UTF-8") from error
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        raise _wrong(file, _place(text[: unprintable.start()]), f"unprintable character {unprintable.group()!r}")
    return text


def _place(before: str) -> Mark:
    return Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))


def _events(text: str, file: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)
        raise _wrong(file, place, f"this is not YAML: {error.problem}") from error


def _node(event: yaml.Event, events: Iterator[yaml.Event], file: str, depth: int) -> Node:
    mark = _mark(event)
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise _wrong(file, mark, "anchors and aliases are not taken; write the value out")
    if getattr(event, "tag", None):
        raise _wrong(file, mark, "tags are not taken; the schema says what a value is")
    if depth > DEPTH_MAX:
        raise _wrong(file, mark, f"nested deeper than {DEPTH_MAX} levels")
    if isinstance(event, yaml.ScalarEvent):
        return Scalar(mark, event.value, plain=event.style is None or not event.style, block=event.style in ("|", ">"))
    if isinstance(event, yaml.SequenceStartEvent):
        return _items(mark, events, file, depth)
    return _fields(mark, events, file, depth)


def _items(mark: Mark, events: Iterator[yaml.Event], file: str, depth: int) -> Items:
    found = Items(mark)
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        found.items.append(_node(event, events, file, depth + 1))
    return found


def _fields(mark: Mark, events: Iterator[yaml.Event], file: str, depth: int) -> Fields:
    found = Fields(mark)
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _node(event, events, file, depth + 1)
        if not isinstance(key, Scalar):
            raise _wrong(file, key.mark, "expected a name as the key")
        if key.text in found.fields:
            first = found.fields[key.text][0].line
            raise _wrong(file, key.mark, f"{key.text!r} stands twice; the first is on line {first}")
        found.fields[key.text] = (key.mark, _node(next(events), events, file, depth + 1))
    return found


def _mark(event: yaml.Event) -> Mark:
    mark = event.start_mark
    return Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)


def _wrong(file: str, mark: Mark, message: str) -> ProgramInvalidError:
    return ProgramInvalidError(file, [Problem(mark, message)])
