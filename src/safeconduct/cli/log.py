"""`safeconduct log`: the joint log as its keeper sees it. What the partner runs: `cli/verify.py`, `cli/partner.py`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.cli import sections
from safeconduct.cli.client import Data, client, place
from safeconduct.cli.log_keys import chosen_log
from safeconduct.cli.named import ENOUGH
from safeconduct.cli.output import Json, emit, out, rows, state_of, write_new
from safeconduct.cli.sources import Origin

EntryId = Annotated[str, typer.Argument(metavar="ENTRY", help=f"An entry's id, {ENOUGH}")]
Start = Annotated[int, typer.Option("--start", min=0, help="Index to start from.")]
Count = Annotated[int, typer.Option("--count", min=1, max=1000, help="How many entries.")]


def show(
    entry: Annotated[
        str, typer.Argument(metavar="[ENTRY]", help=f"An entry's id, {ENOUGH} Default: the log's last ones.")
    ] = "",
    *,
    origin: Origin = "",
    start: Start = 0,
    count: Count = 20,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Shows the logs and their entries, or one entry."""
    ask = client(data)
    if entry:
        emit(ask.get(place("logs", "entries", entry)), as_json, _show_entry)
        return
    logs = ask.get("/api/v1/logs")
    if not logs:
        emit(
            {"logs": [], "origin": None, "entries": []}, as_json, lambda _document: out.print("no log has entries yet")
        )
        return
    chosen = chosen_log(logs, origin)
    first = start or max(0, chosen["size"] - count)
    entries = ask.get("/api/v1/logs/entries", origin=chosen["origin"], start=first, count=count)
    emit({"logs": logs, "origin": chosen["origin"], "entries": entries}, as_json, _show_logs)


def prove(
    entry: EntryId,
    *,
    out_file: Annotated[Path | None, typer.Option("--out", help="The .tlog-proof file to write.")] = None,
    data: Data = None,
) -> None:
    """Writes the evidence for an entry: the entry, its inclusion proof and a signed checkpoint."""
    proof = client(data).raw(place("logs", "entries", entry, "proof"))
    if out_file is None:
        out.print(proof.decode(), markup=False, end="")
    else:
        write_new(out_file, proof)
        out.print(f"wrote {out_file}\nverify it: safeconduct log verify {out_file} --key LOG_KEY", markup=False)


def _show_logs(document: dict[str, Any]) -> None:
    for log in document["logs"]:
        state = state_of(log)
        out.print(f"{log['origin']}  {log['size']} entries  {state}", markup=False)
        if log["broken_promises"]:
            out.print(f"  broken promises on record: {log['broken_promises']}", style="bold red", markup=False)
        out.print(f"  key {log['key']}", style="dim", markup=False)
    rows(document["entries"], "index", "at", "type", "id")


def _show_entry(document: dict[str, Any]) -> None:
    for name, value in document.items():
        if value not in (None, [], {}):
            out.print(f"{name:<8} {value}", markup=False)


COMMANDS: sections.Sections = {
    "Read and prove": {
        "show": "log:show",
        "prove": "log:prove",
        "verify": "verify:verify",
        "acts": "log_acts:acts",
        "export": "export:export",
        "check-row": "log_rows:check",
    },
    "The partner's tools": {
        "mirror": "partner:mirror",
        "witness": "partner:witness",
        "mirror-server": "partner:mirror_server",
    },
    "Sealed fields": {
        "open": "opening:open_",
        "openings": "opening:openings",
        "approve": "opening:approve",
        "hold": "destruction:hold",
        "holds": "destruction:holds",
        "release": "destruction:release",
        "destroy": "destruction:destroy",
        "destructions": "destruction:destructions",
        "certify": "destruction:certify",
    },
    "Keys": {
        "rotate-key": "log_keys:rotate_key",
        "follow": "log_keys:follow",
        "close": "log_keys:close",
        "succession": "log_keys:succession",
    },
    "Operate": {
        "ship": "log_rows:ship",
        "publish": "publish:publish",
        "recover": "recover:recover",
        "sequence": "sequence:sequence",
    },
}
"""Every command, its module and what it is called there."""

commands = sections.group(
    "log", COMMANDS, "The joint log: read, prove, open, destroy, keys; and what the partner runs."
)
