"""Control state under change, against a plain dictionary; and rebuilt from entries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.adapters.memory.log import MemoryStore
from safeconduct.kernel.entries import Draft
from safeconduct.kernel.errors import ConflictError, UnavailableError
from safeconduct.kernel.ports import Collection
from safeconduct.ledger.ports import Batch
from safeconduct.ledger.rebuild import check_state, replay
from safeconduct.ledger.records import Overlay, StoredRecords
from support.logs import CALLS, DELETE, OTHER, PROJECTIONS, THINGS, Rig, Thing, add

NUMBERS = Collection("numbers", int)
KEYS = st.sampled_from(["", "a", "a/1", "a/2", "b", "é"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.integers(0, 9)),
        st.tuples(st.just("insert"), KEYS, st.integers(0, 9)),
        st.tuples(st.just("delete"), KEYS, st.none()),
        st.tuples(st.sampled_from(["settle", "drop", "commit", "clear"]), st.none(), st.none()),
    ),
    max_size=30,
)


@given(STEPS)
def test_an_overlay_is_a_dictionary_with_layers(steps):
    store = MemoryStore()
    overlay = Overlay(store)
    stored, settled, now = {}, {}, {}
    for step, key, value in steps:
        if step == "put":
            overlay.put(NUMBERS, key, value)
            now[key] = value
        elif step == "insert" and key in now:
            with pytest.raises(ConflictError):
                overlay.insert(NUMBERS, key, value)
        elif step == "insert":
            overlay.insert(NUMBERS, key, value)
            now[key] = value
        elif step == "delete":
            overlay.delete(NUMBERS, key)
            now.pop(key, None)
        elif step == "settle":
            overlay.settle()
            settled = dict(now)
        elif step == "drop":
            overlay.drop()
            now = dict(settled)
        elif step == "commit":
            overlay.settle()
            store.commit(Batch(changes=overlay.batch))
            overlay.clear()
            stored = settled = dict(now)
        else:
            overlay.clear()
            settled, now = dict(stored), dict(stored)
        for prefix in ("", "a", "a/"):
            expected = sorted((name, number) for name, number in now.items() if name.startswith(prefix))
            assert list(overlay.scan(NUMBERS, prefix)) == expected
        assert {name: overlay.get(NUMBERS, name) for name in ("", "a", "b")} == {n: now.get(n) for n in ("", "a", "b")}
        assert list(StoredRecords(store).scan(NUMBERS)) == sorted(stored.items())


def test_a_scan_may_be_changed_under():
    overlay = Overlay(MemoryStore())
    for key in "abc":
        overlay.put(NUMBERS, key, 1)
    for key, _value in overlay.scan(NUMBERS):
        overlay.delete(NUMBERS, key)
    assert list(overlay.scan(NUMBERS)) == []


def test_a_value_that_does_not_fit_its_collection_is_damage():
    store = MemoryStore()
    store.commit(Batch(changes={("numbers", "a"): b'"text"', ("numbers", "b"): b"\xff"}))
    for key in "ab":
        with pytest.raises(UnavailableError) as caught:
            Overlay(store).get(NUMBERS, key)
        assert caught.value.code == "state-unreadable"


@pytest.fixture
def rig():
    with Rig() as made:
        made.run(add("a", n=1))
        made.run(add("b", OTHER, n=2))
        made.run(lambda tx: tx.append(OTHER, Draft(type=DELETE, body={"key": "a"})))
        made.run(add("a", OTHER, n=3))
        yield made


def test_the_entries_of_both_logs_rebuild_the_state(rig):
    rebuilt = replay(rig.store, PROJECTIONS)
    assert rebuilt == rig.store.raw_all()
    with rig.store.snapshot() as records:
        last = list(rig.reader.entries(OTHER))[-1]
        assert records.get(THINGS, "a") == Thing(last.id, {"key": "a", "n": 3})
    assert check_state(rig.store, rig.store, PROJECTIONS) == []


def test_state_that_no_entry_made_is_found(rig):
    good = dict(rig.store.records)
    for changes, what in [
        ({("things", "c"): b"{}"}, "no entry makes things/c"),
        ({("things", "a"): None}, "things/a is missing"),
        ({("things", "b"): good["things", "a"]}, "things/b is not what its entries make"),
    ]:
        rig.store.commit(Batch(changes=changes))
        assert [finding.what for finding in check_state(rig.store, rig.store, PROJECTIONS)] == [what]
        rig.store.records = dict(good)


def test_entries_that_can_t_be_replayed_are_told(rig):
    (finding,) = check_state(rig.store, rig.store, {})
    assert "can't be replayed" in finding.what
    assert CALLS in rig.store.origins()
