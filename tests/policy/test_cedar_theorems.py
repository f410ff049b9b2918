"""The theorems that Cedar's authorizer is proved to have (cedar-lean Thm/Authorization.lean), as properties of ours.

Policies are drawn from a small language that a reference of a few lines evaluates too, errors included.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from safeconduct.kernel.decisions import Effect
from safeconduct.kernel.errors import SafeconductError
from safeconduct.policy import Entities, EntityRecord, EntityUid, PolicyRequest, PolicySet, decide

USER, PATH, CALL = EntityUid("User", "u"), EntityUid("Path", "p"), EntityUid("Action", "call")
ENTITIES = Entities.compile([EntityRecord(USER), EntityRecord(PATH)])

holds = {"true": True, "context.flag": None, "!context.flag": None, "false": False, "context.absent": "error"}
drawn_policies = st.lists(st.tuples(st.sampled_from(["permit", "forbid"]), st.sampled_from(sorted(holds))), max_size=6)


def compiled(policies):
    return PolicySet.compile(
        "\n".join(
            f'@id("p{number}") {effect} (principal, action, resource) when {{ {condition} }};'
            for number, (effect, condition) in enumerate(policies)
        )
    )


def outcome(condition, flag):
    return {"context.flag": flag, "!context.flag": not flag}.get(condition, holds[condition])


def ask(policies, flag):
    return decide(compiled(policies), PolicyRequest(USER, CALL, PATH, {"flag": flag}), ENTITIES)


@given(drawn_policies, st.booleans())
def test_allowed_exactly_if_one_permits_none_forbids_and_none_fails(policies, flag):
    found = {(effect, outcome(condition, flag)) for effect, condition in policies}
    failed = any(result == "error" for _, result in found)
    expected = ("permit", True) in found and ("forbid", True) not in found and not failed
    decision = ask(policies, flag)
    assert decision.allowed == expected
    assert (decision.effect is Effect.ALLOW) == expected
    assert bool(decision.errors) == failed


@given(drawn_policies, st.booleans())
def test_a_forbid_trumps_any_permit(policies, flag):
    assert not ask([*policies, ("forbid", "true")], flag).allowed


@given(st.lists(st.tuples(st.just("forbid"), st.sampled_from(sorted(holds))), max_size=6), st.booleans())
def test_without_a_permit_nothing_is_allowed(policies, flag):
    assert not ask(policies, flag).allowed


@given(drawn_policies.flatmap(lambda drawn: st.tuples(st.just(drawn), st.permutations(drawn))), st.booleans())
def test_order_and_repetition_do_not_matter(pair, flag):
    first, second = (ask(policies, flag) for policies in (pair[0], [*pair[1], *pair[1]]))
    assert (first.effect, bool(first.errors)) == (second.effect, bool(second.errors))


@given(drawn_policies, st.booleans())
def test_the_determining_policies_are_those_that_hold_on_the_deciding_side(policies, flag):
    decision = ask(policies, flag)
    sides = {"permit": set(), "forbid": set()}
    for number, (effect, condition) in enumerate(policies):
        if outcome(condition, flag) is True:
            sides[effect].add(f"p{number}")
    assert set(decision.determining) == (sides["forbid"] or sides["permit"])


pieces = st.sampled_from(
    [
        '@id("a")',
        "permit",
        "forbid",
        "(principal, action, resource)",
        ";",
        '"',
        "//",
        "\n",
        "when { true }",
        "?",
        "\x1f",
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(pieces, max_size=20).map(" ".join)))
@settings(max_examples=300)
def test_any_text_compiles_or_is_refused_by_our_own_error(text):
    try:
        PolicySet.compile(text)
    except SafeconductError:
        return
    assert decide(PolicySet.compile(text), PolicyRequest(USER, CALL, PATH), ENTITIES).effect is Effect.DENY
