"""What somebody tries who wants a policy not to apply: each ends in a deny, or in an error of ours."""

import pytest

from safeconduct.kernel.errors import InvalidInputError, TooLargeError
from safeconduct.policy import Entities, EntityRecord, EntityUid, PolicyRequest, PolicySet, decide
from safeconduct.policy.source import POLICIES_MAX, POLICY_TOKENS_MAX

ANA, GHOST, DOC = EntityUid("User", "ana"), EntityUid("User", "ghost"), EntityUid("Doc", "d")
READ = EntityUid("Action", "read")
STORE = Entities.compile([EntityRecord(ANA, {"suspended": False}), EntityRecord(DOC)])
PERMIT = '@id("all") permit (principal, action, resource);'
SUSPENDED = PERMIT + '@id("suspended") forbid (principal, action, resource) when { principal.suspended };'
FROZEN = PERMIT + '@id("frozen") forbid (principal, action, resource) when { context.frozen };'


def ask(text, principal=ANA, **context):
    return decide(PolicySet.compile(text), PolicyRequest(principal, READ, DOC, context), STORE)


def test_a_principal_that_the_store_misses_is_not_past_a_forbid_that_looks_at_it():
    assert ask(SUSPENDED).allowed
    decision = ask(SUSPENDED, GHOST)
    assert not decision.allowed
    assert decision.reasons[0].code == "entity-missing"


def test_a_set_that_errors_denies_whatever_else_permits():
    for broken in ("permit", "forbid"):
        text = f'{PERMIT} @id("broken") {broken} (principal, action, resource) when {{ context.nothing > 1 }};'
        assert ask(text).reasons[0].code == "policy-error"


def test_an_empty_set_permits_nothing():
    assert [reason.code for reason in ask("").reasons] == ["no-policy-permits"]


@pytest.mark.parametrize("frozen", ["false", 0, frozenset(), (), {"frozen": False}, ANA])
def test_a_value_of_another_type_does_not_switch_a_forbid_off(frozen):
    assert ask(FROZEN, frozen=False).allowed
    decision = ask(FROZEN, frozen=frozen)
    assert (decision.allowed, decision.reasons[0].code) == (False, "policy-error")


def test_text_that_is_built_like_an_entity_is_no_entity():
    with pytest.raises(InvalidInputError, match="__entity"):
        ask(FROZEN, frozen={"__entity": {"type": "User", "id": "ana"}})


def test_as_many_policies_as_there_may_be_decide_and_the_last_one_still_forbids():
    idle = "".join(f'@id("p{n}") permit (principal == User::"{n}", action, resource);' for n in range(POLICIES_MAX - 2))
    last = '@id("last") forbid (principal, action, resource) when { context.n == 1 };'
    assert ask(PERMIT + idle + last, n=0).allowed
    assert ask(PERMIT + idle + last, n=1).determining == ("last",)


@pytest.mark.parametrize("unit", ["!", "(", "1+", "true&&", ".a", "[", "if true then "])
def test_a_chain_of_tokens_that_would_end_the_engine_never_reaches_it(unit):
    text = f'{PERMIT} @id("bomb") permit (principal, action, resource) when {{ {unit * POLICY_TOKENS_MAX} true }};'
    with pytest.raises(TooLargeError, match="tokens"):
        PolicySet.compile(text)
