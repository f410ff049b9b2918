"""Warnings of what is due: once for each thing and step, one notice for an organization and a look."""

from dataclasses import replace

import msgspec
import pytest

from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.instants import DAY, Instant, seconds
from safeconduct.kernel.notices import LINES_MAX, NOTICE, Notice
from safeconduct.program.notice_events import CALENDAR_LOOKED, CALENDAR_TOLD, LOOKS, MARKS, MARKS_KEPT
from safeconduct.program.warnings import ASK_AGAIN, MARKS_MAX, look, tell
from support.granting import Granting


@pytest.fixture
def house():
    """A house that was looked at today, so that only what is new is told."""
    made = Granting()
    looked(made)
    return made


def looked(house):
    found = look(house.state, house.now)
    if found is not None:
        house.writer.run(lambda tx: tell(tx, found))
    return found


def told(house, since=0):
    """Returns what each organization was told by the entries from a place on."""
    events = [CALENDAR_TOLD.read(one) for one in house.writer.entries[since:] if one.type == CALENDAR_TOLD.name]
    return [(one.organization, sorted(line.name for line in one.lines)) for one in events]


def days_before(house, name, days):
    """Lets time pass until so many days before a grant of the program ends."""
    ends = house.state.get(kept_grants(), name).window.closes_at
    house.pass_time(ends - days * DAY - house.now)


def kept_grants():
    from safeconduct.access.records import GRANTS

    return GRANTS


def test_a_thing_is_told_of_thirty_seven_and_one_day_before_and_when_it_is_over_each_once(house):
    days_before(house, "ana-triage", 31)
    looked(house)
    for days in (30, 29, 8, 7, 6, 2, 1):
        days_before(house, "ana-triage", days)
        count = len(house.writer.entries)
        assert looked(house) is not None
        named = any("ana-triage" in names for _, names in told(house, count))
        assert named == (days in (30, 7, 1))
        assert looked(house) is None


def test_an_organization_gets_one_notice_that_names_everything(house):
    days_before(house, "ana-triage", 30)
    count = len(house.writer.entries)
    looked(house)
    organizations = [organization for organization, _ in told(house, count)]
    assert len(organizations) == len(set(organizations))
    notices = [msgspec.convert(one.body, Notice) for _, one in house.state.scan(OUTBOX) if one.kind == NOTICE]
    assert sorted(one.to for one in notices) == sorted(organizations)


def test_two_who_look_at_once_tell_nothing_twice(house):
    days_before(house, "ana-triage", 30)
    first, second = look(house.state, house.now), look(house.state, house.now)
    house.writer.run(lambda tx: tell(tx, first))
    count = len(house.writer.entries)
    house.writer.run(lambda tx: tell(tx, second))
    assert [one.type for one in house.writer.entries[count:]] == [CALENDAR_LOOKED.name]


def test_a_step_that_was_slept_through_is_not_made_up_for(house):
    days_before(house, "ana-triage", 5)
    count = len(house.writer.entries)
    looked(house)
    assert sum("ana-triage" in names for _, names in told(house, count)) == 1
    days_before(house, "ana-triage", 4)
    count = len(house.writer.entries)
    looked(house)
    assert not any("ana-triage" in names for _, names in told(house, count))


@pytest.mark.parametrize(("late", "looks"), [(-1, False), (0, True)])
def test_the_whole_calendar_is_looked_at_once_a_day_from_six_on(house, late, looks):
    six = house.now - house.now % DAY + DAY + seconds(6 * 3600)
    house.pass_time(six + late - house.now)
    assert (look(house.state, house.now) is not None) == looks


def test_who_is_asked_for_a_vote_is_told_at_once_and_more_only_a_quarter_of_an_hour_later(house):
    house.ask()
    count = len(house.writer.entries)
    looked(house)
    assert [organization for organization, _ in told(house, count)] == ["meridian", "northwind"]
    later = house.ask()
    assert look(house.state, house.now) is None
    house.pass_time(ASK_AGAIN - 1)
    assert look(house.state, house.now) is None
    house.pass_time(1)
    count = len(house.writer.entries)
    looked(house)
    assert told(house, count) == [("meridian", [later.approval]), ("northwind", [later.approval])]
    assert look(house.state, house.now) is None


def test_what_is_asked_between_a_look_and_its_entry_is_not_lost(house):
    house.ask()
    found = look(house.state, house.now)
    house.pass_time(1)
    late = house.ask()
    house.writer.run(lambda tx: tell(tx, found))
    house.pass_time(ASK_AGAIN)
    count = len(house.writer.entries)
    looked(house)
    assert told(house, count) == [("meridian", [late.approval]), ("northwind", [late.approval])]


def test_a_clock_that_jumps_forth_and_back_tells_nothing_twice(house):
    days_before(house, "ana-triage", 30)
    looked(house)
    house.pass_time(-20 * DAY)
    looked(house)
    house.pass_time(20 * DAY + 1)
    count = len(house.writer.entries)
    looked(house)
    assert not any("ana-triage" in names for _, names in told(house, count))


@pytest.mark.parametrize("things", [LINES_MAX, LINES_MAX + 1, MARKS_MAX + 1])
def test_many_things_are_one_notice_with_few_lines(house, things):
    days_before(house, "ana-triage", 30)
    found = look(house.state, house.now)
    ((_, due), *_rest) = found.news["northwind"]
    many = [(f"{due.at:020d}/{number}", replace(due, name=str(number))) for number in range(things)]
    count = len(house.writer.entries)
    house.writer.run(lambda tx: tell(tx, replace(found, news={"northwind": many})))
    events = [CALENDAR_TOLD.read(one) for one in house.writer.entries[count:-1]]
    assert [len(one.lines) for one in events] == [min(things, LINES_MAX)] + [0] * (len(events) - 1)
    assert (events[0].more, sum(len(one.marks) for one in events)) == (max(0, things - LINES_MAX), things)
    assert sum(1 for _, one in house.state.scan(OUTBOX) if one.body.get("at") == house.now) == 1


def test_marks_are_forgotten_long_after_their_things(house):
    days_before(house, "ana-triage", 1)
    looked(house)
    ends = house.state.get(kept_grants(), "ana-triage").window.closes_at
    before = {key for key, _ in house.state.scan(MARKS) if key.startswith(f"{ends:020d}")}
    house.pass_time(DAY + MARKS_KEPT)
    looked(house)
    assert before <= {key for key, _ in house.state.scan(MARKS)}
    house.pass_time(DAY)
    looked(house)
    assert not before & {key for key, _ in house.state.scan(MARKS)}
    assert house.state.get(LOOKS, "calendar").at == Instant(house.now)
