"""`safeconduct log rotate-key`, `follow`, `close`, `succession`: a log's keys, and what follows a stolen one."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.access.program import is_installation
from safeconduct.adapters.files import read_file
from safeconduct.adapters.folder import read_folder
from safeconduct.cli.client import Data, Key, client
from safeconduct.cli.output import NOT_AVAILABLE, Json, emit, out
from safeconduct.cli.sources import Origin, choose
from safeconduct.cli.verify import LogKey, WitnessKeys, public_key
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.proofs import PROOF_FILE_BYTES_MAX
from safeconduct.ledger.successions import Folder, follow_succession
from safeconduct.ledger.trust import Trust

Compromised = Annotated[bool, typer.Option("--compromised", help="Its key may be in other hands, or is lost.")]
Why = Annotated[str, typer.Option("--reason", help="What happened; it stands in both logs.")]
WitnessDir = Annotated[Path, typer.Option("--dir", help="The witness's folder.")]
Evidence = Annotated[Path, typer.Argument(metavar="FILE", help="The .tlog-proof of the entry that rotated the key.")]


def rotate_key(*, origin: Origin = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Makes another key for a log and requests that it sign. It does once the partner's witness has cosigned that."""
    ask = client(data, key)
    chosen = chosen_log(ask.get("/api/v1/logs"), origin)
    document = ask.post("/api/v1/logs/rotate-key", {"origin": chosen["origin"]})
    emit(document, as_json, _show_rotated)
    if document["state"] == "waiting":
        raise typer.Exit(NOT_AVAILABLE)


def follow(evidence: Evidence, *, folder: WitnessDir, as_json: Json = False) -> None:
    """Lets a witness take over a log's next key. From then on it refuses what only the old key signed."""
    from safeconduct.bootstrap import partner  # noqa: PLC0415 - keeps other commands quick

    taken = partner.follow(folder, read_file(evidence, PROOF_FILE_BYTES_MAX))
    emit({"log": taken.name, "key": taken.text}, as_json, _show_followed)


def close(
    *,
    compromised: Compromised = False,
    reason: Why = "",
    origin: Origin = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Closes a compromised log at once, and begins a log with a key of its own that goes on for it."""
    if not compromised or not reason:
        raise InvalidInputError("closing a log needs --compromised and --reason TEXT", code="reason-missing")
    ask = client(data, key)
    logs = ask.get("/api/v1/logs")
    chosen = chosen_log(logs, origin)
    if not origin and chosen["origin"] in {log["successor"] for log in logs}:
        raise InvalidInputError(
            f"a log was closed already, and {chosen['origin']} goes on for it: asked again, this would close that one",
            code="log-closed",
            remedy=f"if it is compromised as well: --origin {chosen['origin']}",
        )
    document = ask.post("/api/v1/logs/close", {"origin": chosen["origin"], "reason": reason})
    emit(document, as_json, _show_closed)


def succession(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="An export or a mirror of the closed log.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="An export or a mirror of the log that goes on for it.")],
    *,
    key: LogKey = "",
    new_key: Annotated[str, typer.Option("--new-key", help="The new log's key; default: what the old one says.")] = "",
    witness: WitnessKeys = None,
    as_json: Json = False,
) -> None:
    """Verifies offline that one log rightly goes on for a closed one, and how much of that is vouched for."""
    if not key:
        raise InvalidInputError("expected the closed log's public key", code="key-missing", remedy="pass --key KEY")
    trust = Trust(log=public_key(key), witnesses=tuple(public_key(text) for text in witness or []))
    known = public_key(new_key) if new_key else None
    found = follow_succession(Folder(*read_folder(old)), trust, Folder(*read_folder(new)), known)
    document = {
        "verified": True,
        "closed": {"origin": found.old.origin, "size": found.old.size, "vouched_for": found.vouched_for},
        "successor": {"origin": found.new.origin, "size": found.new.size, "key": found.key.text},
        "said_by_the_closed_log": found.said,
    }
    emit(document, as_json, _show_succession)


def chosen_log(logs: list[dict[str, Any]], origin: str) -> dict[str, Any]:
    """Returns the log of that origin; without one the joint log that takes entries.

    Raises:
        InvalidInputError: `log-unknown`: there is none, or several.
    """
    name = choose({log["origin"]: _is_joint(log) for log in logs}, origin)
    return next(log for log in logs if log["origin"] == name)


def _is_joint(log: dict[str, Any]) -> bool:
    return not is_installation(log["origin"]) and not log["successor"]


def _show_succession(document: dict[str, Any]) -> None:
    closed, successor = document["closed"], document["successor"]
    out.print(
        f"{closed['origin']}  {closed['size']} entries, {closed['vouched_for']} of them vouched for", markup=False
    )
    out.print(f"goes on as {successor['origin']}  {successor['size']} entries", markup=False)
    out.print(f"  key {successor['key']}", style="dim", markup=False)
    if not document["said_by_the_closed_log"]:
        out.print("  the closed log does not say so itself: that key counts because you gave it", markup=False)


def _show_rotated(document: dict[str, Any]) -> None:
    if document["state"] == "waiting":
        out.print(f"request {document['request']} waits for the partner's witness; the old key signs on", markup=False)
        if document["problem"]:
            out.print(f"  {document['problem']}", markup=False)
    else:
        out.print(f"{document['origin']} is signed by a new key: {document['new']}", markup=False)
        out.print(f"the old one signs beside it for a while: {document['old']}", style="dim", markup=False)
        out.print(
            "now the partner follows: `log prove` the entry ledger.key.rotated/1, then its `log follow`", style="dim"
        )


def _show_followed(document: dict[str, Any]) -> None:
    out.print(f"{document['log']} is now known by the key {document['key']}", markup=False)


def _show_closed(document: dict[str, Any]) -> None:
    how = "is closed" if document["closed"] else "can't be signed any more, and its end stands in the next one alone"
    out.print(f"{document['origin']} {how}", markup=False)
    out.print(f"it goes on as {document['successor']}, key {document['successor_key']}", markup=False)
    out.print("tell the partner that key: nothing that waits for a cosignature happens before", style="dim")
