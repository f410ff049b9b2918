"""`safeconduct incident report`: an incident to read, to print, and for others' tools."""

from pathlib import Path
from typing import Annotated

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import out, require_new, write_new
from safeconduct.cli.triage import Id
from safeconduct.soc.reports.model import Form, Sharing

Made = Annotated[Form, typer.Option("--form", help="What it is made as: stix is a STIX 2.1 bundle, layer ATT&CK's.")]
Shared = Annotated[Sharing, typer.Option("--tlp", help="With whom it may be shared: the Traffic Light Protocol 2.0.")]
File = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="A new file to write it to.")]


def report(
    incident_id: Id,
    *,
    form: Made = Form.MARKDOWN,
    tlp: Shared = Sharing.AMBER_STRICT,
    file: File = None,
    data: Data = None,
    key: Key = None,
) -> None:
    """Prints the report on an incident: what happened, every claim checked again, the rejected ones in it."""
    require_new(file)
    made = client(data, key).raw(place("incidents", incident_id, "report"), form=form, sharing=tlp)
    if file is None:
        out.out(made.decode(), end="", highlight=False)
        return
    write_new(file, made)
    out.print(f"{tlp.label}: {len(made):,} bytes in {file}", markup=False)
