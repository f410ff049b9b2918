"""What every `Store` and `Heads` promises, held against memory and disk alike."""

import contextlib
import sqlite3
import threading

import pytest

from safeconduct.adapters.files import FileHeads
from safeconduct.adapters.memory.log import MemoryHeads, MemoryStore
from safeconduct.adapters.postgres.control import PostgresStore
from safeconduct.adapters.postgres.heads import PostgresHeads
from safeconduct.adapters.sqlite.control import SqliteStore
from safeconduct.adapters.sqlite.database import translated
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ports import Collection
from safeconduct.ledger.merkle import leaf_hash
from safeconduct.ledger.ports import Batch, LogGrowth, LogRepair, NewEntry, StoredEntry
from support.logs import CALLS, OTHER

NUMBERS = Collection("numbers", int)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request, tmp_path):
    made = store_of(request, tmp_path)
    yield made
    made.close()


def store_of(request, tmp_path):
    if request.param == "memory":
        return MemoryStore()
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "s.db")
    return PostgresStore(request.getfixturevalue("database"))


def new(entry_id, leaf=b"leaf", **blobs):
    return NewEntry(entry_id, leaf, leaf_hash(leaf), blobs)


def growth(base, *entries, origin=CALLS, tiles=None, note="note"):
    return LogGrowth(origin=origin, base=base, entries=entries, tiles=tiles or {}, checkpoint=note)


def test_a_batch_is_there_after_the_commit(store):
    store.commit(
        Batch(
            growths=(
                growth(0, new("A", b"a", f=b"blob"), new("B", b"b"), tiles={(0, 0): b"h" * 64}, note="two"),
                growth(0, new("C", b"c"), origin=OTHER),
            ),
            changes={("numbers", "one"): b"1", ("numbers", "gone"): None},
        )
    )
    assert store.origins() == [CALLS, OTHER]
    assert (store.size(CALLS), store.size(OTHER), store.size("unknown")) == (2, 1, 0)
    assert list(store.entries(CALLS)) == [StoredEntry(0, "A", b"a"), StoredEntry(1, "B", b"b")]
    assert list(store.entries(CALLS, 1, 5)) == [StoredEntry(1, "B", b"b")]
    assert list(store.entries(CALLS, 0, 1)) == [StoredEntry(0, "A", b"a")]
    assert store.find("C") == (OTHER, StoredEntry(0, "C", b"c"))
    assert store.find("D") is None
    assert store.tile(CALLS, 0, 0) == b"h" * 64
    assert store.tile(CALLS, 1, 0) == b""
    assert store.tile_names(CALLS) == [(0, 0)]
    assert (store.checkpoint(CALLS), store.checkpoint("unknown")) == ("two", None)
    assert (store.blob("A", "f"), store.blob("A", "g")) == (b"blob", None)
    assert list(store.blobs()) == [("A", "f", b"blob")]
    assert store.raw("numbers", "one") == b"1"


def test_entries_are_found_by_the_beginnings_of_their_ids_in_every_log(store):
    store.commit(Batch(growths=(growth(0, new("AB2"), new("AC")), growth(0, new("AB1", b"1"), origin=OTHER))))
    assert list(store.begun("AB", 9)) == [(OTHER, StoredEntry(0, "AB1", b"1")), (CALLS, StoredEntry(0, "AB2", b"leaf"))]
    assert [one.id for _, one in store.begun("AB", 1)] == ["AB1"]
    assert [one.id for _, one in store.begun("", 9)] == ["AB1", "AB2", "AC"]
    assert list(store.begun("AB3", 9)) == list(store.begun("%", 9)) == list(store.begun("ac", 9)) == []


def repair(start, *ids, origin=CALLS, **more):
    return LogRepair(origin=origin, start=start, ids=frozenset(ids), **more)


def filled(store):
    tiles = {(0, 0): b"h" * 64, (1, 7): b"h" * 32}
    store.commit(Batch(growths=(growth(0, new("A", f=b"blob"), new("B", g=b"blob"), tiles=tiles, note="two"),)))
    store.commit(Batch(growths=(growth(0, new("C"), origin=OTHER),), changes={("numbers", "one"): b"1"}))
    store.keep_cosigned(CALLS, 1, "one", "w")
    store.keep_cosigned(CALLS, 2, "two", "w")


def test_a_repair_takes_out_what_it_names_before_the_log_grows_again(store):
    filled(store)
    blobs = iter([("A", "f", b"new"), ("B", "g", None), ("B", "h", b"more")])
    store.commit(
        Batch(
            repairs=(repair(1, "B", "C", tiles=((1, 7), (5, 5)), cosigned=((1, "w"), (9, "w")), blobs=blobs),),
            growths=(growth(1, new("B", b"b"), new("C", b"c"), tiles={(0, 0): b"i" * 96}, note="three"),),
        )
    )
    assert list(store.entries(CALLS)) == [
        StoredEntry(0, "A", b"leaf"),
        StoredEntry(1, "B", b"b"),
        StoredEntry(2, "C", b"c"),
    ]
    assert store.size(OTHER) == 0
    assert store.tile_names(CALLS) == [(0, 0)]
    assert (store.tile(CALLS, 0, 0), store.checkpoint(CALLS)) == (b"i" * 96, "three")
    assert store.cosigned(CALLS) == [(2, "two", "w")]
    assert sorted(store.blobs()) == [("A", "f", b"new"), ("B", "h", b"more")]
    store.commit(Batch(repairs=(repair(0, origin="unknown"),)))


@pytest.mark.parametrize("base", [0, 2])
def test_a_repair_without_its_growth_leaves_nothing(store, base):
    filled(store)
    with pytest.raises(UnavailableError, match="someone else"):
        store.commit(
            Batch(
                repairs=(repair(1, "B", tiles=((0, 0),), cosigned=((1, "w"),), blobs=[("A", "f", None)]),),
                growths=(growth(base, new("B")),),
            )
        )
    assert [entry.id for entry in store.entries(CALLS)] == ["A", "B"]
    assert (store.tile_names(CALLS), len(store.cosigned(CALLS)), store.blob("A", "f")) == ([(0, 0), (1, 7)], 2, b"blob")


def test_tiles_and_checkpoint_are_replaced_as_they_grow(store):
    store.commit(Batch(growths=(growth(0, new("A"), tiles={(0, 0): b"1"}, note="one"),)))
    store.commit(Batch(growths=(growth(1, new("B"), tiles={(0, 0): b"12"}, note="two"),)))
    assert (store.tile(CALLS, 0, 0), store.checkpoint(CALLS)) == (b"12", "two")


def test_records_are_written_deleted_and_scanned_in_order(store):
    keys = ["a", "a/1", "a/2", "a/é", "a/\U0001f600", "b"]
    store.commit(Batch(changes={("c", key): key.encode() for key in keys} | {("d", "a/0"): b"other"}))
    assert [key for key, _value in store.raw_scan("c", "a/")] == ["a/1", "a/2", "a/é", "a/\U0001f600"]
    assert [key for key, _value in store.raw_scan("c", "")] == keys
    store.commit(Batch(changes={("c", "a"): None, ("c", "b"): b"new"}))
    assert store.raw("c", "a") is None
    assert store.raw_all() == {
        ("c", "a/1"): b"a/1",
        ("c", "a/2"): b"a/2",
        ("c", "a/é"): "a/é".encode(),
        ("c", "a/\U0001f600"): "a/\U0001f600".encode(),
        ("c", "b"): b"new",
        ("d", "a/0"): b"other",
    }


@pytest.mark.parametrize(
    "bad",
    [
        growth(1, new("B")),
        growth(3, new("B")),
        growth(2, new("A")),
        growth(2, NewEntry("B", b"leaf", leaf_hash(b"another"), {})),
    ],
    ids=["behind", "ahead", "id taken", "leaf changed"],
)
def test_a_batch_that_can_t_be_written_leaves_nothing(store, bad):
    store.commit(Batch(growths=(growth(0, new("A"), new("Z")),), changes={("numbers", "one"): b"1"}))
    before = list(store.entries(CALLS)), store.raw_all(), store.checkpoint(CALLS), store.origins()
    first = growth(0, new("N", f=b"x"), origin=OTHER)
    with pytest.raises(UnavailableError):
        store.commit(Batch(growths=(first, bad), changes={("numbers", "two"): b"2", ("numbers", "one"): None}))
    assert (list(store.entries(CALLS)), store.raw_all(), store.checkpoint(CALLS), store.origins()) == before
    assert list(store.blobs()) == []


def test_cosigned_checkpoints_are_kept_by_size_and_witness(store):
    store.commit(Batch(growths=(growth(0, new("A")),)))
    store.keep_cosigned(CALLS, 2, "second", "w")
    store.keep_cosigned(CALLS, 1, "first", "w")
    store.keep_cosigned(CALLS, 2, "second again", "w")
    store.keep_cosigned(CALLS, 2, "by another", "x")
    assert store.cosigned(CALLS) == [(1, "first", "w"), (2, "second again", "w"), (2, "by another", "x")]
    assert store.cosigned(OTHER) == []
    assert store.cosigned(CALLS, newest=2) == [(2, "second again", "w"), (2, "by another", "x")]
    assert store.cosigned(CALLS, witness="w", newest=1) == [(2, "second again", "w")]
    assert store.cosigned(CALLS, witness="x") == [(2, "by another", "x")]
    assert store.cosigned(CALLS, newest=9) == store.cosigned(CALLS)


def test_what_no_store_holds_is_not_there(store):
    for odd in ("", "\0", "no-such-id\0", "\U0010ffff"):
        assert store.find(odd) is None
        assert store.raw("numbers", odd) is None
    assert store.blob("\0", "f") is None


def test_a_key_of_a_record_may_be_any_text(store):
    keys = ["", "\0", "a\0b", "\U0010ffff"]
    store.commit(Batch(changes={("c", key): b"1" for key in keys}))
    assert [key for key, _value in store.raw_scan("c", "")] == sorted(keys)


def test_a_snapshot_does_not_see_later_commits(store):
    store.commit(Batch(changes={("numbers", "a"): b"1"}))
    with store.snapshot() as records:
        store.commit(Batch(changes={("numbers", "a"): b"2", ("numbers", "b"): b"3"}))
        assert records.get(NUMBERS, "a") == 1
        assert list(records.scan(NUMBERS)) == [("a", 1)]
    with store.snapshot() as records:
        assert list(records.scan(NUMBERS)) == [("a", 2), ("b", 3)]


def test_readers_in_other_threads_see_whole_commits_only(store):
    reader, wrong, stop = store.reader(), [], threading.Event()

    def read():
        while not stop.is_set():
            with store.snapshot() as records:
                pair = records.get(NUMBERS, "x"), records.get(NUMBERS, "y")
            if pair[0] != pair[1]:
                wrong.append(pair)
            reader.size(CALLS)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(60):
        both = dict.fromkeys([("numbers", "x"), ("numbers", "y")], str(number).encode())
        store.commit(Batch(growths=(growth(number, new(f"E{number}")),), changes=both))
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert reader.size(CALLS) == 60


class Halfway(dict):
    """Changes in whose middle something happens."""

    def __init__(self, changes, happens):
        super().__init__(changes)
        self.happens = happens

    def items(self):
        for number, item in enumerate(super().items()):
            if number == 1:
                self.happens()
            yield item


def test_a_reader_in_the_middle_of_a_commit_sees_none_or_all_of_it():
    store, seen, done = MemoryStore(), [], threading.Event()

    def read():
        with store.snapshot() as records:
            seen.append((records.get(NUMBERS, "x"), records.get(NUMBERS, "y")))
        done.set()

    reading = threading.Thread(target=read)

    def happens():
        reading.start()
        done.wait(0.2)  # a reader that does not wait for the commit is done long before

    store.commit(Batch(changes=Halfway(dict.fromkeys([("numbers", "x"), ("numbers", "y")], b"1"), happens)))
    reading.join()
    assert seen in ([(None, None)], [(1, 1)])


def test_a_sqlite_store_is_all_there_when_opened_again(tmp_path):
    one = SqliteStore(tmp_path / "s.db")
    one.commit(Batch(growths=(growth(0, new("A", f=b"x")),), changes={("c", "k"): b"1"}))
    one.close()
    two = SqliteStore(tmp_path / "s.db")
    assert (two.size(CALLS), two.raw("c", "k"), two.blob("A", "f")) == (1, b"1", b"x")
    two.close()


def test_a_store_from_a_newer_release_is_refused(tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "s.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(UnavailableError, match="schema 99") as caught:
        SqliteStore(tmp_path / "s.db")
    assert caught.value.code == "schema-unknown"


def test_a_second_writing_process_is_refused_at_its_commit(tmp_path):
    one, two = SqliteStore(tmp_path / "s.db"), SqliteStore(tmp_path / "s.db")
    one.commit(Batch(growths=(growth(0, new("A")),)))
    with pytest.raises(UnavailableError) as caught:
        two.commit(Batch(growths=(growth(0, new("B")),)))
    assert caught.value.code == "log-changed"
    one.close()
    two.close()


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "s.db").write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(UnavailableError, match="file is not a database"):
        SqliteStore(tmp_path / "s.db")


@pytest.fixture(params=["memory", "files", "postgres"])
def heads(request, tmp_path):
    if request.param == "memory":
        yield MemoryHeads()
    elif request.param == "files":
        yield FileHeads(tmp_path / "heads")
    else:
        made = PostgresHeads(request.getfixturevalue("database"))
        yield made
        made.close()


def test_a_head_is_replaced_only_by_who_knows_it(heads):
    assert heads.read(CALLS) is None
    assert heads.copies(CALLS) == []
    heads.replace(CALLS, "one\n", previous=None)
    heads.replace(CALLS, "two\n", previous="one\n")
    assert heads.read(CALLS) == "two\n"
    assert heads.read(OTHER) is None
    heads.flush()
    assert heads.copies(CALLS)[0] == "two\n"


def test_a_head_that_someone_else_wrote_is_not_replaced(tmp_path):
    one, two = FileHeads(tmp_path), FileHeads(tmp_path)
    one.replace(CALLS, "one\n", previous=None)
    with pytest.raises(UnavailableError) as caught:
        two.replace(CALLS, "other\n", previous=None)
    assert caught.value.code == "head-changed"
    two.replace(CALLS, "two\n", previous="one\n")
    with pytest.raises(UnavailableError) as caught:
        one.replace(CALLS, "three, which is longer than two\n", previous="one\n")
    assert caught.value.code == "head-changed"
    assert two.read(CALLS) == "two\n"


def test_heads_survive_the_process_and_a_torn_last_line(tmp_path):
    heads = FileHeads(tmp_path)
    heads.replace(CALLS, "one\n", previous=None)
    heads.replace(CALLS, "two\n", previous="one\n")
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        for hole in (b"", bytes(40)):
            path.write_bytes(whole[:cut] + hole)
            torn = FileHeads(tmp_path)
            assert torn.read(CALLS) == "one\n"
            torn.replace(CALLS, "three\n", previous="one\n")
            assert torn.copies(CALLS) == ["three\n"]
    path.write_bytes(whole)
    assert FileHeads(tmp_path).read(CALLS) == "two\n"


def test_a_flipped_bit_in_a_head_s_file_is_not_taken_for_a_crash(tmp_path):
    heads = FileHeads(tmp_path)
    heads.replace(CALLS, "one\n", previous=None)
    heads.replace(CALLS, "two\n", previous="one\n")
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for bit in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        copies = FileHeads(tmp_path).copies(CALLS)
        assert copies != ["two\n", "one\n"], bit
        assert any(copy not in {"one\n", "two\n"} for copy in copies), (bit, copies)


def test_a_long_file_of_heads_is_cut_to_the_last(tmp_path):
    heads, previous = FileHeads(tmp_path), None
    for number in range(1000):
        heads.replace(CALLS, f"head {number}\n", previous=previous)
        previous = f"head {number}\n"
    (path,) = tmp_path.iterdir()
    assert path.stat().st_size < 20_000
    assert FileHeads(tmp_path).read(CALLS) == "head 999\n"


def test_a_database_is_for_its_owner_only(tmp_path):
    store = SqliteStore(tmp_path / "safeconduct.db")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    store.close()
    assert modes
    assert set(modes.values()) == {0o600}


def test_a_database_that_cannot_be_made_is_unavailable(tmp_path):
    with pytest.raises(UnavailableError) as refused:
        SqliteStore(tmp_path / "nowhere" / "safeconduct.db")
    assert refused.value.code == "store-failed"


def test_a_full_database_says_what_helps(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "full.db")) as connection:
        connection.execute("CREATE TABLE t (b blob)")
        connection.execute("PRAGMA max_page_count = 3")
        with pytest.raises(UnavailableError) as caught, translated("commit"):
            connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    assert (caught.value.code, caught.value.message) == ("store-failed", "could not commit: database or disk is full")
    assert "make room" in caught.value.remedy
