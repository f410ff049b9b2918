"""Hunts that are asked by themselves: what each run sees, what stops it, who is told."""

from itertools import pairwise

import pytest

from safeconduct.access import records as kept
from safeconduct.access.model.stops import Freeze, Restriction, RestrictionKind, Selection, Selector, SelectorKind
from safeconduct.kernel.effects import OUTBOX, TIMERS
from safeconduct.kernel.errors import LimitedError, UnavailableError
from safeconduct.kernel.instants import parse_rfc3339, seconds
from safeconduct.kernel.notices import NOTICE
from safeconduct.runtime.hunting import EVENTS_CITED, GIVE_UP
from safeconduct.soc.hunts.scheduled_events import DUE, HUNT_TIMER, RUNS, HuntDue, HuntRun, run_key
from safeconduct.soc.hunts.scheduled_projections import RUNS_KEPT
from safeconduct.soc.hunts.scheduling import EVERY_MAX, EVERY_MIN, SECONDS_MAX
from support.scheduling import HIT, MISS, Hunting

HOUR = 3600


@pytest.fixture
def hunting(tmp_path):
    one = Hunting(tmp_path)
    assert one.save()[0] == 200
    return one


def told(hunting):
    """What people were told, and of what kind."""
    bodies = [effect.body for _, effect in hunting.writer.state.scan(OUTBOX) if effect.kind == NOTICE]
    return [(body["kind"], body["to"], body["subject"]) for body in bodies]


def test_each_run_sees_what_arrived_since_the_one_before(hunting):
    hunting.arrive(HIT, MISS)
    status, said = hunting.schedule(every_s=HOUR)
    assert (status, said["scheduled"]["by"], said["scheduled"]["every_s"]) == (200, "ana", HOUR)
    hunting.run()
    hunting.run()
    assert [(one["counted"], one["scanned"]) for one in hunting.runs()] == [(1, 2)], "the first at once, of all"
    hunting.arrive(MISS, HIT, HIT)
    hunting.wait(HOUR - 1)
    hunting.run()
    assert len(hunting.runs()) == 1, "not due yet"
    hunting.wait(1)
    hunting.run()
    hunting.wait(HOUR)
    hunting.run()
    found = hunting.runs()
    assert [(one["counted"], one["scanned"], one["outcome"]) for one in found] == [
        (0, 0, "answered"),
        (2, 3, "answered"),
        (1, 2, "answered"),
    ]
    assert [len(one["events"]) for one in found] == [0, 2, 1]
    assert hunting.house.get(f"events/{found[1]['events'][0]}")[1]["raw"]
    assert set(hunting.answers().values()) == {1}


def test_people_are_told_of_what_was_found_and_of_nothing_else(hunting):
    hunting.arrive(MISS)
    hunting.schedule()
    hunting.run()
    assert told(hunting) == []
    hunting.arrive(HIT)
    hunting.wait(HOUR)
    hunting.run()
    assert told(hunting) == [("hunt", "northwind", "the scheduled hunt shells found 1 new events")]


def test_a_hunt_over_its_budget_is_answered_so_and_nothing_is_passed_over(hunting):
    hunting.arrive(HIT)
    hunting.schedule()
    hunting.fail = [LimitedError("too much", code="hunt-over-budget")]
    hunting.run()
    (run,) = hunting.runs()
    assert (run["outcome"], run["code"], run["counted"]) == ("over-budget", "hunt-over-budget", 0)
    assert told(hunting)[0][2] == "the scheduled hunt shells has no answer: hunt-over-budget"
    hunting.fail = [LimitedError("too much", code="hunt-over-budget")]
    hunting.wait(HOUR)
    hunting.run()
    assert len(told(hunting)) == 1, "of a row of failures the first"
    hunting.wait(HOUR)
    hunting.run()
    assert (hunting.runs()[0]["counted"], len(told(hunting))) == (1, 2)


def test_an_engine_that_fails_is_asked_again_for_a_while(hunting):
    hunting.arrive(HIT)
    hunting.schedule()
    hunting.fire()
    for _ in range(3):
        hunting.fail = [UnavailableError("away", code="hunts-unavailable")]
        hunting.carry()
    assert hunting.runs()[0]["outcome"] == "running"
    hunting.carry()
    assert hunting.runs()[0]["counted"] == 1
    hunting.wait(HOUR)
    hunting.fire()
    hunting.fail = [UnavailableError("away", code="hunts-unavailable")] * 2
    hunting.wait(GIVE_UP // seconds(1) - 1)
    hunting.carry()
    assert hunting.runs()[0]["outcome"] == "running"
    hunting.wait(1)
    hunting.carry()
    assert (hunting.runs()[0]["outcome"], hunting.runs()[0]["code"]) == ("failed", "hunts-unavailable")


def test_a_hunt_that_was_changed_on_disk_is_not_asked(hunting):
    digest = hunting.house.get("hunts/saved")[1][0]["digest"]
    (hunting.house.folder / "raw" / digest).write_bytes(b"{}")
    hunting.schedule()
    hunting.run()
    assert (hunting.runs()[0]["outcome"], hunting.runs()[0]["code"]) == ("failed", "hunt-changed")


def test_due_times_that_nothing_ran_at_are_one_run_and_counted(hunting):
    hunting.schedule()
    hunting.run()
    hunting.wait(5 * HOUR + 10)
    hunting.run()
    hunting.wait(HOUR)
    hunting.run()
    skipped = [one["skipped"] for one in hunting.runs()]
    assert skipped == [4, 0, 0]
    times = [parse_rfc3339(one["due"]) for one in hunting.runs()]
    assert [(after - before) // seconds(HOUR) for after, before in pairwise(times)] == [5, 1]


def test_a_hunt_that_is_saved_anew_looks_at_everything_again(hunting):
    hunting.arrive(HIT)
    hunting.schedule()
    hunting.run()
    hunting.save(asked={"where": [{"field": "command", "operator": "equals", "value": HIT}]})
    hunting.wait(HOUR)
    hunting.run()
    assert [one["counted"] for one in hunting.runs()] == [1, 1]


def test_scheduled_anew_it_goes_on_where_it_was(hunting):
    hunting.arrive(HIT)
    hunting.schedule()
    hunting.run()
    hunting.schedule(every_s=60)
    hunting.run()
    assert [one["scanned"] for one in hunting.runs()] == [0, 1]
    assert len([1 for _, one in hunting.writer.state.scan(TIMERS) if one.kind == HUNT_TIMER]) == 1


def test_ended_or_removed_it_is_asked_no_more_and_a_run_under_way_ends(hunting):
    hunting.schedule()
    hunting.fire()
    (order,) = hunting.orders()
    assert hunting.unschedule()[1]["unscheduled"]["name"] == "shells"
    assert (hunting.orders(), hunting.runs()) == ([], [])
    hunting.carry()
    assert hunting.writer.submit(lambda tx: tx.get(RUNS, order.key)).result().value is None
    assert hunting.unschedule()[1]["code"] == "hunt-not-scheduled"
    hunting.schedule()
    hunting.run()
    assert len(hunting.runs()) == 1
    assert hunting.remove()[0] == 200
    hunting.wait(10 * HOUR)
    hunting.run()
    assert hunting.runs() == []
    assert hunting.schedule()[1]["code"] == "hunt-unknown"


FREEZES = ("all", "organization:northwind", "principal:ana", "agreement:ag-2026-01")
OTHERS = ("organization:meridian", "principal:bo", "path:soc-triage")


def term(text):
    kind, _, name = text.partition(":")
    return Selector(SelectorKind(kind), name)


@pytest.mark.parametrize(("text", "stops"), [(one, True) for one in FREEZES] + [(one, False) for one in OTHERS])
def test_a_freeze_of_who_scheduled_it_stops_it_and_it_goes_on_afterwards(hunting, text, stops):
    hunting.arrive(HIT)
    hunting.schedule()
    frozen = Freeze(id="f", selector=Selection((term(text),)), by="ana", reason="x", at=0)
    hunting.writer.state.put(kept.FREEZES, "f", frozen)
    hunting.run()
    assert hunting.runs()[0]["outcome"] == ("stopped" if stops else "answered")
    hunting.writer.state.delete(kept.FREEZES, "f")
    hunting.wait(HOUR)
    hunting.run()
    assert sum(one["counted"] for one in hunting.runs()) == 1, "nothing is lost, nothing told twice"


@pytest.mark.parametrize(("kind", "stops"), [(kind, kind in ("hold", "suspend")) for kind in RestrictionKind])
def test_a_hold_or_suspension_stops_it_also_while_it_is_asked(hunting, kind, stops):
    hunting.arrive(HIT)
    hunting.schedule()
    hunting.fire()
    asked = hunting._ask

    def restricted(due, budget):
        found = asked(due, budget)
        one = Restriction(id="r", selector=term("principal:ana"), kind=kind, slow_ms=0, by="ana", reason="x", at=0)
        hunting.writer.state.put(kept.RESTRICTIONS, "r", one)
        return found

    hunting.asker._ask = restricted
    hunting.carry()
    run = hunting.runs()[0]
    assert (run["outcome"], run["code"]) == (("stopped", "restricted") if stops else ("answered", ""))
    assert run["counted"] == (0 if stops else 1)


def test_who_is_gone_has_nothing_asked(hunting):
    hunting.arrive(HIT)
    hunting.schedule()
    hunting.writer.state.delete(kept.PRINCIPALS, "ana")
    hunting.run()
    assert (hunting.runs()[0]["outcome"], hunting.runs()[0]["code"]) == ("stopped", "signer-unknown")


def test_what_is_no_schedule_is_refused_at_its_bounds(hunting):
    for every_s, given in (
        (EVERY_MIN - 1, 30),
        (EVERY_MAX + 1, 30),
        (HOUR, 0),
        (HOUR, SECONDS_MAX + 1),
    ):
        assert hunting.schedule(every_s=every_s, seconds=given)[1]["code"] == "hunt-invalid"
    assert hunting.schedule(every_s=EVERY_MIN, seconds=SECONDS_MAX)[0] == 200
    assert hunting.schedule(every_s=EVERY_MAX, seconds=1)[0] == 200
    assert hunting.schedule("nobody-saved-this")[1]["code"] == "hunt-unknown"
    assert hunting.schedule(by="ops")[1]["code"] in ("not-the-owner", "role-missing")
    assert hunting.house.get("hunts/runs", owner="nobody-there")[1]["code"] == "not-yours"


def test_the_log_says_nothing_of_what_is_asked_and_cites_some_events(hunting):
    hunting.arrive(*[f"{HIT} {number}" for number in range(EVENTS_CITED + 1)])
    hunting.schedule()
    hunting.run()
    assert len(hunting.runs()[0]["events"]) == EVENTS_CITED
    assert hunting.runs()[0]["counted"] == EVENTS_CITED + 1
    assert not [entry for entry in hunting.writer.entries if "nc -e" in str(entry.body)]


def test_the_latest_runs_are_listed(hunting):
    hunting.schedule()
    hunting.run()
    (due,) = hunting.entries(DUE)
    for number in range(RUNS_KEPT):
        former = HuntDue(name="shells", due_at=number, skipped=0, digest="", since=due.since)
        hunting.writer.state.put(RUNS, run_key(former), HuntRun(id=f"e{number}", due=former))
    hunting.wait(HOUR)
    hunting.run()
    assert len(hunting.runs()) == RUNS_KEPT
    assert [one["outcome"] for one in hunting.runs()[:3]] == ["answered", "answered", "running"]
