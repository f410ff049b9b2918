"""What `policy check` says has no effect is proven, and what only looks so is not claimed."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safeconduct.access.authorization import compile_policies, default_policies
from safeconduct.policy import Entities, EntityRecord, EntityUid, PolicyRequest, PolicySet, decide
from safeconduct.policy.hints import HintKind, hints

ANY = "principal, action, resource"


def found(*policies):
    text = "\n".join(f'@id("{name}") {policy};' for name, policy in zip("abcdef", policies, strict=False))
    return [(hint.kind, hint.policy, hint.by) for hint in hints(PolicySet.compile(text))]


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ((f"permit ({ANY}) when {{ false && context.x }}",), ("never-holds", "a", "")),
        ((f"permit ({ANY}) unless {{ true }}",), ("never-holds", "a", "")),
        ((f"permit ({ANY})", f"permit ({ANY}) when {{ context.x }}"), ("shadowed", "b", "a")),
        ((f"permit ({ANY})", f"permit ({ANY})"), ("shadowed", "b", "a")),
        ((f"permit ({ANY}) when {{ context.x && context.y }}", f"permit ({ANY}) when {{ context.y }}"),
         ("shadowed", "a", "b")),
        ((f"permit ({ANY})", "permit (principal is User, action, resource)"), ("shadowed", "b", "a")),
        (("permit (principal is User, action, resource)", 'permit (principal == User::"u", action, resource)'),
         ("shadowed", "b", "a")),
        (('permit (principal, action in [Action::"x", Action::"y"], resource)',
          'permit (principal, action == Action::"x", resource)'), ("shadowed", "b", "a")),
        ((f"permit ({ANY}) when {{ context.x }}", f"forbid ({ANY}) when {{ context.x }}"),
         ("always-forbidden", "a", "b")),
        ((f"permit ({ANY}) unless {{ context.x || context.y }}", f"forbid ({ANY}) unless {{ context.y }}"),
         ("always-forbidden", "a", "b")),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_told(policies, said):
    assert said in found(*policies)


@pytest.mark.parametrize(
    "policies",
    [
        (f"permit ({ANY}) when {{ context.x && true }}",),
        (f"permit ({ANY}) when {{ context.x }}", f"permit ({ANY}) when {{ context.y }}"),
        (f"permit ({ANY}) when {{ context.x }}", f"forbid ({ANY}) when {{ context.x && context.y }}"),
        ("permit (principal is User, action, resource)", 'permit (principal == Group::"u", action, resource)'),
        ('permit (principal in Group::"g", action, resource)', 'permit (principal in Group::"h", action, resource)'),
        (f"permit ({ANY}) when {{ context.x || context.y }}", f"permit ({ANY}) when {{ context.x }}"),
        (f"permit ({ANY}) unless {{ context.x && context.y }}", f"forbid ({ANY}) unless {{ context.x }}"),
    ],
)
def test_what_only_looks_so_is_not(policies):
    assert found(*policies) == []


def test_a_set_that_can_permit_nothing_is_told():
    for policies in (
        (),
        (f"forbid ({ANY})",),
        (f"permit ({ANY}) when {{ false }}",),
        (f"permit ({ANY})", f"forbid ({ANY})"),
    ):
        assert found(*policies)[-1] == (HintKind.PERMITS_NOTHING, "", "")


def test_the_default_policies_all_have_an_effect():
    assert hints(compile_policies(default_policies())) == ()


def test_the_deepest_policies_are_read():
    for condition in ("true" + " && true" * 90, "principal" + ".a" * 90):  # the engine takes some 100 levels
        assert ("shadowed", "b", "a") in found(*[f"permit ({ANY}) when {{ {condition} }}"] * 2)


USER, OTHER, DOC = EntityUid("User", "u"), EntityUid("Group", "g"), EntityUid("Doc", "d")
STORE = Entities.compile([EntityRecord(USER, {}, (OTHER,)), EntityRecord(OTHER), EntityRecord(DOC)])
scopes = st.sampled_from(["principal", "principal is User", 'principal == User::"u"', 'principal in Group::"g"',
                          'principal is User in Group::"g"'])  # fmt: skip
conditions = st.sampled_from(["true", "false", "context.x", "!context.x", "context.x && context.y", "context.y",
                              "context.x || context.y"])  # fmt: skip
drawn = st.lists(
    st.tuples(st.sampled_from(["permit", "forbid"]), scopes, st.sampled_from(["when", "unless"]), conditions),
    min_size=1,
    max_size=4,
)


@given(drawn)
@settings(max_examples=60)
def test_leaving_out_what_is_told_changes_no_decision(policies):
    text = {
        f"p{n}": f'@id("p{n}") {effect} ({scope}, action, resource) {clause} {{ {condition} }};'
        for n, (effect, scope, clause, condition) in enumerate(policies)
    }
    whole = PolicySet.compile("\n".join(text.values()))
    idle = {hint.policy for hint in hints(whole)}
    rest = PolicySet.compile("\n".join(one for name, one in text.items() if name not in idle))
    for x, y, who in itertools.product((True, False), (True, False), (USER, OTHER)):
        request = PolicyRequest(who, EntityUid("Action", "read"), DOC, {"x": x, "y": y})
        assert decide(whole, request, STORE).allowed == decide(rest, request, STORE).allowed
