"""`safeconduct keys`: people's own keys."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.access.reading import NAME, NAME_FORM
from safeconduct.adapters.clock import system_entropy
from safeconduct.adapters.files import write_secret
from safeconduct.cli.output import Json, emit, err, out
from safeconduct.kernel.errors import ConflictError, InvalidInputError, UnavailableError
from safeconduct.ledger.keys import SEED_BYTES, SecretKey

commands = typer.Typer(help="Keys of people and organizations.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The principal's name in the program file.")]
Out = Annotated[Path, typer.Option("--out", help="The key file to write. It must not exist.")]


@commands.command()
def new(name: Name, out_file: Out, *, as_json: Json = False) -> None:
    """Makes an Ed25519 key file that only you may read, and prints the public half for the program file."""
    if not re.fullmatch(NAME, name):
        raise InvalidInputError(f"expected {NAME_FORM}, got {name!r}")
    key = SecretKey(system_entropy(SEED_BYTES))
    write_key(out_file, name, key)
    document = {"name": name, "file": str(out_file), "key": key.public.text, "fingerprint": key.public.fingerprint}
    emit(document, as_json, _show)


def write_key(file: Path, name: str, key: SecretKey) -> None:
    """Writes a key file: one line, readable by its owner only.

    Raises:
        ConflictError: there is such a file; a key is never overwritten.
        InvalidInputError: it can't be written there.
    """
    write_new_secret(file, f"{name} {key.text}\n")


def write_new_secret(file: Path, text: str) -> None:
    """Writes a file that its owner alone reads.

    Raises:
        ConflictError, InvalidInputError: as `write_key`.
    """
    if file.exists():
        raise ConflictError(f"{file} is there already", code="already-exists", remedy="name another file, or remove it")
    try:
        write_secret(file, text)
    except UnavailableError as error:
        raise InvalidInputError(error.message, code="file-unwritable") from error


def _show(document: dict[str, Any]) -> None:
    err.print(
        f"{document['file']} holds the secret half; the public half for the program file:", style="dim", markup=False
    )
    out.print(document["key"], markup=False)
