"""`safeconduct agreement`: what the two parties agreed to, and their signatures."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct import settings
from safeconduct.access.agreement import Side
from safeconduct.access.document import PROGRAM_BYTES_MAX
from safeconduct.access.program import Program
from safeconduct.access.signing import agreement_digest, has_signed
from safeconduct.adapters.files import read_file, write_atomically
from safeconduct.bootstrap.forms import FORMS
from safeconduct.cli.client import Data, Key, client
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.program.clocks import clock_documents
from safeconduct.program.file import read_program
from safeconduct.program.signed_file import side_of, with_signature

commands = typer.Typer(help="The agreement: versions, signatures, duties and clocks.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The program file.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it stands in the log.")]
OrganizationKey = Annotated[Path, typer.Option("--key", metavar="FILE", help="The key file of your organization.")]

_PARTS = {
    "responsibilities": ("id", "provider", "partner"),
    "liability": ("id", "party", "cap_usd", "evidence"),
    "notices": ("id", "by", "trigger", "hours", "feeds"),
    "contacts": ("id", "provider", "partner"),
}
"""What is shown of an agreement as tables, and their columns."""


@commands.command()
def sign(file: File, *, key: OrganizationKey, as_json: Json = False) -> None:
    """Signs the agreement of a program file for your organization, and writes the signature into it.

    Whoever signs has read it: `safeconduct program plan FILE` shows what it changes once both signed.
    """
    source = read_file(file, PROGRAM_BYTES_MAX)
    read_program(source, file=str(file), entry_types=FORMS)  # what would be refused is not signed
    _name, secret = settings.read_key(key)
    signed = with_signature(source, secret, file=str(file))
    write_atomically(file, signed)
    program = read_program(signed, file=str(file), entry_types=FORMS)
    emit(_signed_document(program, side_of(program, secret)), as_json, _show_signed)


@commands.command()
def show(*, data: Data = None, as_json: Json = False) -> None:
    """Shows the agreement that stands: digest, signatures, duties, and what is to follow it."""
    emit(client(data).get("/api/v1/agreement"), as_json, _show)


@commands.command()
def history(*, data: Data = None, as_json: Json = False) -> None:
    """Lists every version that came into force: its digest, who signed, and the entry that brought it."""
    emit(client(data).get("/api/v1/agreement/history"), as_json, _show_history)


@commands.command()
def terminate(*, reason: Why, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Ends the agreement for your party, after the notice that was agreed. Both signing a new version takes it back."""
    emit(client(data, key).post("/api/v1/agreement/terminate", {"reason": reason}), as_json, _show)


@commands.command()
def clocks(*, as_json: Json = False) -> None:
    """Lists the regulatory clocks that notices of an agreement can feed, with their sources."""
    emit(clock_documents(), as_json, lambda found: rows(found, "id", "time", "from", "source"))


def _signed_document(program: Program, side: Side) -> dict[str, Any]:
    agreement = program.agreement
    return {
        "agreement": agreement.id,
        "version": agreement.version,
        "digest": agreement_digest(agreement),
        "signed": side,
        "signatures": {one: has_signed(program.origin, agreement, one, agreement.keys[one]) for one in Side},
    }


def _show_signed(document: dict[str, Any]) -> None:
    out.print(f"signed as the {document['signed']}: agreement {document['agreement']}", end="", markup=False)
    out.print(f" version {document['version']}, digest {document['digest']}", markup=False)
    for side, stands in document["signatures"].items():
        if not stands:
            out.print(f"the {side} has not signed this; it plans and applies once both have", markup=False)


def _show(document: dict[str, Any]) -> None:
    _show_version(document["agreement"])
    if document["next"]:
        out.print("\nto follow it:")
        _show_version(document["next"])
    for warning in document["warnings"]:
        out.print(f"\n{warning['said']}", markup=False)
        out.print(f"to do: {warning['remedy']}", style="dim", markup=False)


def _show_version(one: dict[str, Any]) -> None:
    out.print(f"{one['id']} version {one['version']}: {one['provider']} and {one['partner']}", markup=False)
    out.print(
        f"from {one['valid']['from']} to {one['valid']['until']}, no tier above {one['tier_ceiling']}", markup=False
    )
    if one["terminates_at"]:
        out.print(f"ended by one party: from {one['terminates_at']} on every call is refused", markup=False)
    out.print(f"digest {one['digest']}", markup=False)
    for side, signed in one["signed"].items():
        out.print(f"signed by the {side}, {signed['organization']}, with key {signed['key']}", markup=False)
    for part, columns in _PARTS.items():
        if one.get(part):
            out.print(f"\n{part}", style="bold")
            rows([_flat(row) for row in one[part].values()], *columns)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row as columns show it: lists as words, and nothing for what is not there."""
    shown = {name: "" if value is None else value for name, value in row.items()}
    return {name: ", ".join(value) if isinstance(value, list) else value for name, value in shown.items()}


def _show_history(document: list[dict[str, Any]]) -> None:
    for one in document:
        signed = ", ".join(f"{side} {found['organization']} ({found['key']})" for side, found in one["signed"].items())
        out.print(f"{one['agreement']} version {one['version']}: {one['from']} to {one['until']}", markup=False)
        out.print(f"  digest {one['digest']}\n  signed by {signed}", markup=False)
        out.print(f"  in force by entry {one['entry']} at {one['at']}, request {one['request']}", markup=False)
    if not document:
        out.print("no agreement was ever in force")
