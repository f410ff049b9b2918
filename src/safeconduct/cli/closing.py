"""`safeconduct incident close` and `reopen`."""

from typing import Annotated

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import Json, emit, out
from safeconduct.cli.triage import Id, describe
from safeconduct.soc.predicates import Judgment

As = Annotated[Judgment, typer.Option("--as", help="What it was found to be.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is sealed in the log.")]


def close(
    incident_id: Id, *, disposition: As, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Closes an incident as what it was found to be. If it grows, what it has become is open."""
    said = {"disposition": disposition, "reason": reason}
    told = client(data, key).post(place("incidents", incident_id, "close"), said)
    emit(told, as_json, lambda one: out.print(f"closed {one['incident']}: {describe(one['closed'])}", markup=False))


def reopen(incident_id: Id, *, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Opens a closed incident again, whoever closed it."""
    told = client(data, key).post(place("incidents", incident_id, "reopen"), {"reason": reason})
    emit(
        told,
        as_json,
        lambda one: out.print(f"open again {one['incident']}: it was {describe(one['was'])}", markup=False),
    )
