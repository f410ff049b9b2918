"""`safeconduct policy propose`, `proposals`, `approve`: policies that both parties vote on, to the byte."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.access.document import PROGRAM_BYTES_MAX
from safeconduct.adapters.files import read_file
from safeconduct.cli.client import Data, Key, Url, client
from safeconduct.cli.named import ENOUGH
from safeconduct.cli.output import Json, emit, out
from safeconduct.cli.voting import vote_on
from safeconduct.kernel.errors import AbsentError

Program = Annotated[Path, typer.Argument(metavar="FILE", help="The program file that holds the new policies.")]
Approval = Annotated[str, typer.Argument(metavar="ID", help=f"The approval's id, from `policy proposals`, {ENOUGH}")]
Against = Annotated[bool, typer.Option("--against", help="Vote against: that ends it.")]

_LIST = "/api/v1/policies/proposals"


def propose(file: Program, *, url: Url = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Puts the policies of a program file to the vote, where the program in force says that both parties vote."""
    document = client(data, key, url).post(f"{_LIST}/new", read_file(file, PROGRAM_BYTES_MAX))
    emit(document, as_json, _show_proposed)


def proposals(*, url: Url = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists the policies that were put to the vote, with their text."""
    emit(client(data, key, url).get(_LIST), as_json, _show)


def approve(
    approval: Approval,
    *,
    against: Against = False,
    url: Url = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Votes on proposed policies. Whoever proposed them can't."""
    asking = client(data, key, url)
    unknown = AbsentError(f"no policies were proposed as {approval!r}", code="proposal-unknown")
    voted = vote_on(asking, "policies", "proposals", approval_id=approval, against=against, unknown=unknown)
    emit(voted, as_json, lambda document: out.print(f"policies {document['id']} are {document['state']}", markup=False))


def _show_proposed(approval: dict[str, Any]) -> None:
    wanted = ", ".join(f"{one['count']} {one['role']} of {one['organization']}" for one in approval["groups"])
    out.print(f"policies {approval['id']} wait for {wanted}, until {approval['expires_at']}", markup=False)
    out.print(f"they vote with: safeconduct policy approve {approval['id']}", style="dim", markup=False)


def _show(listed: list[dict[str, Any]]) -> None:
    for one in listed:
        approval = one["approval"]
        told = f"{approval['id']} {approval['state']}, by {one['by']}, until {approval['expires_at']}"
        out.print(told, style="bold", markup=False)
        out.print(one["text"], markup=False, highlight=False)
    if not listed:
        out.print("none", style="dim")
