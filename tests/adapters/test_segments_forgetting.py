"""Of the copies for hunts those segments go that hold destroyed events, wholly, whatever ends in between."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safeconduct.adapters.hunts import catching_up, forgetting, segments
from safeconduct.adapters.hunts.child import Archive
from safeconduct.adapters.hunts.choosing import Chosen
from safeconduct.adapters.hunts.forgetting import SegmentCopies
from safeconduct.adapters.hunts.orders import Answer, CatchUp, Detect, Reply
from safeconduct.adapters.hunts.rows import SCHEMA, from_sort_key
from safeconduct.adapters.hunts.runner import ChildHunts, HuntChild
from safeconduct.adapters.hunts.segments import FOLDER, MANIFEST, SPILL, Segments
from safeconduct.adapters.memory.hunts import ReadingHunts
from safeconduct.adapters.sqlite.events import SqliteEventStore
from safeconduct.kernel.instants import Duration
from safeconduct.soc.hunts.model import Budget, HuntResult, RuleHunt
from safeconduct.soc.ports import Reading
from support.hunting import happened, hunt

LARGE, MIDDLE, SMALL = range(40), range(100, 110), range(200, 202)
"""Events that arrive one after the other and make segments of their own: none is small beside the next."""


@pytest.fixture(scope="module")
def child():
    one = HuntChild()
    yield one
    one.close()


@pytest.fixture
def house(tmp_path, child):
    made = House(SqliteEventStore(tmp_path / "events.db"), tmp_path, ChildHunts(child, tmp_path))
    yield made
    made.store.close()


@dataclass
class House:
    """An archive whose files are destroyed by orders."""

    store: SqliteEventStore
    folder: Path
    runner: ChildHunts

    @property
    def copies(self):
        return SegmentCopies(Segments(self.folder / FOLDER))

    def add(self, file, numbers):
        self.store.add([happened(n) for n in numbers], file=file, reading=Reading(complete=True))

    def hunted(self):
        """Hunts, which must find what reading one by one finds; returns how many events there are."""
        found, expected = self.runner.run(hunt(), Budget()), ReadingHunts(self.store).run(hunt(), Budget())
        assert replace(found, took=0, query="", reach=None) == replace(expected, took=0, reach=None)
        return found.scanned

    def destroy(self, order, *files):
        for file in files:
            self.copies.begin(order)
            self.copies.mark(order, self.store.span(file))
            self.store.destroy(file)

    def forget(self, order):
        self.copies.forget(order, self.renewed)

    def renewed(self):
        self.store.renew()
        return self.store.generation(), self.store.edition()

    def names(self):
        return {path.name for path in (self.folder / FOLDER).glob("*.parquet")}

    def copied(self):
        """Returns the ids of the events of which any file of the folder has a row."""
        paths = [str(path) for path in (self.folder / FOLDER).rglob("*.parquet")]
        rows = duckdb.read_parquet(paths).fetchall() if paths else []
        column = list(SCHEMA).index("key")
        return {from_sort_key(row[column])[1] for row in rows}

    def stored(self):
        return {event.id for event in self.store.between()}


def segmented(house):
    """Makes a large, a middle and a small segment; of the middle one two files have half each."""
    house.add("large", LARGE)
    house.hunted()
    house.add("left", MIDDLE[:5])
    house.add("right", MIDDLE[5:])
    house.hunted()
    house.add("small", SMALL)
    assert house.hunted() == len(LARGE) + len(MIDDLE) + len(SMALL)
    assert len(house.names()) == 3
    return house.names()


@pytest.mark.parametrize(
    ("files", "stay", "left"),
    [
        (["left"], 2, 3),
        (["left", "right"], 2, 2),
        (["large"], 2, 2),
        (["small"], 2, 2),
        (["large", "small"], 1, 1),
        (["large", "left", "right", "small"], 0, 0),
    ],
)
def test_segments_without_destroyed_events_stay_and_the_others_are_made_again(house, files, stay, left):
    former = segmented(house)
    house.destroy("o", *files)
    house.forget("o")
    assert (len(house.names() & former), house.names() - former) == (stay, set())
    assert house.copied() <= house.stored()
    assert house.hunted() == len(house.stored())
    assert (house.copied(), len(house.names())) == (house.stored(), left)
    house.add("later", range(300, 303))
    assert house.hunted() == len(house.stored())


def test_a_segment_whose_rows_do_not_fit_any_more_becomes_several(house, monkeypatch):
    segmented(house)
    house.destroy("o", "left")
    house.forget("o")
    monkeypatch.setattr(catching_up, "SEGMENT_ROWS", 2)
    archive, steps = Archive(house.folder, Chosen()), 1
    while not archive.catch_up().done:
        steps += 1
    archive.close()
    assert (steps, house.copied()) == (4, house.stored())
    assert house.hunted() == len(house.stored())


def test_what_an_order_marked_is_gone_when_it_ends_whatever_another_does_and_hunts_copy(house):
    segmented(house)
    house.add("shared", [*MIDDLE[:2], 400])
    house.hunted()
    for order, file in (("one", "left"), ("two", "right"), ("one", ""), ("two", "shared")):
        if file:
            house.destroy(order, file)
        else:
            house.forget(order)
            assert house.copied().isdisjoint({happened(n).id for n in MIDDLE[2:5]})
        house.runner.run(hunt(), Budget())  # copies what is there at this moment
    house.forget("two")
    assert house.copied() <= house.stored()
    assert house.hunted() == len(LARGE) + len(SMALL)


class Crash(Exception):  # noqa: N818 - it stands for the end of a process
    """The process ended here."""


STEPS = {
    "marks": (forgetting, "write_atomically"),
    "events": (SqliteEventStore, "destroy"),
    "edition": (SqliteEventStore, "renew"),
    "manifest": (Segments, "_write"),
    "files": (Segments, "sweep"),
    "folder": (segments, "sync_folder"),
    "ended": (forgetting, "sync_folder"),
}


@pytest.mark.parametrize("hunts", [False, True])
@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_ended_at_any_step_it_ends_the_same_when_it_is_done_again(house, monkeypatch, step, applied, hunts):
    former = segmented(house)
    where, what = STEPS[step]
    real, left = getattr(where, what), [1]

    def once(*given, **named):
        if not left:
            return real(*given, **named)
        left.clear()
        if applied:
            real(*given, **named)
        raise Crash

    def carried_out():
        house.destroy("o", "left", "small")
        house.forget("o")

    with monkeypatch.context() as patched:
        patched.setattr(where, what, once)
        with pytest.raises(Crash):
            carried_out()
    if hunts:
        house.runner.run(hunt(), Budget())
    carried_out()
    assert house.copied() <= house.stored()
    assert house.hunted() == len(house.stored()) == len(LARGE) + 5
    assert hunts or len(house.names() & former) == 1


def manifest_of(house):
    return house.folder / FOLDER / MANIFEST


def older(house):
    said = json.loads(manifest_of(house).read_text())
    said["segments"] = [{key: one[key] for key in ("digest", "rows", "size")} for one in said["segments"]]
    manifest_of(house).write_text(json.dumps(said))


LOST = {
    "marks": lambda house: next((house.folder / FOLDER).glob("destroying-*")).unlink(),
    "broken marks": lambda house: next((house.folder / FOLDER).glob("destroying-*")).write_text("["),
    "manifest": lambda house: manifest_of(house).unlink(),
    "broken manifest": lambda house: manifest_of(house).write_text("{"),
    "numbers of an earlier version": older,
}


@pytest.mark.parametrize("lost", LOST)
def test_where_nobody_knows_which_hold_them_all_copies_go(house, lost):
    segmented(house)
    house.destroy("o", "left")
    LOST[lost](house)
    house.forget("o")
    assert house.names() == set()
    assert house.hunted() == len(house.stored())


def test_what_a_killed_engine_put_aside_goes_too(house):
    segmented(house)
    aside = house.folder / FOLDER / SPILL
    aside.mkdir(exist_ok=True)
    (aside / "duckdb_temp_storage_DEFAULT-0.tmp").write_text("zyx")
    house.destroy("o", "left")
    house.forget("o")
    assert list(aside.iterdir()) == []


@pytest.mark.parametrize("marked", [True, False])
def test_a_hunt_whose_segments_go_before_it_is_asked_is_not_answered_from_what_is_left(house, marked):
    segmented(house)
    archive = Archive(house.folder, Chosen())
    while not archive.catch_up().done:
        pass
    house.destroy("o", "left")
    if not marked:
        LOST["marks"](house)
    house.forget("o")
    assert not archive.answer(Answer(str(house.folder), hunt(), Budget())).done
    assert not archive.detect(Detect(str(house.folder), RuleHunt(files=(), filled={}), Budget())).done
    while not archive.catch_up().done:
        pass
    reply = archive.answer(Answer(str(house.folder), hunt(), Budget()))
    assert (reply.done, reply.result.scanned) == (True, len(house.stored()))
    archive.close()


class Scripted:
    """A child whose replies are given."""

    def __init__(self, *replies):
        self.replies, self.asked = list(replies), []

    def ask(self, order, within):
        assert within > 0
        self.asked.append(type(order))
        return self.replies.pop(0)


def test_who_asks_catches_up_again_and_is_answered_then(tmp_path):
    result = HuntResult(rows=(), events=(), counted=7, scanned=7, sources={}, took=Duration(0))
    child = Scripted(Reply(), Reply(done=False), Reply(done=False), Reply(), Reply(result=result))
    assert ChildHunts(child, tmp_path).run(hunt(), Budget()).counted == 7
    assert child.asked == [CatchUp, Answer, CatchUp, CatchUp, Answer]


FILES = st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=30), min_size=2, max_size=6)


@settings(max_examples=8, deadline=None)
@given(files=FILES, data=st.data())
def test_whatever_comes_and_goes_copies_hold_what_the_index_holds(tmp_path_factory, child, files, data):
    folder = tmp_path_factory.mktemp("drawn")
    house = House(SqliteEventStore(folder / "events.db"), folder, ChildHunts(child, folder))
    coming, there, going = [(f"f{n}", one) for n, one in enumerate(files)], [], []
    for number in range(4 * len(files)):
        act = data.draw(st.sampled_from(["add", "hunt", "destroy", "forget"]))
        if act == "add" and coming:
            house.add(*coming[0])
            there.append(coming.pop(0)[0])
        elif act == "hunt":
            house.runner.run(hunt(), Budget())
        elif act == "destroy" and there:
            file = there.pop(data.draw(st.integers(0, len(there) - 1)))
            house.destroy(f"o{number}", file)
            going.append(f"o{number}")
        elif act == "forget" and going:
            house.forget(going.pop(data.draw(st.integers(0, len(going) - 1))))
    for order in going:
        house.forget(order)
    assert house.copied() <= house.stored()
    house.hunted()
    assert house.copied() == house.stored()
    house.store.close()
