"""Compiled rules as bytes and back, so that a start need not read and compile thousands of rules again.

What is kept holds values alone: rules, correlations, filters, and Hyperscan's own form of its databases. Whoever keeps
it answers for its being what was kept; see `CompiledRules`.
"""

import io
import pickle
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import is_dataclass, replace
from enum import Enum
from fractions import Fraction
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from typing import Any, Protocol

from safeconduct.soc.detection.engine import compiled
from safeconduct.soc.detection.model import Problem, RuleError, RuleSet
from safeconduct.soc.detection.scanning import dumped, hyperscan, loaded
from safeconduct.soc.detection.tables import Databases

FORM = 7
"""Raised whenever reading or compiling the same files gives something else; what was kept before is made anew."""

_MODULES = frozenset(f"safeconduct.soc.detection.{name}" for name in ("ir", "model", "correlations"))
_NOT_READABLE = (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, KeyError, IndexError)


class CompiledRules(Hashable, Protocol):
    """Where compiled rules are kept. Derived (R3): what is lost is made again."""

    def read(self, key: str) -> bytes | None:
        """Returns what was kept under a key, exactly as it was; None for anything else that may be found there."""
        ...

    def keep(self, key: str, content: bytes) -> None:
        """Keeps it, if it can."""
        ...


class NotKept:
    """Keeps nothing."""

    def read(self, _key: str) -> bytes | None:
        """As `CompiledRules.read`."""
        return None

    def keep(self, _key: str, _content: bytes) -> None:
        """As `CompiledRules.keep`."""


def key_of(files: Iterable[tuple[str, str]], filled: Mapping[str, Sequence[str]]) -> str:
    """Returns the key of rule files with the values of their placeholders: a digest of all that decides the outcome."""
    engine = version("hyperscan") if hyperscan else ""
    found = sha256(repr((FORM, version("pysigma"), engine, sorted((k, list(v)) for k, v in filled.items()))).encode())
    for name, text in files:
        found.update(sha256(name.encode()).digest() + sha256(text.encode(errors="replace")).digest())
    return found.hexdigest()


def compile_rules(rules: RuleSet) -> RuleSet:
    """Returns the rules with what their engine is made of, which takes seconds for thousands of rules."""
    return replace(rules, databases=compiled(rules.events))


def encode(rules: RuleSet, aside: Iterable[Problem]) -> bytes:
    """Returns compiled rules as bytes."""
    made = {
        name: (dumped(one.literals), dumped(one.patterns), one.always) for name, one in (rules.databases or {}).items()
    }
    told = [(one.name, one.error.code, one.error.message, one.error.remedy, one.rule, one.title) for one in aside]
    return pickle.dumps((replace(rules, databases=None), made, told), protocol=5)


def decode(content: bytes) -> tuple[RuleSet, list[Problem]] | None:
    """Returns the rules, or None if the bytes are none that `encode` made, or of another machine's Hyperscan."""
    try:
        rules, made, told = _Values(io.BytesIO(content)).load()
        databases = {
            name: Databases(loaded(literals), loaded(patterns), always)
            for name, (literals, patterns, always) in made.items()
        }
        return replace(rules, databases=databases), [_problem(one) for one in told]
    except _NOT_READABLE:
        return None
    except getattr(hyperscan, "error", ()):
        return None


def _problem(told: tuple[str, str, str, str, str, str]) -> Problem:
    name, code, message, remedy, rule, title = told
    return Problem(name, RuleError(message, code=code, remedy=remedy), rule, title)


class _Values(pickle.Unpickler):
    """Makes values of our own modules and nothing else: no name in the bytes can lead to code that does something."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - a class
        if (module, name) == ("fractions", "Fraction"):
            return Fraction
        found = getattr(import_module(module), name) if module in _MODULES else None
        if isinstance(found, type) and (is_dataclass(found) or issubclass(found, Enum)):
            return found
        raise pickle.UnpicklingError(f"{module}.{name} is no value")
