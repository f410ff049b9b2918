"""`safeconduct receipt`: what a caller keeps, and what it does when a promise was broken.

`keep`, `check` and `verify` need no installation: they are the caller's own, with its own disk and public keys alone.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.files import read_file
from safeconduct.adapters.folder import read_folder, write_file
from safeconduct.adapters.kept_receipts import KeptReceipts
from safeconduct.cli.client import Data, Key, client
from safeconduct.cli.output import NO, Json, emit, out, rows
from safeconduct.cli.verify import NoQuorum, PolicyFile, WitnessKeys, public_key, trusted
from safeconduct.kernel.errors import AbsentError, InvalidInputError, TooLargeError
from safeconduct.kernel.instants import SECOND, Instant, rfc3339, seconds
from safeconduct.ledger.export import Read, following
from safeconduct.ledger.kept import Judged, Standing, accept, judge, receipts_in
from safeconduct.ledger.notes import VerifierKey
from safeconduct.ledger.omission import (
    OMISSION_BYTES_MAX,
    encode_omission,
    parse_omission,
    verify_omission,
)
from safeconduct.ledger.tiled import TiledLog
from safeconduct.ledger.tiles import CHECKPOINT_PATH
from safeconduct.ledger.worker_events import ANNOUNCED_MARK, keys_announced_in

commands = typer.Typer(help="A caller's receipts: keep, check, verify, report.", no_args_is_help=True)

TEXT_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of one text that receipts are looked for in: about 70,000 of them."""

Kept = Annotated[Path, typer.Option("--kept", help="The file of receipts, on the caller's own disk.")]
LogKey = Annotated[
    str, typer.Option("--log-key", help="The log's public key: <name>+<hex>+<base64>, or a file with it.")
]
Workers = Annotated[
    list[str] | None, typer.Option("--worker", help="A key that gives receipts for the log; may be repeated.")
]
Proof = Annotated[Path, typer.Argument(metavar="FILE", help="A broken promise, as `receipt check --out` writes it.")]


@commands.command()
def keep(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Texts with receipts in them; default: stdin.")
    ] = None,
    *,
    kept: Kept,
    log_key: LogKey = "",
    worker: Workers = None,
    policy: PolicyFile = None,
    as_json: Json = False,
) -> None:
    """Keeps the receipts found in answers' headers, in streams or in files, after checking their signatures."""
    workers = [public_key(text) for text in worker or []]
    found = [receipt for text in _texts(files) for receipt in receipts_in(text)]
    if not found:
        raise InvalidInputError("there is no receipt in it", code="no-receipt")
    now = SystemClock().now()
    for receipt in found:
        trust = trusted(log_key, None, policy, receipt.origin.encode, vacuous=True)  # no cosignature is judged here
        accept(receipt, [*trust.logs, *workers], now)
    KeptReceipts(kept).add(found)
    document = {"kept": [{"entry": one.entry_id, "origin": one.origin, "index": one.index} for one in found]}
    emit(document, as_json, lambda said: rows(said["kept"], "index", "entry", "origin"))


@commands.command()
def check(
    *,
    kept: Kept,
    folder: Annotated[Path, typer.Option("--dir", help="The caller's own mirror of the log.")],
    log_key: LogKey = "",
    witness: WitnessKeys = None,
    worker: Workers = None,
    policy: PolicyFile = None,
    no_quorum: NoQuorum = False,
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="Where to write the proof of each broken promise.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Holds each kept receipt against the mirror: proven, still open, or broken. Answers 1 if one is broken."""
    receipts, damaged = KeptReceipts(kept).read()
    read, paths = read_folder(folder)
    if CHECKPOINT_PATH not in paths:
        raise AbsentError(f"{folder} holds nothing yet", code="mirror-empty", remedy="safeconduct log mirror URL")
    trust = trusted(log_key, witness, policy, lambda: read(CHECKPOINT_PATH) or b"", vacuous=no_quorum)
    trust = following(read, paths, trust)
    log = TiledLog(read, trust)
    workers = [*map(public_key, worker or []), *_announced(read, paths, log)]
    mine = [receipt for receipt in receipts if receipt.origin == trust.log.name]
    judged = [judge(receipt, log, trust, workers) for receipt in mine]
    document = _checked(judged, log, damaged, others=len(receipts) - len(mine))
    if out_folder is not None:
        document["proofs"] = _write_proofs(judged, out_folder)
    emit(document, as_json, _show_checked)
    if document["counts"][Standing.BROKEN] or document["counts"][Standing.WORTHLESS] or damaged:
        raise typer.Exit(NO)


@commands.command()
def verify(
    file: Proof,
    *,
    log_key: LogKey = "",
    witness: WitnessKeys = None,
    worker: Workers = None,
    policy: PolicyFile = None,
    no_quorum: NoQuorum = False,
    as_json: Json = False,
) -> None:
    """Verifies the proof of a broken promise offline, with public keys alone."""
    omission = parse_omission(read_file(file, OMISSION_BYTES_MAX))
    trust = trusted(log_key, witness, policy, omission.receipt.origin.encode, vacuous=no_quorum)
    broken = verify_omission(omission, trust, [public_key(text) for text in worker or []])
    document = asdict(broken) | {"rests_on": broken.breach.rests_on}
    emit(document, as_json, _show_broken)


@commands.command()
def report(
    file: Proof,
    *,
    url: Annotated[str, typer.Option("--url", help="The server's address; default: the one of --data.")] = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Reports a broken promise: the proof becomes an entry of the joint log."""
    document = client(data, key, url).post("/api/v1/promises/broken", read_file(file, OMISSION_BYTES_MAX))
    emit(document, as_json, _show_broken)


def _announced(read: Read, paths: Sequence[str], log: TiledLog) -> list[VerifierKey]:
    """Returns the keys that entries of the mirror announce for giving receipts."""
    if not any(ANNOUNCED_MARK in (read(path) or b"") for path in paths):
        return []
    return keys_announced_in((placed.leaf for placed in log.leaves(0)), log.origin)


def _checked(judged: Sequence[Judged], log: TiledLog, damaged: Sequence[int], *, others: int) -> dict[str, Any]:
    counts = Counter(one.standing for one in judged)
    now_s = SystemClock().now() // SECOND
    receipts = [
        {
            "entry": one.receipt.entry_id,
            "index": one.receipt.index,
            "standing": one.standing,
            "why": one.why,
            "deadline": one.deadline_s,
            "overdue": one.standing is Standing.OPEN and one.deadline_s < now_s,
        }
        for one in judged
    ]
    said = log.signed.checkpoint
    return {
        "origin": said.origin,
        "size": said.size,
        "counts": {standing: counts[standing] for standing in Standing},
        "receipts": receipts,
        "of_other_logs": others,
        "damaged_lines": damaged,
    }


def _write_proofs(judged: Sequence[Judged], folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for one in judged:
        if one.omission is not None:
            name = f"{one.receipt.entry_id}.omission"
            write_file(folder, name, encode_omission(one.omission).encode())
            written.append(str(folder / name))
    return written


def _texts(files: Sequence[Path] | None) -> list[str]:
    if not files:
        return [sys.stdin.read()]
    contents = {file: read_file(file, TEXT_BYTES_MAX) for file in files}
    large = [file for file, content in contents.items() if len(content) > TEXT_BYTES_MAX]
    if large:
        raise TooLargeError(f"{large[0]} has over {TEXT_BYTES_MAX} bytes", remedy="keep the receipts in parts")
    return [content.decode("utf-8", "replace") for content in contents.values()]


def _show_checked(document: dict[str, Any]) -> None:
    counts = ", ".join(f"{count} {standing}" for standing, count in document["counts"].items())
    out.print(f"{document['origin']}  {document['size']} entries here  {counts}", markup=False)
    for one in document["receipts"]:
        if one["standing"] != Standing.PROVEN:
            late = ", and its deadline has passed here" if one["overdue"] else ""
            out.print(f"  {one['standing']:<9} {one['entry']}  {one['why']}{late}", markup=False)
    if any(one["overdue"] for one in document["receipts"]):
        out.print("  to do: bring the mirror up to date with `safeconduct log mirror`, then check again", markup=False)
    for number in document["damaged_lines"]:
        out.print(f"  line {number} of the kept receipts is damaged", markup=False)
    for proof in document.get("proofs", []):
        out.print(f"  wrote {proof}", markup=False)


def _show_broken(document: dict[str, Any]) -> None:
    out.print(f"BROKEN  {document['origin']} promised entry {document['entry']}", markup=False)
    out.print(f"  {document['breach']} in the tree of {document['size']} entries", markup=False)
    for one in document["cosigned"]:
        at, due = (rfc3339(Instant(seconds(when_s))) for when_s in (one["at_s"], document["deadline_s"]))
        out.print(f"  cosigned by {one['by']} at {at}, promised by {due}", markup=False)
    if "record" in document:
        out.print(f"  recorded as entry {document['record']}", markup=False)
