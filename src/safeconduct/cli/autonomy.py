"""`safeconduct autonomy`: how far what models say on a path goes, and who raises, lowers or stops it."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import Json, emit, out
from safeconduct.soc.autonomy.model import Autonomy

commands = typer.Typer(help="How far a model's word goes, by path.", no_args_is_help=True)

Path = Annotated[str, typer.Argument(metavar="PATH", help="The path's name.")]
Level = Annotated[Autonomy, typer.Argument(help="The level to have.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is sealed in the log.")]
Which = Annotated[str, typer.Argument(metavar="PATH", help="One path; all without it.")]


@commands.command()
def show(path: Which = "", *, data: Data = None, as_json: Json = False) -> None:
    """Says which level is in force on each path and why, and what a higher one lacks."""
    found = client(data).get("/api/v1/autonomy")
    emit([one for one in found if path in ("", one["path"])], as_json, _show_all)


@commands.command()
def promote(
    path: Path, level: Level, *, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Raises a path's level, if the evidence carries it."""
    _change(place("autonomy", path, "promote"), {"level": level, "reason": reason}, data, key, as_json)


@commands.command()
def demote(
    path: Path, level: Level, *, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Lowers a path's level, at once."""
    _change(place("autonomy", path, "demote"), {"level": level, "reason": reason}, data, key, as_json)


@commands.command()
def stop(path: Path, *, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Stops a path, at once: nothing that a model says on it counts, and none is asked."""
    _change(place("autonomy", path, "stop"), {"reason": reason}, data, key, as_json)


@commands.command()
def resume(path: Path, *, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Ends a stop. What the path had earned before it is gone."""
    _change(place("autonomy", path, "resume"), {"reason": reason}, data, key, as_json)


def _change(where: str, said: dict[str, Any], data: Data, key: Key, as_json: Json) -> None:
    emit(client(data, key).post(where, said), as_json, _show)


def _show_all(listed: list[dict[str, Any]]) -> None:
    for one in listed:
        _show(one)


def _show(one: dict[str, Any]) -> None:
    level = "stopped" if one["stopped_by"] else one["in_force"]
    out.print(f"{one['path']}: {level} of at most {one['ceiling']}", style="bold", markup=False)
    if one["why"]:
        out.print(f"  {one['why']} at {one['since']}, entry {one['entry']}", markup=False)
    if one["stopped_by"]:
        out.print(f"  stopped by entry {one['stopped_by']}", markup=False)
    for name, what in (("accepted", "answers"), ("verified", "claims"), ("confirmed", "looks")):
        share = one[name]
        if share["of"]:
            (low, high), each = share["interval"], share[what]
            counted = f"{share['found']} of {share['of']} incidents {name}"
            each_counted = f"{each['found']} of {each['of']} {what}"
            out.print(f"  {counted} ({each_counted}): {low:.3f} to {high:.3f} (Wilson, 95 %)", markup=False)
    for higher, missing in one["lacking"].items():
        out.print(f"  {higher} lacks: {'; '.join(missing) or 'nothing'}", markup=False)
