"""`safeconduct events retention`: says what there is and what would go, keeps its word, and destroys by hand."""

import hashlib

import pytest
import typer

from safeconduct.cli import events
from safeconduct.cli.findings import State, about_telemetry
from support.house_commands import HouseCommands, speaking_to
from support.keeping import KeepingHouse
from support.telemetry import accepted

app = typer.Typer()
app.add_typer(events.commands, name="events")


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A house that keeps a day, with a file of some day long ago and one of today."""
    house = KeepingHouse(tmp_path / "house", {"all": 1})
    house.take(accepted("zyx-one"))
    (tmp_path / "keys").mkdir()
    shell = speaking_to(monkeypatch, HouseCommands(app, house, tmp_path / "keys", by="ana"))
    shell("events", "list")  # from here on its clock is the machine's
    house.take(accepted("zyx-two"), name="later.log")
    yield shell
    house.stack.close()


def test_what_is_kept_what_is_due_and_what_went(shell):
    code, printed, _ = shell("events", "retention", "--dry-run")
    amount = len(accepted("zyx-one")) + 1
    assert (code, f"2 files, {2 * amount:,} bytes since" in printed, "kept for 1 day by" in printed) == (0, True, True)
    assert f"due: auth of 2026-11-21  1 file, {amount:,} bytes" in printed
    code, (listed,) = shell.json("events", "retention", "--dry-run")
    assert (code, [one["files"] for one in listed["due"]], listed["under_way"]) == (0, [1], [])
    assert shell.house.on_disk("zyx-one")

    code, printed, _ = shell("events", "retention")
    assert (code, printed.split(":")[0]) == (0, "destroyed")
    assert (shell.house.on_disk("zyx-one"), bool(shell.house.on_disk("zyx-two"))) == ([], True)
    assert shell("events", "retention")[1:] == ("no telemetry is due that nothing keeps", "nothing-to-destroy")


def test_somebody_of_the_other_party_destroys_nothing(shell):
    code, _, why = shell("events", "retention", by="ops")
    assert (code, why) == (3, "not-the-owner")
    assert shell.house.on_disk("zyx-one")


def test_files_in_no_entry_are_named_with_what_becomes_of_them(shell):
    told = shell.house.post("telemetry", b"\x00\x01zyx-unread", name="odd.bin")[1]["file"]
    lost = hashlib.sha256(b"zyx-lost").hexdigest()
    (shell.house.folder / "raw" / lost).write_bytes(b"zyx-lost")
    code, printed, _ = shell("events", "retention", "--dry-run")
    unread = f"in no entry: {told['digest']} (odd.bin)  12 bytes, kept for 1 day from when the server finds them"
    undescribed = f"in no entry: {lost}  8 bytes, nothing says what it is, so nothing destroys it: ingest it again"
    assert (code, unread in printed, undescribed in printed) == (0, True, True), printed


def test_doctor_tells_of_what_is_kept_and_warns_of_what_nothing_describes(shell):
    def judged():
        listed = shell.house.get("telemetry/retention")[1]
        return [(one.state, one.said) for one in about_telemetry(listed)]

    ((state, told),) = judged()
    assert (state, told.endswith("kept for days")) == (State.OK, True)
    (shell.house.folder / "raw" / ("a" * 64)).write_bytes(b"zyx-lost")
    assert (State.WARN, "the house: 1 raw file kept for ever: nothing describes it") in judged()
