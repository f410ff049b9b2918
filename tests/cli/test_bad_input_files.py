"""What people get wrong on the command line: each ends with what was expected and changes nothing."""

import errno
import gzip
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

import cli_page
from safeconduct.bootstrap.installation import create
from support.shell import House, agreed, made, run
from support.telemetry import RECORDING

AUTH = (RECORDING / "auth.log").read_bytes()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return agreed(tmp_path_factory.mktemp("template") / "house")[0]


@pytest.fixture
def house(template, tmp_path):
    shutil.copytree(template.root, tmp_path / "house")
    return House(tmp_path / "house")


def entries(house):
    with sqlite3.connect(house.data / "safeconduct.db") as connection:
        found = connection.execute("SELECT count(*) FROM entries").fetchone()[0]
    connection.close()
    return found


def edited(source, old, new):
    assert old in source
    return source.replace(old, new, 1)


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (lambda s: edited(s, b"agreement:", b"agreement: ["), "program-invalid", "not YAML"),
        (
            lambda s: edited(s, b"\nagreement:", b"\nagreemint: 1\nagreement:"),
            "unknown-key",
            "did you mean 'agreement'",
        ),
        (lambda s: s + b"\nprogram: 1\n", "program-invalid", "'program' stands twice"),
        (lambda s: b"\xff" + s, "program-invalid", "not UTF-8"),
        (lambda _: b"", "program-invalid", "the file is empty"),
        (lambda _: b"- a\n- b\n", "program-invalid", "expected keys: program, origin"),
        (lambda _: b'!!python/object/apply:os.system ["id"]', "program-invalid", "tags are not taken"),
        (lambda _: b"a: &a [x]\nb: [*a, *a]\n", "program-invalid", "anchors and aliases"),
        (lambda s: s + b"#" * 300_000, "too-large", "expected at most"),
        (lambda s: edited(s, b"    tools: []", b"    provider_tools: [mcp]"), "not-built-yet", "this release does"),
    ],
)
def test_a_program_file_with_a_mistake(house, change, code, told):
    file = house.root / "program.yaml"
    file.write_bytes(change(file.read_bytes()))
    before = entries(house)
    for verb in ("plan", "apply"):
        said = house("program", verb, file)
        assert (said.code, said.error) == (2, code)
        assert told in said.err
        assert f"{file}" in said.err
    assert entries(house) == before


def test_a_program_file_that_is_none(house):
    for file in (house.root, house.root / "none.yaml"):
        said = house("program", "plan", file)
        assert (said.code, said.error) == (2, "file-unreadable")


@pytest.mark.parametrize(
    ("content", "mode", "code", "error"),
    [
        ("ops ed25519-secret:AAAA\n", 0o600, 2, "key-unreadable"),
        ("nothing of this kind\n", 0o600, 2, "key-unreadable"),
        ("", 0o600, 2, "key-unreadable"),
        ("ops " + "A" * 2000, 0o600, 2, "key-unreadable"),
        (None, 0o644, 2, "key-exposed"),
        (None, 0o640, 2, "key-exposed"),
    ],
)
def test_a_key_file_that_is_none_or_that_others_may_read(house, content, mode, code, error):
    if content is not None:
        house.key("ops").write_text(content)
    house.key("ops").chmod(mode)
    before = entries(house)
    said = house("freeze", "all", "--everybody", "--reason", "a drill")
    assert (said.code, said.error) == (code, error)
    assert entries(house) == before


def test_somebody_elses_key(house):
    mine = house.key("ana").read_text()
    for name, code, error in (("ops", 3, "wrong-key"), ("nobody", 3, "signer-unknown")):
        file = house.root / "forged.key"
        file.unlink(missing_ok=True)
        file.write_text(mine.replace("ana ", f"{name} "))
        file.chmod(0o600)
        said = run("freeze", "all", "--everybody", "--reason", "a drill", data=house.data, key=file)
        assert (said.code, said.error) == (code, error)
    assert house("freeze", "all", "--everybody", "--reason", "a drill", by="ana").error == "role-missing"
    assert run("freeze", "all", "--everybody", "--reason", "a drill", data=house.data).error == "key-missing"
    absent = house.root / "none"
    assert run("freeze", "all", "--everybody", "--reason", "a drill", data=house.data, key=absent).code == 2
    assert house("unfreeze", "--json").json == []


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("auth.log", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + AUTH, "telemetry-binary"),
        ("auth.log", gzip.compress(AUTH)[:-9], "archive-broken"),
        ("auth.log", b"", "telemetry-empty"),
        ("auth.log", "caf\u00e9 {".encode("utf-16"), "telemetry-binary"),
        ("own.jsonl", b"[1,2", "telemetry-document"),
    ],
)
def test_a_telemetry_file_that_is_not_what_its_name_says(house, name, content, problem):
    file = house.root / name
    file.write_bytes(content)
    before = entries(house)
    said = house("ingest", file, "--json", by="ana")
    assert said.code == 2
    (report,) = said.json["files"]
    assert (report["problem"], report["recorded"]) == (problem, False)
    assert report["detail"]
    assert entries(house) == before
    assert house("events", "list", "--json").json == {"files": [], "events": {}}


def test_a_telemetry_file_cut_in_the_middle_keeps_every_line_it_has(house):
    whole = (RECORDING / "http.jsonl").read_bytes()
    cut = house.root / "http.jsonl"
    cut.write_bytes(whole[: len(whole) // 2])
    said = house("ingest", cut, "--json", by="ana")
    assert said.code == 0
    (report,) = said.json["files"]
    assert report["dead"] == {"line-cut": 1}
    assert sum(report["events"].values()) == report["lines"] - 1 == cut.read_bytes().count(b"\n")
    # The whole file, later, adds what was missing and nothing twice.
    cut.write_bytes(whole)
    (again,) = house("ingest", cut, "--json", by="ana").json["files"]
    assert again["new"] == again["lines"] - report["lines"] + 1
    assert house("events", "list", "--json").json["events"] == {"http": whole.count(b"\n")}


def test_one_bad_file_of_a_folder_does_not_stop_the_others(house):
    folder = house.root / "telemetry"
    folder.mkdir()
    (folder / "auth.log").write_bytes(AUTH)
    (folder / "picture.log").write_bytes(b"\x89PNG\0")
    said = house("ingest", folder, "--json", by="ana")
    assert said.code == 0
    assert {one["name"]: one["problem"] for one in said.json["files"]} == {
        "auth.log": "", "picture.log": "telemetry-binary"
    }  # fmt: skip


def test_telemetry_that_is_not_there(house):
    empty = house.root / "nothing"
    empty.mkdir()
    said = house("ingest", empty, by="ana")
    assert (said.code, said.error) == (2, "folder-empty")
    said = house("ingest", house.root / "none.log", by="ana")
    assert (said.code, said.error) == (2, "file-missing")


@pytest.mark.parametrize("words", [("rules", "check"), ("rules", "try", "ours"), ("rules", "add", "ours")])
def test_where_no_rule_is_nothing_is_tried_and_nothing_added(house, words):
    folder = house.root / f"rules-{words[1]}"
    folder.mkdir()
    said = house(*words, folder, by="ana")
    assert (said.code, said.error) == (2, "folder-empty")
    (folder / "empty.yml").write_text(" \n")
    said = house(*words, folder, by="ana")
    assert (said.code, said.error) == (2, "file-empty")
    (folder / "empty.yml").write_text("title: t\n")
    assert house(*words, folder, by="ana").err == ""


def test_a_telemetry_file_that_cannot_be_read(house):
    file = Path("/proc/self/mem")  # refuses its reader also where that is root
    if os.geteuid():
        file = house.root / "auth.log"
        file.write_bytes(AUTH)
        file.chmod(0)
    said = house("ingest", file, "--json", by="ana")
    assert said.code == 2
    assert said.json["files"][0]["problem"] == "file-unreadable"


@pytest.mark.parametrize("words", [("status",), ("incident", "list"), ("log", "verify"), ("serve", "--port", 0)])
def test_a_folder_without_an_installation_is_left_as_it_is(tmp_path, words):
    file = tmp_path / "file"
    file.write_text("a note")
    empty = tmp_path / "empty"
    empty.mkdir()
    for data in (file, empty, tmp_path / "none"):
        said = run(*words, data=data)
        assert (said.code, said.error) == (2, "no-installation")
        assert f"safeconduct init --data {data}" in said.err
    assert sorted(tmp_path.rglob("*")) == [empty, file]


def test_an_installation_whose_key_found_no_room_can_be_made_again(tmp_path):
    def no_room(_count):
        (tmp_path / "data" / "log-keys" / "half").write_text("ed25")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        create(tmp_path / "data", "example", entropy=no_room)
    assert create(tmp_path / "data", "example").name.startswith("example/")


def test_an_installation_that_cannot_be_made(tmp_path):
    file = tmp_path / "file"
    file.write_text("a note")
    assert run("init", data=file).error == "folder-unwritable"
    for origin in ("", "https://example.com", "a b", "a+b", "x" * 300):
        said = run("init", "--origin", origin, data=tmp_path / "data")
        assert (said.code, said.error) == (2, "origin-invalid")
    assert not (tmp_path / "data").exists()
    made(tmp_path / "made")
    assert run("init", data=tmp_path / "made" / "data").error == "already-initialized"


READING = [
    ("status",), ("incident", "list"), ("action", "list"), ("call", "list"), ("token", "list"), ("grant", "list"),
    ("path", "list"), ("events", "list"), ("log", "show"), ("log", "verify"), ("program", "show"), ("unfreeze",),
    ("rules", "list"), ("rules", "check"), ("freeze", "all", "--dry-run"),
]  # fmt: skip


def test_reading_an_empty_installation_prints_one_document(tmp_path):
    house, _ = made(tmp_path / "house")
    for words in READING:
        said = house(*words, "--json")
        assert (said.code, said.err) == (0, ""), words
        assert said.json is not None
        plain = house(*words)
        assert (plain.code, plain.err) == (0, ""), words
        assert plain.out.strip(), words


@pytest.mark.parametrize(
    "words",
    [
        ("incident", "show", "nope"), ("incident", "claims", "nope"), ("events", "show", "nope"),
        ("call", "show", "nope"), ("action", "show", "nope"), ("grant", "show", "nope"), ("path", "show", "nope"),
        ("log", "show", "nope"), ("log", "prove", "nope"), ("events", "show", "../../status"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_named(template, words):
    said = template(*words)
    assert said.code == 2
    assert said.error.endswith(("-unknown", "not-found"))


@pytest.mark.parametrize("word", ["", "\udcff"])
def test_a_name_that_is_none(template, word):
    for words in (("incident", "show"), ("call", "show"), ("path", "show"), ("events", "show"), ("token", "revoke")):
        said = template(*words, word)
        assert (said.code, said.error) == (2, "name-empty" if not word else "invalid-input"), words


def test_an_index_that_no_log_reaches(template):
    assert template("log", "show", "--start", 2**63 - 1, "--json").json["entries"] == []
    assert template("log", "show", "--start", 2**63).code == 2


def test_a_damaged_database_file_is_named(house):
    (house.data / "safeconduct.db").write_bytes(os.urandom(5000))
    for suffix in ("wal", "shm"):
        (house.data / f"safeconduct.db-{suffix}").unlink(missing_ok=True)
    said = house("status")
    assert (said.code, said.error) == (4, "store-failed")
    assert "safeconduct.db" in said.err


def test_every_command_helps():
    paths = [context.command_path.split()[1:] for context in cli_page.commands(cli_page.root())]
    assert len(paths) > 30
    for words in paths:
        said = run(*words, "--help")
        assert (said.code, said.err) == (0, ""), words
        assert "Usage: safeconduct" in said.out
    assert run("shew").code == 2
