"""Raw files that stand in no entry: they count from when they are found, or are destroyed again, or are told."""

import fcntl
import hashlib
import io
import shutil

import msgspec
import pytest

from safeconduct.access.holds_events import HOLDS, Hold
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EntryId, PrincipalId
from safeconduct.kernel.instants import DAY, Instant
from safeconduct.ledger.tiles import LEAF_BYTES_MAX
from safeconduct.soc.arriving import ARRIVALS, UNTOLD
from safeconduct.soc.owners import origin_of
from safeconduct.soc.retention import ordering, strays
from safeconduct.soc.retention.due import stated
from safeconduct.soc.retention.events import TelemetryFound
from support.keeping import DESTROYED, ORDERED, KeepingHouse
from support.telemetry import accepted, visit

KEPT = 30
FOUND = "soc.telemetry.found/1"
UNREADABLE = b"\x00\x01zyx-unread\xff"


@pytest.fixture
def made(tmp_path):
    houses = []

    def make(**days):
        houses.append(KeepingHouse(tmp_path / "house", days))
        return houses[-1]

    yield make
    for house in houses:
        house.stack.close()


@pytest.fixture
def house(made):
    return made(all=KEPT)


def later(house, days):
    house.writer.now = Instant(house.writer.now + days * DAY)


def found(house):
    return [entry.body["files"] for entry in house.writer.entries if entry.type == FOUND]


def round_of(house):
    """A server starts, looks for strays and for what is due, and carries out what is ordered."""
    house.start_again()
    house.retainer.look()
    assert house.carry_out() == []


def unread(house, content=UNREADABLE):
    status, told = house.post("telemetry", content, name="odd.bin")
    assert (status, told["recorded"]) == (200, False)
    assert told["file"]["problem"]
    return told["file"]["digest"]


def unrecorded(house, line, name="auth.log"):
    """Takes a file in and ends before its entry is written."""
    return house.archive.telemetry.take(name, io.BytesIO(f"{line}\n".encode())).digest


def told(house):
    (document,) = house.get("telemetry/retention")[1]
    return document


@pytest.mark.parametrize("taking", [unread, lambda house: unrecorded(house, accepted("zyx-unread"))])
def test_its_days_count_from_when_it_is_found(house, taking):
    digest = taking(house)
    (stray,) = told(house)["strays"]
    assert (stray["digest"], stray["described"], told(house)["strays_days"]) == (digest, True, KEPT)
    later(house, 3)
    round_of(house)
    assert [list(files) for files in found(house)] == [[digest]]
    assert told(house)["strays"] == []
    later(house, KEPT)
    round_of(house)
    assert house.on_disk("zyx-unread")
    later(house, 1)
    round_of(house)
    assert house.types() == [ORDERED, DESTROYED]
    assert (house.on_disk("zyx-unread"), house.events.counts(), len(found(house))) == ([], {}, 1)


def test_it_may_be_of_any_source_so_it_is_kept_as_long_as_the_one_kept_longest(made):
    house = made(auth=10, all=20)
    assert stated(house.writer.state, "", UNTOLD).days == 20
    unread(house)
    round_of(house)
    later(house, 11)
    round_of(house)
    assert house.on_disk("zyx-unread")
    later(house, 10)
    round_of(house)
    assert house.on_disk("zyx-unread") == []


def test_where_any_source_is_kept_without_limit_it_is_too_and_that_is_told(made):
    house = made(auth=10)
    digest = unread(house)
    round_of(house)
    assert found(house) == []
    assert [one["digest"] for one in told(house)["strays"]] == [digest]
    assert told(house)["strays_days"] is None
    later(house, 4_000)
    round_of(house)
    assert house.on_disk("zyx-unread")


@pytest.mark.parametrize("said", ["", "{"])
def test_what_nothing_describes_is_told_and_stays_until_it_is_ingested_again(house, said):
    line = f"{accepted('zyx-lost')}\n".encode()
    digest = hashlib.sha256(line).hexdigest()
    (house.folder / "raw" / digest).write_bytes(line)
    if said:
        (house.folder / "raw" / f"{digest}.json").write_text(said)
    later(house, 4_000)
    round_of(house)
    assert (house.types(), found(house)) == ([], [])
    assert [(one["digest"], one["described"]) for one in told(house)["strays"]] == [(digest, False)]
    assert house.take(accepted("zyx-lost")) == digest
    assert told(house)["strays"] == []
    later(house, KEPT + 1)
    round_of(house)
    assert house.on_disk("zyx-lost") == []


def test_a_server_that_starts_says_which_description_is_damaged_and_what_to_do(house):
    digest = house.take(accepted("zyx-one"))
    (house.folder / "raw" / f"{digest}.json").write_text("{")
    with pytest.raises(UnavailableError) as caught:
        house.archive.telemetry.resume()
    assert (caught.value.code, digest in caught.value.remedy) == ("raw-file-damaged", True)


def test_what_people_work_with_is_no_stray_and_is_not_destroyed_where_it_became_that(house):
    house.archive.telemetry.keep_aside("mine", b"zyx-rules", "rules")
    digest = unread(house)
    assert [one["digest"] for one in told(house)["strays"]] == [digest]
    round_of(house)
    house.archive.telemetry.keep_aside("mine", UNREADABLE, "rules")
    later(house, KEPT + 1)
    round_of(house)
    assert house.types() == [ORDERED, DESTROYED]
    assert house.archive.telemetry.kept_aside(digest, "rules") == UNREADABLE


def test_a_file_that_is_read_in_at_this_moment_is_no_stray(house):
    digest = unrecorded(house, accepted("zyx-one"))
    with (house.folder / "raw" / digest).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert told(house)["strays"] == []
        round_of(house)
        assert found(house) == []
    assert [one["digest"] for one in told(house)["strays"]] == [digest]


def test_one_that_is_recorded_later_came_when_it_was_found_and_is_of_its_source(house):
    digest = unrecorded(house, visit(uri="/zyx-two"), "access.log")
    round_of(house)
    (day,) = [one.day for _, one in house.writer.state.scan(ARRIVALS)]
    later(house, 5)
    assert house.take(visit(uri="/zyx-two"), name="access.log") == digest
    ((_, came),) = house.writer.state.scan(ARRIVALS)
    assert (came.day, came.sources, came.events) == (day, "access", 1)


@pytest.mark.parametrize("held", [False, True])
def test_what_broken_off_copying_left_is_removed_but_for_what_is_copied_now(house, held):
    part = house.folder / "raw" / ".4711.4711.part"
    with part.open("wb") as file:
        file.write(b"zyx-part")
        file.flush()
        if held:
            fcntl.flock(file, fcntl.LOCK_EX)
            round_of(house)
            assert house.on_disk("zyx-part") == [part.name]
    round_of(house)
    assert house.on_disk("zyx-part") == []


def test_more_than_fit_an_entry_are_in_several(house, monkeypatch):
    monkeypatch.setattr(strays, "FOUND_MAX", 2)
    for number in range(5):
        unread(house, UNREADABLE + bytes([number]))
    round_of(house)
    assert [len(files) for files in found(house)] == [2, 2, 1]


def test_a_backlog_is_recorded_and_destroyed_again_in_bounded_parts_one_look_after_the_other(house, monkeypatch):
    monkeypatch.setattr(strays, "FOUND_MAX", 1)
    monkeypatch.setattr(strays, "ENTRIES_MAX", 2)
    for number in range(5):
        unread(house, UNREADABLE + bytes([number]))
    counts = []
    for _ in range(4):
        house.retainer.look()
        counts.append(len(found(house)))
    assert counts == [2, 4, 5, 5]


def test_a_restored_backlog_is_ordered_one_look_after_the_other(house, monkeypatch):
    monkeypatch.setattr(ordering, "FILES_MAX", 1)
    monkeypatch.setattr(ordering, "ORDERS_MAX", 2)
    for number in range(5):
        house.take(accepted("zyx-one", at_s=number))
    later(house, KEPT + 1)
    shutil.copytree(house.folder / "raw", house.folder.parent / "backup")
    while house.retainer.look():
        assert house.carry_out() == []
    shutil.copytree(house.folder.parent / "backup", house.folder / "raw", dirs_exist_ok=True)
    house.start_again()
    counts = []
    while orders := house.retainer.look():
        counts.append(len(orders))
        assert house.carry_out() == []
    assert (counts, house.on_disk("zyx-one")) == ([2, 2, 1], [])


def test_strays_are_looked_for_once_a_day(house):
    house.retainer.look()
    house.retainer.look()
    unread(house)
    house.retainer.look()
    assert found(house) == []
    later(house, 1)
    house.retainer.look()
    assert len(found(house)) == 1


def test_an_entry_of_the_most_files_fits():
    files = {f"{number:064x}": 512 * 1024 * 1024 for number in range(strays.FOUND_MAX)}
    most = TelemetryFound(owner="o" * 64, files=files)
    assert len(canonical(msgspec.to_builtins(most))) < LEAF_BYTES_MAX - 4_096


@pytest.fixture
def restored(house):
    """A house whose log says that a file was destroyed, and whose backup from before was put back."""
    digest = house.take(accepted("zyx-one"))
    later(house, KEPT + 1)
    shutil.copytree(house.folder / "raw", house.folder.parent / "backup")
    round_of(house)
    assert house.on_disk("zyx-one") == []
    shutil.copytree(house.folder.parent / "backup", house.folder / "raw", dirs_exist_ok=True)
    house.archive.telemetry.resume()  # what a server does when it starts
    assert house.events.counts() == {"auth": 1}
    return digest


def test_what_a_restored_backup_brings_is_destroyed_again(house, restored):
    (order,) = [entry.id for entry in house.writer.entries if entry.type == ORDERED]
    (due,) = told(house)["due"]
    assert (due["again"], due["files"], told(house)["strays"]) == (order, 1, [])
    round_of(house)
    assert house.types() == [ORDERED, DESTROYED] * 2
    again = [entry.body for entry in house.writer.entries if entry.type == ORDERED][-1]
    assert (again["again"], again["files"], again["rule"]) == (
        order,
        [restored],
        "organization:northwind/telemetry_days/all",
    )
    assert (house.on_disk("zyx-one"), house.events.counts(), found(house)) == ([], {}, [])
    round_of(house)
    assert len(house.types()) == 4


def test_by_hand_too(house, restored):
    status, (done,) = house.post("telemetry/retention", b"", by="ana")
    assert (status, done["destroyed"], done["files"]) == (200, True, 1)
    assert house.on_disk("zyx-one") == []


def test_a_legal_hold_keeps_what_is_back(house, restored):
    state = house.writer.state
    placed = Hold(
        id=EntryId("hold"), origin=origin_of(state), subject=None, retention=None, by=PrincipalId("ana"),
        reason="a claim", at=house.writer.now,
    )  # fmt: skip
    state.put(HOLDS, placed.id, placed)
    round_of(house)
    assert (len(house.types()), bool(house.on_disk("zyx-one"))) == (2, True)
    state.delete(HOLDS, "hold")
    round_of(house)
    assert house.on_disk("zyx-one") == []


def test_what_is_taken_in_again_after_a_restore_is_new_and_stays(house, restored):
    assert house.take(accepted("zyx-one")) == restored
    round_of(house)
    assert (len(house.types()), bool(house.on_disk("zyx-one"))) == (2, True)
