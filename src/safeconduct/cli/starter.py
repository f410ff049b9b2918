"""A program to begin with: keys for everybody in it, and the file, complete, commented and signed by both parties."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct import settings
from safeconduct.access.program import installation_origin
from safeconduct.adapters.clock import SystemClock, system_entropy
from safeconduct.adapters.files import write_secret
from safeconduct.cli.demo.program import Parties, Setting, render
from safeconduct.cli.keys import write_key
from safeconduct.cli.output import Json, emit, out
from safeconduct.kernel.errors import ConflictError, InvalidInputError
from safeconduct.kernel.instants import DAY, SECOND, Duration, Instant, rfc3339
from safeconduct.ledger.keys import SEED_BYTES, SecretKey
from safeconduct.ledger.wrapping import ReaderSecret
from safeconduct.program.signed_file import with_signature

PARTIES = ("meridian", "northwind")
NAMES = (*PARTIES, "ana", "bo", "ops")

YEAR = Duration(365 * DAY)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")]
Origin = Annotated[str, typer.Option("--origin", help="The installation's name, as given to `safeconduct init`.")]


def new(folder: Folder, *, origin: Origin = "safeconduct.example/local", as_json: Json = False) -> None:
    """Writes a complete, commented program to begin with, signed, and the keys of everybody in it.

    It plans as it is. Names and terms are an example: edit them, then have both sign again with `agreement sign`.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(f"{folder} is not an empty folder", code="folder-not-empty", remedy="name another")
    installation_origin(origin)  # refused before a key is written
    now = Instant(SystemClock().now() // SECOND * SECOND)
    opens, closes = rfc3339(now), rfc3339(Instant(now + YEAR))
    setting = Setting(title="A program to begin with", origin=origin, opens=opens, closes=closes)
    program = signed_by_both(folder / "keys", render(Parties(**make_keys(folder / "keys")), setting=setting))
    file = folder / "program.yaml"
    file.write_bytes(program)
    emit({"file": str(file), "keys": str(folder / "keys"), "origin": origin}, as_json, _show)


def make_keys(folder: Path) -> dict[str, str]:
    """Makes a key file for each organization and person of the program, and returns what the template names them."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(f"cannot make {folder}: {error.strerror}", code="folder-unwritable") from error
    public = {}
    for name in NAMES:
        key = SecretKey(system_entropy(SEED_BYTES))
        write_key(folder / f"{name}.key", name, key)
        public[f"{name}_key"] = key.public.text
    reads = ReaderSecret(system_entropy(SEED_BYTES))
    write_secret(folder / "meridian.reader", reads.text + "\n")
    return public | {"meridian_reader_key": reads.public.text}


def signed_by_both(keys: Path, program: bytes) -> bytes:
    """Returns the program with both parties' signatures, each with its own organization's key."""
    for party in PARTIES:
        _name, key = settings.read_key(keys / f"{party}.key")
        program = with_signature(program, key)
    return program


def _show(document: dict[str, Any]) -> None:
    out.print(f"wrote {document['file']}, and everybody's keys into {document['keys']}", markup=False)
    told = "next: safeconduct program plan FILE; give each party its own keys and delete them here"
    out.print(told, style="dim", markup=False)
