"""Sigma's conditions and values, as pySigma parsed them, in our form."""

import re
from collections.abc import Callable, Sequence

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from safeconduct.soc.detection.ir import And, Node, Not, Operator, Or, Predicate
from safeconduct.soc.detection.model import RuleError

_WRAPPED = {
    (False, False): Operator.EQUALS,
    (True, True): Operator.CONTAINS,
    (False, True): Operator.STARTS_WITH,
    (True, False): Operator.ENDS_WITH,
}

_REFERENCES = {
    (False, False): Operator.SAME_AS,
    (True, False): Operator.STARTS_WITH_FIELD,
    (False, True): Operator.ENDS_WITH_FIELD,
    (True, True): Operator.CONTAINS_FIELD,
}


def unsupported(feature: str) -> RuleError:
    """Returns the error that names a feature we don't run."""
    return RuleError(f"unsupported: {feature}", code="rule-unsupported")


def node(item: object) -> Node:
    """Returns a parsed condition in our form.

    Raises:
        RuleError: it uses what we don't run.
    """
    match item:
        case ConditionAND():
            return And(tuple(map(node, item.args)))
        case ConditionOR():
            return Or(tuple(map(node, item.args)))
        case ConditionNOT():
            return Not(node(item.args[0]))
        case ConditionFieldEqualsValueExpression():
            return _value(item.field, item.value)
        case ConditionValueExpression():
            return _value("", item.value)
        case None:
            raise RuleError("its condition asks for selections by a name that none of them has")
        case _:
            raise unsupported(f"condition of kind {type(item).__name__}")


def names_evidence(condition: Node, *, held: bool = True) -> bool:
    """Tells whether there is something to show whenever the condition holds, or does not.

    A value that was found, or what stands in a field where values are ruled out. Keywords that are not there have no
    place.
    """
    match condition:
        case Predicate():
            return held or bool(condition.field)
        case Not():
            return names_evidence(condition.part, held=not held)
        case And() | Or():
            enough = any if isinstance(condition, And) is held else all
            return enough(names_evidence(part, held=held) for part in condition.parts)


def _value(field: str, value: SigmaType) -> Node:
    # Subclasses stand before their bases: a part of a timestamp is a number too.
    if isinstance(value, SigmaExpansion):
        return Or(tuple(_value(field, part) for part in value.values))
    for kind, convert in _CONVERTERS.items():
        if isinstance(value, kind):
            return convert(field, value)
    raise unsupported(f"value of kind {type(value).__name__} for {field or 'keywords'}")


def _exists(field: str, value: SigmaType) -> Node:
    present = Predicate(field, Operator.EXISTS, "", "exists")
    return present if isinstance(value, SigmaExists) and value.exists else Not(present)


def _regex(field: str, value: SigmaType) -> Node:
    assert isinstance(value, SigmaRegularExpression)  # noqa: S101 - the table's key says so
    flags = sum(int(value.sigma_to_python_flags[flag]) for flag in value.flags)
    pattern = value.regexp.to_plain_regex()
    return Predicate(field, Operator.REGEX, pattern, pattern, flags=flags)


def _comparison(field: str, value: SigmaType) -> Node:
    assert isinstance(value, SigmaCompareExpression)  # noqa: S101 - the table's key says so
    return Predicate(field, Operator(value.op.name.lower()), str(value.number), str(value.number))


def _reference(field: str, value: SigmaType) -> Node:
    assert isinstance(value, SigmaFieldReference)  # noqa: S101 - the table's key says so
    return Predicate(field, _REFERENCES[value.starts_with, value.ends_with], value.field, value.field)


def _timestamp(_field: str, _value: SigmaType) -> Node:
    raise unsupported("parts of a timestamp")


def _literal(operator: Operator) -> Callable[[str, SigmaType], Node]:
    def convert(field: str, value: SigmaType) -> Node:
        text = str(value).lower()
        return Predicate(field, operator, text, text)

    return convert


def _null(field: str, _value: SigmaType) -> Node:
    return Predicate(field, Operator.NULL, "", "null")


def _text(field: str, value: SigmaType) -> Node:
    assert isinstance(value, SigmaString)  # noqa: S101 - the table's key says so
    parts = [part for part in value.s if part != ""]
    if any(isinstance(part, Placeholder) for part in parts):
        raise unsupported(f"placeholder in {value}")
    if parts == [SpecialChars.WILDCARD_MULTI]:
        return Predicate(field, Operator.EXISTS, "", "*")
    cased = isinstance(value, SigmaCasedString)
    head = bool(parts) and parts[0] is SpecialChars.WILDCARD_MULTI
    tail = bool(parts) and parts[-1] is SpecialChars.WILDCARD_MULTI
    inner = parts[head : len(parts) - tail]
    if not all(isinstance(part, str) for part in inner):
        return _wildcard(field, value, parts if field else [_ANY, *inner, _ANY], cased=cased)
    text = "".join(map(str, inner))
    operator = _WRAPPED[head, tail] if field else Operator.CONTAINS
    return Predicate(field, operator, text if cased else text.lower(), text, cased)


_ANY = SpecialChars.WILDCARD_MULTI
"""What stands around a keyword: one with a wildcard inside, too, may be anywhere in a value."""


def _wildcard(field: str, value: SigmaString, parts: Sequence[object], *, cased: bool) -> Predicate:
    flags = int(re.DOTALL) | (0 if cased else int(re.IGNORECASE))
    pattern = "".join(map(_pattern, parts))
    return Predicate(field, Operator.WILDCARD, pattern, str(value), cased, flags)


def _pattern(part: object) -> str:
    if part is SpecialChars.WILDCARD_MULTI:
        return ".*"
    return "." if part is SpecialChars.WILDCARD_SINGLE else re.escape(str(part))


_CONVERTERS: dict[type[SigmaType], Callable[[str, SigmaType], Node]] = {
    SigmaString: _text,
    SigmaRegularExpression: _regex,
    SigmaTimestampPart: _timestamp,
    SigmaNumber: _literal(Operator.EQUALS),
    SigmaBool: _literal(Operator.EQUALS),
    SigmaNull: _null,
    SigmaExists: _exists,
    SigmaCIDRExpression: _literal(Operator.CIDR),
    SigmaCompareExpression: _comparison,
    SigmaFieldReference: _reference,
}
