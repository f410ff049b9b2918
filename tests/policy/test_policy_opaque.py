"""Which members of a context a policy looks into: what it only asks to be empty is not among them."""

import pytest

from safeconduct.policy import PolicySet
from safeconduct.policy.opaque import EVERYTHING, looked_into


@pytest.mark.parametrize(
    ("condition", "looked"),
    [
        ("context.a.isEmpty() && context has b && !context.c.isEmpty()", set()),
        ('context.a.contains("x")', {"a"}),
        ("context.a.isEmpty() || context.a == context.b", {"a", "b"}),
        ('context.a.b.contains("x")', {"a"}),
        ("if context.a then context.b else false", {"a", "b"}),
        ("[context.a].contains(3)", {"a"}),
        ('{"x": context.a}.x', {"a"}),
        ('context == {"a": 1}', {EVERYTHING}),
        ('{"x": context}.x.a', {EVERYTHING}),
        ('context.a like "x*"', {"a"}),
        ("context.a is User", {"a"}),
        ("principal.a", set()),
    ],
)
def test_what_a_condition_looks_into(condition, looked):
    for clause in ("when", "unless"):
        text = f'@id("p") permit (principal, action, resource) {clause} {{ {condition} }};'
        assert looked_into(PolicySet.compile(text)) == looked
