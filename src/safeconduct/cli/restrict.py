"""`safeconduct restrict` and `unrestrict`."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.kernel.errors import InvalidInputError

Selected = Annotated[
    str, typer.Argument(metavar="SELECTOR", help="principal:NAME, grant:, path: or organization:NAME.")
]
Restricted = Annotated[str, typer.Argument(metavar="ID", help="The restriction to lift; without it, all are listed.")]
Slow = Annotated[int, typer.Option("--slow", metavar="MS", help="Calls wait so many milliseconds, 30000 at most.")]
Weaker = Annotated[bool, typer.Option("--weaker", help="The path's weaker model answers.")]
Hold = Annotated[bool, typer.Option("--hold", help="A person approves each call first.")]
Suspend = Annotated[bool, typer.Option("--suspend", help="Calls are refused, running ones cut.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it stands in the log.")]


def restrict(
    selector: Selected,
    *,
    slow: Slow = 0,
    weaker: Weaker = False,
    hold: Hold = False,
    suspend: Suspend = False,
    reason: Why = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Slows, weakens, holds or suspends calls, at once. The caller is told; another person lifts it."""
    chosen = {"slow": bool(slow), "weaker": weaker, "hold": hold, "suspend": suspend}
    kinds = [kind for kind, wanted in chosen.items() if wanted]
    if len(kinds) != 1 or not reason:
        text = "expected one of --slow MS, --weaker, --hold, --suspend, and --reason TEXT"
        raise InvalidInputError(text, code="restriction-incomplete")
    wanted = {"selector": selector, "kind": kinds[0], "slow_ms": slow, "reason": reason}
    emit(client(data, key).post("/api/v1/restrictions/set", wanted), as_json, _show)


def unrestrict(restriction_id: Restricted = "", *, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lifts a restriction, at once. Nobody lifts their own."""
    if not restriction_id:
        found = client(data).get("/api/v1/restrictions")
        emit(found, as_json, lambda listed: rows(listed, "id", "selector", "kind", "slow_ms", "by", "at", "reason"))
        return
    lifted = client(data, key).post(place("restrictions", restriction_id, "lift"))
    emit(lifted, as_json, lambda one: out.print(f"{one['selector']} is restricted no longer: {one['kind']}"))


def _show(document: dict[str, Any]) -> None:
    out.print(f"{document['selector']}: {document['kind']} from {document['at']} on", markup=False)
    out.print(f"to lift it: safeconduct unrestrict {document['id']}", style="dim", markup=False)
