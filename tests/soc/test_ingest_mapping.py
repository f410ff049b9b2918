"""Mapping files: own lines get the meaning the table says, and a file read anew loses nothing that was an event."""

import io
import json

import pytest

from safeconduct.adapters.memory.events import MemoryEventStore
from safeconduct.adapters.telemetry.ingestion import Ingestion, Said
from safeconduct.adapters.telemetry.raw_store import RawStore
from safeconduct.kernel.errors import InvalidInputError, TooLargeError
from safeconduct.kernel.instants import parse_rfc3339
from safeconduct.soc.ocsf import own
from safeconduct.soc.ocsf.own import parse_mapping
from support import sensors
from support.ocsf import faults

LOGON = {
    "class_uid": 3002,
    "activity_id": 1,
    "when": {"kind": ["logon"], "internal": ["false"]},
    "copy": {"user.name": "who", "src_endpoint.ip": "from.address", "unmapped.tags": "tags"},
    "fixed": {"service.name": "portal", "is_remote": True},
    "success": {"result": ["0"]},
    "failure": {"result": ["1", "2"]},
}
MAPPING = {"mapping": 1, "time": "when", "zone": "+02:00", "rows": [LOGON]}
LINE = {"when": "2026-11-21 10:00:00", "kind": "logon", "internal": False, "who": "ana", "result": 1,
        "from": {"address": "203.0.113.9"}, "tags": ["a", {"b": 1}]}  # fmt: skip


def encoded(mapping=MAPPING, **changed):
    return json.dumps(mapping | changed).encode()


def row(**changed):
    return encoded(rows=[LOGON | changed])


@pytest.fixture
def ingestion(tmp_path):
    return Ingestion(RawStore(tmp_path / "raw"), MemoryEventStore())


def take(ingestion, *lines, **said):
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    return ingestion.take("own.jsonl", io.BytesIO(content), Said(**said))


def events(ingestion):
    return list(ingestion._store.between())


def test_a_row_says_what_a_record_means(ingestion):
    report = take(ingestion, LINE, mapping=encoded())
    (event,) = events(ingestion)
    assert (report.events, event.at) == ({"json": 1}, parse_rfc3339("2026-11-21T08:00:00Z"))
    assert event.ocsf["user"] == {"name": "ana"}
    assert event.ocsf["src_endpoint"] == {"ip": "203.0.113.9"}
    assert (event.ocsf["status"], event.ocsf["unmapped"]) == ("Failure", {"tags": ["a"]})
    assert faults(event.ocsf) == []


@pytest.mark.parametrize("changed", [{"kind": "other"}, {"internal": True}, {"internal": "False"}, {"kind": None}])
def test_what_no_row_fits_is_mapped_by_its_names(ingestion, changed):
    take(ingestion, LINE | changed, mapping=encoded())
    assert events(ingestion)[0].ocsf["class_uid"] == 0


@pytest.mark.parametrize(("result", "status"), [(0, "Success"), (2, "Failure"), (3, None)])
def test_the_outcome_is_said_by_a_member(ingestion, result, status):
    take(ingestion, LINE | {"result": result}, mapping=encoded())
    assert events(ingestion)[0].ocsf.get("status") == status


def test_known_sensors_keep_their_own_table(ingestion):
    line = {"ts": 1795287091, "_path": "conn", "id.orig_h": "10.0.0.1", "id.resp_h": "10.0.0.2", "kind": "logon"}
    take(ingestion, line | {"internal": False}, mapping=encoded(time=""))
    assert events(ingestion)[0].ocsf["class_uid"] == 4001


FAULTS = [
    b"{",
    b"[]",
    b"[" * 9000,
    encoded(mapping=MAPPING, version=2),
    encoded({"rows": []}),
    encoded({"mapping": 2}),
    encoded(zone="CET"),
    encoded(zone="+15:00"),
    row(class_uid=12),
    row(class_uid=10_000),
    row(activity_id=-1),
    row(activity_id=100),
    row(activity_id=99),
    row(copy={"class_uid": "x"}),
    row(copy={"metadata.uid": "x"}),
    row(copy={"User.name": "x"}),
    row(copy={"user": "x", "user.name": "y"}),
    row(copy={"service.name": "x"}),
    row(fixed={"user.name": ["x"]}),
    row(unknown=1),
]


@pytest.mark.parametrize("content", FAULTS)
def test_a_mapping_that_does_not_fit_is_refused_and_nothing_kept(ingestion, tmp_path, content):
    with pytest.raises(InvalidInputError) as refused:
        take(ingestion, LINE, mapping=content)
    assert refused.value.code == "mapping-invalid"
    assert list((tmp_path / "raw").iterdir()) == []


LIMITS = [
    (encoded(rows=[LOGON] * own.ROWS_MAX), encoded(rows=[LOGON] * (own.ROWS_MAX + 1))),
    (row(copy={f"unmapped.a{n}": "x" for n in range(98)}), row(copy={f"unmapped.a{n}": "x" for n in range(99)})),
    (encoded().ljust(own.MAPPING_BYTES_MAX), encoded().ljust(own.MAPPING_BYTES_MAX + 1)),
]


@pytest.mark.parametrize(("most", "more"), LIMITS)
def test_a_mapping_has_so_many_bytes_rows_and_attributes(most, more):
    assert parse_mapping(most).rows
    with pytest.raises(TooLargeError):
        parse_mapping(more)


def test_a_file_read_anew_gives_what_was_dead_and_keeps_what_was_an_event(ingestion):
    dated = {"when": "x", "time": "2026-11-21T08:00:00Z", "kind": "logon", "internal": False}
    first = take(ingestion, LINE, dated)
    assert (first.new, first.dead) == (1, {"time-missing": 1})
    former = events(ingestion)
    kept = take(ingestion, LINE, dated, mapping=encoded(time=""))
    assert (kept.new, kept.dead, len(kept.notes)) == (0, {"time-missing": 1}, 1)
    anew = take(ingestion, LINE, dated, mapping=encoded(), again=True)
    assert (anew.new, anew.dead) == (1, {"time-unknown": 1})
    assert [letter.line for letter in ingestion._store.dead_letters(first.digest)] == [2]
    assert [event for event in events(ingestion) if event in former] == former
    once_more = take(ingestion, LINE, dated, mapping=encoded(), again=True)
    assert (once_more.new, once_more.notes) == (0, ())


def test_a_lost_index_is_made_again_with_the_mapping(ingestion, tmp_path):
    take(ingestion, LINE, mapping=encoded())
    fresh = MemoryEventStore()
    assert Ingestion(RawStore(tmp_path / "raw"), fresh).resume() == 1
    assert list(fresh.between()) == events(ingestion)


def test_times_of_a_sensor_without_offset_are_read_in_the_zone_that_is_said(ingestion):
    ((_, content),) = (file for file in sensors.suricata() if "honeypot" in file[0])
    before = ingestion.take("eve.json", io.BytesIO(content))
    after = ingestion.take(
        "eve.json", io.BytesIO(content), Said(mapping=encoded({"mapping": 1, "zone": "Z"}), again=True)
    )
    assert (before.dead, after.dead, after.events) == ({"time-without-offset": 44}, {}, {"eve": 44})
