"""Control state that no entry made is found at start, and lets nobody in."""

import sqlite3

import pytest

from safeconduct.access.records import GRANTS
from safeconduct.adapters.files import file_name, write_secret
from safeconduct.bootstrap.installation import opened
from safeconduct.kernel.errors import UnavailableError
from safeconduct.ledger.keys import SecretKey
from support.gateway_world import AGREEMENT, INSTALLATION, SIGNERS, log_world
from support.logs import add

GRANT = "WHERE collection = 'grants' AND key = 'ana-triage'"


@pytest.fixture
def data(tmp_path):
    for name in ("log-keys", "raw"):
        (tmp_path / name).mkdir()
    for number, origin in enumerate(SIGNERS):
        write_secret(tmp_path / "log-keys" / file_name(origin), SecretKey(bytes([number]) * 32).text)
    with log_world(tmp_path):
        pass
    return tmp_path


def tamper(data, statement, where=GRANT):
    with sqlite3.connect(data / "safeconduct.db") as connection:
        assert connection.execute(f"{statement} {where}").rowcount == 1
    connection.close()


def test_what_the_entries_made_is_let_be(data):
    with opened(data) as installation:
        assert installation.findings == []
        assert installation.writer.stopped() == {}


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "UPDATE records SET value = CAST(replace(CAST(value AS TEXT), '\"ana\"', '\"bo\"') AS BLOB)",
            "grants/ana-triage is not what its entries make",
        ),
        ("DELETE FROM records", "grants/ana-triage is missing"),
        (
            "INSERT INTO records SELECT collection, 'mallory-triage', value FROM records",
            "no entry makes grants/mallory-triage",
        ),
    ],
)
def test_a_record_that_no_entry_made_stops_every_log(data, statement, told):
    tamper(data, statement)
    with opened(data) as installation:
        assert [finding.what for finding in installation.findings] == [told]
        assert {stop.code for stop in installation.writer.stopped().values()} == {"state-damaged"}
        assert set(installation.writer.stopped()) == {INSTALLATION, AGREEMENT}
        with pytest.raises(UnavailableError) as refused:
            installation.writer.submit(add("x")).result()
        assert refused.value.code in {"state-damaged", "log-unknown"}


def test_a_damaged_log_stops_alone_where_its_entries_still_make_the_state(data):
    tamper(data, "UPDATE tiles SET hashes = zeroblob(length(hashes))", "WHERE log = 1 AND level = 0")
    with opened(data) as installation:
        assert len(installation.findings) > 0
        assert len(installation.writer.stopped()) == 1


def test_a_damaged_entry_gets_no_other_record_believed(data):
    tamper(data, "INSERT INTO records SELECT collection, 'mallory-triage', value FROM records")
    tamper(data, "UPDATE tiles SET hashes = zeroblob(length(hashes))", "WHERE log = 1 AND level = 0")
    with opened(data) as installation:
        assert {stop.code for stop in installation.writer.stopped().values()} == {"log-damaged", "state-damaged"}
        assert installation.board.current.grants == {}
        with installation.snapshot() as records:
            assert records.get(GRANTS, "mallory-triage") is None


def test_an_entry_that_can_not_be_replayed_stops_every_log(data):
    tamper(data, "UPDATE entries SET leaf = zeroblob(length(leaf))", "WHERE log = 1 AND idx = 0")
    with opened(data) as installation:
        assert {stop.code for stop in installation.writer.stopped().values()} == {"log-damaged", "state-damaged"}


def test_a_log_that_no_key_vouches_for_stops_every_log(data):
    tamper(data, "INSERT INTO logs (origin) SELECT 'safeconduct.example/mallory' FROM logs", "WHERE number = 1")
    with opened(data) as installation:
        assert installation.findings == []  # a name alone is nothing
    tamper(
        data,
        "INSERT INTO entries SELECT 3, 0, '01KAK00000000000000000000A', leaf FROM entries",
        "WHERE log = 1 AND idx = 0",
    )
    with opened(data) as installation:
        assert "no key of this log" in installation.findings[0].what
        assert set(installation.writer.stopped()) == {INSTALLATION, AGREEMENT}
