"""A connection that is lost at any statement, before it or after: nothing acknowledged is missing or half done."""

import contextlib

import pytest

from safeconduct.adapters.postgres.control import PostgresStore
from safeconduct.adapters.postgres.heads import PostgresHeads
from safeconduct.adapters.postgres.reading import PostgresReader
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.ledger.reader import LogReader
from support.cuts import Cut
from support.logs import CALLS, OTHER, Rig, add
from support.patience import PATIENCE_S
from support.sequencing import findings, sequencer, waiting
from support.workers import began, close, decide, ended, open_worker

STATEMENTS_MAX = 60  # far more than any write takes; only a loop that never ends reaches it
WHEN = pytest.mark.parametrize("when", ["before", "after"])


def each_statement(attempt):
    """Calls `attempt(at)` for every statement of what it does, until it tells that there were fewer."""
    for at in range(1, STATEMENTS_MAX):
        if not attempt(at):
            assert at > 3, "nothing was cut"
            return
    pytest.fail("it never ends")


def settle(made):
    """Lets a sequencer open its logs again and give all places, without the pause between two attempts."""
    for _ in range(3):
        made._retry_at.clear()
        made.run_once()


def keys(reader, origin=CALLS):
    return [entry.body.get("key") for entry in LogReader(reader).entries(origin)]


@WHEN
def test_in_the_commit_of_one_writer(postgres, tmp_path, when):
    url, heads = postgres.database(), PostgresHeads(postgres.database())
    store, told, tried = PostgresStore(url), [], []

    def attempt(at):
        with Cut(postgres, store._session, at, when) as cut:
            tried.append(f"k{at}")
            try:
                rig.run(lambda tx: (add(f"k{at}")(tx), add(f"o{at}", OTHER, sealed={"f": "x"})(tx)))
                told.append(f"k{at}")
            except UnavailableError:
                pass
        rig.run(add(f"after{at}"))
        told.append(f"after{at}")
        return cut.hit

    with Rig(tmp_path, store=store, heads=heads) as rig:
        each_statement(attempt)
        assert rig.writer.stopped() == {}
        found = keys(store.reader())
        assert [key for key in found if key in told] == told
        assert set(found) <= {*told, *tried}
        assert len(found) == len(set(found))
        assert rig.audit() == []
        rig.run(add("last"))
    heads.close()


@WHEN
@pytest.mark.parametrize("kind", ["own", "alone"])
def test_in_the_commit_of_a_worker(postgres, when, kind):
    url, heads = postgres.database(), postgres.database()
    worker, told = open_worker(url, "w"), []

    def attempt(at):
        failures = []
        commands = {"own": [began(f"c{at}"), began(f"d{at}")], "alone": [decide("w"), began(f"c{at}")]}[kind]
        with Cut(postgres, worker._store._session, at, when) as cut:
            for command in commands:
                try:
                    told.append(worker.submit(command, own=kind == "own").result(PATIENCE_S).value.id)
                except SafeconductError:  # the call was not opened, where that failed
                    failures.append(at)
        assert cut.hit or not failures
        told.append(worker.submit(decide("w")).result(PATIENCE_S).value.id)
        return cut.hit

    each_statement(attempt)
    close(worker)
    assert findings(url, heads) == []
    with sequencer(url, heads) as made:
        while made.run_once():
            pass
    assert findings(url, heads) == []
    reader = PostgresReader(url)
    placed = [entry.id for origin in (CALLS, OTHER) for entry in LogReader(reader).entries(origin)]
    assert set(told) <= set(placed)
    assert len(placed) == len(set(placed))
    reader.close()


@WHEN
def test_in_the_giving_of_places(postgres, when):
    url, heads = postgres.database(), postgres.database()
    worker, told = open_worker(url, "w"), []

    with sequencer(url, heads) as made:

        def attempt(at):
            told.append(worker.submit(began(f"c{at}"), own=True).result(PATIENCE_S).value.id)
            told.append(worker.submit(decide("w")).result(PATIENCE_S).value.id)
            with Cut(postgres, made._store._session, at, when) as cut, contextlib.suppress(UnavailableError):
                made.run_once()
            settle(made)
            assert waiting(url) == 0
            return cut.hit

        made.run_once()
        each_statement(attempt)
    close(worker)
    assert findings(url, heads) == []
    reader = PostgresReader(url)
    placed = [entry.id for origin in (CALLS, OTHER) for entry in LogReader(reader).entries(origin)]
    assert sorted(told) == sorted(set(placed) & set(told))
    assert len(placed) == len(set(placed))
    reader.close()


def test_at_its_end_a_sequencer_that_failed_just_before_gives_the_last_places(postgres):
    url, heads = postgres.database(), postgres.database()
    worker = open_worker(url, "w")
    with sequencer(url, heads) as made:
        made.run_once()
        worker.submit(began("c"), own=True).result(PATIENCE_S)
        with Cut(postgres, made._store._session, 2, "before") as cut, contextlib.suppress(UnavailableError):
            made.run_once()
        assert cut.hit
        assert waiting(url)
        made.finish()
        assert waiting(url) == 0
    close(worker)


@WHEN
def test_in_the_replacing_of_a_head(postgres, when):
    url, heads = postgres.database(), postgres.database()
    worker = open_worker(url, "w")
    with sequencer(url, heads) as made:
        made.run_once()

        def attempt(at):
            worker.submit(began(f"c{at}"), own=True).result(PATIENCE_S)
            with Cut(postgres, made._heads._session, at, when) as cut:
                made.run_once()
            settle(made)
            worker.submit(ended(f"c{at}"), own=True).result(PATIENCE_S)
            assert made.run_once() == 1
            assert made._heads.read(CALLS) == made._store.checkpoint(CALLS)
            return cut.hit

        each_statement(attempt)
    close(worker)
    assert findings(url, heads) == []


def test_a_restored_backup_gets_no_places_and_takes_no_entries(postgres):
    url, heads = postgres.database(), postgres.database()
    worker = open_worker(url, "w")
    with sequencer(url, heads) as made:
        settle(made)
    close(worker)
    saved = postgres.clone(url, "before")
    worker = open_worker(url, "x")
    with sequencer(url, heads) as made:
        settle(made)
    close(worker)
    worker = open_worker(saved, "y")  # nobody has noticed yet
    with sequencer(saved, heads) as made:
        settle(made)
        assert all("signed at 2 entries, 1 are stored" in why for why in made.waiting().values()), made.waiting()
        assert len(made.waiting()) == 2
        with pytest.raises(UnavailableError) as caught:
            worker.submit(began("a"), own=True).result(PATIENCE_S)
        assert caught.value.code == "log-stopped"
    close(worker)
    with sequencer(url, heads) as made:
        settle(made)
    assert findings(url, heads) == []


def lost_by_a_crash(postgres, url, *, synchronous="on"):
    """Commits until the server loses power; returns what was acknowledged and is missing afterwards."""
    worker, told = open_worker(url, "w"), []
    worker._store._session.get().execute(f"SET synchronous_commit = {synchronous}")
    futures = [worker.submit(began(f"c{n}"), own=True) for n in range(200)]
    futures[50].result(PATIENCE_S)
    postgres.crash()
    for future in futures:
        with contextlib.suppress(UnavailableError):
            told.append(future.result(PATIENCE_S).value.id)
    close(worker)
    assert told
    there = postgres.run("SELECT id FROM pending UNION ALL SELECT id FROM entries", url=url)
    return set(told) - {entry_id for (entry_id,) in there}


def test_a_server_that_loses_power_keeps_what_was_acknowledged(postgres):
    url, heads = postgres.database(), postgres.database()
    assert lost_by_a_crash(postgres, url) == set()
    with sequencer(url, heads) as made:
        settle(made)
    assert findings(url, heads) == []


def test_that_turns_red_where_commits_don_t_wait_for_the_disk(postgres):
    with postgres.hesitating():
        assert lost_by_a_crash(postgres, postgres.database(), synchronous="off")
