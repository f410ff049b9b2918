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
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.program.clocks import regulatory_clocks
from safeconduct.program.file import read_program
from safeconduct.program.signed_file import side_of, with_signature

commands = typer.Typer(help="The agreement: versions, signatures, duties and clocks.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The program file.")]
OrganizationKey = Annotated[Path, typer.Option("--key", metavar="FILE", help="The key file of your organization.")]


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
def clocks(*, as_json: Json = False) -> None:
    """Lists the regulatory clocks that notices of an agreement can feed, with their sources."""
    listed = [
        {
            "id": clock.id,
            "regime": clock.regime,
            "time": f"{clock.amount} {clock.unit}",
            "from": clock.trigger,
            "shortest_hours": clock.shortest_hours,
            "duty": clock.duty,
            "to": clock.to,
            "source": clock.source,
            "url": clock.url,
        }
        for clock in regulatory_clocks().values()
    ]
    emit(listed, as_json, lambda found: rows(found, "id", "time", "from", "source"))


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
