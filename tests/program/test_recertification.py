"""Recertification: access stays where somebody else says why, and ends where nobody answers."""

from dataclasses import replace

import pytest

from safeconduct.access import records as kept
from safeconduct.access.compiling import compile_standing
from safeconduct.access.document import ProgramInvalidError
from safeconduct.access.grant_events import GRANT_CASES
from safeconduct.access.grant_model import GrantState
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.recertifications import ANSWER_DAYS_MAX
from safeconduct.bootstrap.forms import FORMS
from safeconduct.kernel.errors import SafeconductError
from safeconduct.program.file import read_program
from safeconduct.program.recertifying.model import CAMPAIGNS, TRANSITIONS, Action, ItemState
from safeconduct.program.recertifying.reading import due, report
from support.granting import HOUR
from support.programs import bring_into_force
from support.recertifying import QUARTERLY, Recertifying, recertified_program

GRANT, SERVICE, ROLE = "grant:ana-triage", "grant:service-triage", "role:cy/administrator"


def refused(code, attempt):
    with pytest.raises(SafeconductError) as caught:
        attempt()
    assert caught.value.code == code, caught.value.message


def codes(house):
    request = CallRequest(
        principal="ana", path="soc-triage", purpose="incident-triage", model="smollm2-135m", now=house.now
    )  # fmt: skip
    return [one.code for one in compile_standing(house.state).authorize(request)[0].reasons]


def test_what_is_kept_stays_and_what_nobody_answers_ends_with_the_closing():
    house = Recertifying()
    issued = house.granted(hours=40)
    campaign = house.open("grants", "issued-grants", days=1)
    assert set(house.states(campaign)) == {GRANT, SERVICE, f"grant:{issued.id}"}
    house.answer(campaign, GRANT)
    house.pass_time(24 * HOUR - 1)
    house.fire()
    assert house.grants() == {"ana-triage", "service-triage", issued.id}
    house.pass_time(1)
    house.fire()
    assert house.grants() == {"ana-triage"}
    assert house.states(campaign) == {GRANT: "kept", SERVICE: "unanswered", f"grant:{issued.id}": "unanswered"}
    assert house.state.get(GRANT_CASES, issued.id).state is GrantState.REVOKED
    shown = report(house.state, campaign.id)
    assert (shown["count"]["kept"], shown["count"]["unanswered"], bool(shown["closed_at"])) == (1, 2, True)
    assert [one["by"] for one in shown["items"] if one["subject"] == GRANT] == ["cy"]


def test_the_next_program_shows_what_was_removed_and_may_bring_it_back():
    house = Recertifying()
    campaign = house.open("grants")
    house.answer(campaign, GRANT, keep=False, reason="left the team")
    assert codes(house) == ["path-unknown"]
    refused("item-removed", lambda: house.answer(campaign, GRANT, seen="x"))
    house.apply("")
    assert codes(house) == []
    assert house.states(campaign)[GRANT] == "removed"


def test_an_agreement_that_nobody_keeps_is_frozen_until_both_end_that():
    house = Recertifying()
    house.open("agreements", days=1)
    house.wait(1)
    assert codes(house)[:1] == ["frozen"]
    (freeze,) = dict(house.state.scan(kept.FREEZES)).values()
    assert (str(freeze.selector), freeze.by) == ("agreement:ag-2026-01", "cy")


def test_a_role_that_nobody_keeps_is_gone_and_the_last_administrator_stays():
    house = Recertifying()
    campaign = house.open("roles", days=1)
    house.wait(1)
    assert house.roles() == {"ops/administrator"}
    assert house.states(campaign)["role:ops/administrator"] == "spared"
    assert house.states(campaign)[ROLE] == "unanswered"


def test_nobody_answers_for_themselves_their_service_or_another_party():
    house = Recertifying("", ("sponsor: ana}", "sponsor: cy}"))
    campaign = house.open()
    asked = {subject: one["reviewer"] for subject, one in house.shown(campaign).items()}
    assert (asked[GRANT], asked[SERVICE], asked[ROLE]) == ("cy", "fay", "fay")
    refused("own-access", lambda: house.answer(campaign, ROLE))
    refused("own-access", lambda: house.answer(campaign, SERVICE))
    refused("not-the-reviewer", lambda: house.answer(campaign, GRANT, by="ops"))
    refused("role-missing", lambda: house.answer(campaign, GRANT, by="bo"))
    assert house.answer(campaign, ROLE, by="fay").state is ItemState.KEPT


def test_another_account_of_the_same_human_is_the_same_human():
    house = Recertifying(
        "", ("roles: [trust-and-safety]}\n\nscopes", 'roles: [trust-and-safety], human: "7"}\n\nscopes')
    )
    bo = house.state.get(kept.PRINCIPALS, "bo")
    house.state.put(kept.PRINCIPALS, "bo", replace(bo, human="7"))  # as it was before the program forbade it
    campaign = house.open("roles")
    refused("own-access", lambda: house.answer(campaign, "role:bo/responder", by="fay"))
    house.state.put(kept.PRINCIPALS, "bo", bo)
    refused("own-access", lambda: house.answer(campaign, "role:bo/responder", by="fay"))


def test_an_answer_is_about_exactly_what_was_looked_at():
    house = Recertifying()
    campaign = house.open("grants")
    seen = house.shown(campaign)[GRANT]["now"]
    grant = house.state.get(kept.GRANTS, "ana-triage")
    house.state.put(kept.GRANTS, "ana-triage", replace(grant, window=replace(grant.window, closes_at=house.now)))
    refused("item-changed", lambda: house.answer(campaign, GRANT, seen=seen))
    refused("reason-missing", lambda: house.answer(campaign, GRANT, reason=" "))
    refused("item-unknown", lambda: house.answer(campaign, "grant:other", seen="x"))
    assert house.answer(campaign, GRANT).digest == seen
    refused("item-kept", lambda: house.answer(campaign, GRANT))
    assert house.answer(campaign, GRANT, keep=False).state is ItemState.REMOVED


def test_the_clock_gives_no_time_back_and_a_closed_campaign_takes_no_answer():
    house = Recertifying()
    campaign, opened = house.open("grants", days=1), house.now
    house.pass_time(24 * HOUR)
    refused("campaign-closed", lambda: house.answer(campaign, GRANT))  # before its timer, too
    house.fire()
    house.back_to(opened)
    refused("campaign-closed", lambda: house.answer(campaign, GRANT, seen="x"))
    assert house.grants() == set()


def test_campaigns_come_again_and_leaving_them_out_for_a_while_puts_none_off():
    house = Recertifying(QUARTERLY)
    assert list(house.state.scan(CAMPAIGNS)) == []
    house.wait(60)
    house.apply("")
    house.apply(QUARTERLY)
    house.wait(30)
    ((_, first),) = house.state.scan(CAMPAIGNS)
    assert (first.name, first.owner, first.organization) == ("quarterly", "cy", "northwind")
    (wanted,) = due(house.state, house.now)
    assert (wanted.owner, wanted.at, wanted.asked) == ("principal:cy", first.due_at, True)
    house.answer(first, GRANT)
    house.answer(first, SERVICE)
    house.wait(90)
    assert len(dict(house.state.scan(CAMPAIGNS))) == 2
    house.apply("")
    house.wait(200)
    assert len(dict(house.state.scan(CAMPAIGNS))) == 2


@pytest.mark.parametrize(
    ("days", "fits"), [(0, False), (1, True), (ANSWER_DAYS_MAX, True), (ANSWER_DAYS_MAX + 1, False)]
)
def test_the_days_to_answer_are_bounded(days, fits):
    house = Recertifying()
    if fits:
        assert house.open("grants", days=days)
    else:
        refused("campaign-invalid", lambda: house.open("grants", days=days))


def test_who_opens_a_campaign():
    house = Recertifying()
    refused("role-missing", lambda: house.open("grants", by="bo"))
    assert house.open("grants", by="dee").organization == "northwind"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("owner: cy", "owner: nobody", "there is no principal 'nobody'"),
        ("owner: cy", "owner: ops", "not of the party accountable"),
        ("answer_days: 14", "answer_days: 91", "1 to 90"),
        ("days: 90,", "days: 13,", "at most 13 days"),
        ("of: [grants, issued-grants]", "of: []", "1 to 4 items"),
    ],
)
def test_what_can_not_be_recertified_is_told_when_the_file_is_read(old, new, said):
    assert read_program(recertified_program(QUARTERLY), entry_types=FORMS).recertifications
    with pytest.raises(ProgramInvalidError) as caught:
        read_program(recertified_program(QUARTERLY.replace(old, new)), entry_types=FORMS)
    assert said in str(caught.value)


def test_the_table_has_all_states_and_steps():
    assert {state for state, _ in TRANSITIONS} | set(TRANSITIONS.values()) == set(ItemState)
    assert {action for _, action in TRANSITIONS} == set(Action)


def test_entries_rebuild_what_a_campaign_left():
    house = Recertifying(QUARTERLY)
    house.granted(hours=40)
    house.wait(91)
    house.wait(15)
    bring_into_force(house.writer, recertified_program())
    house.fire()
    twin = type(house.state)()
    for entry in house.writer.entries:
        house.writer.projections[entry.type](twin, entry)
    assert twin.rows == house.state.rows
