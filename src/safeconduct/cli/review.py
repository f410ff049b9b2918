"""`safeconduct review`: what people make of what models answered about incidents."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import Json, emit, out, rows

commands = typer.Typer(help="Reviews of what models answered about incidents.", no_args_is_help=True)

Call = Annotated[str, typer.Argument(metavar="CALL", help="The call that brought the answer, from `review list`.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is sealed in the log.")]
Right = Annotated[
    str, typer.Option("--judgment", help="What is right: true-positive, benign-positive or false-positive.")
]
Everything = Annotated[bool, typer.Option("--all", help="Those that were reviewed, too.")]


@commands.command(name="list")
def list_(*, everything: Everything = False, data: Data = None, as_json: Json = False) -> None:
    """Lists the answers that wait for a review, oldest first."""
    found = client(data).get("/api/v1/reviews")
    waiting = [one for one in found if everything or not one["decision"]]
    columns = ("call", "incident", "path", "verified", "claims", "decision")
    emit(waiting, as_json, lambda listed: rows(listed, *columns))


@commands.command()
def accept(call: Call, *, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Says that what a model answered holds."""
    _review(place("reviews", call, "accept"), {"reason": reason}, data, key, as_json)


@commands.command()
def correct(
    call: Call, *, judgment: Right, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Says that a model judged an incident wrongly, and what is right."""
    _review(place("reviews", call, "correct"), {"judgment": judgment, "reason": reason}, data, key, as_json)


@commands.command()
def reject(call: Call, *, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Says that what a model answered is of no use."""
    _review(place("reviews", call, "reject"), {"reason": reason}, data, key, as_json)


@commands.command()
def report(*, data: Data = None, as_json: Json = False) -> None:
    """Says of each path which autonomy is in force, and how many of its answers people accepted."""
    emit(client(data).get("/api/v1/reviews/report"), as_json, _report)


def _report(listed: list[dict[str, Any]]) -> None:
    for one in listed:
        out.print(f"{one['path']}: {one['in_force']}", style="bold", markup=False)
        low, high = one["accepted_share"]
        counted = f"{one['accepted']} accepted, {one['corrected']} corrected, {one['rejected']} rejected"
        out.print(f"  {one['reviewed']} of {one['answers']} answers reviewed: {counted}", markup=False)
        out.print(f"  share accepted: {low:.3f} to {high:.3f} (Wilson, 95 %)", markup=False)


def _review(where: str, said: dict[str, Any], data: Data, key: Key, as_json: Json) -> None:
    told = client(data, key).post(where, said)
    emit(told, as_json, lambda one: out.print(f"{one['decision']} by {one['by']}: {one['call']}", markup=False))
