"""The commands of telemetry: ingest, detect, events, incident, rules."""

import asyncio
import gzip
import io
import json
import tarfile
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

from safeconduct.adapters.clock import SystemClock
from safeconduct.cli import detect, events, hunt, hunt_words, incident, ingest, keys, rules
from safeconduct.cli.client import Client
from safeconduct.cli.output import BAD_INPUT, DONE, EXIT_CODE, NO
from safeconduct.http.inprocess import ask
from safeconduct.kernel.errors import SafeconductError
from support.operations_house import LOCAL, RECORDING, House
from support.programs import KEYS, in_force
from support.sigma import rule
from support.telemetry import auth, visit

app = typer.Typer()
app.command()(ingest.ingest)
app.command()(detect.detect)
for module in (events, hunt, incident, rules):
    app.add_typer(module.commands, name=module.__name__.rpartition(".")[2])


@pytest.fixture
def shell(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    house = House(tmp_path / "data", writer=in_force(now=SystemClock().now()))
    keys.write_key(tmp_path / "ana.key", "ana", KEYS["ana"])
    environment = {"SAFECONDUCT_KEY": str(tmp_path / "ana.key"), "SAFECONDUCT_DATA": str(tmp_path)}

    def send(_client, request):
        return asyncio.run(ask(house.app, replace(request, headers={**request.headers, **LOCAL})))

    def run(*words):
        house.writer.now = SystemClock().now()
        result = CliRunner(env=environment).invoke(app, [str(word) for word in words])
        if isinstance(result.exception, SafeconductError):
            return EXIT_CODE[result.exception.kind], result.exception.message
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout

    monkeypatch.setattr(Client, "_send", send)
    run.house = house
    return run


def document(shell, *words):
    code, printed = shell(*words, "--json")
    return code, json.loads(printed)


def test_the_recording_goes_in_is_detected_on_and_shown(shell):
    code, told = document(shell, "ingest", RECORDING)
    assert (code, told["inventories"]) == (DONE, ["inventory.json"])
    unread = {report["name"]: report["problem"] for report in told["files"] if report["problem"]}
    assert unread == {"ground_truth.json": "telemetry-document", "manifest.json": "telemetry-document"}
    assert not any(report["dead"] for report in told["files"] if not report["problem"])
    code, found = document(shell, "detect")
    (opened,) = found["opened"]
    assert (code, found["incidents"]) == (DONE, [opened])
    (row,) = document(shell, "incident", "list")[1]
    assert row["id"] == opened
    whole = document(shell, "incident", "show", opened)[1]
    match = whole["alerts"][0]["matches"][0]
    event = document(shell, "events", "show", match["event"])[1]
    place = event
    for step in match["pointer"].strip("/").split("/"):
        place = place[int(step)] if isinstance(place, list) else place[step]
    assert str(place) == match["found"]


def test_people_read_the_same(shell):
    code, printed = shell("ingest", RECORDING)
    assert code == DONE
    assert "access.log: " in printed
    code, printed = shell("detect")
    assert "SSH logon after password guessing from the same address" in printed
    opened = document(shell, "incident", "list")[1][0]["id"]
    assert "ip 203.0.113.66" in shell("incident", "show", opened)[1]
    assert "access" in shell("events", "list")[1]
    event = document(shell, "incident", "show", opened)[1]["events"][0]
    assert "/ocsf/class_uid" in shell("events", "show", event)[1]


def test_a_file_named_itself_that_is_no_telemetry_is_bad_input(shell, tmp_path):
    (tmp_path / "auth.log.1.gz").write_bytes(gzip.compress(b"x" * 99))
    code, printed = shell("ingest", tmp_path / "auth.log.1.gz")
    assert code == BAD_INPUT
    assert "auth.log.1: not read (telemetry-unknown)" in printed
    assert "to do: expected" in printed


def test_a_folder_without_telemetry_answers_no(shell, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("Dear diary\n")
    assert shell("ingest", tmp_path / "notes")[0] == NO
    assert shell("ingest", tmp_path / "absent")[0] == BAD_INPUT


def test_what_could_not_be_read_of_a_file_is_counted_for_people(shell, tmp_path):
    bad = (
        f"{auth('sshd[1]', 'x')}\nrubbish\n".encode() + auth("sshd[1]", "BYTE").replace("BYTE", "").encode() + b"\xff\n"
    )
    (tmp_path / "access.log").write_bytes(bad)
    code, printed = shell("ingest", tmp_path / "access.log")
    assert code == DONE
    for said in ("3 lines", "1 line not read (syslog-form)", "no UTF-8", "but holds syslog lines"):
        assert said in printed, said


def test_own_lines_may_name_their_host_and_time(shell, tmp_path):
    (tmp_path / "own.jsonl").write_text('{"when":"2026-11-21T08:00:00Z","what":1}\n')
    code, told = document(shell, "ingest", tmp_path / "own.jsonl", "--time-field", "when", "--host", "DB-7")
    assert (code, told["files"][0]["events"]) == (DONE, {"json": 1})
    (event,) = shell.house.events.between()
    assert event.ocsf["device"]["hostname"] == "db-7"


def test_times_that_tell_no_zone_are_of_the_one_that_is_said(shell, tmp_path):
    (tmp_path / "own.jsonl").write_text('{"time":"2026-11-21 03:00:00"}\n')
    code, told = document(shell, "ingest", tmp_path / "own.jsonl", "--zone", "-05:00")
    assert (code, told["files"][0]["first_at"]) == (DONE, 1_795_248_000_000_000)
    assert shell("ingest", tmp_path / "own.jsonl", "--zone", "EST")[0] == BAD_INPUT


def test_a_large_file_goes_in_parts(shell, tmp_path, monkeypatch):
    monkeypatch.setattr("safeconduct.adapters.telemetry.cutting.PART_BYTES", 10_000)
    (tmp_path / "access.log").write_text("".join(f"{visit(uri=f'/{n}', at_s=n)}\n" for n in range(100)))
    code, told = document(shell, "ingest", tmp_path / "access.log")
    assert code == DONE
    assert len(told["files"]) > 2
    assert shell.house.events.counts() == {"access": 100}


def test_dead_letters_are_listed_and_read_anew(shell, tmp_path):
    (tmp_path / "own.jsonl").write_text('{"time":1795287091}\n{"at":"2026-11-21 08:00:00"}\n')
    (tmp_path / "own.json").write_text('{"mapping": 1, "time": "at", "zone": "+01:00"}')
    _, told = document(shell, "ingest", tmp_path / "own.jsonl")
    digest = told["files"][0]["digest"]
    code, (letter,) = document(shell, "events", "dead", digest[:12])
    assert (code, letter["line"], letter["code"]) == (DONE, 2, "time-missing")
    _, told = document(shell, "ingest", tmp_path / "own.jsonl", "--mapping", tmp_path / "own.json", "--again")
    assert (told["files"][0]["new"], told["files"][0]["recorded"]) == (1, True)
    assert [letter["line"] for letter in document(shell, "events", "dead", digest)[1]] == [1]
    assert "1 line not read" in shell("events", "dead", digest)[1]
    assert shell("events", "dead", "zz")[0] == BAD_INPUT


def test_what_is_no_telemetry_in_an_archive_is_told_and_no_fault(shell, tmp_path):
    with tarfile.open(tmp_path / "logs.tgz", "w:gz") as archive:
        archive.add(RECORDING / "flow.jsonl", "flow.jsonl")
        archive.add(__file__, "README")
    code, told = document(shell, "ingest", tmp_path / "logs.tgz")
    assert (code, [report["problem"] for report in told["files"]]) == (DONE, ["", "telemetry-unknown"])


def test_an_archive_goes_in_file_by_file_and_its_fault_is_told(shell, tmp_path):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(RECORDING / "access.log", "web/access.log")
        archive.add(RECORDING / "auth.log", "auth.log")
    (tmp_path / "logs.tar").write_bytes(packed.getvalue()[:-20_000])
    code, told = document(shell, "ingest", tmp_path / "logs.tar")
    assert (code, [report["name"] for report in told["files"]]) == (
        BAD_INPUT,
        ["logs.tar/web/access.log", "logs.tar"],
    )
    assert (told["files"][0]["problem"], told["files"][1]["problem"]) == ("", "archive-broken")


def test_rules_are_listed_and_checked(shell, tmp_path):
    code, listed = document(shell, "rules", "list")
    assert (code, sum(row["alerts"] for row in listed) >= 20) == (DONE, True)
    assert "critical" in shell("rules", "list")[1]
    code, told = document(shell, "rules", "check")
    assert (code, told["problems"], told["techniques_not_in_use"]) == (DONE, [], [])
    (tmp_path / "good.yml").write_text(rule({"s": {"a": 1}, "condition": "s"}, tags=["attack.t1002"]))
    (tmp_path / "bad.yml").write_text(rule({"s": {"a|hour": 1}, "condition": "s"}, "two"))
    code, told = document(shell, "rules", "check", tmp_path / "good.yml", tmp_path / "bad.yml")
    assert (code, told["rules"], [problem["code"] for problem in told["problems"]]) == (NO, 1, ["rule-unsupported"])
    assert [row["technique"] for row in told["techniques_not_in_use"]] == ["T1002"]
    assert "timestamp" in shell("rules", "check", tmp_path / "bad.yml")[1]
    assert shell("rules", "check", tmp_path / "none.yml")[0] == BAD_INPUT
    names = "{title: Ours, logsource: {category: webserver}, filter: {rules: [one, gone], s: {b: 1}, condition: not s}}"
    (tmp_path / "names.yml").write_text(names)
    assert "filter: Ours (not here: gone)" in shell("rules", "check", tmp_path / "good.yml", tmp_path / "names.yml")[1]


def test_a_hunt_is_saved_and_run_by_its_name(shell, tmp_path):
    (tmp_path / "access.log").write_text(f"{visit('/a')}\n{visit('/b', at_s=1)}\n{visit('/a', at_s=2)}\n")
    assert shell("ingest", tmp_path / "access.log")[0] == DONE
    assert "hunt run --saved odd" in shell("hunt", "save", "odd", "url~/A", "!user")[1]
    assert "odd" in shell("hunt", "list")[1]
    assert "contains" in shell("hunt", "show", "odd")[1]
    assert "2 of 3 events" in shell("hunt", "run", "--saved", "odd")[1]
    assert "1 of 1 events" in shell("hunt", "run", "--saved", "odd", "--from", "2026-11-21T08:00:02Z")[1]
    for more in (["host=x"], ["--by", "host"], ["--source", "dns"], ["--limit", 5], ["--order", "newest"]):
        assert shell("hunt", "run", "--saved", "odd", *more)[0] == BAD_INPUT
    assert shell("hunt", "remove", "odd")[0] == DONE
    assert shell("hunt", "run", "--saved", "odd")[0] != DONE


def test_a_hunt_names_events_and_says_what_it_looked_at(shell, tmp_path):
    (tmp_path / "access.log").write_text(f"{visit('/a')}\n{visit('/b', at_s=1, ip='198.51.100.7')}\n")
    assert shell("ingest", tmp_path / "access.log")[0] == DONE
    code, told = shell("hunt", "run", "url~/A", "method", "!user", "--query")
    assert code == DONE
    assert "1 of 2 events (2 access)" in told
    assert "safeconduct events show " in told
    code, told = shell("hunt", "run", "--by", "src_ip", "src_ip@198.51.100.0/24", "code<=299")
    assert code == DONE
    assert "198.51.100.7" in told
    assert "203.0.113.9" not in told
    assert shell("hunt", "run", "--json", "host=nowhere")[0] == DONE
    assert "command" in shell("hunt", "columns")[1]
    for wrong in ("two words", "=x", "nobody=x", "command>3"):
        assert shell("hunt", "run", wrong)[0] == BAD_INPUT


@pytest.mark.parametrize(
    ("typed", "field", "operator", "value", "negated"),
    [
        ("command=a=b", "command", "equals", "a=b", False),
        ("command!=x", "command", "equals", "x", True),
        ("command!~x", "command", "contains", "x", True),
        ("command~~", "command", "contains", "~", False),
        ("process^=/usr", "process", "startswith", "/usr", False),
        ("process$=.exe", "process", "endswith", ".exe", False),
        ("/raw/Event/EventData/Image~\\\\x", "/raw/Event/EventData/Image", "contains", "\\\\x", False),
        ("dst_port>=1024", "dst_port", "gte", "1024", False),
    ],
)
def test_conditions_as_they_are_typed(typed, field, operator, value, negated):
    told = {"field": field, "operator": operator, "value": value, "negated": negated}
    assert hunt_words.condition(typed) == told
