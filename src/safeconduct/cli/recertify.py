"""`safeconduct recertify`: access is kept by somebody who says why, or it ends."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Client, Data, Key, Url, client, place
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.kernel.errors import InvalidInputError

commands = typer.Typer(help="Recertification: access that nobody keeps in time is removed.", no_args_is_help=True)

Campaign = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The campaign's id.")]
Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="grant:NAME, role:PRINCIPAL/ROLE or agreement:NAME.")]
Of = Annotated[list[str], typer.Option("--of", help="grants, issued-grants, roles or agreements; may be given again.")]
Days = Annotated[int, typer.Option("--days", help="Days to answer.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it stands in the log.")]


@commands.command(name="open")
def open_(*, of: Of, days: Days, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False) -> None:
    """Opens a campaign over all access of these kinds. What nobody answered in time is removed."""
    wanted = {"of": of, "answer_days": days}
    emit(client(data, key, url).post("/api/v1/recertifications/open", wanted), as_json, _show)


@commands.command(name="list")
def list_(*, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False) -> None:
    """Lists the campaigns there were, and those that wait for answers."""
    found = client(data, key, url).get("/api/v1/recertifications")
    emit(found, as_json, lambda listed: rows(listed, "id", "name", "organization", "due_at", "closed_at", "count"))


@commands.command()
def show(campaign: Campaign, *, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False) -> None:
    """Shows a campaign: what was kept, removed and not answered, by whom and why."""
    emit(client(data, key, url).get(place("recertifications", campaign)), as_json, _show)


@commands.command()
def keep(
    campaign: Campaign,
    subject: Subject,
    *,
    reason: Why,
    data: Data = None,
    key: Key = None,
    url: Url = "",
    as_json: Json = False,
) -> None:
    """Keeps one item, as it stands now, for a reason."""
    emit(_answer(client(data, key, url), campaign, subject, reason, keep=True), as_json, _show_item)


@commands.command()
def remove(
    campaign: Campaign,
    subject: Subject,
    *,
    reason: Why,
    data: Data = None,
    key: Key = None,
    url: Url = "",
    as_json: Json = False,
) -> None:
    """Removes one item, at once, for a reason."""
    emit(_answer(client(data, key, url), campaign, subject, reason, keep=False), as_json, _show_item)


def _answer(asking: Client, campaign: str, subject: str, reason: str, *, keep: bool) -> Any:  # noqa: ANN401 - a document
    shown = asking.get(place("recertifications", campaign))
    found = next((one for one in shown["items"] if one["subject"] == subject), None)
    if found is None:
        raise InvalidInputError(f"campaign {campaign} does not ask about {subject}", code="item-unknown")
    said = {"subject": subject, "keep": keep, "seen": found["now"], "reason": reason}
    return asking.post(place("recertifications", campaign, "answer"), said)


def _show(document: dict[str, Any]) -> None:
    over = f"closed {document['closed_at']}" if document["closed_at"] else f"answers until {document['due_at']}"
    out.print(f"campaign {document['id']} of {document['organization']}: {over}", markup=False)
    rows(document["items"], "subject", "state", "reviewer", "by", "at", "reason")


def _show_item(document: dict[str, Any]) -> None:
    out.print(f"{document['subject']} is {document['state']}, by {document['by']}: {document['reason']}", markup=False)
