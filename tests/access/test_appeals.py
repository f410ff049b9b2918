"""Who decides an appeal: the party that the agreement makes accountable, and nobody with a hand in it."""

import pytest

from safeconduct.access.appeal_events import DECISION_TIME
from safeconduct.access.appeals import decide_appeal, lodge_appeal
from safeconduct.kernel.errors import SafeconductError
from support.granting import Granting

CALL = "01K00000000000000000000000"


def lodged(house, by="ana"):
    act, said = house.act(by, f"POST /api/v1/calls/{CALL}/appeal")
    return house.writer.run(lambda tx: lodge_appeal(tx, act, call=CALL, organization="northwind", reason="x", **said))


def decide(house, by, involved=("bo",)):
    act, said = house.act(by, f"POST /api/v1/appeals/{CALL}/decide")
    return house.writer.run(
        lambda tx: decide_appeal(
            tx, act, call=CALL, upheld=False, reason="it was right", involved=frozenset(involved), **said
        )
    )


@pytest.mark.parametrize(
    ("by", "involved", "code"),
    [
        ("dee", ("bo",), None),
        ("cy", ("bo",), "not-the-reviewer"),
        ("eve", ("bo",), "role-missing"),
        ("dee", ("dee",), "had-a-hand-in-it"),
    ],
)
def test_the_accountable_party_decides_and_nobody_involved(by, involved, code):
    house = Granting()
    appeal = lodged(house)
    assert appeal.due_at == appeal.at + DECISION_TIME
    if code is None:
        assert decide(house, by, involved).decision.upheld is False
        return
    with pytest.raises(SafeconductError) as caught:
        decide(house, by, involved)
    assert caught.value.code == code
