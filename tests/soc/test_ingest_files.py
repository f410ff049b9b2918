"""Whole files: what they are, what is wrong with them, and that nothing of them is lost or counted twice."""

import gzip
import hashlib
import io
import json
import os

import pytest

from safeconduct.adapters.memory.events import MemoryEventStore
from safeconduct.adapters.telemetry import copying_in, cutting, files
from safeconduct.adapters.telemetry.files import found_files, parts
from safeconduct.adapters.telemetry.forms import SAMPLE_BYTES, Form, form_of, sample
from safeconduct.adapters.telemetry.ingestion import BATCH, Ingestion, Said
from safeconduct.adapters.telemetry.raw_store import RawStore
from safeconduct.kernel.errors import InvalidInputError, TooLargeError, UnavailableError
from support.telemetry import RECORDING, SOURCES, auth, flow, ran, taken, visit


@pytest.fixture
def store():
    return MemoryEventStore()


@pytest.fixture
def ingestion(tmp_path, store):
    return Ingestion(RawStore(tmp_path / "raw"), store)


def take(ingestion, content, name="file", **manner):
    return ingestion.take(name, io.BytesIO(content if isinstance(content, bytes) else content.encode()), Said(**manner))


COMBINED = '203.0.113.9 - - [21/Nov/2026:18:51:30 +0000] "GET / HTTP/1.1" 200 1 "-" "curl"'


@pytest.mark.parametrize(
    ("line", "form"),
    [(auth("sshd[1]", "x"), Form.SYSLOG), (ran("id"), Form.AUDIT), (COMBINED, Form.COMBINED), (flow(), Form.JSON)],
)
def test_a_file_is_what_most_of_its_first_lines_are(line, form):
    assert form_of(f"{line}\n".encode() * 3 + b"garbage\n") is form
    assert form_of(b"garbage\n\xff\n" + f"{line}\n".encode() * 3) is form


NO_TELEMETRY = [
    (b"", "telemetry-empty"),
    (b" \n\n", "telemetry-empty"),
    (gzip.compress(b"x", mtime=0), "telemetry-compressed"),
    (b"PK\x03\x04rest", "telemetry-compressed"),
    (b"\xd4\xc3\xb2\xa1\x02\x00", "telemetry-binary"),
    (b"text\x00text", "telemetry-binary"),
    (b'[\n {"a": 1}\n]\n', "telemetry-document"),
    (b"[]", "telemetry-document"),
    (b'{"time":1795287', "telemetry-document"),
    (b"Dear diary,\ntoday\n", "telemetry-unknown"),
    (b"a,b,c\n1,2,3\n", "telemetry-unknown"),
]


@pytest.mark.parametrize(("content", "code"), NO_TELEMETRY)
def test_what_is_no_telemetry_is_kept_and_told(ingestion, store, tmp_path, content, code):
    report = take(ingestion, content)
    assert (report.problem, report.events, report.lines) == (code, {}, 0)
    assert report.detail
    assert (tmp_path / "raw" / report.digest).read_bytes() == content
    assert dict(store.counts()) == {}


def test_a_file_that_is_not_what_its_name_says_is_read_as_what_it_is(ingestion):
    report = take(ingestion, auth("sshd[1]", "x"), name="logs/access.log")
    assert report.events == {"auth": 1}
    assert report.notes == ("named logs/access.log, but holds syslog lines",)
    assert take(ingestion, visit(), name="access.log").notes == ()


def test_every_line_is_an_event_or_a_dead_letter_with_its_number(ingestion, store):
    content = f"{visit()}\nnot json\n\n{flow()}\n[1]\n" + visit(uri="/cut")[:40]
    report = take(ingestion, content)
    assert (report.lines, report.events, report.new) == (6, {"access": 1, "flow": 1}, 2)
    assert report.dead == {"json-broken": 1, "json-no-object": 1, "line-cut": 1}
    assert [(dead.line, dead.code) for dead in store.dead_letters(report.digest)] == [
        (2, "json-broken"),
        (5, "json-no-object"),
        (6, "line-cut"),
    ]


def test_broken_bytes_are_counted_and_the_line_read(ingestion):
    report = take(ingestion, visit(agent="AA").encode().replace(b"AA", b"\xff\xfe"))
    assert (report.broken, report.events, report.dead) == (1, {"access": 1}, {})


def test_taking_a_file_twice_changes_nothing(ingestion, store):
    content = (RECORDING / "access.log").read_bytes()
    first, second = take(ingestion, content), take(ingestion, content, name="copy")
    assert (first.new, second.new) == (len(content.splitlines()), 0)
    assert first.events == second.events == dict(store.counts())


def test_a_file_that_grew_adds_only_what_is_new(ingestion, store):
    content = (RECORDING / "access.log").read_bytes()
    half = content[: content.find(b"\n", len(content) // 2) + 1]
    before, after = take(ingestion, half), take(ingestion, content)
    assert before.new + after.new == sum(after.events.values()) == sum(store.counts().values())


def test_progress_is_told_now_and_then(ingestion):
    lines = "\n".join(flow(dport=n, at_s=n) for n in range(BATCH + 1))
    told = []
    ingestion.take("flows", io.BytesIO(lines.encode()), progress=told.append)
    assert told == [BATCH, BATCH + 1]


def test_the_whole_recording_is_read_without_a_dead_letter(ingestion, store):
    ingestion.take_inventory("inventory.json", (RECORDING / "inventory.json").read_bytes())
    reports = [take(ingestion, (RECORDING / name).read_bytes(), name=name) for name in SOURCES]
    assert [(report.problem, report.dead, report.broken, report.notes) for report in reports] == [("", {}, 0, ())] * 6
    one_each = [report for report in reports if report.form != "audit"]
    assert all(report.lines == sum(report.events.values()) for report in one_each)
    assert set(store.counts()) == {"access", "audit", "auth", "dns", "flow", "http"}


def test_a_lost_index_is_made_again_from_the_raw_files(tmp_path, ingestion, store):
    ingestion.take_inventory("inventory.json", (RECORDING / "inventory.json").read_bytes())
    for name in SOURCES:
        take(ingestion, (RECORDING / name).read_bytes(), name=name, host="db-9" if name == "audit.log" else "")
    fresh = MemoryEventStore()
    again = Ingestion(RawStore(tmp_path / "raw"), fresh)
    assert again.resume() == len(SOURCES)
    assert list(fresh.between()) == list(store.between())
    assert again.inventory() == ingestion.inventory()
    assert again.resume() == 0


def test_an_interrupted_reading_is_finished(tmp_path, ingestion):
    class Dies(MemoryEventStore):
        def add(self, events, *, file, reading):
            read = list(events)
            if reading.complete:
                raise UnavailableError("power")
            return super().add(read, file=file, reading=reading)

    with pytest.raises(UnavailableError):
        take(Ingestion(RawStore(tmp_path / "raw"), Dies()), visit())
    whole = MemoryEventStore()
    assert Ingestion(RawStore(tmp_path / "raw"), whole).resume() == 1
    assert dict(whole.counts()) == {"access": 1}


def test_a_file_read_before_in_another_manner_keeps_its_reading(ingestion, store):
    line = "type=SYSCALL msg=audit(1795287091.163:13): success=yes pid=1 ppid=1 auid=1001 uid=0 ses=1"
    take(ingestion, line, host="one")
    report = take(ingestion, line, host="two")
    assert len(report.notes) == 1
    (event,) = store.between()
    assert event.ocsf["device"]["hostname"] == "one"


def test_raw_files_are_their_owners_alone(tmp_path, ingestion):
    take(ingestion, visit())
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "raw").iterdir() if not path.suffix} == {0}
    assert (tmp_path / "raw").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("size", "fits"), [(100, True), (101, False)])
def test_a_file_over_the_limit_is_refused_and_leaves_nothing(tmp_path, monkeypatch, size, fits):
    monkeypatch.setattr(copying_in, "FILE_BYTES_MAX", 100)
    store = RawStore(tmp_path / "raw")
    if fits:
        assert store.keep(io.BytesIO(b"x" * size)) == (hashlib.sha256(b"x" * size).hexdigest(), size)
    else:
        with pytest.raises(TooLargeError):
            store.keep(io.BytesIO(b"x" * size))
        assert list((tmp_path / "raw").iterdir()) == []


def test_a_raw_file_that_is_gone_is_told(tmp_path):
    with pytest.raises(UnavailableError) as caught:
        RawStore(tmp_path / "raw").open("0" * 64)
    assert caught.value.code == "raw-file-missing"


def test_a_sample_ends_at_a_line():
    assert sample(b"short") == b"short"
    long = b"x" * 100 + b"\n" + b"y" * SAMPLE_BYTES
    assert sample(long) == b"x" * 100 + b"\n"


def test_a_folder_gives_its_files_and_its_inventory():
    found, inventories = found_files([RECORDING])
    assert {item.path.name for item in found} == {*SOURCES, "ground_truth.json", "manifest.json"}
    assert [path.name for path in inventories] == ["inventory.json"]
    assert not any(item.asked for item in found)


def test_a_path_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InvalidInputError) as caught:
        found_files([tmp_path / "none"])
    assert caught.value.code == "file-missing"


@pytest.mark.parametrize("name", ["access.log", "audit.log", "flow.jsonl"])
def test_parts_of_a_large_file_hold_the_same_events(monkeypatch, name):
    monkeypatch.setattr(cutting, "PART_BYTES", 50_000)
    content = (RECORDING / name).read_bytes()
    cut = list(parts(RECORDING / name))
    assert len(cut) > 1
    assert b"".join(part for _, part in cut) == content
    assert all(len(part) <= 50_000 for _, part in cut)
    whole = {event.id for event in taken(content)[0]}
    assert {event.id for _, part in cut for event in taken(part)[0]} == whole
    assert len({named for named, _ in cut}) == len(cut)


def test_a_small_file_is_one_part():
    assert [name for name, _ in parts(RECORDING / "manifest.json")] == ["manifest.json"]


def test_a_large_file_of_something_else_is_refused_unsent(tmp_path, monkeypatch):
    monkeypatch.setattr(cutting, "PART_BYTES", 100)
    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 9)
    with pytest.raises(InvalidInputError) as caught:
        list(parts(tmp_path / "a.bin"))
    assert caught.value.code == "telemetry-binary"


def test_own_json_of_any_kind_becomes_events(ingestion):
    report = take(ingestion, "\n".join(json.dumps({"ts": 1795287091 + n, "n": n, "f": n / 7}) for n in range(5)))
    assert (report.events, report.dead) == ({"json": 5}, {})


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "auth.log")
    with pytest.raises(InvalidInputError) as refused:
        next(parts(tmp_path / "auth.log"))
    assert (refused.value.code, refused.value.remedy) == (
        "file-unreadable",
        "send it in with: safeconduct ingest - < PIPE",
    )


def test_a_folder_holds_so_many_files(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "FILES_MAX", 3)
    for number in range(3):
        (tmp_path / f"{number}.log").write_text("x")
    assert len(found_files([tmp_path])[0]) == 3
    (tmp_path / "3.log").write_text("x")
    with pytest.raises(TooLargeError, match="more than 3 files"):
        found_files([tmp_path])
