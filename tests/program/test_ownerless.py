"""Owners who are there no more are found, whatever they owned, and only they."""

import pytest

from safeconduct.access import records as kept
from safeconduct.access.admissions import Admission, AdmissionState
from safeconduct.access.model.stops import Freeze, Restriction, RestrictionKind
from safeconduct.access.selectors import parse_selection, parse_selector
from safeconduct.program.obligations.model import DUTIES, Duty
from safeconduct.program.ownerless import gone, ownerless
from support.owing import DAY, DRILL
from support.recertifying import QUARTERLY, Recertifying


@pytest.fixture(scope="module")
def house():
    house = Recertifying(QUARTERLY + DRILL)
    drill = house.state.get(kept.OBLIGATIONS, "drill")
    house.state.put(DUTIES, "drill", Duty(obligation=drill, counts_from=house.now))
    house.ask(by="bo", principal="bo")
    house.open("grants")
    return house


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("ana", ["principal"]),
        ("bo", ["grant-request", "obligation"]),
        ("cy", ["campaign", "campaign", "recertification"]),
        ("dee", []),
    ],
)
def test_what_somebody_owned_who_is_not_in_the_program_any_more(house, name, kinds):
    assert ownerless(house.state, house.now) == []
    state = house.state.copy()
    state.delete(kept.PRINCIPALS, name)
    found = ownerless(state, house.now)
    assert [one.what.partition(":")[0] for one in found] == kinds
    assert {(one.owner, one.why) for one in found} == ({(name, "is not in the program")} if kinds else set())


def test_who_is_frozen_by_name_owns_nothing_and_an_organizations_freeze_takes_no_owner(house):
    state = house.state.copy()
    for place, selector in (("1", "organization:northwind"), ("2", "principal:ana")):
        freeze = Freeze(id=place, selector=parse_selection(selector), by="ops", reason="r", at=house.now)
        state.put(kept.FREEZES, place, freeze)
    assert (gone(state, "bo", house.now), gone(state, "ana", house.now)) == ("", "is frozen")


@pytest.mark.parametrize(("kind", "why"), [(RestrictionKind.SUSPEND, "is suspended"), (RestrictionKind.HOLD, "")])
def test_who_is_suspended_owns_nothing(house, kind, why):
    state, on = house.state.copy(), parse_selector("principal:bo")
    one = Restriction(id="1", selector=on, kind=kind, slow_ms=0, by="ops", reason="r", at=house.now)
    state.put(kept.RESTRICTIONS, "1", one)
    assert gone(state, "bo", house.now) == why


@pytest.mark.parametrize(
    ("subject", "state", "days", "admitted"),
    [
        ("principal:bo", AdmissionState.READY, 1, True),
        ("principal:bo", AdmissionState.READY, 0, False),
        ("principal:bo", AdmissionState.APPLIED, 0, True),
        ("principal:bo", AdmissionState.SUSPENDED, 1, False),
        ("organization:northwind", AdmissionState.EXPIRED, 0, False),
        ("organization:meridian", AdmissionState.EXPIRED, 0, True),
    ],
)
def test_whose_vetting_ended_owns_nothing(house, subject, state, days, admitted):
    found = house.state.copy()
    admission = Admission(
        subject=parse_selector(subject), state=state, tier=0, until=house.now + days * DAY, case="c"
    )  # fmt: skip
    found.put(kept.ADMISSIONS, subject, admission)
    assert (gone(found, "bo", house.now) == "") == admitted
