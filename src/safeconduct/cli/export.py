"""`safeconduct log export`: a log as files that anyone verifies, all that is due when an agreement ends, or a page."""

import io
import tarfile
from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.adapters.folder import write_file
from safeconduct.cli.client import Client, Data, client
from safeconduct.cli.log_keys import chosen_log
from safeconduct.cli.output import Json, emit, out, write_new
from safeconduct.cli.sources import Origin
from safeconduct.kernel.errors import InvalidInputError


def export(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="A folder to write into; it must not hold anything.")
    ] = None,
    *,
    origin: Origin = "",
    payloads: Annotated[bool, typer.Option("--payloads", help="Also the sealed fields, still sealed.")] = False,
    contract_end: Annotated[
        bool, typer.Option("--contract-end", help="All that both parties are due when the agreement ends.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="An HTML file to write the evidence report to, to print.")
    ] = None,
    about: Annotated[
        str, typer.Option("--about", help="The report is about this call, incident, action or approval only.")
    ] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Writes a log as static files that anyone can verify offline, a report to print, or both."""
    if (folder is None and report is None) or (contract_end and folder is None) or (about and report is None):
        raise InvalidInputError("say what to write: a folder DIR, --report FILE, or both", code="usage")
    ask = client(data)
    chosen = chosen_log(ask.get("/api/v1/logs"), origin)
    if folder is not None:
        _write_folder(ask, chosen["origin"], folder, payloads=payloads, contract_end=contract_end)
    if report is not None:
        write_new(report, ask.raw("/api/v1/logs/report", origin=chosen["origin"], about=about))
    document = {
        "origin": chosen["origin"],
        "size": chosen["size"],
        "folder": str(folder) if folder else None,
        "report": str(report) if report else None,
        "key": chosen["key"],
    }
    emit(document, as_json, _show)


def _write_folder(ask: Client, origin: str, folder: Path, *, payloads: bool, contract_end: bool) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise InvalidInputError(f"{folder} is not empty", code="folder-not-empty", remedy="name another folder")
    archive = ask.raw("/api/v1/logs/export", origin=origin, payloads=int(payloads), contract_end=int(contract_end))
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in members:
            content = members.extractfile(member)
            if content is None:
                raise InvalidInputError(f"{member.name} is no file")
            write_file(folder, member.name, content.read())


def _show(document: dict[str, Any]) -> None:
    if document["folder"]:
        out.print(f"wrote {document['size']} entries of {document['origin']} to {document['folder']}", markup=False)
        out.print(f"verify it: safeconduct log verify {document['folder']} --key {document['key']}", markup=False)
    if document["report"]:
        out.print(f"wrote the report to {document['report']}", markup=False)
