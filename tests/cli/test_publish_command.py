"""`log publish` from a running server, from a copy, to a folder and to S3."""

import datetime as dt

import pytest

from support.s3 import KEY, REGION, SECRET, Bucket
from support.shell import agreed, run, serving


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    return agreed(tmp_path_factory.mktemp("publish") / "house")


def test_a_folder_gets_the_log_and_whoever_reads_it_verifies_it(house, tmp_path):
    installed, told, key = house
    done = installed("log", "publish", tmp_path / "here", "--json")
    assert (done.code, done.json["before"], done.json["origin"]) == (0, 0, installed.agreement)
    with serving(installed.data):
        again = installed("log", "publish", tmp_path / "here", "--json")
        assert (again.json["size"], again.json["before"]) == (done.json["size"], done.json["size"])
    known = ("--key", key, "--witness", told["key"])
    assert run("log", "verify", tmp_path / "here", *known).code == 0
    assert run("log", "publish", tmp_path / "copy", "--from", tmp_path / "here", *known).code == 0
    assert run("log", "verify", tmp_path / "copy", *known, "--json").json["size"] == done.json["size"]


def test_the_installations_own_log_is_published_when_it_is_named(house, tmp_path):
    assert house[0]("log", "publish", tmp_path / "own", "--origin", "example.com/none").error == "log-unknown"
    origin = "safeconduct.example/demo/installation"
    assert house[0]("log", "publish", tmp_path / "own", "--origin", origin, "--json").json["origin"] == origin


def test_a_store_gets_it_with_keys_from_the_environment(house, tmp_path, monkeypatch):
    with Bucket(lambda: dt.datetime.now(dt.UTC)) as server:
        words = ("log", "publish", f"{server.url}/bucket/log", "--region", REGION)
        assert house[0](*words).error == "secret-missing"
        with_keys(monkeypatch)
        assert house[0](*words).code == 0
        assert f"{'/bucket/log'}/checkpoint" in server.objects
        assert house[0]("log", "publish", "http://store.example/b").error == "destination-unencrypted"


def with_keys(monkeypatch):
    from support import shell

    before = shell.environment
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    monkeypatch.setattr(shell, "environment", lambda *given, **named: before(*given, **named) | keys)
