"""`log ship`, `log check-row` and `serve --destinations` on a real installation."""

import json

import pytest

from support import siem
from support.shell import agreed, run, serving, until


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    return agreed(tmp_path_factory.mktemp("siem") / "house")


def destinations(folder, server=None, **changed):
    secret = folder / "api-key"
    secret.touch(mode=0o600)
    secret.write_text(siem.API_KEY + "\n")
    entry = {"name": "files", "kind": "files", "options": {"folder": str(folder / "rows")}}
    if server is not None:
        options = {"url": server.url, "index": "audit"}
        entry = {"name": "elastic", "kind": "elastic", "options": options, "secret": {"file": str(secret)}}
    file = folder / "destinations.yaml"
    file.write_text(json.dumps({"destinations": [entry | changed]}))
    return file


def rows_in(folder):
    return [json.loads(line) for file in sorted(folder.rglob("*.jsonl")) for line in file.read_text().splitlines()]


def test_one_run_ships_all_logs_and_a_second_one_nothing(house, tmp_path):
    installed, _, _ = house
    file = destinations(tmp_path)
    said = installed("log", "ship", file, "--cursors", tmp_path / "cursors", "--json")
    assert (said.code, said.json[0]["problem"], set(said.json[0]["lag"].values())) == (0, "", {0})
    rows = rows_in(tmp_path / "rows")
    sizes = {log["origin"]: log["size"] for log in installed("log", "show", "--json").json["logs"]}
    assert len(rows) == sum(sizes.values())
    assert installed("log", "ship", file, "--cursors", tmp_path / "cursors").code == 0
    assert rows_in(tmp_path / "rows") == rows


def test_a_row_is_checked_against_the_log_a_copy_and_a_proof(house, tmp_path):
    installed, _, key = house
    installed("log", "ship", destinations(tmp_path), "--cursors", tmp_path / "cursors")
    row = next(one for one in rows_in(tmp_path / "rows") if one["event"]["metadata"]["log_name"] == installed.agreement)
    file, changed = tmp_path / "row.json", tmp_path / "changed.json"
    file.write_text(json.dumps(row))
    row["event"]["severity_id"] = 5
    changed.write_text(json.dumps(row))
    copy, proof = tmp_path / "copy", tmp_path / "entry.tlog-proof"
    assert installed("log", "prove", row["event"]["metadata"]["uid"], "--out", proof).code == 0
    with_key = ("--key", key, "--witness", house[1]["key"])
    assert run("log", "check-row", file, proof, *with_key, "--json").json["matches"]
    assert installed("log", "check-row", file, "--json").json["matches"]
    said = installed("log", "check-row", changed, "--json")
    assert (said.code, said.json["matches"], said.json["differs"]) == (1, False, ["severity_id"])
    assert installed("log", "check-row", file, copy, "--key", key).code == 2
    other = tmp_path / "other.json"
    row["event"]["metadata"]["log_name"] = "example.com/other"
    other.write_text(json.dumps(row))
    assert installed("log", "check-row", other).error == "log-unknown"


def test_a_server_keeps_its_destinations_up_to_date_and_says_how_far_they_are(house, tmp_path):
    installed, _, _ = house
    with siem.Bulk() as server:
        file = destinations(tmp_path, server)
        server.script.extend(["busy"])
        with serving(installed.data, "--destinations", file):
            until(lambda: server.rows and installed("status", "--json").json["shipping"][0]["problem"] == "")
            (line,) = installed("status", "--json").json["shipping"]
            assert (line["name"], line["kind"], set(line["lag"].values())) == ("elastic", "elastic", {0})
            assert installed("log", "ship", file).error == "exporter-running"
            shown = installed("status").out
            assert "elastic  0 behind, 0 refused  sending" in shown
            assert siem.API_KEY not in shown
        assert (installed.data / "shipping" / "elastic.json").exists()
        log = (installed.data.parent / "server.err").read_text()
        assert siem.API_KEY not in log


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "carrier-pigeon"},
        {"name": ""},
        {"options": {}},
        {"options": {"folder": "x", "more": 1}},
        {"secret": {"env": "X"}},
        {"colour": "red"},
    ],
)
def test_a_file_that_names_no_destinations_is_refused(house, tmp_path, changed):
    said = house[0]("log", "ship", destinations(tmp_path, **changed))
    assert (said.code, said.error) == (2, "destinations-invalid")


def test_a_secret_that_others_can_read_or_that_is_not_there_is_refused(house, tmp_path):
    with siem.Bulk() as server:
        file = destinations(tmp_path, server)
        (tmp_path / "api-key").chmod(0o644)
        assert house[0]("log", "ship", file).error == "key-exposed"
        assert (
            house[0]("log", "ship", destinations(tmp_path, server, secret={"env": "NOT_SET"})).error == "secret-missing"
        )
        assert house[0]("log", "ship", destinations(tmp_path, server, secret={})).error == "secret-missing"


def test_a_credential_never_leaves_in_the_clear(house, tmp_path):
    with siem.Bulk() as server:
        options = {"url": "http://elastic.example:9200", "index": "audit"}
        file = destinations(tmp_path, server, options=options)
        (tmp_path / "api-key").chmod(0o600)
        assert house[0]("log", "ship", file).error == "destination-unencrypted"


def test_a_partner_ships_from_its_own_mirror(house, tmp_path):
    installed, told, key = house
    copy, known = tmp_path / "mirror", ("--key", key, "--witness", told["key"])
    assert installed("log", "publish", copy).code == 0
    words = ("log", "ship", destinations(tmp_path), "--from", copy, *known)
    assert run(*words).code == 2  # a copy is nobody's data folder: where to keep the cursor must be said
    assert run(*words, "--cursors", tmp_path / "cursors").code == 0
    rows = rows_in(tmp_path / "rows")
    assert [one["event"]["metadata"]["sequence"] for one in rows] == list(range(len(rows)))
    file = tmp_path / "row.json"
    file.write_text(json.dumps(rows[-1]))
    assert run("log", "check-row", file, copy, *known).code == 0
    tile = next(path for path in (copy / "tile" / "entries").rglob("*") if path.is_file())
    tile.write_bytes(tile.read_bytes()[:-2] + b" }")
    assert run("log", "check-row", file, copy, *known).error == "log-damaged"
