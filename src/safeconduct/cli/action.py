"""`safeconduct action`: responses, from proposal to rollback."""

from typing import Annotated, Any

import typer

from safeconduct.approvals import Verdict, ballot
from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.named import ENOUGH, whole_action
from safeconduct.cli.output import Json, emit, err, out, rows
from safeconduct.kernel.errors import ConflictError
from safeconduct.soc.wording import number_of

commands = typer.Typer(help="Responses: proposed on verified claims, approved by another person.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help=f"The action's id, from `action list`, {ENOUGH}")]
Incident = Annotated[str, typer.Argument(metavar="INCIDENT", help="The incident's id, or enough of its beginning.")]
Target = Annotated[str, typer.Argument(metavar="TARGET", help="What it is against, as claims name it.")]
Kind = Annotated[str, typer.Option("--kind", help="What to do, by the kinds of docs/responses.md.")]
Claims = Annotated[list[str] | None, typer.Option("--claim", help="A claim to rest on; by default all that name it.")]
Against = Annotated[bool, typer.Option("--against", help="Vote against: that ends it.")]
Holder = Annotated[str, typer.Argument(metavar="HOLDER", help="Who fetches with it, such as firewall-1.")]


@commands.command(name="list")
def list_(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the actions, oldest first."""
    found = client(data).get("/api/v1/actions")
    emit(found, as_json, lambda listed: rows(listed, "id", "kind", "target", "state", "proposed_by", "expires_at"))


@commands.command()
def show(action_id: Id, *, data: Data = None, as_json: Json = False) -> None:
    """Shows an action: what it rests on, who voted, how it is undone."""
    emit(client(data).get(place("actions", action_id)), as_json, _show)


@commands.command()
def propose(
    incident: Incident,
    target: Target,
    *,
    kind: Kind = "block-ip",
    claim: Claims = None,
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Proposes an action against what verified claims name, and puts it to the vote."""
    wanted = {"kind": kind, "target": target, "claims": claim or []}
    document = client(data, key).post(place("incidents", incident, "actions"), wanted)
    emit(document, as_json, _show)


@commands.command()
def approve(
    action_id: Id, *, against: Against = False, data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Votes on a proposed action. Whoever proposed it can't."""
    asking = client(data, key)
    action_id = whole_action(asking, action_id)
    approval = asking.get(place("actions", action_id))["approval"]
    if approval is None:
        raise ConflictError("a playbook stands for the vote on this action: it can run", code="action-approved")
    verdict = Verdict.REJECT if against else Verdict.APPROVE
    emit(asking.post(place("actions", action_id, "vote"), ballot(approval["draft"], verdict)), as_json, _show)


@commands.command()
def run(action_id: Id, *, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Carries out an approved action, and looks whether it took effect."""
    asking = client(data, key)
    emit(asking.post(place("actions", whole_action(asking, action_id), "run")), as_json, _show)


@commands.command()
def rollback(action_id: Id, *, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Undoes an action. Waits for nobody."""
    asking = client(data, key)
    emit(asking.post(place("actions", whole_action(asking, action_id), "roll-back")), as_json, _show)


@commands.command(name="list-token")
def list_token(holder: Holder, *, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Gives a firewall an address to fetch the list from, and shows it, this once."""
    emit(client(data, key).post("/api/v1/lists/block-ip/tokens", {"holder": holder}), as_json, _show_token)


def _show(document: dict[str, Any]) -> None:
    out.print(f"{document['id']}  {document['kind']} {document['target']}  {document['state']}", markup=False)
    out.print(f"  states: {' > '.join(document['states'])}", markup=False)
    out.print(f"  proposed by {document['proposed_by']} on {number_of(len(document['claims']), 'claim')}", markup=False)
    _show_allowed(document)
    lost = document["inverse"]["lost"]
    kept = f", which does not bring back {lost}" if lost else ""
    out.print(f"  until {document['expires_at']}; undone by {document['inverse']['kind']}{kept}", markup=False)
    for point in document["points"]:
        out.print(f"  at {point['point']}: {point['state']} {point['detail']}".rstrip(), markup=False)
    if document["why"]:
        out.print(f"  undone because: {document['why']}", markup=False)
    if document["absence"]:
        out.print(f"  seen to be gone: {document['absence']}", markup=False)


def _show_allowed(document: dict[str, Any]) -> None:
    if document["approval"] is None:
        out.print(f"  nobody was asked: {document['playbook']} stands for the vote", markup=False)
        return
    for cast in document["approval"]["votes"]:
        out.print(f"  {cast['voter']} voted: {cast['verdict']}", markup=False)


def _show_token(document: dict[str, Any]) -> None:
    # The address alone on stdout, so that it can be piped to where it belongs.
    err.print(f"list {document['list']} for {document['holder']}; shown only now:", style="dim", markup=False)
    out.print(document["address"], markup=False)
