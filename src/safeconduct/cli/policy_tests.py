"""Files of tests as people write them, in YAML or TOML: over a program file, or over a small entity set."""

import re
import tomllib
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from safeconduct.access.document import Fields, Items, Node, ProgramInvalidError, Scalar, parse_document
from safeconduct.adapters.files import read_file
from safeconduct.kernel.decisions import Effect
from safeconduct.kernel.errors import InvalidInputError, TooLargeError
from safeconduct.policy.expectations import Expected
from safeconduct.policy.values import EntityDocument

TESTS_BYTES_MAX = 256 * 1024
"""Bytes of a file of tests: some thousand of them. It is written and read by people."""

SUFFIXES = (".yaml", ".yml", ".toml")

_TESTS = re.compile(r"^(?:tests:|\[tests[.\]])", re.MULTILINE)
_WORDS = {"true": True, "false": False}
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_REMEDY = "docs/spec/policy.md section 4 has every key"


class _Outcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is expected: allow or deny, and as far as it is said the codes of the reasons and who determined it."""

    expect: Effect
    reasons: frozenset[str] | None = None
    determining: frozenset[str] | None = None

    @property
    def expected(self) -> Expected:
        """What the decision is held against."""
        return Expected(effect=self.expect, reasons=self.reasons, determining=self.determining)


class CallTest(_Outcome, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A call over a program. Purpose and model are the path's unless said."""

    principal: str
    path: str
    purpose: str | None = None
    model: str | None = None
    grant: str | None = None
    targets: tuple[str, ...] = ()
    data_classes: tuple[str, ...] = ("unlabeled",)
    at: str | None = None


class RequestTest(_Outcome, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A request over an entity set, in Cedar's JSON."""

    principal: Any
    action: Any
    resource: Any
    context: dict[str, Any] = {}


class OverProgram(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Tests over a program file. `at` is when calls are made that don't say; `policies` replaces the program's."""

    program: str
    tests: dict[str, CallTest]
    at: str | None = None
    policies: str | None = None


class OverEntities(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Tests over an entity set, which stands in the file or, as Cedar's JSON, in one of its own."""

    policies: str
    entities: list[EntityDocument] | str
    tests: dict[str, RequestTest]
    schema: str | None = None


Tests: TypeAlias = OverProgram | OverEntities


def files_of_tests(place: Path) -> tuple[Path, ...]:
    """Returns the file, or the files with tests in a folder, by name.

    Raises:
        InvalidInputError: `no-tests`: the folder holds none.
    """
    if not place.is_dir():
        return (place,)
    inside = sorted(file for file in place.rglob("*") if file.suffix in SUFFIXES)
    found = tuple(file for file in inside if _TESTS.search(_source(file).decode("utf-8", "replace")))
    if not found:
        raise InvalidInputError(f"{place} holds no file with tests", code="no-tests", remedy=_REMEDY)
    return found


def read_tests(file: Path) -> Tests:
    """Reads a file of tests.

    Raises:
        InvalidInputError: `tests-invalid`: it is not what it must be, or holds no test.
        TooLargeError: it is over TESTS_BYTES_MAX.
    """
    document = _toml(file) if file.suffix == ".toml" else _yaml(file)
    over: type[Tests] = OverProgram if isinstance(document, dict) and "program" in document else OverEntities
    try:
        tests = msgspec.convert(document, over)
    except msgspec.ValidationError as error:
        raise _wrong(file, str(error)) from error
    if not tests.tests:
        raise _wrong(file, "it has no test")
    return tests


def _source(file: Path) -> bytes:
    source = read_file(file, TESTS_BYTES_MAX)
    if len(source) > TESTS_BYTES_MAX:
        raise TooLargeError(f"{file} is over {TESTS_BYTES_MAX} bytes", remedy="split it into several files")
    return source


def _toml(file: Path) -> Any:  # noqa: ANN401 - whatever is written
    try:
        return tomllib.loads(_source(file).decode())
    except (ValueError, RecursionError) as error:
        raise _wrong(file, f"it is no TOML: {error}") from error


def _yaml(file: Path) -> Any:  # noqa: ANN401 - whatever is written
    try:
        return _plain(parse_document(_source(file), str(file)))
    except ProgramInvalidError as error:
        raise InvalidInputError(error.message, code="tests-invalid", remedy=_REMEDY) from error


def _plain(node: Node) -> Any:  # noqa: ANN401 - whatever is written
    """A word is text unless it is written as JSON writes a whole number, true or false."""
    if isinstance(node, Fields):
        return {name: _plain(value) for name, (_, value) in node.fields.items()}
    if isinstance(node, Items):
        return [_plain(item) for item in node.items]
    return _scalar(node)


def _scalar(node: Scalar) -> bool | int | str:
    if not node.plain:
        return node.text
    return int(node.text) if _WHOLE.fullmatch(node.text) else _WORDS.get(node.text, node.text)


def _wrong(file: Path, message: str) -> InvalidInputError:
    return InvalidInputError(f"{file}: {message}", code="tests-invalid", remedy=_REMEDY)
