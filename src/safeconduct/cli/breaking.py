"""`safeconduct grant break-glass`, `reviews`, `review`: opened by one party, looked at by both."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, Url, client, place
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.kernel.errors import AbsentError, InvalidInputError

Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the log with your name.")]
Template = Annotated[
    str, typer.Argument(metavar="TEMPLATE", help="Its name in the program; without it, all are listed.")
]


def break_glass(
    template: Template = "",
    *,
    reason: Reason = "",
    for_: Annotated[str, typer.Option("--for", metavar="SERVICE", help="A service that you sponsor.")] = "",
    url: Url = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Opens a template's grant, an hour at most. The other party is told with it, and both review it after."""
    if not template:
        found = client(data, key, url).get("/api/v1/break-glass")
        names = ("id", "organization", "role", "count", "path", "tier", "minutes", "review_hours")
        emit(found, as_json, lambda listed: rows(listed, *names))
        return
    asking = client(data, key, url)
    opened = asking.post(place("break-glass", template, "open"), {"reason": reason, "principal": for_})
    emit(opened, as_json, _show_opened)


def reviews(*, url: Url = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists the reviews that break-glass owes, and what each party found."""
    found = client(data, key, url).get("/api/v1/break-glass/reviews")
    emit(found, as_json, lambda listed: rows(listed, "id", "template", "by", "due_at", "overdue", "missing", "finding"))


def review(
    grant: Annotated[str, typer.Argument(metavar="ID", help="The break-glass, from `grant reviews`.")],
    *,
    justified: Annotated[
        bool | None, typer.Option("--justified/--unjustified", help="What your party finds.", show_default=False)
    ] = None,
    reason: Reason = "",
    url: Url = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Says for your party whether a break-glass was justified. Both have to; whoever opened it can't."""
    if justified is None:
        raise InvalidInputError("expected --justified or --unjustified", code="finding-missing")
    asking = client(data, key, url)
    found = next((one for one in asking.get("/api/v1/break-glass/reviews") if one["id"] == grant), None)
    if found is None:
        raise AbsentError(f"nobody owes a review of {grant[:64]!r}", code="review-unknown")
    finding = "justified" if justified else "unjustified"
    said = {"finding": finding, "reason": reason, "review": found["review"]}
    emit(asking.post(place("break-glass", "reviews", grant, "vote"), said), as_json, _show_review)


def _show_opened(case: dict[str, Any]) -> None:
    out.print(f"break-glass {case['id']} is {case['state']}, until {case['until']}", markup=False)
    if case["state"] == "asked":
        out.print(f"others of your people vote: safeconduct grant approve {case['id']}", style="dim", markup=False)
        return
    out.print(f"callers name it in safeconduct-grant: {case['id']}", style="dim", markup=False)
    out.print(f"the other party was told; both review it by {case['review_due']}", markup=False)


def _show_review(review_: dict[str, Any]) -> None:
    missing = ", ".join(review_["missing"])
    told = f"waits for {missing}, by {review_['due_at']}" if missing else f"closed: {review_['finding']}"
    out.print(f"review {review_['id']} {told}", markup=False)
