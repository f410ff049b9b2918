"""The one calendar: what each feature has in it, who reads what of it, and its form as an iCalendar file."""

import datetime as dt

import icalendar as published
import pytest

from safeconduct.access.due import LONG_AGO, Due, organization_owner, principal_owner
from safeconduct.kernel.instants import DAY, Instant, parse_rfc3339
from safeconduct.program.calendar import calendar, readable
from safeconduct.program.icalendar import LINE_OCTETS_MAX, folded, icalendar
from support.granting import Granting

NOW = parse_rfc3339("2026-11-22T07:00:00Z")


def due(**changed):
    told = {"kind": "grant", "name": "one", "at": Instant(NOW + DAY), "owner": principal_owner("ana")}
    return Due(**told | {"consequence": "it ends"} | changed)


def test_everything_that_ends_stands_in_it_by_its_time():
    house = Granting()
    asked = house.ask(hours=3)
    house.break_glass()
    found = calendar(house.state, house.now)
    assert [one.at for one in found] == sorted(one.at for one in found)
    kinds = {one.kind: one for one in found}
    assert {"agreement", "grant", "grant-request", "approval-grant", "break-glass-review"} <= kinds.keys()
    votes = [one for one in found if one.name == asked.approval]
    assert [one.owner for one in votes] == ["organization:meridian", "organization:northwind"]
    assert all(one.asked for one in votes)


def test_it_is_cut_by_days_and_by_owner():
    house = Granting()
    case = house.ask(hours=24)
    within = calendar(house.state, house.now, within=1, owner="ana")
    assert [(one.kind, one.name) for one in within] == [("grant-request", case.id)]
    house.pass_time(-1)  # now it ends a microsecond beyond the day
    assert calendar(house.state, house.now, within=1, owner="principal:ana") == []
    assert {one.owner for one in calendar(house.state, house.now, owner="northwind")} == {"organization:northwind"}
    assert calendar(house.state, house.now, owner="organization:ana") == []


def test_a_person_reads_their_own_and_an_administrator_their_peoples():
    state = Granting().state
    assert readable(state, "ana") == {"organization:northwind", "principal:ana", "principal:triage-service"}
    assert readable(state, "cy") >= {"organization:northwind", "principal:ana", "principal:bo"}
    assert not any("dee" in one or "meridian" in one for one in readable(state, "cy"))
    assert readable(state, "stranger") == frozenset()


@pytest.mark.parametrize(
    ("before", "days"), [(30 * DAY + 1, None), (30 * DAY, 30), (7 * DAY + 1, 30), (7 * DAY, 7), (DAY, 1), (0, 0)]
)
def test_a_thing_is_warned_of_thirty_seven_and_one_day_before_and_once_it_is_over(before, days):
    assert due(at=Instant(NOW + before)).warning(NOW) == days


def test_what_was_made_within_a_step_is_not_warned_of_by_that_step():
    assert due(since=Instant(NOW - 1)).warning(NOW) == 1
    assert due(since=NOW).warning(NOW) is None
    assert due(since=NOW).warning(Instant(NOW + DAY)) == 0
    assert due(since=LONG_AGO).warning(NOW) == 1


def test_a_calendar_file_says_the_same_to_the_fields_parser():
    things = [
        due(name="a, b; c\\d"),
        due(kind="agreement", name="ü" * 90, owner=organization_owner("northwind"), consequence="line\nbreak"),
    ]
    text = icalendar(things, NOW)
    read = published.Calendar.from_ical(text)
    events = read.walk("VEVENT")
    assert [str(one["SUMMARY"]) for one in events] == ["grant a, b; c\\d", f"agreement {'ü' * 90}"]
    assert events[0].decoded("DTSTART") == dt.datetime(2026, 11, 23, 7, tzinfo=dt.UTC)
    assert str(events[1]["DESCRIPTION"]) == "organization:northwind: line\nbreak.\nsafeconduct calendar"
    assert max(len(line) for line in text.split(b"\r\n")) <= LINE_OCTETS_MAX
    assert icalendar(things, NOW) == text


@pytest.mark.parametrize("octets", [75, 76])
def test_a_line_is_folded_when_it_is_longer_than_it_may_be(octets):
    assert folded("x" * octets) == (b"x" * 75 + (b"\r\n x" if octets > 75 else b"") + b"\r\n")


def test_no_name_begins_a_line_of_its_own_in_the_file():
    text = icalendar([due(name="x\r\nEND:VEVENT\x85BEGIN:VALARM\u2028y", owner=principal_owner("a\rX:1"))], NOW)
    assert text.count(b"\r\n") == text.count(b"\n") == text.count(b"\r")
    assert [line for line in text.split(b"\r\n") if line.startswith((b"END:VEVENT", b"BEGIN:VALARM", b"X:"))] == [
        b"END:VEVENT"
    ]


def test_a_thing_keeps_its_uid_until_its_date_changes():
    def uid(one):
        return str(published.Calendar.from_ical(icalendar([one], NOW)).walk("VEVENT")[0]["UID"])

    assert uid(due()) == uid(due(consequence="said otherwise"))
    assert uid(due()) != uid(due(at=Instant(NOW + 2 * DAY)))
