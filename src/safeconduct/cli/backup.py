"""`safeconduct backup`: copies of an installation, verified, restored, and tried out."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct import settings
from safeconduct.cli.client import Data
from safeconduct.cli.output import NO, Json, emit, err, out
from safeconduct.cli.verify import public_key
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import rfc3339
from safeconduct.ledger.backups import Manifest
from safeconduct.soc.wording import number_of

commands = typer.Typer(help="Backups: create, verify, restore, drill.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The backup's folder.")]
OwnKey = Annotated[str, typer.Option("--key", help="The public key of the installation's own log, or a file with it.")]
KeysFolder = Annotated[
    Path | None,
    typer.Option("--keys", help="A folder apart for the data keys, which stay wrapped; else none are copied."),
]
WithLogKeys = Annotated[
    bool, typer.Option("--log-keys", help="Also the keys that sign the logs. Whoever reads the backup can then sign.")
]


@commands.command()
def create(
    folder: Folder, *, log_keys: WithLogKeys = False, keys: KeysFolder = None, data: Data = None, as_json: Json = False
) -> None:
    """Makes a backup, also while a server runs. Key-encryption keys are never in it, data keys in a folder apart."""
    from safeconduct.bootstrap import backup  # noqa: PLC0415 - keeps other commands quick

    made = backup.create(data or settings.read().data, folder, with_log_keys=log_keys, keys_folder=keys)
    if log_keys:
        err.print("this backup signs for the logs: keep it as you keep the log keys", style="bold red")
    emit({"folder": str(folder), **_document(made)}, as_json, _show_made)


@commands.command()
def verify(folder: Folder, *, key: OwnKey, as_json: Json = False) -> None:
    """Verifies a backup: each file, each log in it, and its control state. Needs no installation."""
    from safeconduct.bootstrap import backup  # noqa: PLC0415 - keeps other commands quick

    checked = backup.verify(folder, public_key(key))
    document = {"verified": not checked.findings, "findings": checked.findings, **_document(checked.manifest)}
    emit(document, as_json, _show_checked)
    if checked.findings:
        raise typer.Exit(NO)


@commands.command()
def restore(folder: Folder, *, key: OwnKey, keys: KeysFolder = None, data: Data = None, as_json: Json = False) -> None:
    """Lays a verified backup out in an empty folder as an installation's data."""
    from safeconduct.bootstrap import backup  # noqa: PLC0415 - keeps other commands quick

    if data is None:
        raise InvalidInputError("a restore needs to be told where to", code="data-missing", remedy="pass --data DIR")
    made = backup.restore(folder, data, public_key(key), keys_folder=keys)
    emit({"data": str(data), **_document(made)}, as_json, _show_restored)


@commands.command()
def drill(
    *,
    within: Annotated[Path | None, typer.Option("--in", help="Where to try it; default: the temporary folder.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Tries a backup out: makes, verifies, restores, compares; says how long it took and what would be lost."""
    from safeconduct.bootstrap.drill import drill as tried_out  # noqa: PLC0415 - keeps other commands quick

    tried = tried_out(data or settings.read().data, within)
    document = {
        "good": not tried.findings,
        "seconds": tried.seconds,
        "bytes": tried.bytes,
        "behind": tried.behind,
        "missing": tried.missing,
        "findings": tried.findings,
    }
    emit(document, as_json, _show_drill)
    if tried.findings:
        raise typer.Exit(NO)


def _document(manifest: Manifest) -> dict[str, Any]:
    own = next((key.text for key in manifest.logs if key.name == manifest.origin), "")
    return {
        "at": rfc3339(manifest.at),
        "origin": manifest.origin,
        "key": own,
        "logs": {key.name: size for key, size in manifest.logs.items()},
        "files": len(manifest.files),
        "bytes": sum(one.length for one in manifest.files.values()),
    }


def _show_logs(document: dict[str, Any]) -> None:
    for origin, size in document["logs"].items():
        out.print(f"  {origin}  {size} entries", markup=False)


def _show_made(document: dict[str, Any]) -> None:
    out.print(
        f"{document['folder']} holds {number_of(document['files'], 'file')}, {document['bytes']} bytes", markup=False
    )
    _show_logs(document)
    out.print(f"verify it: safeconduct backup verify {document['folder']} --key {document['key']}", markup=False)


def _show_checked(document: dict[str, Any]) -> None:
    out.print(f"backup of {document['at']}  {'verified' if document['verified'] else 'DAMAGED'}", markup=False)
    _show_logs(document)
    for finding in document["findings"]:
        out.print(f"  {finding}", markup=False)


def _show_restored(document: dict[str, Any]) -> None:
    out.print(f"{document['data']} is as of {document['at']}:", markup=False)
    _show_logs(document)
    out.print("what was signed since is known to the witness and the mirror: before serving, take it back with")
    out.print(f"  safeconduct log recover --data {document['data']} --from-mirror DIR --key LOGKEY", markup=False)
    out.print(
        "put back what no backup holds: log-keys/ (unless copied), keys.db from its own folder, kek/", markup=False
    )


def _show_drill(document: dict[str, Any]) -> None:
    times = ", ".join(f"{name} {seconds} s" for name, seconds in document["seconds"].items())
    out.print(
        f"{'restorable' if document['good'] else 'NOT RESTORABLE'}  {document['bytes']} bytes: {times}", markup=False
    )
    for origin, count in document["behind"].items():
        out.print(f"  {origin}  {count} entries would be lost but for a mirror", markup=False)
    for name in document["missing"]:
        out.print(f"  {name} is not in it: keep a copy apart", markup=False)
    for finding in document["findings"]:
        out.print(f"  {finding}", markup=False)
