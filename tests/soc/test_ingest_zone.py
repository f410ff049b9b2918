"""Times that tell no zone: dead letters until somebody says which, and then never taken where the record says it."""

import io
import json
import tarfile
import zipfile

import pytest

from safeconduct.adapters.memory.events import MemoryEventStore
from safeconduct.adapters.telemetry.ingestion import Ingestion, Said
from safeconduct.adapters.telemetry.raw_store import RawStore
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import parse_rfc3339
from support.corpora import corpora

LINE = {"Channel": "Security", "EventID": 4624, "SourceName": "Microsoft-Windows-Security-Auditing",
        "Hostname": "ws-1", "TimeCreated": "2026-11-21 10:00:00.5"}  # fmt: skip
SYSMON = {**LINE, "SourceName": "Microsoft-Windows-Sysmon", "UtcTime": "2026-11-21 08:00:01.000"}
SHIPPED = {**LINE, "@timestamp": "2026-11-21T08:00:09Z"}
TOLD = {**LINE, "TimeCreated": "2026-11-21T10:00:00+05:00"}
OWN = {"time": "2026-11-21 10:00:00", "n": 1}
NAMELESS = {name: value for name, value in SHIPPED.items() if name != "TimeCreated"}


@pytest.fixture
def ingestion(tmp_path):
    return Ingestion(RawStore(tmp_path / "raw"), MemoryEventStore())


def take(ingestion, *lines, **said):
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    return ingestion.take("own.jsonl", io.BytesIO(content), Said(**said))


@pytest.mark.parametrize(
    ("line", "zone", "at"),
    [
        (LINE, "+02:00", "2026-11-21T08:00:00.5Z"),
        (LINE, "-00:30", "2026-11-21T10:30:00.5Z"),
        (LINE, "Z", "2026-11-21T10:00:00.5Z"),
        (SYSMON, "+05:00", "2026-11-21T08:00:01Z"),  # Sysmon's own is UTC, whatever is said
        (SHIPPED, "+02:00", "2026-11-21T08:00:00.5Z"),  # when it happened, not when it was shipped
        (SHIPPED, "", "2026-11-21T08:00:09Z"),
        (NAMELESS, "+02:00", "2026-11-21T08:00:09Z"),
        (TOLD, "+02:00", "2026-11-21T05:00:00Z"),
        (OWN, "+02:00", "2026-11-21T08:00:00Z"),
    ],
)
def test_a_time_is_of_the_zone_that_is_said_only_where_nothing_better_tells_it(ingestion, line, zone, at):
    assert take(ingestion, line, zone=zone).dead == {}
    (event,) = ingestion._store.between()
    assert event.at == parse_rfc3339(at)


@pytest.mark.parametrize("line", [LINE, OWN])
def test_without_one_it_names_no_instant(ingestion, line):
    assert take(ingestion, line).dead == {"time-without-offset": 1}
    assert take(ingestion, {**line, "n": 2}, zone="Z").dead == {}


@pytest.mark.parametrize("zone", ["CET", "Europe/Berlin", "+2:00", "+15:00", "+02:60", " Z", "z"])
def test_what_is_no_offset_is_refused_and_nothing_kept(ingestion, tmp_path, zone):
    with pytest.raises(InvalidInputError) as caught:
        take(ingestion, LINE, zone=zone)
    assert caught.value.code == "zone-invalid"
    assert list((tmp_path / "raw").iterdir()) == []


def test_the_zone_that_is_said_wins_over_a_mapping_files(ingestion):
    assert take(ingestion, OWN, zone="+01:00", mapping=b'{"mapping": 1, "zone": "+05:00"}').dead == {}
    (event,) = ingestion._store.between()
    assert event.at == parse_rfc3339("2026-11-21T09:00:00Z")


def test_it_is_kept_with_the_file_and_another_is_another_manner(ingestion, tmp_path):
    take(ingestion, LINE, zone="+02:00")
    assert take(ingestion, LINE, zone="+03:00").notes
    assert take(ingestion, LINE, zone="+02:00").notes == ()
    fresh = MemoryEventStore()
    assert Ingestion(RawStore(tmp_path / "raw"), fresh).resume() == 1
    assert list(fresh.between()) == list(ingestion._store.between())


def test_public_recordings_without_a_zone_are_read_whole(ingestion):
    """Two recordings of OTRF: 81 lines that no instant is told of."""
    with tarfile.open(corpora() / "otrf/atomic.tar") as archive:
        packed = [one for one in archive if one.name.endswith(("lsa_secrets_dump.zip", "memory_dump_comsvcs.zip"))]
        contents = [_content(archive.extractfile(one)) for one in packed]
    before = [ingestion.take("otrf.json", io.BytesIO(one)) for one in contents]
    after = [ingestion.take("otrf.json", io.BytesIO(one), Said(zone="-04:00", again=True)) for one in contents]
    assert sum(one.dead.get("time-without-offset", 0) for one in before) == 81
    assert [one.dead for one in after] == [{}, {}]
    assert sum(one.new for one in after) == 81


def _content(file):
    with zipfile.ZipFile(file) as archive:
        (name,) = archive.namelist()
        return archive.read(name)
