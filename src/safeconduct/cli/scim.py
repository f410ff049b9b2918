"""`safeconduct scim`: an organization's own directory, as its identity provider pushes it."""

from typing import Annotated, Any

import typer

from safeconduct.adapters.clock import SystemClock
from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import DONE, NO, Json, emit, err, out, rows
from safeconduct.kernel.instants import DAY, Instant, rfc3339

commands = typer.Typer(
    help="Directories: people as an organization's identity provider tells them.", no_args_is_help=True
)

Organization = Annotated[str, typer.Argument(metavar="ORGANIZATION", help="Whose directory.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The credential's id, from `scim list`.")]
Days = Annotated[int, typer.Option("--days", min=1, max=90, help="How long it holds.")]
MONTH_DAYS = 30


@commands.command()
def connect(
    organization: Organization, *, days: Days = MONTH_DAYS, data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Issues what the directory shows, and prints it, this once. Administrators do it for their own organization."""
    until = rfc3339(Instant(SystemClock().now() + days * DAY))
    made = client(data, key).post(place("directories", organization, "connect"), {"expires_at": until})
    emit(made, as_json, _show_made)


@commands.command()
def revoke(credential_id: Id, *, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Makes a credential worthless, at once. What the directory said stands."""
    document = client(data, key).post(place("directories", "credentials", credential_id, "revoke"))
    emit(document, as_json, lambda done: out.print(f"{done['id']} is revoked", markup=False))


@commands.command(name="list")
def list_(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the directories that are connected, and what speaks for them."""
    found = client(data).get("/api/v1/directories")
    emit(found, as_json, _show_directories)


@commands.command()
def people(organization: Organization, *, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists whom a directory names, by id: announced, linked to a principal, or suspended."""
    found = client(data, key).get(place("directories", organization, "people"))
    emit(found, as_json, lambda listed: rows(listed, "user", "state", "principal", "groups", "changed_at", "entry"))


@commands.command()
def orphans(organization: Organization, *, data: Data = None, as_json: Json = False) -> None:
    """Lists the people of the program whom their organization's directory does not know. Exit 1 if there are any."""
    found = client(data).get(place("directories", organization, "orphans"))
    emit(found, as_json, lambda listed: rows(listed, "principal", "suspended", "why", "remedy"))
    raise typer.Exit(NO if found else DONE)


def _show_made(made: dict[str, Any]) -> None:
    # The secret alone on stdout, so that it can be piped to where it belongs.
    note = f"credential {made['id']} for {made['path']} until {made['expires_at']}; shown only now:"
    err.print(note, style="dim", markup=False)
    out.print(made["secret"], markup=False)


def _show_directories(found: list[dict[str, Any]]) -> None:
    lines = [
        {**one, "credentials": ", ".join(f"{each['id']} until {each['expires_at']}" for each in one["credentials"])}
        for one in found
    ]
    rows(lines, "organization", "users", "groups", "changed_at", "credentials")
