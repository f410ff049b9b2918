"""What records name of telemetry that is destroyed is told as destroyed, on which day and by which days."""

import pytest
import typer

from safeconduct.cli import incident as incident_commands
from safeconduct.cli.scheduled_hunts import runs as list_runs
from safeconduct.cli.tune_outs import tune_outs as list_tune_outs
from safeconduct.kernel.ids import EntryId, PrincipalId
from safeconduct.kernel.instants import DAY, Instant, rfc3339
from safeconduct.soc.hunts.model import Reach
from safeconduct.soc.hunts.scheduled_events import RUNS, HuntAnswered, HuntDue, HuntRun, Outcome, run_key
from safeconduct.soc.incidents.closing import CLOSED, IncidentClosed
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.ingesting import owned_key
from safeconduct.soc.owners import origin_of
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.tune_outs import TUNE_OUTS
from safeconduct.soc.tuning import TunedOut
from support.house_commands import HouseCommands, speaking_to
from support.keeping import KeepingHouse
from support.telemetry import accepted

KEPT = 30
RULE = "organization:northwind/telemetry_days/all"

app = typer.Typer()
app.add_typer(incident_commands.commands, name="incident")
app.command("runs")(list_runs)
app.command("tune-outs")(list_tune_outs)


@pytest.fixture
def shell(tmp_path, monkeypatch):
    house = KeepingHouse(tmp_path / "house", {"all": KEPT})
    (tmp_path / "keys").mkdir()
    yield speaking_to(monkeypatch, HouseCommands(app, house, tmp_path / "keys", by="ana"))
    house.stack.close()


@pytest.fixture
def house(shell):
    return shell.house


def after(house, days):
    """So many days pass, and what is due then is destroyed."""
    house.writer.now = Instant(house.writer.now + days * DAY)
    house.retainer.look()
    assert house.carry_out() == []


def closed(house):
    """An incident of the shipped recording that is closed."""
    found = house.detected()
    event = IncidentClosed(incident=found, disposition=Judgment.FALSE_POSITIVE, by=PrincipalId("ana"))
    house.writer.run(lambda tx: tx.append(origin_of(tx), CLOSED.draft(event)))
    return found


def test_an_incident_says_that_its_evidence_is_destroyed_and_shows_what_the_log_has(house):
    found = closed(house)
    before = house.get(f"incidents/{found}")[1]
    assert before["destroyed"] == []
    after(house, KEPT + 1)
    status, shown = house.get(f"incidents/{found}")
    record = house.writer.state.get(INCIDENTS, found)
    assert (status, {one["event"] for one in shown["destroyed"]}) == (200, record.events)
    assert {(one["day"], one["rule"]) for one in shown["destroyed"]} == {(rfc3339(house.now())[:10], RULE)}
    assert [one["title"] for one in shown["alerts"]] == [one["title"] for one in before["alerts"]]
    assert [one["matches"] for one in shown["alerts"]] == [[]] * len(record.alerts)
    assert (shown["edges"], shown["events"]) == ([], [])


@pytest.mark.parametrize("asked", ["finding", "alerts/findings", "claims", "report"])
def test_what_needs_the_evidence_is_told_that_it_is_destroyed(house, asked):
    found = closed(house)
    after(house, KEPT + 1)
    status, told = house.get(f"incidents/{found}/{asked}")
    assert (status, told["code"]) == (404, "event-destroyed"), told
    assert f"destroyed on {rfc3339(house.now())[:10]} under {RULE}: kept for 30 days" in told["detail"]


def test_what_is_missing_and_was_not_destroyed_is_told_as_missing(house):
    found = closed(house)
    (record,) = [one for _, one in house.writer.state.scan(INCIDENTS) if one.id == found]
    for files in house.events.files_of(record.events).values():
        for digest in files:
            house.events.destroy(digest)
    status, told = house.get(f"incidents/{found}")
    assert (status, told["code"]) == (503, "event-missing")


def test_people_are_told_so(shell):
    found = closed(shell.house)
    assert "destroyed" not in shell("incident", "show", found)[1]
    after(shell.house, KEPT + 1)
    code, printed, _ = shell("incident", "show", found)
    told = f"{len(shell.house.writer.state.get(INCIDENTS, found).events)} events of it destroyed on"
    assert (code, told in printed, RULE in printed) == (0, True, True), printed


def ran(house, *events):
    """A scheduled hunt ran and named these events."""
    due = HuntDue(name="rare", due_at=house.now(), skipped=0, digest="d" * 64, since=Reach())
    came = HuntAnswered(due=EntryId("due"), outcome=Outcome.ANSWERED, counted=len(events), events=events, reach=Reach())
    run = HuntRun(id=EntryId("due"), due=due, answered=came, at=house.now())
    house.writer.state.put(RUNS, run_key(due), run)


def test_a_run_of_a_hunt_says_which_of_its_events_are_destroyed_and_keeps_none(shell):
    house = shell.house
    house.take(accepted("zyx-one"))
    (one,) = (event.id for event in house.events.between())
    after(house, 20)
    house.take(accepted("zyx-two", at_s=1))
    (two,) = (event.id for event in house.events.between() if event.id != one)
    ran(house, one, two)
    assert house.get("hunts/runs")[1]["runs"][0]["destroyed"] == {}
    after(house, KEPT - 19)
    day = rfc3339(house.now())[:10]
    assert house.get("hunts/runs")[1]["runs"][0]["destroyed"] == {one: day}
    assert house.get(f"events/{one}")[1]["code"] == "event-destroyed"
    assert two in shell("runs")[1]
    after(house, 20)
    assert f"{one} (destroyed {day})" in shell("runs")[1]


def test_a_tune_out_says_that_its_event_is_destroyed(shell):
    house = shell.house
    house.take(accepted("zyx-one"))
    (one,) = (event.id for event in house.events.between())
    until = Instant(house.now() + 90 * DAY)
    held = TunedOut(
        id="t1", rule="r", event=one, places=("/raw/user",), first=house.now(), until=until, by="ana", reason="a job"
    )
    house.writer.state.put(TUNE_OUTS, owned_key("", held.id), held)
    assert house.get("rules/tune-outs")[1][0]["destroyed"] == ""
    after(house, KEPT + 1)
    assert house.get("rules/tune-outs")[1][0]["destroyed"] == rfc3339(house.now())[:10]
    assert house.get(f"events/{one}")[1]["code"] == "event-destroyed"
    assert f"destroyed on {rfc3339(house.now())[:10]}" in shell("tune-outs")[1]


def test_an_event_that_came_again_is_not_told_as_destroyed(house):
    house.take(accepted("zyx-one"))
    (one,) = (event.id for event in house.events.between())
    ran(house, one)
    after(house, KEPT + 1)
    house.take(accepted("zyx-one"))
    assert house.get("hunts/runs")[1]["runs"][0]["destroyed"] == {}
    assert house.get(f"events/{one}")[0] == 200
