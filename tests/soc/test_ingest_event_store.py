"""The contract of every event store, run on memory and SQLite, and what only a file can suffer."""

import sqlite3

import msgspec
import pytest

from safeconduct.adapters.memory.events import MemoryEventStore
from safeconduct.adapters.sqlite import events as sqlite_events
from safeconduct.adapters.sqlite.events import MIGRATIONS, SqliteEventStore
from safeconduct.kernel.beginnings import BEGINNING_MIN
from safeconduct.kernel.errors import AbsentError, UnavailableError
from safeconduct.kernel.ids import EventId
from safeconduct.soc.ports import DeadLetter, Progress, Reading
from support.telemetry import accepted, events, failed, later, seen, visit


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    if request.param == "memory":
        yield MemoryEventStore()
        return
    made = SqliteEventStore(tmp_path / "events.db")
    yield made
    made.close()


@pytest.fixture
def some():
    return events(accepted("ana", at_s=3), visit(at_s=1), failed("bo", at_s=2), visit(uri="/x", at_s=3))


def letter(line, code="json-broken"):
    return DeadLetter(line=line, code=code, detail="why", text="{")


def test_what_was_added_comes_back_whole(store, some):
    assert store.add(some, file="f", reading=Reading(lines=4)) == 4
    for event in some:
        assert store.get(event.id) == event


def test_adding_again_changes_nothing(store, some):
    store.add(some, file="f", reading=Reading(lines=4))
    assert store.add(some, file="f", reading=Reading(lines=4)) == 0
    assert store.add(some, file="another", reading=Reading(lines=4)) == 0
    assert list(store.between()) == sorted(some, key=lambda event: (event.at, event.id))


def test_the_same_event_twice_in_one_call_is_one(store, some):
    assert store.add([*some, *some], file="f", reading=Reading(lines=4)) == 4


def test_a_file_that_is_forgotten_keeps_its_events(store, some):
    store.add(some, file="f", reading=Reading(lines=4, dead=[letter(1)], complete=True))
    store.add([], file="g", reading=Reading(lines=1, dead=[letter(1)]))
    store.forget("f")
    assert (store.progress("f"), store.dead_letters("f"), store.progress("g").lines) == (Progress(), [], 1)
    assert (len(list(store.between())), len(store.dead_letters("g"))) == (len(some), 1)


def test_an_unknown_event_is_told(store, some):
    store.add(some, file="f", reading=Reading(lines=4))
    with pytest.raises(AbsentError) as caught:
        store.get(EventId("0" * 32))
    assert caught.value.code == "event-unknown"


def test_ids_are_found_by_their_beginning_from_so_many_digits_on(store, some):
    store.add(some, file="f", reading=Reading(lines=4))
    ids = sorted(event.id for event in some)
    one = ids[0]
    assert list(store.begun(one[:BEGINNING_MIN], 2)) == list(store.begun(one, 2)) == [one]
    assert list(store.begun(one[: BEGINNING_MIN - 1], 2)) == list(store.begun("", 2)) == []
    assert list(store.begun(one + "0", 2)) == list(store.begun("%" * BEGINNING_MIN, 2)) == []


def test_ids_that_begin_alike_are_told_in_order_up_to_so_many(store):
    ends = ("f", "9", "0", "a")
    (event,) = events(visit())
    alike = [msgspec.structs.replace(event, id=EventId("abcdef" + end * 26)) for end in ends]
    store.add(
        [*alike, msgspec.structs.replace(event, id=EventId("abcdf0" + "0" * 26))], file="f", reading=Reading(lines=5)
    )
    assert list(store.begun("abcdef", 10)) == sorted(one.id for one in alike)
    assert list(store.begun("abcdef", 2)) == sorted(one.id for one in alike)[:2]


def test_events_are_numbered_as_they_arrive(store, some):
    store.add(some[2:], file="f", reading=Reading(lines=2))
    store.add(some, file="f", reading=Reading(lines=4))
    arrived = store.arrived(0, 10)
    assert [event for _, event in arrived] == [*some[2:], *some[:2]]
    numbers = [number for number, _ in arrived]
    assert numbers == sorted(set(numbers))
    assert numbers[0] > 0
    assert store.arrived(numbers[1], 1) == [arrived[2]]
    assert store.arrived(numbers[3], 1) == []


def test_an_index_made_again_has_another_name(tmp_path):
    one, other = SqliteEventStore(tmp_path / "a.db"), SqliteEventStore(tmp_path / "b.db")
    again = SqliteEventStore(tmp_path / "a.db", read_only=True)
    assert one.generation() == again.generation() != other.generation()
    for store in (one, other, again):
        store.close()


def test_a_reader_sees_what_another_process_adds_and_adds_nothing(tmp_path, some):
    writer = SqliteEventStore(tmp_path / "events.db")
    reader = SqliteEventStore(tmp_path / "events.db", read_only=True)
    writer.add(some, file="f", reading=Reading(lines=4))
    assert [event for _, event in reader.arrived(0, 10)] == some
    with pytest.raises(UnavailableError):
        reader.add(some, file="g", reading=Reading(lines=4))
    writer.close()
    reader.close()


def test_an_index_of_the_former_schema_keeps_its_events(tmp_path, some):
    path = tmp_path / "events.db"
    old = sqlite3.connect(path)
    old.executescript(MIGRATIONS[0])
    old.execute("PRAGMA user_version = 1")
    rows = [(e.id, e.source, e.at, msgspec.json.encode(e.raw), msgspec.json.encode(e.ocsf)) for e in some]
    old.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows)
    old.commit()
    old.close()
    store = SqliteEventStore(path)
    assert list(store.between()) == sorted(some, key=lambda event: (event.at, event.id))
    assert store.add(some, file="f", reading=Reading(lines=4)) == 0
    store.close()


def test_many_returns_those_that_are_there(store, some):
    store.add(some, file="f", reading=Reading(lines=4))
    wanted = [some[2].id, EventId("0" * 32), some[0].id]
    assert dict(store.many(wanted)) == {some[2].id: some[2], some[0].id: some[0]}
    assert dict(store.many([])) == {}


def test_events_come_in_time_order_within_bounds_that_count_in(store, some):
    store.add(some, file="f", reading=Reading(lines=4))
    assert [event.at for event in store.between()] == [later(1), later(2), later(3), later(3)]
    assert [event.at for event in store.between(later(2), later(2))] == [later(2)]
    assert [event.at for event in store.between(first=later(2))] == [later(2), later(3), later(3)]
    assert [event.at for event in store.between(last=later(1))] == [later(1)]
    assert {event.source for event in store.between(sources=["access"])} == {"access"}
    assert list(store.between(sources=["flow"])) == []


def test_more_events_than_a_page_come_once_each(store):
    many = events(*(visit(uri=f"/{n}", at_s=n // 7) for n in range(4100)))
    store.add(many, file="f", reading=Reading(lines=4100))
    assert [event.id for event in store.between()] == [e.id for e in sorted(many, key=lambda e: (e.at, e.id))]
    assert len(store.many([event.id for event in many])) == 4100


def test_counts_are_by_source(store, some):
    store.add([*some, *events(seen(http_host="a"))], file="f", reading=Reading(lines=4))
    assert dict(store.counts()) == {"access": 2, "auth": 2, "http": 1}


def test_progress_only_grows(store, some):
    assert store.progress("f") == Progress()
    store.add(some[:2], file="f", reading=Reading(lines=2))
    assert store.progress("f") == Progress(lines=2)
    store.add(some[2:], file="f", reading=Reading(lines=4, complete=True))
    store.add((), file="f", reading=Reading(lines=1))
    assert store.progress("f") == Progress(lines=4, complete=True)
    assert store.progress("g") == Progress()


def test_dead_letters_are_kept_by_file_and_line(store):
    store.add((), file="f", reading=Reading(lines=9, dead=[letter(7), letter(3)]))
    store.add((), file="f", reading=Reading(lines=9, dead=[letter(3, "line-cut")]))
    assert list(store.dead_letters("f")) == [letter(3, "line-cut"), letter(7)]
    assert list(store.dead_letters("g")) == []


def test_the_file_keeps_what_it_was_given(tmp_path, some):
    first = SqliteEventStore(tmp_path / "events.db")
    first.add(some, file="f", reading=Reading(lines=4, complete=True))
    first.close()
    second = SqliteEventStore(tmp_path / "events.db")
    assert (len(list(second.between())), second.progress("f").complete) == (4, True)
    second.close()
    assert (tmp_path / "events.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", ["text", "middle"])
def test_a_damaged_index_is_thrown_away_for_it_can_be_made_again(tmp_path, some, damage):
    path = tmp_path / "events.db"
    store = SqliteEventStore(path)
    many = events(*(visit(uri=f"/{n}", at_s=n) for n in range(300)))
    store.add(many, file="f", reading=Reading(lines=300, complete=True))
    store.close()
    content = bytearray(path.read_bytes())
    content[: 4096 * 3 if damage == "middle" else 16] = b"x" * (4096 * 3 if damage == "middle" else 16)
    path.write_bytes(content)
    again = SqliteEventStore(path)
    assert list(again.between()) == []
    assert again.progress("f") == Progress()
    assert again.add(some, file="f", reading=Reading(lines=4)) == 4
    again.close()


def test_an_index_of_a_newer_release_is_left_alone(tmp_path):
    path = tmp_path / "events.db"
    SqliteEventStore(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(UnavailableError) as caught:
        SqliteEventStore(path)
    assert caught.value.code == "schema-unknown"


def test_what_fails_half_way_leaves_nothing(tmp_path, some):
    store = SqliteEventStore(tmp_path / "events.db")
    nowhere = DeadLetter(line=None, code="x", detail="", text="")  # type: ignore[arg-type]
    with pytest.raises(UnavailableError) as caught:
        store.add(some, file="f", reading=Reading(lines=4, dead=[nowhere]))
    assert caught.value.code == "store-failed"
    assert (list(store.between()), store.progress("f")) == ([], Progress())
    store.close()


def test_what_is_read_while_it_is_added_is_noted_once_the_events_ran_out(store, some):
    reading = Reading()

    def read():
        yield from some
        reading.lines, reading.complete = 5, True
        reading.dead.append(letter(5))

    assert store.add(read(), file="f", reading=reading) == 4
    assert (store.progress("f"), store.dead_letters("f")) == (Progress(lines=5, complete=True), [letter(5)])


def test_a_reading_that_fails_adds_nothing_of_its_batch(store, some):
    def read():
        yield from some
        raise OSError("the disk")

    with pytest.raises(OSError, match="the disk"):
        store.add(read(), file="f", reading=Reading(lines=4))
    assert (list(store.between()), store.progress("f")) == ([], Progress())


def read(store, events, file):
    store.add(events, file=file, reading=Reading(lines=len(events), dead=[letter(1)], complete=True))


def test_destroying_a_file_takes_what_no_other_has_and_leaves_the_rest(store, some):
    read(store, some[:3], "f")
    read(store, some[1:], "g")
    assert store.files_of([some[0].id, some[1].id, EventId("0" * 32)]) == {
        some[0].id: frozenset("f"),
        some[1].id: frozenset("fg"),
    }
    store.destroy("f")
    store.destroy("f")
    assert store.many([event.id for event in some]).keys() == {event.id for event in some[1:]}
    assert (store.progress("f"), store.dead_letters("f"), len(store.dead_letters("g"))) == (Progress(), [], 1)
    assert store.files_of([some[1].id]) == {some[1].id: frozenset("g")}
    store.destroy("g")
    assert (store.counts(), store.latest()) == ({}, 4)
    store.destroy("unknown")


def test_the_span_of_a_file_has_the_numbers_of_all_its_events_those_too_that_others_have(store, some):
    read(store, some[:3], "f")
    read(store, some[1:], "g")
    assert (store.span("f"), store.span("g"), store.span("unknown")) == ((1, 3), (2, 4), (0, 0))
    store.destroy("f")
    assert (store.span("f"), store.span("g")) == ((0, 0), (2, 4))


def test_numbers_of_what_was_destroyed_are_never_given_again(store, some):
    read(store, some[:2], "f")
    store.destroy("f")
    assert (store.latest(), list(store.arrived(0, 9))) == (2, [])
    read(store, some[2:], "g")
    assert [number for number, _ in store.arrived(0, 9)] == [3, 4]
    assert [number for number, _ in store.arrived(3, 9)] == [4]


def test_a_file_that_is_read_anew_still_has_its_events(store, some):
    read(store, some, "f")
    store.forget("f")
    read(store, some[:1], "f")
    store.destroy("f")
    assert store.counts() == {}


def test_each_renewal_is_another_edition_of_the_same_life(store):
    before, life = store.edition(), store.generation()
    store.renew()
    after = store.edition()
    assert (before != after, store.edition() == after, store.generation() == life) == (True, True, True)


def test_more_than_a_page_is_destroyed_in_parts_that_may_be_broken_off(tmp_path, monkeypatch, some):
    monkeypatch.setattr(sqlite_events, "_PAGE", 1)
    store = SqliteEventStore(tmp_path / "events.db")
    read(store, some, "f")
    assert store._destroy("f")  # and here the process ends
    store.close()
    store = SqliteEventStore(tmp_path / "events.db")
    assert len(store.many([event.id for event in some])) == len(some) - 1
    store.destroy("f")
    assert store.counts() == {}
    store.close()


def test_an_index_of_a_former_release_learns_its_files_by_reading_them_again(tmp_path, some):
    path = tmp_path / "events.db"
    with sqlite3.connect(path) as former:
        for number, script in enumerate(MIGRATIONS[:2], start=1):
            former.executescript(f"{script}; PRAGMA user_version = {number};")
        former.execute("INSERT INTO files VALUES ('f', 4, 1)")
        rows = [(event.id, event.source, event.at, msgspec.json.encode(event.raw), b"") for event in some]
        former.executemany("INSERT INTO events (id, source, at, raw, ocsf) VALUES (?, ?, ?, ?, ?)", rows)
    former.close()
    store = SqliteEventStore(path)
    numbers = [number for number, _ in store.arrived(0, 9)]
    assert (store.progress("f"), store.files_of([some[0].id])) == (Progress(), {})
    read(store, some, "f")
    assert [number for number, _ in store.arrived(0, 9)] == numbers == [1, 2, 3, 4]
    store.destroy("f")
    assert store.counts() == {}
    store.close()


def test_it_says_that_bytes_may_be_left_while_somebody_reads_an_earlier_state(tmp_path, some):
    store = SqliteEventStore(tmp_path / "events.db")
    read(store, some, "f")
    reading = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    reading.execute("BEGIN")
    reading.execute("SELECT count(*) FROM events").fetchall()
    store.destroy("f")
    store._connection.execute("PRAGMA busy_timeout = 10")
    with pytest.raises(UnavailableError) as caught:
        store.renew()
    assert caught.value.code == "telemetry-in-use"
    reading.execute("COMMIT")
    reading.close()
    store.renew()
    store.close()
