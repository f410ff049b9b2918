"""Many patterns over one text at once.

Hyperscan does it in one pass; where it is not installed, or a handful of literals make a pass not worth while, each
is tried by itself. Both give the same answer: Hyperscan is only asked what it reads as we do, and is compared
with the other on every corpus we have.
"""

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

from safeconduct.soc.detection.ir import Operator, Predicate
from safeconduct.soc.detection.patterns import spelled

try:
    hyperscan: Any = import_module("hyperscan")
except ImportError:  # there is no wheel for every machine
    hyperscan = None

WORTH_A_PASS = 24
"""Literals from which on Hyperscan is used. Below, compiling and calling it costs more than it saves."""

ANCHORS = {
    Operator.CONTAINS: ("", ""),
    Operator.STARTS_WITH: (r"\A", ""),
    Operator.ENDS_WITH: ("", r"\z"),
}
"""What stands around a literal, by operator. Others are patterns."""


BECOME_ASCII = ("\u0130", "\u212a")
"""The letters beyond ASCII whose lower case has letters of ASCII: I with a dot, and the sign of the kelvin."""


class Scanner(Protocol):
    """Tells which of its predicates may hold of a text. It never leaves one out that does."""

    def scan(self, text: str) -> Sequence[int]:
        """Returns the numbers of those predicates, in any order, each once."""
        ...


class LiteralScanner(Scanner, Protocol):
    """Tells of a text in lower case exactly which literals hold of it."""

    def occurring(self, text: str) -> Sequence[int]:
        """Returns the numbers of literals that may be somewhere in a text of any case, and of all that are."""
        ...


class Literals:
    """Literals tried one by one: exactly those that hold."""

    def __init__(self, predicates: Mapping[int, Predicate]) -> None:
        """Takes predicates without regard to case; texts to scan are in lower case."""
        of = {operator: _pairs(predicates, operator) for operator in ANCHORS}
        self._contained = of[Operator.CONTAINS]
        self._first = of[Operator.STARTS_WITH]
        self._last = of[Operator.ENDS_WITH]

    def scan(self, text: str) -> Sequence[int]:
        """As `Scanner.scan`."""
        found = [number for number, value in self._contained if value in text]
        found += [number for number, value in self._first if text.startswith(value)]
        found += [number for number, value in self._last if text.endswith(value)]
        return found

    def occurring(self, text: str) -> Sequence[int]:
        """As `LiteralScanner.occurring`."""
        low = text.lower()
        return [number for number, value in (*self._contained, *self._first, *self._last) if value in low]


class Everything:
    """All of its predicates may hold: whoever asks tries each."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._numbers = tuple(numbers)

    def scan(self, _text: str) -> Sequence[int]:
        """As `Scanner.scan`."""
        return self._numbers


class OnePass:
    """A Hyperscan database."""

    def __init__(self, database: Any) -> None:  # noqa: ANN401 - Hyperscan has no types
        database.scratch = hyperscan.Scratch(database)
        self.database = database

    def scan(self, text: str) -> Sequence[int]:
        """As `Scanner.scan`."""
        found: list[int] = []
        self.database.scan(text.encode(errors="replace"), match_event_handler=_note, context=found)
        return found


class OnePassOfLiterals(OnePass):
    """A Hyperscan database of literals."""

    def __init__(self, database: Any, literals: Iterable[Predicate]) -> None:  # noqa: ANN401 - Hyperscan has no types
        super().__init__(database)
        self._ascii = all(one.value.isascii() for one in literals)

    def occurring(self, text: str) -> Sequence[int]:
        """As `LiteralScanner.occurring`, of literals without an anchor."""
        # The database takes no heed of the case of ASCII: only letters that become ASCII in lower case must do so.
        as_it_is = text.isascii() or (self._ascii and not any(letter in text for letter in BECOME_ASCII))
        return self.scan(text if as_it_is else text.lower())


class OnePassOfAscii:
    """A Hyperscan database of patterns, for texts it reads as RE2 does: others are for each pattern to try."""

    def __init__(self, one_pass: OnePass, numbers: Iterable[int], always: Iterable[int]) -> None:
        """`always` are patterns that Hyperscan has no form for."""
        self.one_pass = one_pass
        self._numbers = tuple(numbers)
        self._always = tuple(always)

    def scan(self, text: str) -> Sequence[int]:
        """As `Scanner.scan`."""
        return [*self.one_pass.scan(text), *self._always] if text.isascii() else self._numbers


def _note(number: int, _start: int, _end: int, _flags: int, found: list[int]) -> None:
    found.append(number)


def compile_literals(predicates: Mapping[int, Predicate]) -> Any:  # noqa: ANN401 - a Hyperscan database
    """Returns a database of literals in any case of ASCII, or None where trying each is as well."""
    if hyperscan is None or len(predicates) < WORTH_A_PASS:
        return None
    expressions = [_literal(predicate) for predicate in predicates.values()]
    return _database(expressions, list(predicates), hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_CASELESS)


def compile_patterns(predicates: Mapping[int, Predicate]) -> tuple[Any, tuple[int, ...]]:
    """Returns a database that finds every pattern Hyperscan has a form for, and maybe more; and those it has none for.

    The database is None where no pattern is in it. One pattern is worth a pass: RE2 takes as long for each by itself.
    """
    if hyperscan is None:
        return None, tuple(predicates)
    try:
        return _loose(predicates), ()
    except hyperscan.error:
        formed = {number: one for number, one in predicates.items() if _formable(one)}
        return _loose(formed), tuple(predicates.keys() - formed.keys())


def dumped(database: Any) -> bytes | None:  # noqa: ANN401
    """Returns a database in Hyperscan's own form."""
    return None if database is None else hyperscan.dumpb(database)


def loaded(content: bytes | None) -> Any:  # noqa: ANN401
    """Returns the database. Hyperscan trusts the bytes: they must be exactly what `dumped` gave."""
    return None if content is None else hyperscan.loadb(content, mode=hyperscan.HS_MODE_BLOCK)


def _formable(predicate: Predicate) -> bool:
    try:
        _loose({0: predicate})
    except hyperscan.error:
        return False
    return True


def _loose(predicates: Mapping[int, Predicate]) -> Any:  # noqa: ANN401 - a Hyperscan database
    expressions = [pattern_bytes(predicate) for predicate in predicates.values()]
    return _database(expressions, list(predicates), _LOOSE) if expressions else None


def pattern_bytes(predicate: Predicate) -> bytes:
    """Returns a pattern as Hyperscan takes it."""
    text = spelled(predicate.value, predicate.flags)
    return (rf"\A(?:{text})\z" if predicate.operator is Operator.WILDCARD else text).encode()


def _database(expressions: Sequence[bytes], numbers: Sequence[int], flags: int) -> Any:  # noqa: ANN401
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=expressions, ids=numbers, flags=[flags] * len(numbers))
    return database


def _literal(predicate: Predicate) -> bytes:
    before, after = ANCHORS[predicate.operator]
    value = "".join(f"\\x{byte:02x}" for byte in predicate.value.encode(errors="replace"))
    return f"{before}{value}{after}".encode()


def _pairs(predicates: Mapping[int, Predicate], operator: Operator) -> tuple[tuple[int, str], ...]:
    return tuple((number, one.value) for number, one in predicates.items() if one.operator is operator)


_LOOSE = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_PREFILTER | hyperscan.HS_FLAG_ALLOWEMPTY if hyperscan else 0
