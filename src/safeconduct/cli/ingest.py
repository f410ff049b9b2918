"""`safeconduct ingest`: telemetry in."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.adapters.files import read_file
from safeconduct.adapters.telemetry.files import Found, found_files, parts
from safeconduct.cli import following
from safeconduct.cli.client import Client, Data, Key, client
from safeconduct.cli.output import BAD_INPUT, NO, Json, emit, err, out
from safeconduct.kernel.errors import InvalidInputError, TooLargeError
from safeconduct.soc.ocsf.own import MAPPING_BYTES_MAX, parse_mapping
from safeconduct.soc.wording import number_of

Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE_OR_FOLDER...", help="Telemetry files, archives, folders of them; - for what is piped in."
    ),
]
Host = Annotated[str, typer.Option("--host", help="The machine whose records these are, where they don't say it.")]
Owner = Annotated[
    str, typer.Option("--owner", metavar="ORGANIZATION", help="Your organization, where it is its own telemetry.")
]
TimeField = Annotated[str, typer.Option("--time-field", help="The member that holds the time of own JSON lines.")]
Zone = Annotated[
    str, typer.Option("--zone", metavar="OFFSET", help="The offset of times in JSON that tell none: +02:00, or Z.")
]
Mapped = Annotated[
    Path | None,
    typer.Option("--mapping", metavar="FILE", help="What own JSON lines mean, as docs/telemetry.md has it."),
]


@dataclass(frozen=True)
class Manner:
    """How files are to be read, and whose they are."""

    host: str = ""
    time_field: str = ""
    zone: str = ""
    owner: str = ""
    mapping: bytes = b""
    again: bool = False

    @property
    def time(self) -> str:
        """The member that holds the time of own records, empty for the usual ones."""
        return self.time_field or (parse_mapping(self.mapping).time if self.mapping else "")

    def said(self) -> dict[str, str]:
        """What goes with each file, as the API has it."""
        told = {"host": self.host, "time_field": self.time_field, "zone": self.zone, "owner": self.owner}
        if self.mapping:
            told["mapping_bytes"] = str(len(self.mapping))
        return told | ({"again": "true"} if self.again else {})


Follow = Annotated[bool, typer.Option("--follow", help="Go on with what is written into the files, until interrupted.")]
State = Annotated[
    Path | None,
    typer.Option("--state", metavar="FILE", help="Where --follow keeps how far it got, to go on from there."),
]
Again = Annotated[bool, typer.Option("--again", help="Read files anew that were read in another manner before.")]


def ingest(
    paths: Paths,
    *,
    host: Host = "",
    time_field: TimeField = "",
    zone: Zone = "",
    mapping: Mapped = None,
    again: Again = False,
    follow: Follow = False,
    state: State = None,
    owner: Owner = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Reads telemetry in: syslog, auditd, web server logs, tshark's and anyone's JSON lines. Twice is once."""
    manner = Manner(host=host, time_field=time_field, zone=zone, owner=owner, mapping=_mapping(mapping), again=again)
    if follow:
        following.follow(paths, state, _sender(client(data, key), manner))
        return
    asking = client(data, key)
    asking.require_signer()
    document = take_in(asking, paths, manner, tell=_tell)
    emit(document, as_json, _show)
    if any(report["problem"] and report["asked"] for report in document["files"]):
        raise typer.Exit(BAD_INPUT)
    if all(report["problem"] for report in document["files"]) and not document["inventories"]:
        raise typer.Exit(NO)


def _sender(asking: Client, manner: Manner) -> Callable[[str, bytes], None]:
    def send(name: str, piece: bytes) -> None:
        sent = asking.post("/api/v1/telemetry", manner.mapping + piece, name=name, **manner.said())
        out.print(f"{name}: {following.report(sent['file'])}", markup=False)

    return send


def _mapping(path: Path | None) -> bytes:
    content = read_file(path, MAPPING_BYTES_MAX) if path else b""
    if path:
        parse_mapping(content)
    return content


def take_in(
    asking: Client,
    paths: list[Path],
    manner: Manner = Manner(),
    *,
    tell: Callable[[str], None] = lambda _text: None,
) -> dict[str, Any]:
    """Sends files, and the files of folders, inventories first. Returns what became of each; `tell` hears of each part.

    Raises:
        InvalidInputError, TooLargeError: a path does not exist, or there is nothing, or far too much, under it.
    """
    files, inventories = found_files(paths)
    for path in inventories:
        asking.post("/api/v1/telemetry/inventory", path.read_bytes(), name=path.name, owner=manner.owner)
    taken = [report for file in files for report in _take(asking, file, tell, manner)]
    return {"inventories": [path.name for path in inventories], "files": taken}


def _tell(text: str) -> None:
    err.print(text, style="dim", markup=False)


def _take(asking: Client, file: Found, tell: Callable[[str], None], manner: Manner) -> list[dict[str, Any]]:
    reports: list[dict[str, Any]] = []
    try:
        for name, content in parts(file.path, manner.time):
            tell(f"reading {name} ({len(content):,} bytes)")
            sent = asking.post("/api/v1/telemetry", manner.mapping + content, name=name, **manner.said())
            asked = file.asked and "/" not in name  # a file in an archive was not named itself, as one in a folder
            reports.append(sent["file"] | {"recorded": sent["recorded"], "asked": asked})
    except (InvalidInputError, TooLargeError) as error:
        told = {"problem": error.code, "detail": error.message, "remedy": error.remedy}
        reports.append({"name": file.path.name, "asked": file.asked, "recorded": False} | told)
    return reports


def _show(document: dict[str, Any]) -> None:
    for name in document["inventories"]:
        out.print(f"{name}: the inventory from now on", markup=False)
    for report in document["files"]:
        _show_file(report)


def _show_file(report: dict[str, Any]) -> None:
    if report["problem"]:
        out.print(f"{report['name']}: not read ({report['problem']}): {report['detail']}", markup=False)
        if report["remedy"]:
            out.print(f"  to do: {report['remedy']}", markup=False)
        return
    count = sum(report["events"].values())
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in report["events"].items()) or "none"
    known = "" if report["new"] == count else f", {report['new']:,} of them new"
    out.print(f"{report['name']}: {number_of(report['lines'], 'line')}, events: {kinds}{known}", markup=False)
    for code, number in report["dead"].items():
        out.print(f"  {number_of(number, 'line')} not read ({code}); they are kept", markup=False)
    if report["broken"]:
        out.print(
            f"  {number_of(report['broken'], 'line')} held bytes that are no UTF-8; written out as \\xNN", markup=False
        )
    for note in report["notes"]:
        out.print(f"  note: {note}", markup=False)
