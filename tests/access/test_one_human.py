"""One human with two accounts, one after the other, is one pair of eyes: each rule with the same human and another."""

import hashlib

import pytest

from safeconduct.access.appeals import decide_appeal, lodge_appeal
from safeconduct.access.break_glass import find_review, review_digest, vote_on_review
from safeconduct.access.freezes import freeze
from safeconduct.access.grant_model import Finding
from safeconduct.access.grant_requests import find
from safeconduct.access.humans import accounts_of
from safeconduct.access.model.stops import RestrictionKind, Selector, SelectorKind
from safeconduct.access.restrictions import lift, restrict
from safeconduct.access.unfreezing import request_unfreeze
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import seconds
from safeconduct.ledger.keys import SecretKey
from support.freezing import ordered
from support.granting import Granting, granting_program
from support.programs import KEYS, bring_into_force

KEYS |= {name: SecretKey(hashlib.sha256(name.encode()).digest()) for name in ("cyd", "zoe")}

EVERY_ROLE = "roles: [administrator, trust-and-safety, responder]}"
CALL = "01K00000000000000000000000"


def program(account, organization, human):
    """Returns the granting program with one person more, who may do all that their organization may."""
    person = f'  {account}: {{human: "{human}", organization: {organization}, kind: person, '
    person += f'key: "{KEYS[account].public.text}", {EVERY_ROLE}\n'
    return granting_program().decode().replace("\nscopes:\n", f"{person}\nscopes:\n", 1).encode()


class Moving(Granting):
    """cyd acts; then cyd's account is closed, and zoe's opened, of a human that the program states."""

    def __init__(self):
        super().__init__(program("cyd", "northwind", "N-17"))

    def move(self, human, organization="northwind"):
        bring_into_force(self.writer, program("zoe", organization, human))

    def run(self, by, use_case, *about, **named):
        act, said = self.act(by, "POST /api/v1/x")
        return self.writer.run(lambda tx: use_case(tx, act, *about, **said, **named))

    def review(self, case, by):
        seen = review_digest(find(self.state, case.id), find_review(self.state, case.id))
        return self.run(by, vote_on_review, find(self.state, case.id), Finding.JUSTIFIED, "as it was", seen=seen)

    def over(self, by):
        case = self.break_glass(by)
        self.pass_time(seconds(30 * 60))
        return self.close_due(case)


def proposed_it(house):
    case = house.ask("cyd", principal="ana")
    return lambda: house.vote(case, "zoe")


def voted_on_it(house):
    case = house.ask()
    house.vote(case, "cyd")
    return lambda: house.vote(case, "zoe")


def opened_what_is_reviewed(house):
    case = house.over("cyd")
    return lambda: house.review(case, "zoe")


def made_the_call_that_was_refused(house):
    house.run("cyd", lodge_appeal, call=CALL, organization="northwind", reason="x")
    about = {"call": CALL, "upheld": True, "reason": "x", "involved": frozenset({"bo"})}
    return lambda: house.run("zoe", decide_appeal, **about)


def broke_the_glass(house):
    house.break_glass("cyd")
    return lambda: house.break_glass("zoe")


def is_restricted(house):
    what = {"selector": Selector(SelectorKind.PRINCIPAL, "cyd"), "kind": RestrictionKind.HOLD, "slow_ms": 0}
    restriction = house.run("dee", restrict, reason="case 12", **what)
    return lambda: house.run("zoe", lift, restriction_id=restriction.id)


def is_frozen(house):
    frozen = house.run("dee", freeze, ordered("principal:cyd"))
    return lambda: house.run("zoe", request_unfreeze, freeze_id=frozen.id)


def reviewed_for_the_other_party(house):
    case = house.over("bo")
    house.review(case, "cyd")
    return lambda: house.review(case, "zoe")


def spoke_for_the_other_party(house):
    frozen = house.run("dee", freeze, ordered("principal:ana"))
    house.run("cyd", request_unfreeze, freeze_id=frozen.id)
    return lambda: house.run("zoe", request_unfreeze, freeze_id=frozen.id)


@pytest.mark.parametrize(("did", "code", "moves_to"), [
    (proposed_it, "own-proposal", "northwind"),
    (voted_on_it, "already-voted", "northwind"),
    (opened_what_is_reviewed, "own-break-glass", "northwind"),
    (made_the_call_that_was_refused, "had-a-hand-in-it", "meridian"),
    (broke_the_glass, "glass-broken", "northwind"),
    (is_restricted, "own-restriction", "northwind"),
    (is_frozen, "own-freeze", "northwind"),
    (reviewed_for_the_other_party, "already-voted", "meridian"),
    (spoke_for_the_other_party, "unfreeze-agreed", "meridian"),
])  # fmt: skip
def test_a_human_under_another_account_does_not_judge_what_the_first_one_did(did, code, moves_to):
    house = Moving()
    judge = did(house)
    house.move("n-17", moves_to)  # in other letters, and perhaps at the other party
    before = len(house.writer.entries)
    with pytest.raises(SafeconductError) as caught:
        judge()
    assert (caught.value.code, len(house.writer.entries)) == (code, before)
    house = Moving()
    judge = did(house)
    house.move("N-18", moves_to)  # another human
    judge()


def test_accounts_of_one_human_are_known_by_what_any_program_stated():
    house = Moving()
    assert accounts_of(house.state, "cyd") == {"cyd"}
    house.move("N-17")
    assert accounts_of(house.state, "zoe") == {"cyd", "zoe"}
    house.move("N-18")  # saying otherwise later makes them no two people
    assert accounts_of(house.state, "zoe") == {"cyd", "zoe"}
    assert accounts_of(house.state, "triage-service") == {"triage-service"}
