"""A decision is made and remembered on the part of the store that it can reach; no change of that part is missed."""

import pytest

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.policy import DecisionMemo, Entities, EntityRecord, EntityUid, PolicyRequest, PolicySet

ANA, BO, BANK, HOUSE, CALL, PATH = (
    EntityUid(kind, name)
    for kind, name in (
        ("User", "ana"),
        ("User", "bo"),
        ("Org", "bank"),
        ("Org", "house"),
        ("Action", "call"),
        ("Path", "triage"),
    )
)
STORE = {
    ANA: EntityRecord(ANA, {"n": 1}, (BANK,)),
    BO: EntityRecord(BO, {}, (BANK,)),
    BANK: EntityRecord(BANK, {}, (HOUSE,)),
    HOUSE: EntityRecord(HOUSE, {"open": True}),
    PATH: EntityRecord(PATH, {"owner": BANK}),
}
ROOTS = frozenset((ANA, CALL, PATH))
INSIDE = PolicySet.compile('@id("inside") permit (principal in Org::"house", action, resource);')
WHILE_OPEN = PolicySet.compile('@id("open") permit (principal, action, resource) when { resource.owner.open };')


def store(*changed, without=(), previous=None):
    records = STORE | {record.uid: record for record in changed}
    if previous is not None:
        gone = previous.compiled.keys() - records.keys()
        return previous.patched(records | dict.fromkeys((*gone, *without)))
    return Entities.compile(record for uid, record in records.items() if uid not in without)


def test_a_part_is_all_that_can_be_reached_and_says_what_is_absent():
    members = store().part(ROOTS).members
    assert set(members) == {ANA, BANK, HOUSE, PATH, CALL}
    assert members[CALL] is None


def test_a_change_elsewhere_leaves_the_part_and_the_decision_what_they_were():
    before = store()
    part, memo, request = before.part(ROOTS), DecisionMemo(), PolicyRequest(ANA, CALL, PATH)
    decision = memo.decide(INSIDE, request, before)
    after = store(EntityRecord(BO, {"n": 2}), previous=before)
    assert decision.allowed
    assert after.digest != before.digest
    assert after.part(ROOTS) is part
    assert memo.decide(INSIDE, request, after) is decision


@pytest.mark.parametrize(
    "changed",
    [
        EntityRecord(ANA, {"n": True}, (BANK,)),  # which Python calls equal to 1
        EntityRecord(ANA, {"n": 1}),
        EntityRecord(HOUSE, {"open": False}),  # two steps away
        EntityRecord(CALL),  # was absent
    ],
)
def test_a_change_within_reach_makes_another_part(changed):
    before = store()
    part = before.part(ROOTS)
    after = store(changed, previous=before)
    assert after.part(ROOTS).digest != part.digest
    assert after.part(ROOTS).digest == store(changed).part(ROOTS).digest


def test_the_memo_forgets_what_a_change_within_reach_decides_anew():
    memo, request, before = DecisionMemo(), PolicyRequest(ANA, CALL, PATH), store()
    assert memo.decide(INSIDE, request, before).allowed
    outside = store(EntityRecord(BANK), previous=before)
    assert not memo.decide(INSIDE, request, outside).allowed
    assert memo.decide(INSIDE, request, store(previous=outside)).allowed


def test_an_attribute_of_what_an_attribute_names_is_reached_and_so_is_what_a_policy_names():
    request = PolicyRequest(ANA, CALL, PATH)
    memo = DecisionMemo()
    opened = store(EntityRecord(BANK, {"open": True}, (HOUSE,)))
    assert memo.decide(WHILE_OPEN, request, opened).allowed
    named = PolicySet.compile('@id("named") permit (principal, action, resource) when { Org::"house".open };')
    alone = PolicyRequest(BO, CALL, BO)
    apart = store(EntityRecord(BO))
    assert memo.decide(named, alone, apart).allowed
    assert not memo.decide(named, alone, store(EntityRecord(BO), EntityRecord(HOUSE, {"open": False}))).allowed


def test_what_others_name_can_not_go_and_what_nobody_names_can():
    before = store()
    with pytest.raises(InvalidInputError, match="Org:bank names Org:house, which is not in the store"):
        store(without=(HOUSE,), previous=before)
    after = store(without=(BO,), previous=before)
    assert BO not in after.compiled
    assert after.part(frozenset((BO,))).members == {BO: None}
