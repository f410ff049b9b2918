"""`safeconduct appeal`: what was held against the end of a call, and whether that was right."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.named import ENOUGH, whole_call
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.kernel.errors import InvalidInputError

commands = typer.Typer(help="Appeals: held against the end of calls, and decided.", no_args_is_help=True)

Call = Annotated[
    str, typer.Argument(metavar="CALL", help=f"The call that the appeal is about, from `appeal list`, {ENOUGH}")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the log with your name.")]


@commands.command(name="list")
def list_(*, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists the appeals on record: to trust and safety all, to others their organization's."""
    found = client(data, key).get("/api/v1/appeals")
    shown = [one | {"decision": _decision(one)} for one in found]
    emit(found, as_json, lambda _: rows(shown, "call", "at", "organization", "by", "due_at", "decision", "reason"))


@commands.command()
def decide(
    call: Call,
    *,
    uphold: Annotated[
        bool | None, typer.Option("--uphold/--reject", help="Whether the appeal is right.", show_default=False)
    ] = None,
    reason: Reason = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Decides an appeal: for the party that answers for misuse review, and nobody with a hand in it."""
    if uphold is None or not reason:
        raise InvalidInputError("expected --uphold or --reject, and --reason TEXT", code="decision-incomplete")
    asking = client(data, key)
    decided = asking.post(place("appeals", whole_call(asking, call), "decide"), {"upheld": uphold, "reason": reason})
    emit(decided, as_json, lambda one: out.print(f"appeal {one['id']} is {_decision(one)}", markup=False))


def _decision(one: dict[str, Any]) -> str:
    decision = one["decision"]
    return "open" if decision is None else "upheld" if decision["upheld"] else "rejected"
