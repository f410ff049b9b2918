"""`safeconduct token`: what clients show as their API key."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct import settings
from safeconduct.adapters.clock import SystemClock
from safeconduct.cli import logins
from safeconduct.cli.client import Client, Data, Key, Url, client, place
from safeconduct.cli.output import Json, emit, err, out, rows
from safeconduct.kernel.errors import UnauthenticatedError
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339, seconds

commands = typer.Typer(invoke_without_command=True)

Principal = Annotated[str, typer.Argument(metavar="PRINCIPAL", help="Whom the token is for.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The token's id, from `token list`.")]
DAY_HOURS = 24
SHIPPER_HOURS = 90 * DAY_HOURS
MINUTES = 60
MINUTES_MIN = 10
"""Less would be renewed each time it is asked for."""

Hours = Annotated[
    int,
    typer.Option(
        "--hours",
        min=1,
        max=SHIPPER_HOURS,
        help=f"How long it lives: {DAY_HOURS} at most, of a shipper {SHIPPER_HOURS}.",
    ),
]

Minutes = Annotated[
    int, typer.Option("--minutes", min=MINUTES_MIN, max=24 * 60, help="How long a newly minted one lives.")
]
Service = Annotated[str, typer.Option("--principal", help="A service you answer for. Default: yourself.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Mint a new one even if the last one still holds.")]


@commands.callback()
def token(
    context: typer.Context,
    *,
    principal: Service = "",
    minutes: Minutes = MINUTES,
    fresh: Fresh = False,
    url: Url = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Prints a short-lived API token of yours: the last one while it holds, else a new one, signed for by your key.

    For clients that run a command for their API key, and for SDKs that call a function for it. The other commands of
    this group issue, list and revoke tokens, shown once and stored hashed.
    """
    if context.invoked_subcommand is not None:
        return
    asked, config = client(data, key, url), settings.read().config
    login = logins.read(config)
    if login is not None and login.oidc and key is None and not principal:
        emit(_shown(signed_in(config, asked.where, login)), as_json, _show_secret)
        return
    holder = principal or asked.actor
    found = None if fresh else logins.minted(config, asked.where, holder)
    if found is None or not found.lasts(SystemClock().now()):
        found = mint(asked, holder, minutes)
        logins.keep(config, found)
    emit(_shown(found), as_json, _show_secret)


def signed_in(config: Path, where: str, login: logins.Login) -> logins.Minted:
    """Returns the token of a sign-in.

    Raises:
        UnauthenticatedError: `token-expired`.
    """
    found = logins.minted(config, where, login.principal)
    if found is None or SystemClock().now() >= parse_rfc3339(found.expires_at):
        raise UnauthenticatedError(
            "the token of your sign-in has expired, and there is no key to sign for another",
            code="token-expired",
            remedy=f"sign in again: safeconduct login --oidc {login.oidc}",
        )
    return found


def _shown(token: logins.Minted) -> dict[str, str]:
    return {"id": token.id, "principal": token.principal, "expires_at": token.expires_at, "secret": token.secret}


def _show_secret(token: dict[str, str]) -> None:
    out.print(token["secret"], markup=False)


def mint(asked: Client, principal: str, minutes: int) -> logins.Minted:
    """Has a token issued that lives so many minutes."""
    made = _issued(asked, principal, minutes * 60)
    return logins.Minted(
        id=made["id"],
        principal=principal,
        expires_at=made["expires_at"],
        secret=made["secret"],
        where=asked.where,
    )


@commands.command()
def issue(
    principal: Principal, *, hours: Hours = DAY_HOURS, data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Issues a token and shows it, this once. For yourself, a service you answer for, or as administrator."""
    emit(_issued(client(data, key), principal, hours * 3600), as_json, _show_issued)


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


def _issued(asked: Client, principal: str, lives_s: int) -> Any:  # noqa: ANN401 - JSON of the control API
    until = Instant(SystemClock().now() + seconds(lives_s))
    return asked.post("/api/v1/tokens/issue", {"principal": principal, "expires_at": rfc3339(until)})


def _show_issued(document: dict[str, Any]) -> None:
    # The secret alone on stdout, so that it can be piped to where it belongs.
    note = f"token {document['id']} of {document['principal']} until {document['expires_at']}; shown only now:"
    err.print(note, style="dim", markup=False)
    out.print(document["secret"], markup=False)
