"""`safeconduct log ship` and `check-row`: rows for a SIEM, and whether one that came out of it is what the log has."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.adapters.files import read_file
from safeconduct.adapters.siem.cursors import FOLDER
from safeconduct.cli.client import Data
from safeconduct.cli.output import NO, NOT_AVAILABLE, Json, emit, out
from safeconduct.cli.sources import data_folder, logs_at
from safeconduct.cli.verify import LogKey, NoQuorum, PolicyFile, WitnessKeys, content_of, trusted
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.listing import there_is
from safeconduct.ledger.ocsf import PlacedLeaf
from safeconduct.ledger.proofs import PROOF_FILE_BYTES_MAX, verify_proof
from safeconduct.ledger.rows import ROW_BYTES_MAX, CheckedRow, Row, check_row, read_row
from safeconduct.ledger.trust import Trust

Copy = Annotated[
    Path | None, typer.Option("--from", help="A mirror or an export to take the entries from; default: --data.")
]
Cursors = Annotated[
    Path | None, typer.Option("--cursors", help="Where to keep how far each got; default: in the data folder.")
]


def ship(
    destinations: Annotated[
        Path, typer.Argument(metavar="FILE", help="A YAML file that says where entries and tiles go.")
    ],
    *,
    copy: Copy = None,
    key: LogKey = "",
    witness: WitnessKeys = None,
    policy: PolicyFile = None,
    no_quorum: NoQuorum = False,
    cursors: Cursors = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Brings each destination up to date once: entries as OCSF, or tiles. `serve --destinations` keeps doing it."""
    from safeconduct.bootstrap.shipping import lines, told  # noqa: PLC0415 - keeps other commands quick
    from safeconduct.runtime.exporting import attempt  # noqa: PLC0415

    kept = cursors or data_folder(data) / FOLDER
    if copy is not None and cursors is None:
        raise InvalidInputError("a copy has no data folder: say with --cursors where to keep how far each got")
    trust = None if copy is None else trusted(key, witness, policy, partial(content_of, copy), vacuous=no_quorum)
    with lines(kept, destinations) as made, logs_at(copy, trust, data) as logs:
        for line in made:
            attempt(line, lambda: logs)
        sizes = {log.origin: log.size for log in logs}
        document = [told(line, sizes) for line in made]
    emit(document, as_json, _show_shipped)
    if any(line["problem"] for line in document):
        raise typer.Exit(NOT_AVAILABLE)
    if any(line["refused"] for line in document):
        raise typer.Exit(NO)


def check(
    row: Annotated[Path, typer.Argument(metavar="ROW", help="A JSON file with one row, as the SIEM hands it out.")],
    target: Annotated[
        Path | None, typer.Argument(metavar="[DIR|FILE]", help="An export, a mirror or a .tlog-proof; default: --data.")
    ] = None,
    *,
    key: LogKey = "",
    witness: WitnessKeys = None,
    policy: PolicyFile = None,
    no_quorum: NoQuorum = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Tells whether a row of a SIEM is what the log has: proves its entry, makes the row again and compares."""
    from safeconduct.bootstrap.forms import FORMS  # noqa: PLC0415 - keeps other commands quick

    read = read_row(read_file(row, ROW_BYTES_MAX))
    trust = None if target is None else trusted(key, witness, policy, partial(content_of, target), vacuous=no_quorum)
    checked = check_row(read, _entry_at(read, target, trust, data), FORMS)
    emit(_document(checked), as_json, _show_checked)
    if checked.differs:
        raise typer.Exit(NO)


def _entry_at(row: Row, target: Path | None, trust: Trust | None, data: Data) -> PlacedLeaf:
    if target is not None and trust is not None and target.is_file():
        proven = verify_proof(read_file(target, PROOF_FILE_BYTES_MAX), trust)
        entry = proven.entry
        return PlacedLeaf(origin=entry.origin, index=entry.index or 0, leaf=proven.leaf)
    with logs_at(target, trust, data) as logs:
        for log in logs:
            if log.origin == row.origin:
                return log.proven(row.index)
        told = there_is((log.origin for log in logs), "here")
        raise InvalidInputError(f"the row is of {row.origin[:100]!r}; {told}", code="log-unknown")


def _document(checked: CheckedRow) -> dict[str, Any]:
    return {
        "matches": not checked.differs,
        "origin": checked.placed.origin,
        "index": checked.placed.index,
        "entry": checked.entry,
        "differs": checked.differs,
        "added": checked.added,
    }


def _show_shipped(document: list[dict[str, Any]]) -> None:
    for line in document:
        behind = sum(line["lag"].values())
        out.print(f"{line['name']}  {line['kind']}  {behind} behind  {line['problem'] or 'sent'}", markup=False)
        if line["detail"]:
            out.print(f"  {line['detail']}", markup=False)
        for refused in line["refused"]:
            out.print(f"  refused: entry {refused.index} of {refused.origin}: {refused.reason}", markup=False)


def _show_checked(document: dict[str, Any]) -> None:
    said = "is what the log has" if document["matches"] else "IS NOT WHAT THE LOG HAS"
    out.print(f"entry {document['index']} {document['entry']} of {document['origin']}: the row {said}", markup=False)
    for path in document["differs"]:
        out.print(f"  differs: {path}", markup=False)
    if document["added"]:
        out.print(f"  not from the log: {', '.join(document['added'])}", markup=False)
