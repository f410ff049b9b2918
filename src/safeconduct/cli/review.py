"""`safeconduct review`: what people make of what models answered about incidents."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.closing import As
from safeconduct.cli.named import ENOUGH, whole_call
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.cli.triage import Id

commands = typer.Typer(help="Reviews of what models answered about incidents.", no_args_is_help=True)

Call = Annotated[
    str, typer.Argument(metavar="CALL", help=f"The call that brought the answer, from `review list`, {ENOUGH}")
]
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
    columns = ("call", "incident", "path", "prompt", "verified", "claims", "decision")
    emit(waiting, as_json, lambda listed: rows(listed, *columns))


@commands.command()
def accept(call: Call, *, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Says that what a model answered holds."""
    _review(call, "accept", {"reason": reason}, data, key, as_json=as_json)


@commands.command()
def correct(
    call: Call, *, judgment: Right, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Says that a model judged an incident wrongly, and what is right."""
    _review(call, "correct", {"judgment": judgment, "reason": reason}, data, key, as_json=as_json)


@commands.command()
def reject(call: Call, *, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Says that what a model answered is of no use."""
    _review(call, "reject", {"reason": reason}, data, key, as_json=as_json)


@commands.command()
def report(*, data: Data = None, as_json: Json = False) -> None:
    """Says of each path which autonomy is in force, and how many of its answers people accepted."""
    emit(client(data).get("/api/v1/reviews/report"), as_json, _report)


@commands.command()
def looks(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the second looks that are owed at what models closed, and how often they confirmed it, by path."""
    emit(client(data).get("/api/v1/looks"), as_json, _looks)


@commands.command()
def look(
    incident_id: Id, *, disposition: As, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Says what an incident is that a model closed; where that differs, the incident is open again."""
    told = client(data, key).post(place("looks", incident_id), {"disposition": disposition, "reason": reason})
    emit(told, as_json, lambda one: out.print(f"{one['outcome']} by {one['by']}: {one['incident']}", markup=False))


def _looks(told: dict[str, Any]) -> None:
    rows(told["owed"], "incident", "path", "due_at", "overdue")
    for one in told["paths"]:
        low, high = one["confirmed_share"]
        out.print(f"{one['path']}: {one['closed']} closed, {one['reopened']} opened again", markup=False)
        out.print(f"  {one['drawn']} drawn, {one['looked']} looked at, {one['confirmed']} confirmed", markup=False)
        out.print(f"  share confirmed: {low:.3f} to {high:.3f} (Wilson, 95 %)", markup=False)


def _report(listed: list[dict[str, Any]]) -> None:
    for one in listed:
        out.print(f"{one['path']}: {one['in_force']}", style="bold", markup=False)
        low, high = one["accepted_share"]
        counted = f"{one['accepted']} accepted, {one['corrected']} corrected, {one['rejected']} rejected"
        out.print(f"  {one['reviewed']} of {one['answers']} answers reviewed: {counted}", markup=False)
        out.print(f"  share accepted: {low:.3f} to {high:.3f} (Wilson, 95 %)", markup=False)


def _review(call: str, decision: str, said: dict[str, Any], data: Data, key: Key, *, as_json: bool) -> None:
    asking = client(data, key)
    told = asking.post(place("reviews", whole_call(asking, call), decision), said)
    emit(told, as_json, lambda one: out.print(f"{one['decision']} by {one['by']}: {one['call']}", markup=False))
