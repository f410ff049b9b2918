"""`status`: what each reader is told, and what it says while logs are stopped."""

import shutil
import sqlite3

import pytest

from support.shell import House, agreed, made, serving
from support.telemetry import visit


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """An installation with one file of telemetry, the partner's own."""
    house = agreed(tmp_path_factory.mktemp("status") / "house", upstream="custom", model="m")[0]
    file = house.root / "access.log"
    file.write_text(visit())
    assert house("ingest", file, by="ana").code == 0
    return house


@pytest.fixture
def damaged(house, tmp_path):
    """A copy of it to whose records somebody added one that no entry made."""
    shutil.copytree(house.root, tmp_path / "house")
    copy = House(tmp_path / "house")
    with sqlite3.connect(copy.data / "safeconduct.db") as connection:
        added = (
            "INSERT INTO records SELECT collection, 'mallory', value FROM records WHERE collection = 'grants' LIMIT 1"
        )
        assert connection.execute(added).rowcount
    connection.close()
    return copy


def test_events_are_counted_of_those_whose_telemetry_one_reads(house):
    assert house("status", "--json").json["events"] > 0, "who has the folder in hand reads all"
    with serving(house.data) as (_, address):
        told = {who: house("status", "--url", address.url, "--json", by=who) for who in ("ana", "ops")}
    assert told["ana"].json["events"] > 0
    assert told["ops"].json["events"] == 0, "the other party reads none of the house's telemetry"


def test_what_is_in_force_is_told_while_logs_run(house):
    said = house("status")
    assert "stopped" not in said.err
    assert "none in force" not in said.out
    assert "not known" not in said.out


def test_stopped_logs_are_told_and_nothing_is_said_to_be_in_force_or_not(damaged):
    said = damaged("status")
    assert said.code == 0
    assert f"stopped: {damaged.agreement}: the control state is not what its entries make" in said.err
    assert "not known while logs are stopped" in said.out
    assert "none in force" not in said.out


def test_doctor_says_that_the_logs_come_first(damaged):
    found = {one["check"]: one for one in damaged("doctor", "--json").json["findings"]}
    assert (found["program"]["state"], found["program"]["remedy"]) == (
        "bad",
        "first mend the logs: safeconduct log recover",
    )


def test_an_installation_without_a_program_says_so(tmp_path):
    empty, _key = made(tmp_path / "house")
    assert "none in force" in empty("status").out
