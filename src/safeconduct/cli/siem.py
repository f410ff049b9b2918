"""`safeconduct siem`: the SIEMs that are joined."""

from typing import Annotated, Any

import msgspec
import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.hunt_words import First, Last, Limit, Wheres, condition
from safeconduct.cli.output import NO, NOT_AVAILABLE, Json, emit, err, out, rows
from safeconduct.cli.siem_following import EVERY_S, EVERY_S_MAX, EVERY_S_MIN, follow
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.siem.events import Told
from safeconduct.soc.wording import number_of

commands = typer.Typer(
    help="The SIEM that is there: its alerts in, hunts asked of it, verdicts back.", no_args_is_help=True
)

UNDER_WAY = "under-way"

Name = Annotated[str, typer.Argument(metavar="SIEM", help="Its name in siems.yaml of the data folder.")]
Table = Annotated[str, typer.Argument(metavar="TABLE", help="One of its tables that may be asked.")]
Since = Annotated[str, typer.Option("--since", metavar="TIME", help="From when on; default: since the last one taken.")]
Follow = Annotated[bool, typer.Option("--follow", help="Go on with what comes, until interrupted.")]
Every = Annotated[
    int, typer.Option("--every", metavar="SECONDS", min=EVERY_S_MIN, max=EVERY_S_MAX, help="With --follow: how often.")
]
Newest = Annotated[bool, typer.Option("--newest", help="The newest first, where there are more than may be brought.")]
Incident = Annotated[str, typer.Argument(metavar="INCIDENT", help="The incident, or the beginning of its id.")]
Verdict = Annotated[Judgment, typer.Argument(metavar="JUDGMENT", help="What you judged it to be.")]


@commands.command(name="list")
def list_(*, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists the joined SIEMs, their tables, and what may be asked of each."""
    emit(client(data, key).get("/api/v1/siems"), as_json, _show_siems)


@commands.command()
def search(
    siem: Name,
    table: Table,
    conditions: Wheres = None,
    *,
    first: First = "",
    last: Last = "",
    newest: Newest = False,
    limit: Limit = 1_000,
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Asks a SIEM a hunt and keeps what it brings as events. The query that is asked is shown."""
    hunt = {
        "where": [condition(text) for text in conditions or ()],
        "first": first,
        "last": last,
        "order": "newest" if newest else "oldest",
        "limit": limit,
    }
    body = msgspec.json.encode({"table": table, "hunt": hunt})
    emit(client(data, key).post(place("siems", siem, "search"), body), as_json, _show_found)


@commands.command()
def alerts(
    siem: Name,
    *,
    since: Since = "",
    following: Follow = False,
    every: Every = EVERY_S,
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Takes a SIEM's alerts in as events, each once; `safeconduct detect` makes incidents of them."""
    asked, wanted = client(data, key), [since]

    def pull() -> dict[str, Any]:
        found = asked.post(place("siems", siem, "alerts"), since=wanted[0])
        if found["alerts"]:
            wanted[0] = ""  # from here on the server knows where to go on
        return dict(found)

    if following:
        follow(
            pull, lambda found: emit(found, as_json, _show_alerts), lambda text: err.print(text, markup=False), every
        )
    else:
        emit(pull(), as_json, _show_alerts)


@commands.command()
def tell(
    siem: Name, incident: Incident, judgment: Verdict, *, data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Tells a SIEM, at each of its alerts in an incident, what you judged it to be: verdict and comment, once."""
    body = msgspec.json.encode({"incident": incident, "judgment": judgment})
    told = client(data, key).post(place("siems", siem, "tell"), body)
    emit(told, as_json, _show_order)
    ends = set(told["alerts"].values())
    if UNDER_WAY in ends:
        raise typer.Exit(NOT_AVAILABLE)
    if ends & {Told.FAILED, Told.ABSENT}:
        raise typer.Exit(NO)


@commands.command()
def told(*, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists what SIEMs were told, and what became of it."""
    emit(client(data, key).get("/api/v1/siems/orders"), as_json, _show_orders)


def _say(text: str) -> None:
    err.print(text, markup=False)


def _show_siems(found: list[dict[str, Any]]) -> None:
    shown = [
        {**one, "tables": " ".join(table["name"] for table in one["tables"]), "window": f"{one['window_s'] // 3600} h"}
        for one in found
    ]
    rows(shown, "name", "platform", "status", "tables", "window", "rows")


def _show_found(found: dict[str, Any]) -> None:
    out.print(found["query"], style="dim", markup=False)
    for value in found["values"]:
        out.print(f"  ? {value}", style="dim", markup=False)
    for event in found["events"]:
        out.print(f"  safeconduct events show {event}", markup=False)
    more = "all there are" if found["complete"] else "there are more: ask for less at once"
    out.print(f"{found['rows']:,} rows, {more}", markup=False)
    _show_dead(found["file"])


def _show_alerts(found: dict[str, Any]) -> None:
    more = "" if found["complete"] else "; there are more: run it again"
    out.print(
        f"{number_of(len(found['alerts']), 'alert')} taken, {found['ours']} left that bear our mark{more}", markup=False
    )
    _show_dead(found["file"])


def _show_dead(file: dict[str, Any]) -> None:
    if file["problem"] and file["size"]:
        out.print(f"not read: {file['problem']}: {file['detail']}", style="bold red", markup=False)
    for code, count in file["dead"].items():
        out.print(f"{count} not read: {code}", style="bold", markup=False)


def _show_orders(orders: list[dict[str, Any]]) -> None:
    for order in orders:
        _show_order(order)


def _show_order(order: dict[str, Any]) -> None:
    out.print(f"{order['at']}  {order['siem']}  {order['judgment']}  incident {order['incident']}", markup=False)
    for name, end in order["alerts"].items():
        out.print(f"  {end:<10} {name}", markup=False)
