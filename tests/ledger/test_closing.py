"""The end of a log and the beginning of the next, as their bytes show them."""

from dataclasses import replace

import pytest

from safeconduct.adapters.memory.log import MemoryStore
from safeconduct.kernel.errors import ConflictError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.audit import audit
from safeconduct.ledger.checkpoints import Checkpoint, parse_checkpoint
from safeconduct.ledger.closing import SuccessionError, beginning_of, check_succession, end_of
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.log_events import (
    LOG_CLOSED,
    LOG_SUCCEEDED,
    SUCCESSORS,
    LogClosed,
    LogSucceeded,
    current_origin,
    next_origin,
    succeed,
)
from safeconduct.ledger.log_events import PROJECTIONS as LOGS
from safeconduct.ledger.notes import NoteSigner
from support.faulty import Faulty
from support.logs import CALLS, OTHER, PROJECTIONS, Rig, add, cosigner, signer, thing

NEXT = Origin(f"{CALLS}/2")
THIRD = Origin(f"{CALLS}/3")
ALL = {**PROJECTIONS, **LOGS, LOG_SUCCEEDED.name: succeed}


def next_signer(origin=NEXT):
    return NoteSigner(origin, SecretKey(bytes([len(origin)] * 32)))


def close(tx, trusted="", *, old=CALLS, new=NEXT, usable=True):
    closed = None
    if usable:
        end = LogClosed(
            why="compromised",
            reason="copied",
            trusted=trusted,
            successor=new,
            successor_key=next_signer(new).verifier.text,
        )
        closed = tx.append(old, LOG_CLOSED.draft(end)).id
    key = signer(old) if old == CALLS else next_signer(old)
    beginning = LogSucceeded(
        predecessor=old,
        predecessor_key=key.verifier.text,
        closed=closed,
        why="compromised",
        reason="copied",
        trusted=trusted,
    )
    return tx.append(new, LOG_SUCCEEDED.draft(beginning))


@pytest.fixture
def made():
    with Rig(projections=ALL) as rig:
        rig.run(add("a"))
        note = parse_checkpoint(rig.store.checkpoint(CALLS)).note
        rig.trusted = note.with_signatures([cosigner().cosign(note.text, 1)]).encoded
        for origin in (NEXT, THIRD):
            rig.writer.open_origin(next_signer(origin))
        yield rig


def leaf(rig, origin, index):
    (entry,) = rig.store.entries(origin, index, 1)
    return entry.leaf


def told(rig):
    """Returns what check_succession is given of the closed log and its successor."""
    old = parse_checkpoint(rig.store.checkpoint(CALLS)).checkpoint
    return [old, end_of(leaf(rig, CALLS, old.size - 1)), next_signer().verifier, beginning_of(leaf(rig, NEXT, 0))]


def test_entries_for_a_closed_log_go_to_its_successor_from_the_same_commit_on(made):
    def both(tx):
        close(tx, made.trusted)
        return tx.append(CALLS, thing("b"))

    entry = made.run(both).value
    assert entry.origin == NEXT
    assert made.run(add("c")).value.origin == NEXT
    assert made.store.size(CALLS) == 2
    assert [one.index for one in made.store.entries(NEXT)] == [0, 1, 2]
    with made.store.snapshot() as records:
        assert current_origin(records, CALLS) == NEXT
        assert next_origin(records, NEXT) == THIRD
    made.run(lambda tx: close(tx, old=NEXT, new=THIRD))
    assert made.run(add("d")).value.origin == THIRD
    assert made.run(add("e", OTHER)).value.origin == OTHER


def test_a_closing_that_fails_leaves_the_log_open(made):
    def fails(tx):
        close(tx, made.trusted)
        raise ConflictError("not now")

    with pytest.raises(ConflictError):
        made.run(fails)
    assert made.run(add("b")).value.origin == CALLS
    made.run(lambda tx: close(tx, made.trusted))
    made.writer.stop_origin(THIRD, "log-damaged", "test")
    with pytest.raises(UnavailableError, match="/3"):
        made.run(lambda tx: close(tx, old=NEXT, new=THIRD))
    assert made.run(add("c")).value.origin == NEXT


@pytest.mark.parametrize("applied", [False, True], ids=["failed", "failed but applied"])
def test_a_crash_leaves_both_entries_or_none(applied):
    store = Faulty(MemoryStore(), "commit", 2, applied=applied)
    with Rig(projections=ALL, store=store) as rig:
        rig.run(add("a"))
        rig.writer.open_origin(next_signer())
        with pytest.raises(UnavailableError):
            rig.run(close)
        assert rig.run(add("b")).value.origin == (NEXT if applied else CALLS)
        assert (store.size(CALLS), store.size(NEXT)) == ((2, 2) if applied else (2, 0))
        assert rig.audit() == []
    with Rig(projections=ALL, store=store, heads=rig.heads, keys=rig.keys) as again:
        again.writer.open_origin(next_signer())
        assert again.run(add("c")).value.origin == (NEXT if applied else CALLS)


def test_two_logs_can_not_go_on_for_one(made):
    made.run(lambda tx: close(tx, made.trusted))
    with pytest.raises(ConflictError):
        made.run(lambda tx: close(tx, made.trusted, new=THIRD, usable=False))
    with made.store.snapshot() as records:
        assert [name for name, _found in records.scan(SUCCESSORS)] == [CALLS]


def test_an_entry_after_the_end_is_found(made):
    made.run(lambda tx: close(tx, made.trusted))
    assert made.audit() == []
    made.writer._runner._state.projections = {**ALL}
    made.writer._runner._state._successors = {}  # as whoever holds the key could have it
    made.run(lambda tx: tx.append(CALLS, thing("late")))
    found = audit(made.store, CALLS, signer(CALLS).verifier)
    assert [(one.index, one.what) for one in found] == [(2, "the log was closed by entry 1; nothing may follow")]


def test_a_rightful_successor_is_taken(made):
    made.run(lambda tx: close(tx, made.trusted))
    check_succession(*told(made))


def test_a_successor_of_a_log_whose_key_was_lost_says_so(made):
    made.run(lambda tx: close(tx, made.trusted, usable=False))
    old, end, new, beginning = told(made)
    assert end is None
    check_succession(old, end, new, beginning)
    with pytest.raises(SuccessionError):
        check_succession(old, end, new, replace(beginning, closed="01K9ZZZZZZZZZZZZZZZZZZZZZZ"))


SPOILED = {
    "no beginning": (3, lambda _beginning: None),
    "another log": (3, lambda beginning: replace(beginning, predecessor=OTHER)),
    "not its end": (3, lambda beginning: replace(beginning, closed=None)),
    "another key": (2, lambda _key: next_signer(THIRD).verifier),
    "another successor": (1, lambda end: replace(end, successor=THIRD)),
    "other words": (1, lambda end: replace(end, trusted=None)),
    "shorter than what is vouched for": (0, lambda old: Checkpoint(old.origin, 0, old.root)),
}


@pytest.mark.parametrize(("place", "spoil"), SPOILED.values(), ids=SPOILED)
def test_a_successor_that_does_not_fit_is_refused(made, place, spoil):
    made.run(lambda tx: close(tx, made.trusted))
    parts = told(made)
    parts[place] = spoil(parts[place])
    with pytest.raises(SuccessionError):
        check_succession(*parts)
