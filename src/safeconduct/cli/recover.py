"""`safeconduct log recover`: takes logs back from the partner's mirrors, or heals what can be healed alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safeconduct import settings
from safeconduct.cli.client import Data
from safeconduct.cli.output import NO, Json, emit, out
from safeconduct.cli.verify import trusted
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.soc.wording import number_of

if TYPE_CHECKING:
    from safeconduct.bootstrap.recovery import Outcome

Mirrors = Annotated[
    list[Path] | None,
    typer.Option("--from-mirror", help="A partner's mirror or an export of a log; may be repeated, one a log."),
]
LogKeys = Annotated[
    list[str] | None, typer.Option("--key", help="The public key of each mirror's log, in the same order.")
]
WitnessKeys = Annotated[
    list[str] | None, typer.Option("--witness", help="A witness that must have cosigned; may be repeated.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def recover(
    *,
    from_mirror: Mirrors = None,
    key: LogKeys = None,
    witness: WitnessKeys = None,
    dry_run: DryRun = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Recovers logs that are behind their heads, damaged or gone, while no server runs. Never shortens or forks one."""
    from safeconduct.bootstrap.recovery import Copy, recover_logs  # noqa: PLC0415 - keeps other commands quick

    folders, keys = from_mirror or [], key or []
    if len(folders) != len(keys):
        raise InvalidInputError(
            f"{len(folders)} mirrors and {len(keys)} keys of logs were given: each mirror needs its log's key",
            code="key-missing",
        )
    copies = [
        Copy(folder=folder, trust=trusted(text, witness, None, bytes, vacuous=False))
        for folder, text in zip(folders, keys, strict=True)
    ]
    outcome = recover_logs(data or settings.read().data, copies, dry_run=dry_run)
    document = _document(outcome)
    emit(document, as_json, _show)
    if outcome.refused or outcome.findings:
        raise typer.Exit(NO)


def _document(outcome: "Outcome") -> dict[str, Any]:
    return {
        "done": outcome.done,
        "logs": [
            {
                "origin": origin,
                "stands": one.start,
                "size": len(one.log.ids),
                "taken": one.taken,
                "places": one.places,
                "lost": [{"entry": lost.entry, "field": lost.field} for lost in one.lost],
            }
            for origin, one in outcome.recoveries.items()
        ],
        "records": outcome.records,
        "refused": [
            {"origin": origin, "code": error.code, "message": error.message}
            for origin, error in outcome.refused.items()
        ],
        "findings": [finding.text for finding in outcome.findings],
    }


def _show(document: dict[str, Any]) -> None:
    if not document["logs"]:
        out.print("nothing to recover")
    for log in document["logs"]:
        verb = "recovered" if document["done"] else "would be recovered"
        out.print(f"{log['origin']}  {verb} from {log['stands']} to {log['size']} entries", markup=False)
        out.print(f"  wrong: {', '.join(log['places'])}; {log['taken']} entries from the mirror", markup=False)
        for lost in log["lost"]:
            out.print(f"  lost for good: the sealed {lost['field']} of entry {lost['entry']}", markup=False)
    if document["records"]:
        out.print(
            f"{number_of(document['records'], 'record')} of control state not as the entries make it", markup=False
        )
    for refused in document["refused"]:
        out.print(f"{refused['origin']}  not recovered ({refused['code']}): {refused['message']}", markup=False)
    for finding in document["findings"]:
        out.print(f"  still wrong: {finding}", markup=False)
