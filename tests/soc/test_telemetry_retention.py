"""Telemetry is kept for as long as the program says, and not a byte of it longer: what goes, what stays and why."""

from concurrent.futures import Future
from pathlib import Path

import msgspec
import pytest

from safeconduct.access.holds_events import HOLDS, Hold
from safeconduct.access.model.parties import TELEMETRY_SOURCES
from safeconduct.access.program import parse_program
from safeconduct.adapters.hunts import segments
from safeconduct.adapters.telemetry import raw_store
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.entries import Retention
from safeconduct.kernel.errors import InvalidInputError, RefusedError, UnavailableError
from safeconduct.kernel.ids import EntryId, EventId, PrincipalId
from safeconduct.kernel.instants import DAY, Instant, rfc3339
from safeconduct.ledger.tiles import LEAF_BYTES_MAX
from safeconduct.soc.arriving import ARRIVALS, DAYS, FILE_FATES, Fate
from safeconduct.soc.detection.measuring import Hit
from safeconduct.soc.hunts.model import Budget, Hunt
from safeconduct.soc.incidents.closing import CLOSED, IncidentClosed
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.live.keeping import Again, Found, KeptStep
from safeconduct.soc.owners import origin_of
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.retention import ordering
from safeconduct.soc.retention.due import due_days
from safeconduct.soc.retention.events import TelemetryOrdered
from safeconduct.soc.retention.holding import citations
from safeconduct.soc.retention.ordering import CITED_MAX, FILES_MAX, order_due
from support.keeping import DESTROYED, ORDERED, KeepingHouse, keeping
from support.telemetry import accepted, visit

KEPT = 30


@pytest.fixture
def made(tmp_path):
    houses = []

    def make(**days):
        houses.append(KeepingHouse(tmp_path, days))
        return houses[-1]

    yield make
    for house in houses:
        house.stack.close()


@pytest.fixture
def house(made):
    return made(all=KEPT)


def later(house, days):
    house.writer.now = Instant(house.writer.now + days * DAY)


def look(house):
    return house.retainer.look()


def destroy(house):
    look(house)
    assert house.carry_out() == []


def hold(house, **named):
    placed = Hold(
        id=EntryId("hold"),
        origin=origin_of(house.writer.state),
        **{"subject": None, "retention": None} | named,
        by=PrincipalId("ana"),
        reason="a claim",
        at=house.writer.now,
    )
    house.writer.state.put(HOLDS, placed.id, placed)


def test_a_file_goes_on_the_first_day_on_which_all_of_it_is_older_and_not_the_day_before(house):
    house.take(accepted("zyx-one"))
    later(house, KEPT)
    assert look(house) == ()
    later(house, 1)
    destroy(house)
    assert house.types() == [ORDERED, DESTROYED]
    assert house.on_disk("zyx-one") == []
    assert (house.events.counts(), list(house.writer.state.scan(DAYS))) == ({}, [])
    assert house.get("telemetry")[1]["files"] == []


def test_what_is_not_stated_is_kept_as_long_as_there_is_a_disk(made):
    house = made()
    house.take(accepted("zyx-one"))
    later(house, 4_000)
    assert (look(house), house.types()) == ((), [])
    assert "events.db" in " ".join(house.on_disk("zyx-one"))


def test_each_source_has_its_days_and_what_has_none_those_of_all(made):
    house = made(auth=10, all=20)
    house.take(accepted("zyx-one"))
    house.take(visit(uri="/zyx-two"), name="access.log")
    later(house, 11)
    destroy(house)
    assert (house.on_disk("zyx-one"), bool(house.on_disk("/zyx-two"))) == ([], True)
    later(house, 10)
    destroy(house)
    assert house.on_disk("/zyx-two") == []
    rules = [entry.body["rule"] for entry in house.writer.entries if entry.type == ORDERED]
    assert rules == [f"organization:northwind/telemetry_days/{name}" for name in ("auth", "all")]


def test_a_source_without_days_stays_where_another_has_some(made):
    house = made(auth=10)
    house.take(visit(uri="/zyx-two"), name="access.log")
    later(house, 400)
    assert look(house) == ()


def test_days_count_from_when_it_came_whatever_its_lines_say(house):
    house.take(accepted("zyx-old", at_s=-20 * 365 * 86_400))
    later(house, 1)
    assert look(house) == ()


def test_a_clock_that_goes_back_destroys_nothing(house):
    house.take(accepted("zyx-one"))
    later(house, -100)
    assert due_days(house.writer.state, "", house.now()) == []
    assert look(house) == ()


def test_an_event_that_a_younger_file_has_too_stays_with_it(house):
    shared = accepted("zyx-both")
    house.take(shared, accepted("zyx-one", at_s=1))
    later(house, 20)
    house.take(shared, accepted("zyx-two", at_s=2))
    later(house, KEPT - 19)
    destroy(house)
    assert house.events.counts() == {"auth": 2}
    assert (house.on_disk("zyx-one"), bool(house.on_disk("zyx-both"))) == ([], True)
    later(house, 20)
    destroy(house)
    assert (house.events.counts(), house.on_disk("zyx-both")) == ({}, [])


def test_the_same_content_after_that_is_new_and_gets_a_new_number(house):
    house.take(accepted("zyx-one"))
    number = house.events.latest()
    later(house, KEPT + 1)
    destroy(house)
    assert house.events.latest() == number
    house.take(accepted("zyx-one"))
    assert [one for one, _ in house.events.arrived(number, 9)] == [number + 1]
    assert [day.day for _, day in house.writer.state.scan(DAYS)] == ["2026-12-22"]


def test_content_that_is_being_destroyed_is_not_taken_as_known(house):
    house.take(accepted("zyx-one"))
    later(house, KEPT + 1)
    look(house)
    status, told = house.post("telemetry", f"{accepted('zyx-one')}\n".encode(), name="auth.log")
    assert (status, told["code"]) == (503, "telemetry-going")
    house.carry_out()
    house.writer.now = Instant(house.writer.now + 1)
    house.take(accepted("zyx-one"))


@pytest.mark.parametrize("named", [{}, {"subject": "telemetry"}, {"retention": Retention.OPERATIONS}])
def test_a_legal_hold_keeps_all_of_it(house, named):
    house.take(accepted("zyx-one"))
    later(house, KEPT + 1)
    hold(house, **named)
    assert look(house) == ()
    with pytest.raises(RefusedError) as caught:
        house.writer.run(lambda tx: order_due(tx, "", None))
    assert caught.value.code == "legal-hold"
    house.writer.state.delete(HOLDS, "hold")
    destroy(house)
    assert house.on_disk("zyx-one") == []


@pytest.mark.parametrize("named", [{"subject": "ana"}, {"retention": Retention.CALL}])
def test_a_hold_on_something_else_keeps_none_of_it(house, named):
    house.take(accepted("zyx-one"))
    later(house, KEPT + 1)
    hold(house, **named)
    destroy(house)
    assert house.types() == [ORDERED, DESTROYED]


def test_a_hold_that_is_placed_while_it_runs_keeps_the_files_that_are_not_gone(house, monkeypatch):
    for name in ("zyx-one", "zyx-two"):
        house.take(accepted(name))
    later(house, KEPT + 1)
    look(house)
    destroyed, telemetry = [], type(house.archive.telemetry)
    real = telemetry.destroy

    def then_held(self, digest, between):
        real(self, digest, between)
        destroyed.append(digest)
        hold(house)

    with monkeypatch.context() as patched:
        patched.setattr(telemetry, "destroy", then_held)
        assert [error.code for error in house.carry_out()] == ["legal-hold"]
    assert (len(destroyed), house.types(), house.events.counts()) == (1, [ORDERED], {"auth": 1})
    house.writer.state.delete(HOLDS, "hold")
    assert house.carry_out() == []
    assert (house.types(), house.events.counts()) == ([ORDERED, DESTROYED], {})


def test_two_that_look_at_once_order_nothing_twice(house):
    house.take(accepted("zyx-one"))
    later(house, KEPT + 1)
    citing = _citing(house)
    assert len(house.writer.run(lambda tx: order_due(tx, "", citing))) == 1
    assert house.writer.run(lambda tx: order_due(tx, "", citing)) == ()


class Crash(Exception):  # noqa: N818 - it stands for the end of a process
    """The process ended here."""


def steps(house):
    """Everything that destroying does one after the other, as (whose, what)."""
    telemetry, archive, events = house.archive.telemetry, house.archive, house.events
    return {
        "description": (Path, "unlink"),
        "folder": (raw_store, "sync_folder"),
        "events": (type(events), "_destroy"),
        "hits": (type(archive.kept), "keep_only"),
        "edition": (type(events), "renew"),
        "copies": (segments, "sync_folder"),
        "raw": (type(telemetry), "destroy"),
    }


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("step", ["description", "folder", "raw", "events", "hits", "edition", "copies"])
def test_ended_at_any_step_it_is_gone_on_with_and_ends_the_same(house, monkeypatch, step, applied):
    house.take(accepted("zyx-one"), accepted("zyx-two", at_s=1))
    copies = house.folder / segments.FOLDER
    copies.mkdir()
    (copies / segments.ROWS).write_text("zyx-one")  # what a child that was killed leaves
    stays = house.take(visit(uri="/zyx-stays"), name="access.log")
    house.writer.state.put(FILE_FATES, f"/{stays}", Fate(EntryId("another")))
    later(house, KEPT + 1)
    look(house)
    where, what = steps(house)[step]
    real, left = getattr(where, what), [1]

    def once(*given, **named):
        if not left:
            return real(*given, **named)
        left.clear()
        if applied:
            real(*given, **named)
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(where, what, once)
        with pytest.raises(Crash):
            house.carry_out()
    assert house.types() == [ORDERED]
    house.archive.telemetry.resume()  # what a server does when it starts
    assert house.carry_out() == []
    assert house.types() == [ORDERED, DESTROYED]
    assert (house.on_disk("zyx-one"), house.on_disk("zyx-two")) == ([], [])
    assert house.events.counts() == {"access": 1}
    house.archive.telemetry.resume()
    assert house.events.counts() == {"access": 1}


@pytest.mark.parametrize("applied", [False, True])
def test_an_entry_that_may_or_may_not_have_been_written_stands_once(house, monkeypatch, applied):
    house.take(accepted("zyx-one"))
    later(house, KEPT + 1)
    look(house)
    real, left = house.writer.submit, [1]

    def once(command):
        if left:
            left.clear()
            if applied:
                real(command)
            failed = Future()
            failed.set_exception(UnavailableError("the commit failed"))
            return failed
        return real(command)

    with monkeypatch.context() as patched:
        patched.setattr(house.writer, "submit", once)
        (error,) = house.carry_out()
        assert error.message == "the commit failed"
    assert house.carry_out() == []
    assert house.types() == [ORDERED, DESTROYED]


@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "undescribed", "described-wrongly"])
def test_a_damaged_file_goes_with_what_was_read_from_it(house, damage):
    digest = house.take(accepted("zyx-one"))
    raw = house.folder / "raw" / digest
    {
        "cut": lambda: raw.write_bytes(b""),
        "changed": lambda: raw.write_bytes(b"\0\xff{"),
        "gone": raw.unlink,
        "undescribed": raw.with_name(f"{digest}.json").unlink,
        "described-wrongly": lambda: raw.with_name(f"{digest}.json").write_text('{"name": zyx-one'),
    }[damage]()
    later(house, KEPT + 1)
    destroy(house)
    assert (house.on_disk("zyx-one"), house.events.counts()) == ([], {})
    assert not raw.exists()


def test_a_backlog_is_destroyed_in_bounded_parts(house, monkeypatch):
    monkeypatch.setattr(ordering, "FILES_MAX", 2)
    monkeypatch.setattr(ordering, "ORDERS_MAX", 2)
    for number in range(5):
        house.take(accepted("zyx-one", at_s=number))
    later(house, KEPT + 1)
    assert len(look(house)) == 2
    assert [len(entry.body["files"]) for entry in house.writer.entries if entry.type == ORDERED] == [2, 2]
    assert house.carry_out() == []
    assert len(look(house)) == 1
    assert house.carry_out() == []
    assert (look(house), house.events.counts()) == ((), {})


def test_an_order_of_the_most_files_and_citations_fits_into_an_entry(house):
    most = TelemetryOrdered(
        owner="o" * 64, sources="+".join(TELEMETRY_SOURCES), day="2026-11-21", days=3650, rule="r" * 200,
        files=("f" * 64,) * FILES_MAX, events=2**53 - 1, size=2**53 - 1, cited=(EventId("e" * 32),) * CITED_MAX,
        citations=2**53 - 1, by="b" * 64,
    )  # fmt: skip
    assert len(canonical(msgspec.to_builtins(most))) < LEAF_BYTES_MAX - 4_096  # the rest: act, ids, signature


def test_hits_and_copies_for_hunts_go_too(house):
    house.take(accepted("zyx-one"))
    (one,) = house.events.between()
    later(house, 20)
    house.take(accepted("zyx-two", at_s=1))
    (two,) = [event for event in house.events.between() if event.id != one.id]
    kept = house.archive.kept
    kept.begin("made", Again.NOTHING)
    for number, event in enumerate((one, two), start=1):
        hit = Hit(rule="rule", at=event.at, events=(event.id,), matches=(), fields={"user": event.raw["message"]})
        kept.add(
            KeptStep(number=number, last=event.id, events=number, found=Found(hits={"rule": [hit]}, until=event.at))
        )
    before = house.events.edition()
    hunt = Hunt(where=(), limit=10)
    assert house.archive.hunts.run(hunt, Budget()).counted == 2
    later(house, KEPT - 19)
    destroy(house)
    assert house.on_disk("zyx-one") == []
    step = kept.read("made")
    assert [hit.events for hit in step.found.hits["rule"]] == [(two.id,)]
    assert house.events.edition() != before
    assert house.archive.hunts.run(hunt, Budget()).counted == 1


def incident(house):
    """An incident of the shipped recording, each of whose files came on this day."""
    return house.detected()


def test_what_an_incident_cites_stays_while_it_is_open_and_as_long_again_then_is_told_as_destroyed(house):
    found = incident(house)
    state = house.writer.state
    record = state.get(INCIDENTS, found)
    cited = record.alerts[0].events[0]
    later(house, KEPT + 1)
    destroy(house)
    assert house.get(f"events/{cited}")[0] == 200
    (shown,) = house.get("telemetry/retention")[1]
    assert {why for due in shown["due"] for why in due["held_by"]} == {f"incident:{found}"}
    closed = IncidentClosed(incident=found, disposition=Judgment.FALSE_POSITIVE, by=PrincipalId("ana"))
    house.writer.run(lambda tx: tx.append(origin_of(tx), CLOSED.draft(closed)))
    later(house, KEPT)
    destroy(house)
    assert house.get(f"events/{cited}")[0] == 200
    later(house, 1)
    destroy(house)
    status, told = house.get(f"events/{cited}")
    assert (status, told["code"]) == (404, "event-destroyed")
    day = rfc3339(house.now())[:10]
    assert f"was destroyed on {day} under organization:northwind/telemetry_days/all" in told["detail"]
    assert house.get(f"events/{'0' * 32}")[1]["code"] == "event-unknown"


def test_an_incident_that_comes_between_order_and_destruction_spares_its_files(house, monkeypatch):
    found = incident(house)
    state = house.writer.state
    record = state.get(INCIDENTS, found)
    state.delete(INCIDENTS, found)
    later(house, KEPT + 1)
    look(house)
    state.put(INCIDENTS, found, record)
    assert house.carry_out() == []
    cited = {key for alert in record.alerts for key in alert.events}
    assert house.events.many(cited).keys() == cited
    spared = {one for entry in house.writer.entries if entry.type == DESTROYED for one in entry.body["spared"]}
    assert spared == {one for files in house.events.files_of(cited).values() for one in files}
    assert {key for key, _ in state.scan(ARRIVALS)} == {f"/{one}" for one in spared}


def test_by_hand_it_is_the_owners_own_people_who_may_and_only_what_is_due(house):
    house.take(accepted("zyx-one"))
    assert house.post("telemetry/retention", b"", by="ana")[1]["code"] == "nothing-to-destroy"
    later(house, KEPT + 1)
    assert house.post("telemetry/retention", b"", by="ops")[1]["code"] == "not-the-owner"
    (shown,) = house.get("telemetry/retention")[1]
    ((kept,), (due,)) = shown["kept"], shown["due"]
    assert (kept["days"], kept["files"], kept["oldest_day"]) == (KEPT, 1, "2026-11-21")
    assert (due["files"], due["bytes"], due["held_files"]) == (1, kept["bytes"], 0)
    status, (told,) = house.post("telemetry/retention", b"", by="ana")
    assert (status, told["files"], told["events"], told["by"], told["destroyed"]) == (200, 1, 1, "ana", True)
    assert house.on_disk("zyx-one") == []
    (after,) = house.get("telemetry/retention")[1]
    assert (after["kept"], after["due"], after["under_way"]) == ([], [], [])


def test_by_hand_a_hold_refuses_and_says_so_before(house):
    house.take(accepted("zyx-one"))
    later(house, KEPT + 1)
    hold(house)
    (shown,) = house.get("telemetry/retention")[1]
    assert [(due["files"], due["held_files"], due["held_by"]) for due in shown["due"]] == [(0, 1, ["hold:hold"])]
    status, told = house.post("telemetry/retention", b"", by="ana")
    assert (status, told["code"]) == (403, "legal-hold")


def test_a_source_that_nobody_knows_is_refused_where_it_is_stated():
    with pytest.raises(InvalidInputError) as caught:
        parse_program(keeping({"syslogs": 30}))
    assert "expected one of access, audit" in caught.value.message


@pytest.mark.parametrize(("days", "taken"), [(1, True), (3650, True), (0, False), (3651, False)])
def test_days_are_one_to_ten_years(days, taken):
    try:
        assert parse_program(keeping({"all": days})) is not None
    except InvalidInputError:
        assert not taken
    else:
        assert taken


def _citing(house):
    return citations(house.writer.state, "", house.events.files_of)
