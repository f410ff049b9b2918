"""`safeconduct log`, the partner's tools: `verify DIR`, `mirror` and `witness` need no installation.

They work with the partner's own keys and disk, and with public keys alone.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.adapters.folder import read_folder
from safeconduct.adapters.witness import Algorithm
from safeconduct.cli.client import Data, Key, client, reading_headers
from safeconduct.cli.output import NO, Json, emit, out
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import rfc3339
from safeconduct.ledger.audit import Finding, Trust
from safeconduct.ledger.export import verify_files
from safeconduct.ledger.notes import VerifierKey
from safeconduct.ledger.proofs import PROOF_FILE_BYTES_MAX, ProvenEntry, verify_proof

LogKey = Annotated[str, typer.Option("--key", help="The log's public key: <name>+<hex>+<base64>, or a file with it.")]
WitnessKeys = Annotated[list[str] | None, typer.Option("--witness", help="A witness's public key; may be repeated.")]
Dir = Annotated[Path, typer.Option("--dir", help="The partner's own folder.")]


def verify(
    target: Annotated[
        Path | None, typer.Argument(metavar="[DIR|FILE]", help="An export, a mirror or a .tlog-proof; default: --data.")
    ] = None,
    *,
    key: LogKey = "",
    witness: WitnessKeys = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Verifies a log: offline with public keys alone, or without a folder the installation's own logs in place."""
    if target is None:
        document = client(data).get("/api/v1/logs/verify")
        emit(document, as_json, _show_checked)
        good = all(log["verified"] for log in document)
    else:
        trust = _trust(key, witness)
        document = _verify_file(target, trust) if target.is_file() else _verify_folder(target, trust)
        emit(document, as_json, _show_verified)
        good = document["verified"]
    if not good:
        raise typer.Exit(NO)


def mirror(
    url: Annotated[str, typer.Argument(metavar="URL", help="The log's address: http://host:port/log/<origin>.")],
    *,
    folder: Dir,
    log_key: Annotated[str, typer.Option("--log-key", help="The log's public key, or a file with it.")],
    witness: WitnessKeys = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Brings the partner's own copy of a log up to date. Refuses a log that is not a continuation of what is held."""
    from safeconduct.adapters.mirror import fetch_over_http, pull  # noqa: PLC0415 - keeps other commands quick

    fetch = fetch_over_http(url, lambda path: reading_headers(key, path))
    pulled = pull(fetch, folder, _trust(log_key, witness))
    document = {"before": pulled.before, "size": pulled.size, "cosigned_by": pulled.cosigned_by, "folder": str(folder)}
    emit(document, as_json, _show_pulled)


def witness(
    *,
    folder: Dir,
    listen: Annotated[str, typer.Option("--listen", help="Address to listen on; port 0 takes a free one.")],
    name: Annotated[str, typer.Option("--name", help="The witness's name, for a new one.")] = "",
    algorithm: Annotated[Algorithm, typer.Option(help="What a new one signs with.")] = Algorithm.ED25519,
    trust: Annotated[list[str] | None, typer.Option("--trust", help="A log's public key to cosign for.")] = None,
    as_json: Json = False,
) -> None:
    """Runs a witness: cosigns checkpoints of the logs it knows, and refuses a log that takes anything back."""
    from safeconduct.bootstrap import witness as composed  # noqa: PLC0415 - keeps other commands quick

    keys = [_key(text) for text in trust or []]

    def ready(public: str, url: str) -> None:
        emit(
            {"key": public, "url": url}, as_json, lambda made: out.print(f"{made['url']}\n{made['key']}", markup=False)
        )
        sys.stdout.flush()  # whoever started it reads this from a pipe

    composed.run(folder, listen, name=name, algorithm=algorithm, trust=keys, ready=ready)


def _trust(key: str, witnesses: list[str] | None) -> Trust:
    if not key:
        raise InvalidInputError(
            "verifying needs the log's public key, from somewhere else than the copy that is verified",
            code="key-missing",
            remedy="pass --key KEY; the log's keeper shows it with: safeconduct log show",
        )
    return Trust(log=_key(key), witnesses=tuple(_key(text) for text in witnesses or []))


def _key(text: str) -> VerifierKey:
    if "+" not in text and Path(text).is_file():
        text = Path(text).read_text(encoding="utf-8", errors="replace")
    return VerifierKey.parse(text)


def _verify_folder(folder: Path, trust: Trust) -> dict[str, Any]:
    read, paths = read_folder(folder)
    found = verify_files(read, paths, trust)
    return {
        "verified": not found.findings,
        "origin": found.origin,
        "size": found.size,
        "root": found.root.hex(),
        "cosigned_by": found.cosigned_by,
        "findings": [_finding(finding) for finding in found.findings],
    }


def _verify_file(file: Path, trust: Trust) -> dict[str, Any]:
    with file.open("rb") as opened:
        proven: ProvenEntry = verify_proof(opened.read(PROOF_FILE_BYTES_MAX + 1), trust)
    said, entry = proven.checkpoint.checkpoint, proven.entry
    return {
        "verified": True,
        "origin": said.origin,
        "size": said.size,
        "root": said.root.hex(),
        "cosigned_by": proven.cosigned_by,
        "findings": [],
        "entry": {
            "id": entry.id,
            "index": entry.index,
            "at": rfc3339(entry.at),
            "type": entry.type,
            "body": entry.body,
        },
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "what": finding.what,
        "place": finding.place,
        "index": finding.index,
        "entry": finding.entry_id,
        "code": finding.code,
        "text": finding.text,
    }


def _show_checked(document: list[dict[str, Any]]) -> None:
    if not document:
        out.print("no log has entries yet")
    for log in document:
        out.print(f"{log['origin']}  {log['size']} entries  {_state(log['verified'])}", markup=False)
        for finding in log["findings"]:
            entry = "" if finding["index"] is None else f" entry {finding['index']} {finding['entry_id']}"
            out.print(f"  {finding['place']}{entry}: {finding['what']}", markup=False)


def _show_verified(document: dict[str, Any]) -> None:
    out.print(f"{document['origin']}  {document['size']} entries  {_state(document['verified'])}", markup=False)
    if "entry" in document:
        entry = document["entry"]
        out.print(f"  entry {entry['index']} {entry['id']}  {entry['at']}  {entry['type']}", markup=False)
    out.print(f"  cosigned by: {', '.join(document['cosigned_by']) or 'nobody known'}", markup=False)
    for finding in document["findings"]:
        out.print(f"  {finding['text']}", markup=False)


def _state(good: bool) -> str:  # noqa: FBT001 - the word for a flag
    return "verified" if good else "DAMAGED"


def _show_pulled(document: dict[str, Any]) -> None:
    out.print(f"{document['folder']} holds {document['size']} entries, before {document['before']}", markup=False)
