"""The file that names an engine for hunts, and what a ClickHouse server is sent."""

from pathlib import Path

import pytest

from safeconduct.adapters.hunts.choosing import (
    DUCKDB,
    FILE,
    FILE_BYTES_MAX,
    ChdbOptions,
    Chosen,
    ClickHouseOptions,
    chosen,
)
from safeconduct.adapters.hunts.runner import ChildHunts, HuntChild
from safeconduct.adapters.sqlite.events import SqliteEventStore
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.soc.hunts.model import Budget
from safeconduct.soc.ports import Reading
from support.clickhouse import PASSWORD, USER, clickhouse
from support.hunt_engines import need
from support.hunting import happened, hunt

URL = "https://clickhouse.example:8443"


def said(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    return chosen(tmp_path / FILE, lambda variable, file: f"secret of {variable}{file}")


def test_duckdb_answers_unless_the_file_names_another(tmp_path):
    assert chosen(tmp_path / FILE, str.join) == DUCKDB
    assert said(tmp_path, '[hunts]\nengine = "duckdb"') == DUCKDB
    server = f'[hunts]\nengine = "clickhouse"\nurl = "{URL}"'
    assert said(tmp_path, server) == Chosen(ClickHouseOptions(url=URL))
    assert said(tmp_path, f'{server}\npassword-env = "CH"').secret == "secret of CH"


def test_chdb_is_taken_where_it_is_installed(tmp_path):
    need("chdb")
    assert said(tmp_path, '[hunts]\nengine = "chdb"') == Chosen(ChdbOptions())


WRONG = (
    '[hunts]\nengine = "sqlite"',
    "[hunts]",
    "",
    "engine = 1",
    '[hunts]\nengine = "clickhouse"',
    '[hunts]\nengine = "duckdb"\nurl = "x"',
    "[hunts",
)


@pytest.mark.parametrize("text", WRONG)
def test_what_names_no_engine_is_refused_and_says_what_does(tmp_path, text):
    with pytest.raises(InvalidInputError) as caught:
        said(tmp_path, text)
    assert caught.value.code == "hunts-file-invalid"
    assert "clickhouse" in caught.value.remedy


def test_an_engine_that_is_not_installed_is_told_with_what_installs_it(tmp_path, monkeypatch):
    monkeypatch.setattr("safeconduct.adapters.hunts.choosing.find_spec", lambda name: None if name == "pyspark" else 1)
    with pytest.raises(InvalidInputError) as caught:
        said(tmp_path, '[hunts]\nengine = "spark"\nmaster = "local[2]"')
    assert "'pyspark>=4.3,<5'" in caught.value.message


def test_the_file_has_a_bound(tmp_path):
    line = '[hunts]\nengine = "duckdb"\n'
    assert said(tmp_path, line + "#" * (FILE_BYTES_MAX - len(line))) == DUCKDB
    with pytest.raises(InvalidInputError):
        said(tmp_path, line + "#" * (FILE_BYTES_MAX - len(line) + 1))


@pytest.fixture(scope="module")
def server():
    need("clickhouse")
    with clickhouse() as one:
        yield one


def asking(server, password=PASSWORD, url=""):
    return HuntChild(Chosen(ClickHouseOptions(url=url or server.url, user=USER), password))


def test_a_server_gets_each_segment_once_and_drops_what_is_no_more(server, tmp_path):
    store, child = SqliteEventStore(tmp_path / "events.db"), asking(server)
    runner = ChildHunts(child, tmp_path)

    def sent(words):
        return [one for one in server.asked if one.startswith(words)]

    store.add([happened(n) for n in range(4)], file="f", reading=Reading(lines=0))
    assert runner.run(hunt(), Budget()).counted == 4
    assert runner.run(hunt(), Budget()).counted == 4
    assert len(sent("INSERT")) == 1
    store.add([happened(n) for n in range(10, 14)], file="f", reading=Reading(lines=0))
    assert runner.run(hunt(), Budget()).counted == 8
    assert (len(sent("INSERT")), len(sent("DROP TABLE"))) == (2, 1), "the small segment was taken into the next"
    child.close()
    again = asking(server)
    assert ChildHunts(again, tmp_path).run(hunt(), Budget()).counted == 8
    assert len(sent("INSERT")) == 2, "another process uses what is there"
    again.close()
    store.close()


def test_half_a_copy_is_never_read(server, tmp_path):
    store = SqliteEventStore(tmp_path / "events.db")
    store.add([happened(n) for n in range(4)], file="f", reading=Reading(lines=0))
    child = asking(server)
    server.fail = "RENAME"
    with pytest.raises(UnavailableError) as caught:
        ChildHunts(child, tmp_path).run(hunt(), Budget())
    assert caught.value.code == "hunts-unavailable"
    server.fail = ""
    assert ChildHunts(child, tmp_path).run(hunt(), Budget()).counted == 4
    child.close()
    store.close()


@pytest.mark.parametrize("harm", ["another password", "nobody there", "in the clear"])
def test_a_server_that_gives_no_answer_is_told(server, tmp_path, harm):
    url = {"nobody there": "http://127.0.0.1:9", "in the clear": "http://clickhouse.example:8123"}.get(harm, "")
    child = asking(server, "another" if harm == "another password" else PASSWORD, url)
    SqliteEventStore(tmp_path / "events.db").close()
    with pytest.raises((UnavailableError, InvalidInputError)) as caught:
        ChildHunts(child, Path(tmp_path)).run(hunt(), Budget())
    assert PASSWORD not in caught.value.message
    child.close()
