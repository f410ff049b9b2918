"""`safeconduct token`: what clients show as their API key."""

from typing import Annotated, Any

import typer

from safeconduct.adapters.clock import SystemClock
from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import Json, emit, err, out, rows
from safeconduct.kernel.instants import Instant, rfc3339, seconds

commands = typer.Typer(help="API tokens, shown once and stored hashed.", no_args_is_help=True)

Principal = Annotated[str, typer.Argument(metavar="PRINCIPAL", help="Whom the token is for.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The token's id, from `token list`.")]
Hours = Annotated[int, typer.Option("--hours", min=1, max=90 * 24, help="How long it lives.")]

DAY_HOURS = 24


@commands.command()
def issue(
    principal: Principal, *, hours: Hours = DAY_HOURS, data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Issues a token and shows it, this once. For yourself, a service you answer for, or as administrator."""
    until = Instant(SystemClock().now() + seconds(hours * 3600))
    wanted = {"principal": principal, "expires_at": rfc3339(until)}
    emit(client(data, key).post("/api/v1/tokens/issue", wanted), as_json, _show_issued)


@commands.command()
def revoke(token_id: Id, *, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Makes a token worthless, at once."""
    document = client(data, key).post(place("tokens", token_id, "revoke"))
    emit(document, as_json, lambda done: out.print(f"{done['id']} is revoked", markup=False))


@commands.command(name="list")
def list_(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the tokens that were not revoked. Their secrets are stored nowhere."""
    found = client(data).get("/api/v1/tokens")
    emit(found, as_json, lambda listed: rows(listed, "id", "principal", "issued_at", "expires_at"))


def _show_issued(document: dict[str, Any]) -> None:
    # The secret alone on stdout, so that it can be piped to where it belongs.
    note = f"token {document['id']} of {document['principal']} until {document['expires_at']}; shown only now:"
    err.print(note, style="dim", markup=False)
    out.print(document["secret"], markup=False)
