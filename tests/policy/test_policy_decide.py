import pytest

from safeconduct.kernel.decisions import Effect
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.policy import (
    DecisionMemo,
    Entities,
    EntityRecord,
    EntityUid,
    Extension,
    PolicyRequest,
    PolicySet,
    decide,
)
from safeconduct.policy.model import encode, hashable, hashable_record

ANA, BO, PATH = EntityUid("User", "ana"), EntityUid("User", 'b"o\n'), EntityUid("Path", "triage")
CALL = EntityUid("Action", "call")
ENTITIES = Entities.compile([EntityRecord(ANA, {"suspended": False}), EntityRecord(BO), EntityRecord(PATH)])
PERMIT_ALL = '@id("permit-all") permit (principal, action, resource);'


def ask(policies, principal=ANA, resource=PATH, **context):
    return decide(PolicySet.compile(policies), PolicyRequest(principal, CALL, resource, context), ENTITIES)


def test_an_allow_names_the_policies_that_permitted_it():
    decision = ask(PERMIT_ALL + '@id("also") permit (principal, action, resource) when { context.ok };', ok=True)
    assert (decision.effect, decision.determining, decision.errors) == (Effect.ALLOW, ("also", "permit-all"), ())


def said(decision):
    """Returns what each reason says; what would make the request pass stands beside it."""
    assert all(reason.remedy for reason in decision.reasons)
    return [(reason.code, reason.clause, reason.text) for reason in decision.reasons]


def test_no_policy_denies():
    for policies in ("", "// nothing\n", '@id("x") forbid (principal, action, resource) when { false };'):
        decision = ask(policies)
        assert decision.effect is Effect.DENY
        assert said(decision) == [("no-policy-permits", "policies", "no policy permits this")]


def test_a_forbid_overrides_and_is_named():
    decision = ask(PERMIT_ALL + '@id("no") forbid (principal, action, resource);')
    assert decision.effect is Effect.DENY
    assert decision.determining == ("no",)
    assert said(decision) == [("policy-forbids", "policy:no", "policy no forbids this")]


def test_a_forbid_that_fails_to_evaluate_denies_although_the_engine_allows():
    policies = PERMIT_ALL + '@id("suspended") forbid (principal, action, resource) when { principal.suspended };'
    assert ask(policies).effect is Effect.ALLOW
    decision = ask(policies, principal=BO)
    assert decision.effect is Effect.DENY
    assert not decision.allowed
    assert decision.determining == ("permit-all",)
    (error,) = decision.errors
    assert error.startswith("error while evaluating policy `suspended`:")
    assert "does not have the attribute `suspended`" in error
    assert decision.reasons[0].code == "policy-error"


def test_a_permit_that_fails_to_evaluate_denies_although_another_permits():
    decision = ask(PERMIT_ALL + '@id("broken") permit (principal, action, resource) when { context.absent };')
    assert (decision.effect, len(decision.errors)) == (Effect.DENY, 1)


@pytest.mark.parametrize(
    "request_",
    [
        PolicyRequest(EntityUid("User", "ghost"), CALL, PATH),
        PolicyRequest(ANA, CALL, EntityUid("Path", "ghost")),
        PolicyRequest(ANA, CALL, PATH, {"grants": ({"of": EntityUid("Grant", "ghost")},)}),
    ],
)
def test_an_entity_that_is_not_in_the_store_denies(request_):
    decision = decide(PolicySet.compile(PERMIT_ALL), request_, ENTITIES)
    assert (decision.effect, decision.reasons[0].code) == (Effect.DENY, "entity-missing")
    assert "ghost is not in the entity store" in decision.errors[0]


def test_a_request_that_the_engine_can_not_take_denies():
    decision = ask(PERMIT_ALL, address=Extension("ip", "not an address"))
    assert (decision.effect, decision.reasons[0].code) == (Effect.DENY, "policy-error")
    assert decision.errors


def test_values_of_every_type_reach_the_policies():
    condition = (
        'context.text == "a" && context.number == -7 && context.yes && context.names.contains("x") && '
        'context.pair.left == 1 && context.who == principal && context.ip.isInRange(ip("192.0.2.0/24")) && '
        "context.numbers == [1, 2]"
    )
    decision = ask(
        f'@id("all") permit (principal, action, resource) when {{ {condition} }};',
        text="a",
        number=-7,
        yes=True,
        names=frozenset({"x", "y"}),
        pair={"left": 1},
        who=ANA,
        ip=Extension("ip", "192.0.2.10"),
        numbers=(2, 1),
    )
    assert decision.determining == ("all",), decision


def test_ids_with_any_characters_are_the_same_entity():
    quoted = '@id("bo") permit (principal == User::"b\\"o\\n", action, resource);'
    assert ask(quoted, principal=BO).allowed
    assert not ask(quoted).allowed


def test_a_value_without_a_cedar_form_is_refused():
    with pytest.raises(InvalidInputError, match="float has no Cedar form"):
        encode(1.5)


def test_the_memo_gives_what_deciding_gives_and_keeps_apart_what_differs():
    memo, policies = (
        DecisionMemo(),
        PolicySet.compile('@id("one") permit (principal, action, resource) when { context.n == 1 };'),
    )
    for n in (1, True, 0, "1", frozenset({"1"}), 1):
        request = PolicyRequest(ANA, CALL, PATH, {"n": n})
        assert memo.decide(policies, request, ENTITIES) == decide(policies, request, ENTITIES)
        assert memo.decide(policies, request, ENTITIES) is memo.decide(policies, request, ENTITIES)
    assert len(memo) == 5


def test_the_memo_depends_on_policies_and_entities():
    memo, request = DecisionMemo(), PolicyRequest(ANA, CALL, PATH)
    allowed = memo.decide(PolicySet.compile(PERMIT_ALL), request, ENTITIES)
    assert not memo.decide(PolicySet.compile(""), request, ENTITIES).allowed
    smaller = Entities.compile([EntityRecord(PATH)])
    assert not memo.decide(PolicySet.compile(PERMIT_ALL), request, smaller).allowed
    assert memo.decide(PolicySet.compile(PERMIT_ALL), request, ENTITIES) is allowed


def test_the_memo_is_bounded():
    counting = '@id("any") permit (principal, action, resource) when { context.n >= 0 };'
    memo, policies = DecisionMemo(kept_max=3), PolicySet.compile(counting)
    for n in range(10):
        memo.decide(policies, PolicyRequest(ANA, CALL, PATH, {"n": n}), ENTITIES)
    assert len(memo) == 3


def test_python_equality_does_not_merge_what_cedar_tells_apart():
    assert hashable(True) != hashable(1)
    assert hashable((True,)) != hashable((1,))
    assert hashable_record({"a": True}) != hashable_record({"a": 1})
    assert hashable_record({"a": ({"b": True},)}) != hashable_record({"a": ({"b": 1},)})
    assert hashable_record({"a": "b"}) != hashable_record({"b": "a"})
    assert hashable_record({"a": 1, "b": ANA}) == hashable_record({"a": 1, "b": ANA})
    assert hashable({"a": 0}) != hashable({"a": False})
    assert hashable({"a": 1, "b": 2}) == hashable({"b": 2, "a": 1})
