"""An installation whose logs are in PostgreSQL: the server, commands beside it, commands without it."""

import os
import sys

import pytest

from safeconduct.bootstrap.stores import MARK, require_postgres
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.settings import Databases
from support.shell import agreed, run, serving


@pytest.fixture
def house(tmp_path, postgres, monkeypatch):
    monkeypatch.setenv("SAFECONDUCT_DATABASE", postgres.database())
    monkeypatch.setenv("SAFECONDUCT_HEADS", postgres.database())
    return agreed(tmp_path / "house")[0]


def verified(house):
    checked = house("log", "verify", "--json")
    return checked.code == 0 and [log["size"] for log in checked.json if log["verified"]]


def test_a_server_and_its_commands_work_as_on_a_file(house, postgres, monkeypatch):
    before = verified(house)
    assert len(before) == 2
    url = os.environ["SAFECONDUCT_DATABASE"]
    monkeypatch.delenv("SAFECONDUCT_DATABASE")
    with serving(house.data, "--database", url):
        assert house("freeze", "principal:ana", "--reason", "a drill").code == 0
        assert sum(verified(house)) == sum(before) + 1
    assert not (house.data / "safeconduct.db").exists()
    assert [path.name for path in (house.data / "heads").iterdir()] == []
    alone = house("log", "verify", "--json")
    assert (alone.code, alone.error) == (2, "database-elsewhere")
    monkeypatch.setenv("SAFECONDUCT_DATABASE", url)
    assert sum(verified(house)) == sum(before) + 1


def test_a_restored_backup_of_the_database_is_told_by_its_heads_and_stops_the_log(house, postgres, monkeypatch):
    url = os.environ["SAFECONDUCT_DATABASE"]
    postgres.clone(url, "saved")
    assert house("freeze", "principal:ana", "--reason", "a drill").code == 0
    monkeypatch.setenv("SAFECONDUCT_DATABASE", postgres.url("saved"))
    refused = house("freeze", "principal:bo", "--reason", "a drill")
    assert (refused.code, refused.error) == (4, "log-behind-head")
    monkeypatch.setenv("SAFECONDUCT_DATABASE", url)
    assert house("freeze", "principal:bo", "--reason", "a drill").code == 0


def test_logs_that_are_in_a_file_are_not_begun_again_in_a_database(tmp_path, monkeypatch, database):
    data = tmp_path / "data"
    assert run("init", data=data).code == 0
    assert run("status", "--json", data=data).code == 0
    monkeypatch.setenv("SAFECONDUCT_DATABASE", database)
    refused = run("status", "--json", data=data)
    assert (refused.code, refused.error) == (2, "database-elsewhere")


def test_without_the_driver_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InvalidInputError, match="psycopg") as refused:
        require_postgres(tmp_path, Databases(log="postgresql://"))
    assert refused.value.code == "driver-missing"
    assert "safeconduct[postgres]" in refused.value.remedy
    assert not (tmp_path / MARK).exists()


def test_no_url_is_shown():
    assert "secret" not in repr(Databases(log="postgresql://u:secret@h/d", heads="postgresql://u:secret@h/e"))
