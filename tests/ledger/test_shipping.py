"""Rows and batches at their limits and one beyond, and a line that fails, waits, and goes on."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.adapters.destinations import FILE_BYTES_MAX, read_destinations
from safeconduct.adapters.siem.cursors import FileCursors
from safeconduct.adapters.siem.files import FILE_ROWS, Files, FilesOptions
from safeconduct.adapters.siem.syslog import MESSAGE_BYTES_MIN, Syslog, SyslogOptions
from safeconduct.adapters.siem.web import RETRY_AFTER_MAX_S, Answer, refuse_if_not_taken
from safeconduct.kernel.entries import Draft
from safeconduct.kernel.errors import ConflictError, InvalidInputError, UnavailableError
from safeconduct.ledger.merkle import leaf_hash
from safeconduct.ledger.ocsf import PlacedLeaf
from safeconduct.ledger.shipping import (
    REFUSED_MAX,
    Cursor,
    DestinationBusyError,
    Limits,
    Refused,
    batches,
    fitted,
    least,
    outgoing,
)
from safeconduct.runtime.exporting import RETRY_MAX_S, Line, attempt
from safeconduct.runtime.shipping import Shipment
from support.leaves import encode_leaf
from support.logs import CALLS, START

LARGE = 10**9


class Into:
    """A destination that takes everything but the rows of some indexes, or fails as told."""

    def __init__(self, limits=None, refused=(), fails=()):
        self.limits = limits or Limits(row_bytes=LARGE, batch_bytes=LARGE, batch_rows=100)
        self.refused, self.fails, self.taken = refused, list(fails), []

    def encode(self, row):
        return msgspec.json.encode(row.event)

    def send(self, rows, encoded):
        if self.fails:
            raise self.fails.pop(0)
        self.taken += [row.id for row in rows if row.index not in self.refused]
        return {row.id: "no" for row in rows if row.index in self.refused}


class Kept:
    """`Cursors` in memory."""

    def __init__(self):
        self.cursor = Cursor()

    def read(self):
        return self.cursor

    def write(self, cursor):
        self.cursor = cursor


class FailingOnce(Kept):
    """Fails one write of the cursor, having written it or not."""

    def __init__(self, *, applied):
        super().__init__()
        self.applied, self.writes = applied, 0

    def write(self, cursor):
        self.writes += 1
        if self.writes != 2 or self.applied:
            super().write(cursor)
        if self.writes == 2:
            raise UnavailableError("the disk is full", code="file-failed")


class Log:
    """The part of a log that a line looks at."""

    origin = CALLS

    def __init__(self, count):
        self.size = count

    def leaves(self, start):
        return (placed(index) for index in range(start, self.size))


def placed(index, text=""):
    draft = Draft(type="test.thing.done/1", body={"n": index, "text": text})
    return PlacedLeaf(origin=CALLS, index=index, leaf=encode_leaf(draft, f"01K9ZZZZZZZZZZZZZZZZZ{index:05d}", START))


def row(index=0, text=""):
    return outgoing(placed(index, text), {})


def line(destination):
    return Line("siem", "kind", Shipment(destination, Kept(), {}))


def test_a_rows_id_is_its_entry_and_its_leaf():
    one = placed(3)
    assert row(3).id == f"01K9ZZZZZZZZZZZZZZZZZ00003-{leaf_hash(one.leaf).hex()[:32]}"
    assert row(3).id == row(3).id
    assert row(3).id != row(3, "another leaf").id


def test_a_row_is_sent_in_the_longest_form_that_fits():
    whole = row(text="x" * 500)
    short = replace(whole, event={**least(whole).event, "class_uid": whole.event["class_uid"]})
    size = len(Into().encode(whole))
    for limit, has_leaf in ((size, True), (size - 1, False)):
        form, encoded = fitted(whole, Into(Limits(row_bytes=limit, batch_bytes=LARGE, batch_rows=1)))
        assert ("raw_data" in form.event) == has_leaf
        assert len(encoded) <= limit
    form, _encoded = fitted(whole, Into(Limits(row_bytes=1, batch_bytes=LARGE, batch_rows=1)))
    assert form.event == least(whole).event
    assert short.id == form.id == whole.id


def test_a_batch_is_full_at_its_limit_of_rows_and_of_bytes():
    rows = [row(index) for index in range(4)]
    size = len(Into().encode(rows[0]))
    for limits, sizes in (
        (Limits(row_bytes=LARGE, batch_bytes=LARGE, batch_rows=2), [2, 2]),
        (Limits(row_bytes=LARGE, batch_bytes=LARGE, batch_rows=4), [4]),
        (Limits(row_bytes=LARGE, batch_bytes=2 * size, batch_rows=9), [2, 2]),
        (Limits(row_bytes=LARGE, batch_bytes=2 * size - 1, batch_rows=9), [1, 1, 1, 1]),
    ):
        assert [len(batch) for batch, _parts in batches(iter(rows), Into(limits))] == sizes


@given(st.lists(st.integers(0, 3000), max_size=20), st.integers(600, 9000), st.integers(600, 9000), st.integers(1, 6))
def test_batches_hold_every_row_in_order_within_the_limits(lengths, row_bytes, batch_bytes, batch_rows):
    rows = [row(index, "x" * length) for index, length in enumerate(lengths)]
    limits = Limits(row_bytes=row_bytes, batch_bytes=batch_bytes, batch_rows=batch_rows)
    made = list(batches(iter(rows), Into(limits)))
    assert [one.id for batch, _parts in made for one in batch] == [one.id for one in rows]
    for batch, parts in made:
        assert len(batch) == len(parts) <= batch_rows
        assert len(batch) == 1 or sum(map(len, parts)) <= batch_bytes


def test_so_many_entries_may_be_refused_and_no_more():
    into = Into(refused=range(REFUSED_MAX))
    one = line(into)
    attempt(one, lambda: [Log(REFUSED_MAX + 5)])
    assert (one.problem, len(one.work.cursor.refused), len(into.taken)) == ("", REFUSED_MAX, 5)
    assert one.work.cursor.refused[0] == Refused(origin=CALLS, index=0, reason="no; no")
    one = line(Into(refused=range(REFUSED_MAX + 1)))
    attempt(one, lambda: [Log(REFUSED_MAX + 5)])
    assert one.problem == "too-many-refused"


def test_a_line_that_fails_waits_longer_each_time_and_begins_anew_when_it_does_not():
    one = line(Into(fails=[DestinationBusyError("no")] * 11))
    waits = [attempt(one, lambda: [Log(1)]) for _ in range(11)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, RETRY_MAX_S, RETRY_MAX_S]
    assert attempt(one, lambda: [Log(1)]) == 1.0
    one.work.destination.fails = [DestinationBusyError("no", after_s=77.0), UnavailableError("no")]
    assert [attempt(one, lambda: [Log(2)]) for _ in range(2)] == [77.0, 2.0]


def test_what_nobody_foresaw_is_told_and_does_not_end_the_line():
    one = line(Into(fails=[ZeroDivisionError()]))
    attempt(one, lambda: [Log(1)])
    assert one.problem == "exporter-failed"
    attempt(one, lambda: [Log(1)])
    assert (one.problem, len(one.work.destination.taken)) == ("", 1)


def test_a_line_takes_the_logs_that_it_names_or_all():
    one = line(Into())
    one.origins = frozenset({"another"})
    attempt(one, lambda: [Log(3)])
    assert one.work.destination.taken == []
    assert one.lag({CALLS: 3, "another": 2}) == {"another": 2}


@pytest.mark.parametrize(
    ("after", "seconds"), [("7", 7.0), ("3600", 3600.0), ("3601", 3600.0), ("-1", 0.0), ("soon", 0.0), ("", 0.0)]
)
def test_a_destination_says_when_it_wants_to_be_asked_again(after, seconds):
    assert seconds <= RETRY_AFTER_MAX_S
    with pytest.raises(DestinationBusyError) as busy:
        refuse_if_not_taken(Answer(429, {"retry-after": after}, b""), "it")
    assert busy.value.after_s == seconds


@pytest.mark.parametrize(
    ("status", "error"), [(401, UnavailableError), (302, UnavailableError), (503, DestinationBusyError)]
)
def test_a_status_says_whether_somebody_must_change_something(status, error):
    with pytest.raises(error):
        refuse_if_not_taken(Answer(status, {}, b""), "it")
    for judged in (200, 204, 400, 413):
        refuse_if_not_taken(Answer(judged, {}, b""), "it")


def test_a_damaged_cursor_is_as_none(tmp_path):
    kept = FileCursors(tmp_path, "a/b")
    kept.write(Cursor(next={CALLS: 5}, refused=(Refused(origin=CALLS, index=1, reason="no"),)))
    assert FileCursors(tmp_path, "a/b").read().next == {CALLS: 5}
    (file,) = tmp_path.glob("*.json")
    file.write_bytes(b'{"next": {"x": ')
    assert kept.read() == Cursor()


def test_one_exporter_at_a_time_holds_a_cursor(tmp_path):
    one, again, other = (FileCursors(tmp_path, name) for name in ("siem", "siem", "other"))
    with one.held(), other.held(), pytest.raises(ConflictError), again.held():
        pass
    with FileCursors(tmp_path, "siem").held():
        pass


def test_a_syslog_message_has_room_for_what_every_receiver_takes():
    Syslog(SyslogOptions(host="h", port=1, tls=False, message_bytes=MESSAGE_BYTES_MIN))
    with pytest.raises(InvalidInputError):
        Syslog(SyslogOptions(host="h", port=1, tls=False, message_bytes=MESSAGE_BYTES_MIN - 1))
    message = Syslog(SyslogOptions(host="h", port=1, tls=False, message_bytes=MESSAGE_BYTES_MIN))
    assert len(fitted(row(text="x" * 60_000), message)[1]) <= MESSAGE_BYTES_MIN


def test_the_file_of_destinations_is_read_up_to_its_limit(tmp_path):
    file = tmp_path / "d.yaml"
    text = b"destinations: [{name: a, kind: files, options: {folder: x}}]\n#"
    file.write_bytes(text.ljust(FILE_BYTES_MAX, b" "))
    assert [one.name for one in read_destinations(file)] == ["a"]
    file.write_bytes(text.ljust(FILE_BYTES_MAX + 1, b" "))
    with pytest.raises(InvalidInputError, match="has more than"):
        read_destinations(file)


def test_lines_in_files_turn_over_at_their_limit_and_a_half_line_is_written_again(tmp_path):
    files = Files(FilesOptions(folder=str(tmp_path)))
    rows = [row(index) for index in range(FILE_ROWS + 1)]
    encoded = [files.encode(one) for one in rows]
    files.send(rows, encoded)
    names = sorted(path.name for path in tmp_path.rglob("*.jsonl"))
    assert names == ["000000000000.jsonl", f"{FILE_ROWS:012d}.jsonl"]
    first = next(path for path in tmp_path.rglob("*.jsonl") if path.name == names[0])
    whole = first.read_bytes()
    assert whole.count(b"\n") == FILE_ROWS
    first.write_bytes(whole[:-10])
    files.send(rows, encoded)
    assert first.read_bytes() == whole


def test_files_with_another_row_or_without_earlier_ones_are_not_written_on(tmp_path):
    files = Files(FilesOptions(folder=str(tmp_path)))
    rows = [row(index) for index in range(3)]
    files.send(rows, [files.encode(one) for one in rows])
    other = row(1, "another leaf")
    with pytest.raises(UnavailableError) as forked:
        files.send([other], [files.encode(other)])
    assert forked.value.code == "file-forked"
    with pytest.raises(UnavailableError) as gap:
        files.send([row(4)], [files.encode(row(4))])
    assert gap.value.code == "file-gap"


@pytest.mark.parametrize("applied", [False, True], ids=["failed", "failed but applied"])
def test_a_cursor_that_cannot_be_written_costs_one_batch_that_is_sent_again(applied):
    one = line(Into(Limits(row_bytes=LARGE, batch_bytes=LARGE, batch_rows=2)))
    one.work.cursors = FailingOnce(applied=applied)
    attempt(one, lambda: [Log(6)])
    assert one.problem == "file-failed"
    attempt(one, lambda: [Log(6)])
    assert (one.problem, one.work.done) == ("", {CALLS: 6})
    again = [] if applied else [2, 3]
    assert one.work.destination.taken == [row(index).id for index in (0, 1, 2, 3, *again, 4, 5)]
