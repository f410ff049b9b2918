"""Rules that parse and still must not run: they hold of everything, or could hold up the whole engine."""

import re
from collections.abc import Iterator

import re2  # type: ignore[import-untyped]

from safeconduct.soc.detection.ir import And, Node, Not, Operator, Or, Predicate
from safeconduct.soc.detection.model import RuleError

PREDICATES_MAX = 20_000
"""Comparisons in one rule, lists and encodings spelled out. The largest public rule has fewer than 2,000."""

PATTERN_BYTES_MAX = 1 << 20
"""Bytes that RE2 may take for one pattern. `(a{1000}){1000}` wants gigabytes; public patterns take a few thousand."""

_PROBES = ("", "a", "0", " ~\\", "C:\\Windows\\System32\\x.exe -y", "192.0.2.1", "\u00e9\n")
"""Values that have nothing in common: what holds of each of them holds of anything."""

_WITHIN = {Operator.CONTAINS, Operator.STARTS_WITH, Operator.ENDS_WITH}
_PATTERNS = {Operator.REGEX, Operator.WILDCARD}


def refuse_hazards(condition: Node) -> None:
    """Looks at what would match everything or explode.

    Raises:
        RuleError: `rule-matches-everything`, `rule-matches-nothing`, `rule-explodes`.
    """
    for count, predicate in enumerate(_predicates(condition), start=1):
        if count > PREDICATES_MAX:
            raise RuleError(f"over {PREDICATES_MAX:,} comparisons in one rule", code="rule-explodes")
        if predicate.operator in _PATTERNS:
            _refuse_slow(predicate)
    sure = _sure(condition)
    if sure is not None:
        raise RuleError(
            f"its condition holds of {'every' if sure else 'no'} event of its log source",
            code="rule-matches-everything" if sure else "rule-matches-nothing",
            remedy="name values that only what is looked for has",
        )


def _predicates(condition: Node) -> Iterator[Predicate]:
    match condition:
        case Predicate():
            yield condition
        case Not():
            yield from _predicates(condition.part)
        case And() | Or():
            for part in condition.parts:
                yield from _predicates(part)


def _refuse_slow(predicate: Predicate) -> None:
    """What RE2 reads takes time in proportion to the value; what it does not, a hostile value can draw out."""
    options = re2.Options()
    options.log_errors, options.max_mem = False, PATTERN_BYTES_MAX
    try:
        re2.compile(predicate.value, options)
    except re2.error as error:
        told = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else error.args[0]
        raise RuleError(
            f"the pattern {predicate.shown[:60]!r} can't be tried in linear time: {told}",
            code="rule-explodes",
            remedy="write it without look-around, references back and large repetitions",
        ) from error


def _sure(condition: Node) -> bool | None:
    """Tells whether it is sure to hold or sure not to; None where it depends on the event."""
    match condition:
        case Predicate():
            return True if _any_value(condition) else None
        case Not():
            inner = _sure(condition.part)
            return None if inner is None else not inner
        case And() | Or():
            decides = isinstance(condition, Or)
            found = set(map(_sure, condition.parts))
            # One part that decides is enough, the others must all say the opposite.
            return decides if decides in found else None if None in found else not decides


def _any_value(predicate: Predicate) -> bool:
    if predicate.operator in _WITHIN:
        return not predicate.value
    if predicate.operator is Operator.EXISTS:
        return not predicate.field
    if predicate.operator is Operator.REGEX:
        pattern = re.compile(predicate.value, predicate.flags)
        return all(pattern.search(probe) for probe in _PROBES)
    return False
