"""docs/spec/call.md says what the code does: states, codes, ends, limits."""

import re
from pathlib import Path

import safeconduct
from safeconduct.gateway import breakers, limits, meter, release
from safeconduct.gateway.call import TABLE
from safeconduct.gateway.moves import CutWhy, End
from safeconduct.http import call_bodies, connection
from safeconduct.runtime import patience

SOURCES = Path(safeconduct.__file__).parent
RUNTIME = ("allowed", "asking", "calls", "governed", "intending", "one_call", "recording", "refusals")
SPEC = (SOURCES.parent.parent / "docs" / "spec" / "call.md").read_text("utf-8")
OF_USAGE = {
    "window-invalid",
    "tolerance-invalid",
    "export-unreadable",
    "no-program",
    "upstream-unknown",
}  # by the control API
OF_BREACHES = {
    "data-class-invalid",
    "no-breach",
    "breach-unknown",
    "breach-on-record",
    "log-damaged",
    "nothing-to-recheck",
    "recheck-unknown",
    "not-restored-for",
    "session-missing",
    "token-invalid",
}  # as well
NOT_TOLD = {
    "call-ended",
    "call-cut",
    "attempt-out-of-order",
    "approval-unknown",
    "classifier-failed",
    "classifier-invalid",
    *OF_USAGE,
    *OF_BREACHES,
}  # between our own parts


def test_each_step_is_where_the_table_says():
    rows = [line.strip("| ").split(" | ") for line in SPEC.splitlines() if re.match(r"\| \d{1,2} \|", line)]
    assert [row[0] for row in rows] == [str(number) for number in range(1, 16)]
    for _number, _what, built, *where in rows:
        places = re.findall(r"`([^`]+)`", where[0]) if where else []
        assert bool(places) != built.startswith("no")
        assert all((SOURCES / place).exists() for place in places), places


def test_the_states_are_those_of_the_table():
    section = SPEC.split("<!-- compared")[1].split("\n\n")[0]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in section.splitlines()[3:]]
    assert rows == [
        (state.value, event.__name__, ", ".join(sorted(target.value for target in leads_to)))
        for state, row in TABLE.items()
        for event, (_, leads_to) in row.items()
    ]


def test_every_code_that_a_caller_may_be_told_is_there():
    files = [
        *(SOURCES / "gateway").rglob("*.py"),
        *(SOURCES / "adapters" / "models").glob("*.py"),
        SOURCES / "access" / "floor.py",
        SOURCES / "policy" / "decide.py",
        *(SOURCES / "http" / f"{name}.py" for name in ("gateway", "call_bodies", "call_errors", "proofs")),
        *(SOURCES / "runtime" / f"{name}.py" for name in RUNTIME),
    ]
    code = re.compile(r'(?:code=|Reason\(|": \()"([a-z0-9]+(?:-[a-z0-9]+)+)"')
    found = {name for file in files for name in code.findall(file.read_text("utf-8"))}
    assert len(found) > 50
    assert {name for name in found - NOT_TOLD if f"`{name}`" not in SPEC} == set()


def test_every_end_and_reason_of_a_cut_is_there():
    for word in (*End, *CutWhy):
        assert f"`{word.value}`" in SPEC


def test_the_limits_are_those_of_the_code():
    said = [
        (breakers.FAILURES_MAX, "failed 5 times in a row"),
        (int(breakers.SKIP_S), "skipped for 30 s"),
        (release.WINDOW_CHARACTERS, "stays 512 characters"),
        (limits.HEADER_VALUE_BYTES_MAX, "Up to 256 letters"),
        (connection.HEADERS_BYTES_MAX // 1024, "at most 32 KiB"),
        (int(connection.HEADERS_S), "Headers have 10 s"),
        (connection.CONNECTIONS_MAX, "Beyond 4,096 connections"),
        (int(call_bodies.BODY_S), "A body has 30 s"),
        (limits.NESTING_MAX, "at most 32 levels"),
        (limits.MESSAGES_MAX, "at most 1,024 messages"),
        (limits.FRAME_BYTES_MAX // 1024, "an event over 256 KiB"),
        (limits.ANSWER_BYTES_BASE // 1024, "64 KiB + 4 KiB"),
        (limits.ANSWER_BYTES_PER_TOKEN // 1024, "4 KiB for each"),
        (limits.ANSWER_BYTES_MAX // 1024**2, "at most 3 MiB"),
        (int(patience.FIRST_BYTE_S), "silent for 120 s"),
        (int(patience.IDLE_S), "30 s within"),
        (meter.REFUSALS_PER_MINUTE_MAX, "at most 120 entries a minute"),
        (connection.SEND_BUFFER_BYTES // 1024, "send buffer is 32 KiB"),
        (connection.WRITE_LIMIT_BYTES // 1024, "holds at most 16 KiB"),
        (limits.PIECE_BYTES // 1024, "pieces of 16 KiB"),
    ]
    text = SPEC.replace("\n", " ").replace("   ", " ")
    for value, sentence in said:
        assert sentence in text
        assert str(value) in sentence.replace(",", "")
    assert limits.OUTCOME_TRIES_MAX == 3
    assert "tried three times" in text
