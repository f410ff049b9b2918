"""Windows event logs: every record of a whole one; of a hurt one every good record, and each fault by its name."""

import json
from collections import Counter

import pytest

from safeconduct.adapters.sqlite.events import SqliteEventStore
from safeconduct.adapters.telemetry import cutting, evtx, files
from safeconduct.adapters.telemetry.evtx import CHUNK_BYTES, HEADER_BYTES, read_log
from safeconduct.adapters.telemetry.forms import Form, form_of
from safeconduct.adapters.telemetry.ingestion import Ingestion
from safeconduct.adapters.telemetry.raw_store import RawStore
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import parse_rfc3339
from safeconduct.soc.normalizing import event_id
from safeconduct.soc.ports import DeadLetter
from support.telemetry import taken
from support.windows import SYSMON_CHUNKS, SYSMON_RECORDS, break_record, chunk_at, read_in, sample_log, sysmon_log

FIRST = 1742
"""The number that the first record of the Sysmon sample had where it was written."""


def read(log):
    """The records read, counted from the log's first, and the faults by code."""
    found = list(read_log(read_in(log)))
    assert [one.line for one in found] == list(range(1, len(found) + 1))
    dead = [one for one in found if isinstance(one, DeadLetter)]
    ids = [one.raw["Event"]["System"]["EventRecordID"] - FIRST + 1 for one in found if not isinstance(one, DeadLetter)]
    return ids, dict(Counter(letter.code for letter in dead)), dead


def test_every_record_of_a_whole_log_is_read():
    ids, faults, _ = read(sysmon_log())
    assert ids == list(range(1, SYSMON_RECORDS + 1))
    assert faults == {}


def test_an_event_has_its_record_under_its_own_names_and_its_time():
    (first, *_), dead = taken(bytes(sysmon_log(1)))
    assert dead == []
    system = first.raw["Event"]["System"]
    assert system["Channel"] == "Microsoft-Windows-Sysmon/Operational"
    assert first.source == "windows"
    assert first.at == parse_rfc3339(system["TimeCreated"]["#attributes"]["SystemTime"])
    assert first.ocsf["metadata"]["log_name"] == system["Channel"]
    assert first.ocsf["device"]["hostname"] == system["Computer"].lower()


def test_every_record_is_canonical_and_keeps_its_id():
    # The largest numbers stand as text; the bytes an id is made of are those of the slower, checking encoder.
    found, dead = taken(sample_log("security.evtx"))
    assert (len(found), dead) == (2261, [])
    for event in found:
        canonical(event.raw)
        assert event_id(event.source, json.loads(json.dumps(event.raw))) == event.id


def test_what_follows_the_chunks_in_use_is_named():
    ids, faults, _ = read(sample_log("sysmon.evtx"))
    assert (len(ids), faults) == (SYSMON_RECORDS, {"evtx-chunk-broken": 8})


def test_space_that_was_never_used_is_no_fault():
    assert read(sysmon_log() + bytes(2 * CHUNK_BYTES))[1] == {}


def test_a_zeroed_chunk_is_named_and_the_others_are_read():
    log = sysmon_log()
    log[chunk_at(3) : chunk_at(4)] = bytes(CHUNK_BYTES)
    ids, faults, (letter,) = read(log)
    assert set(ids) == set(range(1, SYSMON_RECORDS + 1)) - set(range(121, 164))
    assert faults == {"evtx-chunk-zeroed": 1}
    assert "chunk 3" in letter.detail


def test_a_cut_chunk_is_named_and_what_stands_before_the_cut_is_read():
    ids, faults, (cut, *_) = read(sysmon_log()[: chunk_at(SYSMON_CHUNKS - 1) + CHUNK_BYTES // 2])
    assert ids[:336] == list(range(1, 337))
    assert 336 < len(ids) < SYSMON_RECORDS
    assert (faults["evtx-chunk-cut"], faults["evtx-records-missing"]) == (1, 1)
    assert f"after {CHUNK_BYTES // 2} of its {CHUNK_BYTES}" in cut.detail


def test_a_log_cut_within_a_chunks_tables_loses_that_chunk():
    ids, faults, _ = read(sysmon_log(2)[: chunk_at(1) + 511])
    assert (len(ids), faults) == (41, {"evtx-chunk-broken": 1})


@pytest.mark.parametrize("offset", [16, 200, 5000])
def test_a_changed_chunk_is_named_and_its_records_are_read_all_the_same(offset):
    log = sysmon_log(2)
    log[chunk_at(1) + offset] ^= 1
    ids, faults, (letter, *_) = read(log)
    assert faults["evtx-checksum"] == 1
    assert "chunk 1" in letter.detail
    assert ids[:41] == list(range(1, 42))
    assert len(ids) >= 80


def test_a_broken_record_is_named_and_how_many_are_missing():
    log = sysmon_log(2)
    break_record(log, 0)
    ids, faults, letters = read(log)
    assert set(range(42, 82)) <= set(ids)
    assert 0 < len([one for one in ids if one < 42]) < 41
    assert faults == {"evtx-checksum": 1, "evtx-record-broken": 1, "evtx-records-missing": 1}
    lost = 81 - len(ids) - 1
    assert f"says records 1 to 41; {lost} are not in it" in letters[-1].detail


def test_a_log_without_any_record_is_empty():
    header = bytes(sysmon_log()[:HEADER_BYTES])
    for head in (header, header[:100], b"ElfFile\0"):
        with pytest.raises(InvalidInputError) as refused:
            form_of(head)
        assert refused.value.code == "telemetry-empty"
    assert form_of(bytes(sysmon_log(1))) is Form.EVTX


def fields(text):
    return evtx._fields('{"Event":' + text + "}")


def test_numbers_that_no_reader_keeps_are_text():
    assert fields('{"a":9007199254740991,"b":9007199254740992,"c":-1.50,"d":[18446744073709551615]}') == {
        "Event": {"a": 2**53 - 1, "b": "9007199254740992", "c": "-1.50", "d": ["18446744073709551615"]}
    }


def test_a_record_nested_too_deep_is_named():
    nested = '{"a":' * 62 + "1" + "}" * 62
    assert isinstance(fields(nested), dict)
    assert [fields('{"a":' * n + nested + "}" * n).code for n in (1, 6000)] == ["json-too-deep"] * 2


def test_a_record_that_unfolds_without_end_is_named():
    limit = evtx.LINE_BYTES_MAX
    assert isinstance(evtx._fields(json.dumps({"Event": {"a": "x" * (limit - 20)}})), dict)
    assert evtx._fields(json.dumps({"Event": {"a": "x" * limit}})).code == "line-too-long"


def test_a_large_log_is_sent_in_parts_that_are_logs(tmp_path, monkeypatch):
    monkeypatch.setattr(cutting, "PART_BYTES", HEADER_BYTES + 4 * CHUNK_BYTES + 100)
    log = sysmon_log()
    log[chunk_at(3) : chunk_at(4)] = bytes(CHUNK_BYTES)  # at a part's end, where it is no unused space
    path = tmp_path / "Sysmon.evtx"
    path.write_bytes(log)
    parts = list(files.parts(path))
    assert [name for name, _ in parts] == [f"Sysmon.evtx part {number}" for number in (1, 2, 3)]
    assert all(len(content) <= cutting.PART_BYTES for _, content in parts)
    read_parts = [read(content) for _, content in parts]
    assert [one for ids, *_ in read_parts for one in ids] == read(log)[0]
    assert [faults for _, faults, _ in read_parts] == [{"evtx-chunk-zeroed": 1}, {}, {}]


class KilledError(Exception):
    """The process ends here."""


class DyingStore(SqliteEventStore):
    """Dies after so many batches."""

    batches = 1

    def add(self, events, **named):
        read = list(events)
        if read and not self.batches:
            raise KilledError
        self.batches -= bool(read)
        return super().add(read, **named)


def test_a_log_whose_reading_was_killed_is_in_the_index_exactly_once(tmp_path, monkeypatch):
    monkeypatch.setattr("safeconduct.adapters.telemetry.ingestion.BATCH", 100)
    raws, dying = RawStore(tmp_path / "raw"), DyingStore(tmp_path / "events.db")
    with pytest.raises(KilledError):
        Ingestion(raws, dying).take("Sysmon.evtx", read_in(sysmon_log()))
    dying.close()
    store = SqliteEventStore(tmp_path / "events.db")
    assert store.counts() == {"windows": 100}
    telemetry = Ingestion(raws, store)
    assert telemetry.resume() == 1
    assert store.counts() == {"windows": SYSMON_RECORDS}
    again = telemetry.take("Sysmon.evtx", read_in(sysmon_log()))
    assert (again.form, again.lines, again.new, again.dead) == ("evtx", SYSMON_RECORDS, 0, {})
    store.close()
