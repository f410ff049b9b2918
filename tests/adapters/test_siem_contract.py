"""Every destination takes each entry at least once, each under one id, whatever goes wrong on the way."""

import json
from contextlib import contextmanager

import pytest

from safeconduct.adapters.siem.cursors import FileCursors
from safeconduct.adapters.siem.elastic import Elastic, ElasticOptions
from safeconduct.adapters.siem.files import Files, FilesOptions
from safeconduct.adapters.siem.logs_ingestion import LogsIngestion, LogsIngestionOptions
from safeconduct.adapters.siem.splunk import ACK_WAIT_S, Splunk, SplunkOptions
from safeconduct.adapters.siem.syslog import Syslog, SyslogOptions
from safeconduct.adapters.siem.web import Web
from safeconduct.ledger.export import export_files
from safeconduct.ledger.rows import check_row, read_row
from safeconduct.ledger.shipping import DestinationBusyError, outgoing
from safeconduct.ledger.tiled import TiledLog
from safeconduct.ledger.trust import Trust
from safeconduct.runtime.exporting import Line, attempt
from safeconduct.runtime.shipping import Shipment, ship
from support import siem
from support.liars import Raw, drips, says
from support.logs import CALLS, Rig, signer
from support.ocsf import faults

FORMS = {}
COUNT = 600


class Ticking:
    """A clock that moves by what is slept, so that waiting costs nothing."""

    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds


class Folder:
    """Reads back what `Files` wrote, as the stand-ins tell what they took."""

    again = 0

    def __init__(self, folder):
        self.folder = folder

    @property
    def rows(self):
        lines = [
            json.loads(one) for file in sorted(self.folder.rglob("*.jsonl")) for one in file.read_text().splitlines()
        ]
        assert len(lines) == len({one["id"] for one in lines}), "a line stands twice"
        return {one["id"]: one["event"] for one in lines}


@contextmanager
def hec(_folder):
    clock = Ticking()
    with siem.Hec() as server:
        options = SplunkOptions(url=server.url, channel=siem.GUID, index="audit")
        yield server, Splunk(options, siem.TOKEN, sleep=clock.sleep, clock=clock)


@contextmanager
def ingestion(_folder):
    with siem.Ingestion() as server:
        options = LogsIngestionOptions(
            endpoint=server.url,
            login=server.url,
            rule=siem.RULE,
            stream=siem.STREAM,
            tenant=siem.TENANT,
            client=siem.CLIENT,
        )
        yield server, LogsIngestion(options, siem.SECRET)


@contextmanager
def bulk(_folder):
    with siem.Bulk() as server:
        yield server, Elastic(ElasticOptions(url=server.url, index="audit"), siem.API_KEY)


@contextmanager
def plain_syslog(_folder):
    with siem.Collector() as server:
        yield server, Syslog(SyslogOptions(host="127.0.0.1", port=server.port, tls=False))


@contextmanager
def tls_syslog(folder):
    identity = siem.make_identity(folder)
    with siem.Collector(identity) as server:
        yield server, Syslog(SyslogOptions(host="127.0.0.1", port=server.port, ca=str(identity)))


@contextmanager
def files(folder):
    yield Folder(folder / "rows"), Files(FilesOptions(folder=str(folder / "rows")))


KINDS = [hec, ingestion, bulk, plain_syslog, tls_syslog, files]
OVER_HTTP = [hec, ingestion, bulk]


@pytest.fixture(scope="module")
def log():
    """A log whose entries are short but for one of a leaf's full length."""
    with Rig() as rig:
        rig.fill(COUNT - 1)
        rig.run(lambda tx: tx.append(CALLS, big()))
        held = dict(export_files(rig.store, CALLS, signer(), payloads=False))
    return TiledLog(held.get, Trust(log=signer().verifier))


def big():
    from support.logs import thing

    return thing("big", text="x" * 65_000)


@pytest.fixture
def line_of(tmp_path):
    def made(destination, name="siem"):
        return Line(name, "kind", Shipment(destination, FileCursors(tmp_path / "cursors", name), FORMS))

    return made


def expected(log):
    return [outgoing(leaf, FORMS).id for leaf in log.leaves(0)]


@pytest.mark.parametrize("kind", KINDS)
def test_each_entry_arrives_once_under_its_id_and_is_what_the_log_has(kind, log, line_of, tmp_path):
    with kind(tmp_path) as (server, destination):
        line = line_of(destination)
        assert ship(line.work, log) == COUNT
        assert list(server.rows) == expected(log)
        assert server.again == 0
        for number in (0, 255, 256, COUNT - 1):
            event = {k: v for k, v in list(server.rows.values())[number].items() if k != "@timestamp"}
            assert faults(event) == []
            row = read_row(json.dumps(event).encode())
            checked = check_row(row, log.proven(row.index), FORMS)
            assert (checked.differs, checked.added) == ((), ())
        assert ship(line.work, log) == 0
        assert line.lag({CALLS: COUNT}) == {CALLS: 0}


@pytest.mark.parametrize("kind", KINDS)
def test_without_its_cursor_everything_is_sent_again_under_the_same_ids(kind, log, line_of, tmp_path):
    with kind(tmp_path) as (server, destination):
        ship(line_of(destination).work, log)
        for file in (tmp_path / "cursors").glob("*.json"):
            file.unlink()
        assert ship(line_of(destination).work, log) == COUNT
        assert list(server.rows) == expected(log)


@pytest.mark.parametrize("fault", ["busy", "lose", "drop", "broken", "garble"])
@pytest.mark.parametrize("place", [(hec, 0), (hec, 1), (ingestion, 0), (ingestion, 1), (bulk, 0)])
def test_what_fails_on_the_way_is_told_and_sent_again(place, fault, log, line_of, tmp_path):
    kind, before = place
    if (kind, before, fault) == (ingestion, 1, "garble"):
        return  # its answer has no content
    with kind(tmp_path) as (server, destination):
        line = line_of(destination)
        server.script.extend([*[""] * before, fault])
        waits = []
        for _ in range(9):
            waits.append(attempt(line, lambda: [log]))
            if not line.problem:
                break
            assert line.problem in {"destination-busy", "destination-unreachable", "destination-garbled"}
            assert line.lag({CALLS: COUNT})[CALLS] > 0
        assert len(waits) == 2
        assert waits[0] == (7.0 if fault == "busy" else 1.0)
        assert list(server.rows) == expected(log)


@pytest.mark.parametrize("fault", ["lose", "drop"])
@pytest.mark.parametrize("kind", [plain_syslog, tls_syslog])
def test_a_syslog_connection_that_does_not_end_in_order_is_no_acknowledgment(kind, fault, log, line_of, tmp_path):
    with kind(tmp_path) as (server, destination):
        line = line_of(destination)
        server.script.append(fault)
        attempt(line, lambda: [log])
        assert line.problem == "destination-unreachable"
        assert line.lag({CALLS: COUNT}) == {CALLS: COUNT}
        attempt(line, lambda: [log])
        assert line.problem == ""
        assert set(server.rows) == set(expected(log))


def test_a_batch_that_no_indexer_got_is_sent_again(log, line_of, tmp_path):
    with hec(tmp_path) as (server, destination):
        server.never_indexed = 1
        line = line_of(destination)
        attempt(line, lambda: [log])
        assert (line.problem, server.rows) == ("not-indexed", {})
        assert destination._clock() >= ACK_WAIT_S
        attempt(line, lambda: [log])
        assert list(server.rows) == expected(log)


def test_one_busy_item_of_a_bulk_brings_the_batch_again_and_nothing_twice(log, line_of, tmp_path):
    with bulk(tmp_path) as (server, destination):
        line = line_of(destination)
        server.script.extend(["", "item-busy"])
        attempt(line, lambda: [log])
        attempt(line, lambda: [log])
        assert sorted(server.rows) == sorted(expected(log))


def test_a_token_that_ended_early_is_renewed(log, line_of, tmp_path):
    with ingestion(tmp_path) as (server, destination):
        line = line_of(destination)
        ship(line.work, TiledLog(log._read, Trust(log=signer().verifier)))
        server.tokens.clear()
        line.work.cursors.write(line.work.cursor.advanced(CALLS, COUNT - 1))
        attempt(line, lambda: [log])
        assert line.problem == "destination-refused"
        attempt(line, lambda: [log])
        assert (line.problem, server.logins) == ("", 2)


@pytest.mark.parametrize("kind", OVER_HTTP)
def test_an_entry_that_is_refused_goes_as_its_place_alone_and_holds_up_nothing(kind, log, line_of, tmp_path):
    with kind(tmp_path) as (server, destination):
        server.refuse = lambda event: event["metadata"]["sequence"] == 300 and "raw_data" in event
        line = line_of(destination)
        ship(line.work, log)
        assert set(server.rows) == set(expected(log))
        least = server.rows[expected(log)[300]]
        assert (least["class_uid"], least["metadata"]["is_truncated"], "raw_data" in least) == (0, True, False)
        assert line.work.cursor.refused == ()


@pytest.mark.parametrize("kind", OVER_HTTP)
def test_an_entry_that_is_refused_in_every_form_is_told_and_the_others_arrive(kind, log, line_of, tmp_path):
    with kind(tmp_path) as (server, destination):
        server.refuse = lambda event: event["metadata"]["sequence"] == 300
        line = line_of(destination)
        ship(line.work, log)
        assert set(expected(log)) - set(server.rows) == {expected(log)[300]}
        assert [(one.origin, one.index) for one in line.work.cursor.refused] == [(CALLS, 300)]
        assert line_of(destination).work.cursors.read().refused == line.work.cursor.refused


@pytest.mark.parametrize("kind", OVER_HTTP)
def test_a_destination_that_refuses_everything_stops_the_line(kind, log, line_of, tmp_path):
    with kind(tmp_path) as (server, destination):
        server.refuse = lambda _event: True
        line = line_of(destination)
        attempt(line, lambda: [log])
        assert line.problem == "too-many-refused"
        assert line.work.cursors.read().next == {}


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        (hec, lambda destination: destination._headers.update(authorization="Splunk other")),
        (bulk, lambda destination: destination._headers.update(authorization="ApiKey other")),
        (ingestion, lambda destination: setattr(destination._login, "_secret", "other")),
    ],
)
def test_a_wrong_credential_is_told_and_moves_no_cursor(kind, spoil, log, line_of, tmp_path):
    with kind(tmp_path) as (server, destination):
        spoil(destination)
        line = line_of(destination)
        attempt(line, lambda: [log])
        assert line.problem == "destination-refused"
        assert (server.rows, line.work.cursors.read().next) == ({}, {})


def test_a_log_that_is_shorter_than_what_was_sent_is_told(log, line_of, tmp_path):
    with files(tmp_path) as (_server, destination):
        line = line_of(destination)
        line.work.cursors.write(line.work.cursor.advanced(CALLS, COUNT + 1))
        attempt(line, lambda: [log])
        assert line.problem == "cursor-ahead"
        line.work.cursors.write(line.work.cursor.advanced(CALLS, COUNT))
        attempt(line, lambda: [log])
        assert line.problem == ""


def test_a_damaged_leaf_is_never_sent(log, line_of, tmp_path):
    held = {path: log._read(path) for path in ("checkpoint", "tile/0/000", "tile/entries/000")}
    held["tile/entries/000"] = held["tile/entries/000"].replace(b'"n":7', b'"n":8')
    with files(tmp_path) as (server, destination):
        line = line_of(destination)
        attempt(line, lambda: [TiledLog(held.get, Trust(log=signer().verifier))])
        assert line.problem == "log-damaged"
        assert len(server.rows) <= 7


def test_no_error_tells_the_token_of_a_garbled_login():
    with Raw(says('{"access_token": "eyJ0-secret", ')) as server:
        options = LogsIngestionOptions(
            endpoint=server.url, login=server.url, rule="dcr-1", stream="Custom-x", tenant="t", client="c"
        )
        with pytest.raises(DestinationBusyError) as garbled:
            LogsIngestion(options, "secret").send([], [])
    assert garbled.value.code == "destination-garbled"
    assert "eyJ0" not in str(garbled.value)


def test_a_destination_that_drips_is_cut_off(monkeypatch):
    monkeypatch.setattr("safeconduct.adapters.siem.web.TIMEOUT_S", 0.2)
    with Raw(drips) as server, pytest.raises(DestinationBusyError) as late:
        Web(server.url).send("POST", "/", {})
    assert late.value.code == "destination-unreachable"
