"""`log publish` from a running server, from a copy, to a folder and to S3."""

import datetime as dt
import json

import pytest

from support.s3 import KEY, REGION, SECRET, Bucket
from support.shell import agreed, run, serving, until


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


def test_a_server_keeps_published_tiles_up_to_date(house, tmp_path):
    installed, told, key = house
    origins = [installed.agreement]
    (tmp_path / "secret").touch(mode=0o600)
    (tmp_path / "secret").write_text(SECRET)
    with Bucket(lambda: dt.datetime.now(dt.UTC)) as server:
        s3 = {"url": f"{server.url}/bucket/log", "region": REGION, "key": KEY}
        entries = [
            {"name": "web", "kind": "tiles-folder", "options": {"folder": str(tmp_path / "web")}, "origins": origins},
            {
                "name": "s3",
                "kind": "tiles-s3",
                "options": s3,
                "secret": {"file": str(tmp_path / "secret")},
                "origins": origins,
            },
        ]
        file = tmp_path / "destinations.yaml"
        file.write_text(json.dumps({"destinations": entries}))
        with serving(installed.data, "--destinations", file):
            until(lambda: all(sum(line["lag"].values()) == 0 for line in shipping(installed)))
            assert [(line["name"], line["problem"], line["refused"]) for line in shipping(installed)] == [
                ("web", "", []),
                ("s3", "", []),
            ]
        assert server.objects["/bucket/log/checkpoint"] == (tmp_path / "web" / "checkpoint").read_bytes()
    assert run("log", "verify", tmp_path / "web", "--key", key, "--witness", told["key"]).code == 0
    for origins in ([], ["a.example/x", "a.example/y"]):
        file.write_text(json.dumps({"destinations": [entries[0] | {"origins": origins}]}))
        assert installed("log", "ship", file).error == "destinations-invalid"


def shipping(installed):
    return installed("status", "--json").json["shipping"]


def with_keys(monkeypatch):
    from support import shell

    before = shell.environment
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    monkeypatch.setattr(shell, "environment", lambda *given, **named: before(*given, **named) | keys)
