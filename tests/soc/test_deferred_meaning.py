"""The meaning of Windows events is worked out when it is asked for: the same as ever, and nothing else changes."""

import json
import sqlite3

import pytest

from safeconduct.adapters.sqlite.events import SqliteEventStore
from safeconduct.soc.inventory import NOTHING
from safeconduct.soc.ocsf.deferring import Meaning
from safeconduct.soc.ocsf.mapping import to_ocsf
from safeconduct.soc.ports import Reading
from support.telemetry import accepted, events, taken
from support.windows import sysmon_log


@pytest.fixture(scope="module")
def windows():
    found, dead = taken(bytes(sysmon_log(1)))
    assert found
    assert dead == []
    return found


@pytest.fixture
def store(tmp_path):
    made = SqliteEventStore(tmp_path / "events.db")
    yield made
    made.close()


def test_it_is_what_the_tables_say_of_the_record(windows):
    for event in windows:
        assert isinstance(event.ocsf, Meaning)
        assert event.ocsf == to_ocsf(event.source, event.raw, event.at, NOTHING)
    named = windows[0].ocsf
    assert (len(named), repr(named)) == (len(dict(named)), repr(dict(named)))


def test_it_is_not_kept_and_comes_back_the_same(store, windows, tmp_path):
    store.add(windows, file="f", reading=Reading(lines=len(windows)))
    with sqlite3.connect(tmp_path / "events.db") as database:
        assert database.execute("SELECT DISTINCT ocsf FROM events").fetchall() == [(b"",)]
    assert [event for _, event in store.arrived(0, len(windows))] == windows
    assert store.get(windows[0].id).ocsf["device"] == windows[0].ocsf["device"]


def test_a_meaning_that_does_not_follow_from_the_record_alone_is_kept(store, tmp_path):
    # The machine that whoever brought the file named stands nowhere in the record.
    named, dead = taken(bytes(sysmon_log(1)), host="ws-7.corp.example")
    others = events(accepted("ana"))
    assert dead == []
    store.add([*named, *others], file="f", reading=Reading(lines=9))
    with sqlite3.connect(tmp_path / "events.db") as database:
        assert database.execute("SELECT count(*) FROM events WHERE ocsf = x''").fetchone() == (0,)
    assert not any(isinstance(event.ocsf, Meaning) for event in store.between())


def test_the_document_that_claims_point_into_holds_it_as_plain_json(windows):
    document = windows[0].document()
    assert json.loads(json.dumps(document["ocsf"])) == dict(windows[0].ocsf)
