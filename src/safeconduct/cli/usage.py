"""`safeconduct usage`: what vendors did besides answering, and whether they count as we do."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.adapters.files import read_file
from safeconduct.cli.client import Data, Key, client
from safeconduct.cli.output import NO, Json, emit, out
from safeconduct.gateway.usage_exports import EXPORT_BYTES_MAX
from safeconduct.soc.wording import number_of

commands = typer.Typer(help="What upstreams were used for.", no_args_is_help=True)


@commands.command()
def outcomes(
    *,
    hours: Annotated[int, typer.Option("--hours", min=1, max=32 * 24, help="How far back to look.")] = 24,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Shows how calls ended at each upstream, and its refusals, reroutes, slow-downs and safety notices with rates."""
    emit(client(data).get("/api/v1/usage/outcomes", hours=hours), as_json, _show_outcomes)


@commands.command()
def reconcile(
    *,
    upstream: Annotated[str, typer.Option("--upstream", help="The upstream whose vendor made the export.")],
    export: Annotated[Path, typer.Option("--export", help="The export: OpenAI's or Anthropic's JSON, or CSV.")],
    since: Annotated[str, typer.Option("--from", help="Begin of what is compared; default: the export's.")] = "",
    until: Annotated[str, typer.Option("--until", help="End of what is compared; default: the export's.")] = "",
    tolerance: Annotated[int, typer.Option("--tolerance", help="Thousandths that tokens may differ by.")] = 0,
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Holds a vendor's usage export against the log's calls and records what came of it. Exit 1: they differ."""
    body = read_file(export, EXPORT_BYTES_MAX)
    query = {"upstream": upstream, "since": since, "until": until, "tolerance": str(tolerance)}
    found = client(data, key).post("/api/v1/usage/reconciliations", body, **query)
    emit(found, as_json, _show_reconciled)
    if found["differences"]:
        raise typer.Exit(NO)


def _show_outcomes(document: list[dict[str, Any]]) -> None:
    if not document:
        out.print("no calls in this time", style="dim")
    for one in document:
        ends = ", ".join(f"{count} {end}" for end, count in sorted(one["ends"].items()))
        out.print(f"{one['upstream']}  {one['model']}  {number_of(one['calls'], 'call')}: {ends}", markup=False)
        for notice in one["notices"]:
            rate = f"{100 * notice['rate']:.2f} %"
            out.print(f"  {notice['kind']:<10} {notice['reason']:<20} {notice['count']}  {rate}", markup=False)


def _show_reconciled(document: dict[str, Any]) -> None:
    for one in document["differences"]:
        most = "any" if one["most"] is None else one["most"]
        out.print(
            f"{one['model']}  {one['what']}: the vendor says {one['told']}, our calls make {one['least']} to {most}",
            markup=False,
        )
    told = "they differ" if document["differences"] else "they agree"
    calls, uncertain = document["compared"]["calls"], document["compared"]["uncertain"]
    out.print(f"{number_of(calls, 'call')}, {uncertain} uncertain: {told}; entry {document['entry']}", markup=False)
