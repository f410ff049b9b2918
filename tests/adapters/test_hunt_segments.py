"""Hunts over segments answer as the reference does, whatever happened to the segments, the child or the index."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safeconduct.adapters.hunts import catching_up
from safeconduct.adapters.hunts.child import Archive
from safeconduct.adapters.hunts.choosing import Chosen
from safeconduct.adapters.hunts.duckdb_engine import DuckDB
from safeconduct.adapters.hunts.engines import answer
from safeconduct.adapters.hunts.orders import Answer
from safeconduct.adapters.hunts.runner import ChildHunts, HuntChild
from safeconduct.adapters.hunts.segments import SEGMENT_BYTES, SEGMENT_ROWS, Segment, absorbed
from safeconduct.adapters.memory.hunts import ReadingHunts
from safeconduct.adapters.sqlite.events import SqliteEventStore
from safeconduct.kernel.canonical import INTEGER_MAX
from safeconduct.kernel.errors import LimitedError, UnavailableError
from safeconduct.soc.hunts.columns import values_below
from safeconduct.soc.hunts.model import Budget, Order, Reach
from safeconduct.soc.ports import Reading
from support.hunting import ARCHIVE, FINDS, happened, hunt, where
from support.telemetry import later

LONG = bool(os.environ.get("SAFECONDUCT_LONG"))
GROUPED = [
    hunt(group=group, order=order, limit=limit)
    for group in (("host",), ("dst_port", "dst_ip"), ("user", "class"))
    for order in Order
    for limit in (2, 100)
]

TIMES = (Order.OLDEST, Order.NEWEST)


@pytest.fixture(scope="module")
def child():
    one = HuntChild()
    yield one
    one.close()


@pytest.fixture
def house(tmp_path, child):
    store = SqliteEventStore(tmp_path / "events.db")
    yield House(store, tmp_path, ChildHunts(child, tmp_path))
    store.close()


@dataclass
class House:
    """An archive whose segments a test does things to."""

    store: SqliteEventStore
    folder: Path
    runner: ChildHunts

    def add(self, *numbers):
        self.store.add([happened(n) for n in numbers], file="f", reading=Reading(lines=0))

    def counted(self):
        return self.runner.run(hunt(), Budget()).counted

    def files(self):
        return {path.name for path in (self.folder / "segments").glob("*.parquet")}


@pytest.fixture(scope="module")
def archive(tmp_path_factory, child):
    folder = tmp_path_factory.mktemp("archive")
    store = SqliteEventStore(folder / "events.db")
    store.add(ARCHIVE, file="f", reading=Reading(lines=8))
    yield ChildHunts(child, folder), ReadingHunts(store)
    store.close()


def same(one, other):
    assert replace(one, took=0, query="") == replace(other, took=0)
    assert one.reach.number > 0


@pytest.mark.parametrize("asked", [asked for asked, _ in FINDS] + GROUPED, ids=lambda _: "")
def test_the_same_answer_as_reading_one_by_one(archive, asked):
    runner, reference = archive
    same(runner.run(asked, Budget()), reference.run(asked, Budget()))


AROUND = [hunt(where("host", "equals", "web-01"), limit=limit, order=order) for limit in (1, 2, 3) for order in TIMES]
AROUND += [hunt(where("dst_port", "exists"), group=("dst_port",), limit=limit) for limit in (2, 3, 4)]


@pytest.mark.parametrize("asked", AROUND, ids=lambda _: "")
def test_the_same_answer_where_the_limit_is_just_what_there_is_and_beside_it(archive, asked):
    runner, reference = archive
    same(runner.run(asked, Budget()), reference.run(asked, Budget()))


@pytest.mark.parametrize(("asked", "scans"), [(AROUND[2], 1), (AROUND[0], 3), (AROUND[7], 1), (AROUND[6], 2)])
def test_conditions_are_scanned_once_unless_the_limit_cuts(archive, asked, scans):
    runner, _ = archive
    runner.run(hunt(), Budget())
    engine = Counting(Path(runner._folder) / "segments")
    engine.read(list(engine.folder.glob("*.parquet")))
    answer(engine, asked, Budget(), Reach())
    assert engine.asked == 1 + scans  # and once what there is of each source, which reads no field


class Counting(DuckDB):
    """Counts what it is asked."""

    def __init__(self, folder):
        super().__init__(folder)
        self.folder, self.asked = folder, 0

    def rows(self, query):
        self.asked += 1
        return super().rows(query)


def test_what_arrived_since_is_found_whatever_its_time(house):
    house.add(*range(10, 14))
    assert house.counted() == 4
    former = house.files()
    house.add(1, 12, 99)
    answer = house.runner.run(hunt(limit=1), Budget())
    assert (answer.counted, answer.events) == (6, (happened(1).id,))
    assert len(house.files()) == 1, "a small segment is taken into the next"
    assert house.files() != former
    assert house.counted() == 6
    assert len(house.files()) == 1


def test_since_a_reach_only_what_arrived_later_is_looked_at_whenever_it_happened(house):
    reference = ReadingHunts(house.store)
    house.add(*range(10, 14))
    former = house.runner.run(hunt(), Budget()).reach
    house.add(1, 12, 99)
    asked = hunt(since=former)
    found = house.runner.run(asked, Budget())
    same(found, reference.run(asked, Budget()))
    assert (found.counted, found.scanned, found.reach.number) == (2, 2, 6)
    assert set(found.events) == {happened(1).id, happened(99).id}
    again = hunt(since=found.reach)
    same(house.runner.run(again, Budget()), reference.run(again, Budget()))
    assert house.runner.run(again, Budget()).scanned == 0
    bounded = hunt(since=former, first=later(50))
    same(house.runner.run(bounded, Budget()), reference.run(bounded, Budget()))
    anew = hunt(since=replace(found.reach, generation="another"))
    same(house.runner.run(anew, Budget()), reference.run(anew, Budget()))
    assert house.runner.run(anew, Budget()).scanned == 6, "an index that was made again is all new"


def test_a_large_segment_stays_as_it_is(house):
    house.add(*range(40))
    house.counted()
    (large,) = house.files()
    house.add(100)
    assert house.counted() == 41
    house.add(101)
    assert house.counted() == 42
    assert large in house.files()
    assert len(house.files()) == 2


@pytest.mark.parametrize("harm", ["cut", "other bytes", "gone", "no manifest", "broken manifest"])
def test_damaged_segments_are_made_again(tmp_path, harm):
    store = SqliteEventStore(tmp_path / "events.db")
    store.add([happened(n) for n in range(20)], file="f", reading=Reading(lines=0))
    assert read_anew(tmp_path) == 20
    HARMS[harm](tmp_path / "segments")
    assert read_anew(tmp_path) == 20
    store.close()


def read_anew(folder):
    """As a new child does."""
    archive = Archive(folder, Chosen())
    while not archive.catch_up().done:
        pass
    return archive.answer(Answer(str(folder), hunt(), Budget())).result.counted


def spoiled(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def only(folder):
    (path,) = folder.glob("*.parquet")
    return path


HARMS = {
    "cut": lambda folder: only(folder).write_bytes(only(folder).read_bytes()[:100]),
    "other bytes": lambda folder: spoiled(only(folder)),
    "gone": lambda folder: only(folder).unlink(),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "broken manifest": lambda folder: (folder / "manifest.json").write_text('{"schema": 1'),
}


def test_segments_of_an_index_that_was_made_again_are_made_again(house):
    house.add(*range(5))
    assert house.counted() == 5
    house.store.close()
    (house.folder / "events.db").unlink()
    house.store = SqliteEventStore(house.folder / "events.db")
    house.add(*range(10, 15))
    assert house.runner.run(hunt(limit=1), Budget()).events == (happened(10).id,)
    assert house.counted() == 5


def test_a_child_that_was_killed_is_started_again_and_has_lost_nothing(house):
    child = HuntChild()
    house.runner = ChildHunts(child, house.folder)
    house.add(*range(5))
    assert house.counted() == 5
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(UnavailableError) as caught:
        house.counted()
    assert caught.value.code == "hunts-unavailable"
    assert house.counted() == 5
    child.close()


def test_a_hunt_over_its_budget_is_stopped_and_the_next_one_answered(house):
    house.add(*range(5))
    assert house.runner.run(hunt(), Budget(scanned=5)).counted == 5
    with pytest.raises(LimitedError) as caught:
        house.runner.run(hunt(), Budget(scanned=4))
    assert caught.value.code == "hunt-over-budget"
    with pytest.raises(LimitedError) as caught:
        house.runner.run(hunt(), Budget(seconds=0))
    assert caught.value.code == "hunt-over-budget"
    assert house.counted() == 5


def test_who_asks_never_imports_an_engine():
    script = "import sys, safeconduct.adapters.hunts.runner; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True).stdout.split()
    assert not {"ibis", "duckdb", "sqlglot", "chdb"} & set(loaded)


def test_how_many_former_segments_a_new_one_takes_in():
    def after(*rows, new, each=1, size=1):
        return absorbed([Segment("", one, each) for one in rows], new, size)

    assert after(new=5) == 0
    assert after(10, new=5) == 1
    assert after(11, new=5) == 0
    assert after(100, 20, 10, new=5) == 2
    assert after(SEGMENT_ROWS - 100, new=100) == 0
    assert after(SEGMENT_ROWS // 2, new=SEGMENT_ROWS // 2) == 1
    assert after(SEGMENT_ROWS // 2, new=SEGMENT_ROWS // 2 + 1) == 0
    assert after(5, 5, new=5, each=SEGMENT_BYTES // 3, size=SEGMENT_BYTES - SEGMENT_BYTES // 3 * 2) == 2
    assert after(5, 5, new=5, each=SEGMENT_BYTES // 3, size=SEGMENT_BYTES - SEGMENT_BYTES // 3 * 2 + 1) == 1


def test_wide_events_fill_a_segment_by_their_bytes(house, monkeypatch):
    monkeypatch.setattr(catching_up, "SEGMENT_BYTES", 10_000)
    house.store.add([happened(n, raw={"wide": "x" * 1_000}) for n in range(20)], file="f", reading=Reading(lines=0))
    archive, steps = Archive(house.folder, Chosen()), 1
    while not archive.catch_up().done:
        steps += 1
    assert steps >= 5
    assert archive.answer(Answer(str(house.folder), hunt(), Budget())).result.counted == 20
    archive.close()


TEXTS = st.text(alphabet=st.sampled_from("aAbİß/\\'\"%_*?.\n\0 é{}$"), min_size=1, max_size=4)
VALUES = st.one_of(TEXTS, st.integers(-INTEGER_MAX, INTEGER_MAX), st.booleans(), st.none(), st.just(""))
RAWS = st.dictionaries(
    TEXTS, st.one_of(VALUES, st.lists(VALUES, max_size=3), st.dictionaries(TEXTS, VALUES, max_size=2))
)


@settings(max_examples=100 if LONG else 5, deadline=None)
@given(data=st.data(), raws=st.lists(RAWS, min_size=1, max_size=6))
def test_whatever_telemetry_holds_is_found_as_the_reference_finds_it(tmp_path_factory, child, data, raws):
    folder = tmp_path_factory.mktemp("drawn")
    store = SqliteEventStore(folder / "events.db")
    drawn = [happened(n, "json", raw, device={"hostname": raw.get("a")}) for n, raw in enumerate(raws)]
    store.add(drawn, file="f", reading=Reading(lines=0))
    runner, reference = ChildHunts(child, folder), ReadingHunts(store)
    places = [*sorted({at for event in drawn for at in values_below(event)}), "host", "/raw/x"]
    for _ in range(10):
        field, operator = data.draw(st.sampled_from(places)), data.draw(st.sampled_from(WORDS))
        asked = hunt(where(field, operator, data.draw(TEXTS), negated=data.draw(st.booleans())))
        same(runner.run(asked, Budget()), reference.run(asked, Budget()))
    store.close()


WORDS = ["equals", "contains", "startswith", "endswith", "exists"]
