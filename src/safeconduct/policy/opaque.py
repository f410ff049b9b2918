"""Which members of the context a set of policies looks into, beyond whether they are empty.

What a call spoke of is sealed: its entry counts the targets and does not name them. A policy that only asks whether
there are any is decided on the count; one that asks for names can't be.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from cedarpy import pst

from safeconduct.policy.sets import PolicySet, parse_statement
from safeconduct.policy.source import statements

EVERYTHING = "*"
"""Stands for all members, where a policy passes the context on as a whole."""


def looked_into(policies: PolicySet) -> frozenset[str]:
    """Returns the names of members whose content may decide."""
    clauses = (clause for statement in statements(policies.text) for clause in parse_statement(statement).clauses)
    return frozenset(name for clause in clauses for name in _looked_into(clause.expr))


def _looked_into(node: object) -> Iterator[str]:
    if isinstance(node, pst.UnaryOp) and node.op == "is_empty" and _member(node.arg):
        return
    if isinstance(node, pst.HasAttr) and _is_context(node.base):
        return
    member = _member(node)
    if member:
        yield member
    elif _is_context(node):
        yield EVERYTHING
    elif isinstance(node, tuple | Mapping):
        for inner in node.values() if isinstance(node, Mapping) else node:
            yield from _looked_into(inner)
    elif is_dataclass(node):
        for field in fields(node):
            yield from _looked_into(getattr(node, field.name))


def _member(node: object) -> str:
    return node.attr if isinstance(node, pst.GetAttr) and _is_context(node.base) else ""


def _is_context(node: object) -> bool:
    return isinstance(node, pst.Var) and node.name == "context"
