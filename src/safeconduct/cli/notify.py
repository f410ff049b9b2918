"""`safeconduct notify`: by which channels people are told, what became of each notice, and a trial."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, Url, client, place
from safeconduct.cli.output import NO, Json, emit, out, rows

commands = typer.Typer(help="Who is told of what is due, and how.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The channel's name in notices.toml.")]


@commands.command()
def channels(*, url: Url = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists the channels that notices go to: whose, and of which kinds."""
    found = client(data, key, url).get(place("notices", "channels"))
    emit(found, as_json, lambda listed: rows(listed, "name", "kind", "for", "kinds"))


@commands.command(name="list")
def list_(*, url: Url = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists the notices that wait, and what became of the others at each channel, the latest first."""
    emit(client(data, key, url).get(place("notices")), as_json, _show)


@commands.command(name="test")
def trial(name: Name, *, url: Url = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Sends a trial notice to a channel, once, and says what came back. Exit 1 if it was not taken."""
    done = client(data, key, url).post(place("notices", "channels", name, "trial"))
    emit(done, as_json, _show_tried)
    if any(one["outcome"] != "sent" for one in done["tried"]):
        raise typer.Exit(NO)


def _show(document: dict[str, Any]) -> None:
    for one in document["waiting"]:
        out.print(f"waits   {one['at']}  {one['to']}: {one['subject']}", markup=False)
    for one in document["tried"]:
        _show_tried(one)
    if not (document["waiting"] or document["tried"]):
        out.print("none", style="dim")


def _show_tried(one: dict[str, Any]) -> None:
    out.print(f"{one['id']}  {one['to']}: {one['subject']}", markup=False)
    for each in one["tried"]:
        out.print(f"  {each['outcome']:<13} {each['channel'] or '-'}  {each['at']}  {each['said']}", markup=False)
