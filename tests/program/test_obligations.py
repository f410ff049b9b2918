"""Obligations: what is owed binds what may be used, and only the other party's word meets it."""

import pytest

from safeconduct.access.document import ProgramInvalidError
from safeconduct.bootstrap.forms import FORMS
from safeconduct.kernel.errors import SafeconductError
from safeconduct.program.file import read_program
from safeconduct.program.obligations.events import LOWERED, WARNED
from safeconduct.program.obligations.meeting import hand_in
from safeconduct.program.obligations.model import TRANSITIONS, Action, DutyState
from safeconduct.program.obligations.reading import due, duty_document, shown
from safeconduct.program.obligations.timing import pass_due
from support.owing import DAY, DRILL, Owing, owing_program


def refused(code, attempt):
    with pytest.raises(SafeconductError) as caught:
        attempt()
    assert caught.value.code == code, caught.value.message
    return caught.value


def test_time_warns_and_lowers_step_by_step_and_meeting_it_raises_again():
    house = Owing()
    assert (house.duty().due_at, house.against()) == (house.now + 90 * DAY, [])
    house.wait(60)
    assert [one.days for one in house.said(WARNED)] == [30]
    house.wait(30)
    assert [one.days for one in house.said(WARNED)] == [30, 7, 1, 0]
    house.wait(6)
    assert house.against() == []
    house.wait(1)
    assert house.against() == ["tier-lowered"]
    assert house.lowered() == {"organization:northwind/drill": 1}
    house.wait(23)
    assert house.lowered() == {"organization:northwind/drill": 0}
    house.hand_in()
    house.wait(2)
    assert house.against() == ["tier-lowered"]  # handed in is not accepted
    met = house.accept()
    assert (house.lowered(), house.against(), met.state) == ({}, [], DutyState.OWED)
    assert met.due_at == house.now - 2 * DAY + 90 * DAY  # the two days that it lay there are nobody's gain


def test_who_hands_in_and_who_judges():
    house = Owing()
    refused("obligation-not-yours", lambda: house.hand_in(by="ana"))
    refused("obligation-not-yours", lambda: house.hand_in(by="ops"))  # an administrator, of the other party
    refused("duty-owed", house.accept)
    house.hand_in(by="cy")  # an administrator of northwind, for bo
    refused("own-obligation", lambda: house.accept(by="cy"))
    refused("role-missing", lambda: house.accept(by="bo"))
    refused("evidence-changed", lambda: house.accept("minutes."))
    refused("reason-missing", lambda: house.give_back(reason=" "))
    returned = house.give_back()
    assert (returned.state, returned.reason) == (DutyState.RETURNED, "nobody was timed")
    house.hand_in("minutes, timed")
    assert house.accept("minutes, timed").evidence is None
    assert [one["by"]["id"] for one in shown(house.state, "drill")["met"]] == ["dee"]


def test_evidence_meets_an_obligation_once():
    house = Owing()
    house.hand_in()
    house.accept()
    house.wait(80)
    refused("evidence-used", house.hand_in)
    bad = {"kind": "minutes", "sha256": "A" * 64, "source": "bridge"}
    refused("evidence-invalid", lambda: house.act("bo", hand_in, "drill", **bad))
    assert house.hand_in("the next drill's minutes").state is DutyState.HANDED_IN


def test_a_clock_that_jumps_ahead_skips_nothing_and_one_that_goes_back_gives_nothing_back():
    house = Owing()
    began = house.now
    house.wait(1_000)
    assert [one.days for one in house.said(WARNED)] == [30, 7, 1, 0]
    assert [(one.days, one.tier) for one in house.said(LOWERED)] == [(7, 1), (30, 0)]
    house.writer.now = began
    house.fire()
    house.writer.run(lambda tx: pass_due(tx, "drill"))
    assert house.lowered() == {"organization:northwind/drill": 0}
    assert house.against() == ["tier-lowered"]
    assert house.duty().due_at == began + 90 * DAY


def test_a_program_that_says_it_otherwise_or_leaves_it_out_for_a_while_gives_no_time_back():
    house = Owing()
    began = house.now
    house.wait(100)
    house.apply(DRILL.replace("days: 90", "days: 60"))
    assert (house.duty().due_at, house.lowered()) == (began + 60 * DAY, {"organization:northwind/drill": 0})
    house.apply("")
    assert (house.lowered(), house.duty().state, list(due(house.state, house.now))) == ({}, DutyState.OVER, [])
    refused("duty-over", house.hand_in)
    house.apply(DRILL)
    assert (house.duty().due_at, house.lowered()) == (began + 90 * DAY, {"organization:northwind/drill": 1})


def test_only_the_kinds_of_principal_that_it_binds_are_lowered():
    house = Owing(DRILL + "    binds: [service, agent]\n")
    house.wait(100)
    assert (house.against(), house.lowered()) == ([], {"organization:northwind/drill": 1})


def test_what_is_due_says_what_follows():
    house = Owing()
    (found,) = due(house.state, house.now)
    assert (found.kind, found.name, found.owner, found.at) == (
        "obligation",
        "drill",
        "principal:bo",
        house.now + 90 * DAY,
    )
    assert found.consequence.startswith("northwind is lowered to tier 1 at ")
    house.hand_in()
    asked = [(one.kind, one.owner) for one in due(house.state, house.now) if one.asked]
    assert asked == [("obligation-evidence", "organization:meridian")]
    house.give_back()
    house.wait(200)
    (found,) = due(house.state, house.now)
    assert (found.consequence, found.within(house.now)) == ("northwind is lowered to tier 0", 0)
    assert duty_document(house.duty())["next"] is None


def test_warnings_fit_into_the_period_and_a_step_at_once_follows_the_last():
    house = Owing(DRILL.replace("days: 90", "days: 7").replace("overdue_days: 7", "overdue_days: 0"))
    house.wait(7)
    assert [one.days for one in house.said(WARNED)] == [1, 0]
    assert house.lowered() == {"organization:northwind/drill": 1}


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("owner: bo", "owner: nobody", "reference-unknown", "there is no principal 'nobody'"),
        ("owner: bo", "owner: triage-service", "program-invalid", "no person of a party"),
        ("activity: containment", "activity: contaiment", "reference-unknown", "did you mean 'containment'"),
        ("activity: containment", "activity: granting", "obligation-not-theirs", "the partner is neither"),
        ("overdue_days: 30", "overdue_days: 7", "steps-invalid", "more than 7 days"),
        ("tier: 0}", "tier: 1}", "steps-invalid", "a tier below 1"),
        ("tier: 1}", "tier: 9}", "steps-invalid", "a tier below 9"),
        ("days: 90", "days: 0", "program-invalid", "1 to 1095"),
        ("days: 90", "days: 1096", "program-invalid", "1 to 1095"),
    ],
)
def test_what_can_not_be_owed_is_told_when_the_file_is_read(old, new, code, said):
    assert read_program(owing_program(), entry_types=FORMS).obligations[0].organization == "northwind"
    assert DRILL.count(old) == 1
    with pytest.raises(ProgramInvalidError) as caught:
        read_program(owing_program(DRILL.replace(old, new)), entry_types=FORMS)
    (problem,) = caught.value.problems
    assert problem.code == code
    assert said in problem.message


def test_somebody_of_the_other_party_must_be_able_to_accept():
    source = owing_program().replace(b"roles: [trust-and-safety]", b"roles: [analyst]", 1)
    source = source.replace(b"roles: [administrator]}", b"roles: [responder]}", 1)  # ops, of meridian
    with pytest.raises(ProgramInvalidError) as caught:
        read_program(source, entry_types=FORMS)
    assert "nobody of meridian could accept its evidence" in str(caught.value)


def test_the_table_leads_out_of_every_state():
    assert {state for state, _ in TRANSITIONS} == set(DutyState)
    assert {action for _, action in TRANSITIONS} == set(Action)
