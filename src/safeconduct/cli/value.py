"""`safeconduct value`: what the work on incidents was worth, and what a model changed."""

from pathlib import Path
from typing import Annotated

import typer

from safeconduct.cli.client import Data, Key, client
from safeconduct.cli.output import Json, emit, out, require_new, write_new

commands = typer.Typer(help="What the work on incidents was worth.", no_args_is_help=True, callback=lambda: None)

WHERE = "/api/v1/value"


@commands.command()
def report(
    *,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="Incidents opened from here on.")] = "",
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="And before here; default: now.")] = "",
    path: Annotated[str, typer.Option("--path", help="Only what models answered on this path.")] = "",
    page: Annotated[Path | None, typer.Option("--page", metavar="FILE", help="A new file for a page to print.")] = None,
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Shows how long incidents took, what they and errors cost, what models changed, how much people were asked.

    The last four weeks, unless --from says otherwise.
    """
    require_new(page)
    asked = {"from": since, "to": until, "path": path}
    told = client(data, key)
    if as_json:
        emit(told.get(WHERE, **asked), as_json, lambda _: None)
    elif page is None:
        out.out(told.raw(WHERE, **asked, form="text").decode(), end="", highlight=False)
    else:
        made = told.raw(WHERE, **asked, form="html")
        write_new(page, made)
        out.print(f"{len(made):,} bytes in {page}", markup=False)
