"""What policies can tell apart of a context: what they see alike they decide alike, and nothing they ask is missed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safeconduct.policy import DecisionMemo, Entities, EntityRecord, EntityUid, PolicyRequest, PolicySet, decide

ANA, CALL, PATH = EntityUid("User", "ana"), EntityUid("Action", "call"), EntityUid("Path", "triage")
TAKEN = {"takes": frozenset("ab"), "tools": frozenset("c"), "name": "triage"}
STORE = Entities.compile([EntityRecord(ANA), EntityRecord(PATH, TAKEN)])


def policies(*conditions):
    rows = (
        f'@id("p{n}") {effect} (principal, action, resource) {word} {{ {condition} }};'
        for n, (effect, word, condition) in enumerate(conditions)
    )
    return PolicySet.compile("\n".join(rows))


def sees(condition, first, second):
    """Tells whether a policy with this condition tells two values of `found` apart."""
    views = policies(("permit", "when", condition)).views
    one, other = ({"found": value, "flag": True} for value in (first, second))
    return views.seen(one, TAKEN) != views.seen(other, TAKEN)


NONE, A, AC, B = frozenset(), frozenset("a"), frozenset("ac"), frozenset("b")


@pytest.mark.parametrize(
    ("condition", "apart", "alike"),
    [
        ("context.found.isEmpty()", (NONE, A), (A, AC)),
        ("resource.takes.containsAll(context.found)", (A, AC), (A, B)),
        ("resource.tools.containsAll(context.found)", (frozenset("c"), A), (A, B)),
        ("context has found", None, (A, B)),
        ("context.flag", None, (A, B)),
        ("resource has found", None, (A, B)),
        ('principal == User::"ana"', None, (A, B)),
    ],
)
def test_what_is_asked_of_a_set_is_what_is_seen_of_it(condition, apart, alike):
    if apart is not None:
        assert sees(condition, *apart)
    assert not sees(condition, *alike)


@pytest.mark.parametrize(
    "condition",
    [
        'context.found.contains("a")',
        'context["found"].containsAny(["a"])',
        'context.found.containsAll(["a"])',
        'context.found == ["a"]',
        "context.found.containsAll(resource.takes)",
        "principal.takes.containsAll(context.found)",
        "[context.found].containsAll([resource.takes])",
        "context == context",
        "{a: context}.a.flag",
        "context has found.x",
        "(if context.flag then context.found else resource.takes).isEmpty()",
        "resource.takes.containsAll(if context.flag then context.found else resource.takes)",
        'context.found.isEmpty() || context.found.contains("a")',
    ],
)
def test_whatever_else_is_asked_is_seen_whole(condition):
    assert sees(condition, A, B)


def test_what_is_no_set_of_words_is_seen_whole():
    for condition in ("context.found.isEmpty()", "resource.takes.containsAll(context.found)"):
        for one, other in (((1,), (2,)), ("a", "b"), (True, 1), (A, "a"), (frozenset("ab"), ("a", "b"))):
            assert sees(condition, one, other)


def test_where_the_resource_has_no_such_set_the_value_is_seen_whole():
    found = policies(("permit", "when", "resource.takes.containsAll(context.found)")).views
    for resource in ({}, {"takes": "ab"}):
        assert found.seen({"found": A}, resource) != found.seen({"found": B}, resource)


def test_whether_an_attribute_is_there_is_seen():
    found = policies(("permit", "when", "context has found")).views
    assert found.seen({"flag": True}, TAKEN) != found.seen({"flag": True, "found": A}, TAKEN)
    assert found.seen({"other": A}, TAKEN) != found.seen({"found": A}, TAKEN)


@pytest.mark.parametrize(
    ("condition", "apart"),
    [('context.found.contains("a")', True), ("context == context", True), ("context.found.isEmpty()", False)],
)
def test_the_names_that_policies_tell_apart(condition, apart):
    found = policies(("permit", "when", condition)).views
    assert (found.tell_apart(("found", "other")), found.tell_apart(("other",))) == (apart, condition[8:10] == "==")


_FOUND = st.sampled_from(
    (
        "context.found",
        "context.more",
        "resource.takes",
        "resource.tools",
        '["a", "c"]',
        "(if context.flag then context.found else context.more)",
    )
)
_ASKED = st.one_of(
    st.builds("{}.isEmpty()".format, _FOUND),
    st.builds("{}.containsAll({})".format, _FOUND, _FOUND),
    st.builds("{}.containsAny({})".format, _FOUND, _FOUND),
    st.builds('{}.contains("{}")'.format, _FOUND, st.sampled_from("abc")),
    st.builds("{} == {}".format, _FOUND, _FOUND),
    st.sampled_from(("context.flag", "context has more", "context has other", "context == {flag: true}")),
)
_CONDITION = st.recursive(
    _ASKED,
    lambda inner: st.one_of(st.builds("!({})".format, inner), st.builds("(({}) && ({}))".format, inner, inner)),
    max_leaves=4,
)
_SET = st.frozensets(st.sampled_from("abc"))
_CONTEXT = st.fixed_dictionaries(
    {"flag": st.booleans(), "found": _SET}, optional={"more": st.one_of(_SET, st.just("a"))}
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(("permit", "forbid")), st.sampled_from(("when", "unless")), _CONDITION),
        min_size=1,
        max_size=3,
    ),
    st.lists(_CONTEXT, min_size=2, max_size=8),
)
def test_the_memo_decides_as_deciding_anew_does(conditions, contexts):
    asked, memo = policies(*conditions), DecisionMemo()
    for context in contexts:
        request = PolicyRequest(ANA, CALL, PATH, context)
        assert memo.decide(asked, request, STORE) == decide(asked, request, STORE)
