"""Correlation rules, as pySigma read them, in our form."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from sigma.correlations import (
    CorrelationConditionItem,
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaCorrelationRule,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from safeconduct.kernel.canonical import digest
from safeconduct.soc.detection.conditions import unsupported
from safeconduct.soc.detection.correlations import (
    Absent,
    Bound,
    Correlation,
    Either,
    Every,
    Expression,
    Kind,
    Occurs,
    names_hits,
)
from safeconduct.soc.detection.ir import Head, Operator
from safeconduct.soc.detection.measuring import number
from safeconduct.soc.detection.model import RuleError

BOUNDS = {
    "gt": Operator.GREATER,
    "gte": Operator.GREATER_OR_EQUAL,
    "lt": Operator.LESS,
    "lte": Operator.LESS_OR_EQUAL,
    "eq": Operator.EQUALS,
    "neq": Operator.UNEQUAL,
}
"""Sigma's comparisons of what was counted. Several in one condition make a range; pySigma reads only one."""

PERCENT_MAX = 100


@dataclass(frozen=True, slots=True)
class Counted:
    """What is known of the rules that a correlation may count: their ids by name and id, their heads by id."""

    ids: Mapping[str, str]
    heads: Mapping[str, Head]

    def knows(self, references: Iterable[str]) -> bool:
        """Tells whether all are rules that can be used."""
        return all(self.ids.get(reference) in self.heads for reference in references)


def conditions(documents: Iterable[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[object]]:
    """Returns the documents as pySigma reads them, and the condition of each correlation as it was written."""
    plain, written = list[dict[str, Any]](), list[object]()
    for document in documents:
        correlation = document.get("correlation")
        if isinstance(correlation, dict) and document.get("action") is None:
            condition = correlation.get("condition")
            written.append(condition)
            plain.append({**document, "correlation": {**correlation, **_first(condition)}})
        else:
            plain.append(dict(document))
    return plain, written


def is_range(written: object) -> bool:
    """Tells whether a condition has more than one comparison."""
    return isinstance(written, dict) and len(BOUNDS.keys() & written.keys()) > 1


def references(rule: SigmaCorrelationRule) -> list[str]:
    """Returns the names or ids of the rules a correlation counts."""
    if rule.rules is None and isinstance(rule.condition, SigmaExtendedCorrelationCondition):
        return rule.condition.get_referenced_rules()
    return [reference.reference for reference in rule.rules or ()]


def correlation(rule: SigmaCorrelationRule, written: object, head: Head, counted: Counted) -> Correlation:
    """Returns a correlation in our form, its digest over what it counts too.

    Raises:
        RuleError: it uses what we don't run.
    """
    ids = tuple(counted.ids[reference] for reference in references(rule))
    kind, expression = Kind(rule.type.name.lower()), None
    bounds = _bounds(written) if isinstance(written, dict) else ()
    if kind in {Kind.TEMPORAL, Kind.TEMPORAL_ORDERED}:
        expression = _expression(rule, kind, bounds, ids, counted.ids)
    return Correlation(
        head=replace(head, digest=digest({"rule": head.digest, "counts": [counted.heads[key].digest for key in ids]})),
        kind=kind,
        rules=ids,
        group_by=tuple(rule.group_by or ()),
        aliases={
            alias.alias: {counted.ids[reference.reference]: name for reference, name in alias.mapping.items()}
            for alias in rule.aliases
            if all(reference.reference in counted.ids for reference in alias.mapping)
        },
        value_fields=_value_fields(written, kind),
        percentile=_percentile(written) if kind is Kind.VALUE_PERCENTILE else 0,
        bounds=() if expression else bounds,
        expression=expression,
        seconds=rule.timespan.seconds,
    )


def _first(condition: object) -> dict[str, Any]:
    """Returns a condition with one comparison, as pySigma takes it; what is none is left to it to refuse."""
    if not isinstance(condition, dict):
        return {}
    others = [name for name in condition if name in BOUNDS][1:]
    return {"condition": {name: value for name, value in condition.items() if name not in others}}


def _bounds(written: Mapping[str, object]) -> tuple[Bound, ...]:
    found = []
    for name, operator in BOUNDS.items():
        if name in written:
            limit = number(str(written[name]))
            if limit is None or isinstance(written[name], bool):
                raise RuleError(f"expected a number for {name} in its condition, not {str(written[name])[:40]!r}")
            found.append(Bound(operator, limit))
    return tuple(found)


def _expression(
    rule: SigmaCorrelationRule, kind: Kind, bounds: Sequence[Bound], ids: Sequence[str], names: Mapping[str, str]
) -> Expression | None:
    if isinstance(rule.condition, SigmaExtendedCorrelationCondition):
        expression = _node(rule.condition.parsed, names, asked=True)
        if not names_hits(expression):
            raise unsupported("a condition that can hold without any rule being hit, so that nothing could be shown")
        return expression
    every = tuple(dict.fromkeys(ids))
    if not bounds or bounds == (Bound(Operator.GREATER_OR_EQUAL, Fraction(len(every))),):
        return Every(tuple(map(Occurs, every)))
    if kind is Kind.TEMPORAL_ORDERED:
        raise unsupported("an order of other than all its rules")
    return None


def _node(item: CorrelationConditionItem | SigmaRuleReference, names: Mapping[str, str], *, asked: bool) -> Expression:
    """`asked` is whether it must hold; under a `not` and turns to or, and or turns to and."""
    if isinstance(item, SigmaRuleReference):
        return Occurs(names[item.reference]) if asked else Absent(names[item.reference])
    if isinstance(item, CorrelationConditionNOT):
        return _node(item.args[0], names, asked=not asked)
    parts = tuple(_node(part, names, asked=asked) for part in item.args)
    return Either(parts) if isinstance(item, CorrelationConditionOR) is asked else Every(parts)


def _value_fields(written: object, kind: Kind) -> tuple[str, ...]:
    named = written.get("field") if isinstance(written, dict) else None
    fields = tuple(map(str, named if isinstance(named, list) else [named] if named else []))
    if kind.value.startswith("value_") and kind is not Kind.VALUE_COUNT and len(fields) != 1:
        raise unsupported(f"{kind.value} over other than one field")
    return fields


def _percentile(written: object) -> int:
    given = written.get("percentile") if isinstance(written, dict) else None
    if not isinstance(given, int) or not 0 < given <= PERCENT_MAX:
        raise RuleError(f"expected a percentile from 1 to {PERCENT_MAX} in its condition")
    return given
