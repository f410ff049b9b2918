"""`safeconduct freeze` and `safeconduct unfreeze`, and what is done about a freeze while it stands."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.access.selectors import TAG_SECRET_BYTES, place_tag
from safeconduct.adapters.clock import SystemClock
from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.durations import seconds_of
from safeconduct.cli.output import NOT_AVAILABLE, Json, emit, out, rows
from safeconduct.kernel.errors import AbsentError, InvalidInputError
from safeconduct.kernel.instants import Instant, rfc3339, seconds

Selected = Annotated[
    str,
    typer.Argument(
        metavar="SELECTOR",
        help="KIND:NAME, several joined by &, !KIND:NAME for those without, or all. KIND is agreement, organization, "
        "subprocessor, jurisdiction, nationality, path, purpose, model, tier, principal, grant or key.",
    ),
]
Frozen = Annotated[str, typer.Argument(metavar="ID", help="The freeze's id; without one, lists the freezes.")]
Why = Annotated[str, typer.Option("--reason", help="Why; everyone who is refused by it reads this.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show who would be concerned, and who not.")]
Everybody = Annotated[bool, typer.Option("--everybody", help="Freeze although nobody could go on.")]
Seen = Annotated[str, typer.Option("--seen", metavar="DIGEST", help="Instead: the digest that --dry-run showed.")]
Lasts = Annotated[str, typer.Option("--for", metavar="DURATION", help="Ends by itself after this, such as 90m or 3d.")]
Again = Annotated[str, typer.Option("--review", metavar="DURATION", help="When somebody looks at it again.")]
Owner = Annotated[str, typer.Option("--owner", metavar="NAME", help="Who does; whoever freezes, if nobody is named.")]
Revoke = Annotated[
    bool, typer.Option("--revoke-upstream", help="Also have the key revoked at its vendor. That can't be undone.")
]
TagSecret = Annotated[
    Path | None,
    typer.Option("--tag-secret", metavar="FILE", help="Send nationalities and jurisdictions as tags made with this."),
]

_PLACES = re.compile(r"(nationality:|jurisdiction:)([a-z]{2})(?=&|$)")


def freeze(
    selector: Selected,
    *,
    reason: Why = "",
    dry_run: DryRun = False,
    everybody: Everybody = False,
    seen: Seen = "",
    lasts: Lasts = "",
    review: Again = "",
    owner: Owner = "",
    revoke_upstream: Revoke = False,
    tag_secret: TagSecret = None,
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Stops calls, running ones too, at once. Waits for nobody."""
    selector = selector if tag_secret is None else tagged(selector, _secret(tag_secret))
    if dry_run:
        emit(client(data).get("/api/v1/freezes/preview", selector=selector), as_json, _show_preview)
        return
    if not reason:
        raise InvalidInputError("a freeze needs --reason TEXT", code="reason-missing")
    wanted = {
        "selector": selector,
        "reason": reason,
        "everybody": everybody,
        "seen": seen,
        "ends_at": after(lasts),
        "review_by": after(review),
        "owner": owner or None,
        "revoke_upstream": revoke_upstream,
    }
    emit(client(data, key).post("/api/v1/freezes/start", wanted), as_json, _show_frozen)


def unfreeze(
    freeze_id: Frozen = "", *, dry_run: DryRun = False, data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Says for one's party that a freeze may end. It ends when both have, and the partner's witness cosigned that."""
    listed = client(data).get("/api/v1/freezes")
    if not freeze_id:
        emit(listed, as_json, _show_freezes)
    elif dry_run:
        selector = next((one["selector"] for one in listed if one["id"] == freeze_id), None)
        if selector is None:
            raise AbsentError(f"no freeze {freeze_id!r} is in force", code="freeze-unknown")
        emit(client(data).get("/api/v1/freezes/preview", selector=selector), as_json, _show_preview)
    else:
        _unfreeze(client(data, key).post(place("freezes", freeze_id, "end")), as_json=as_json)


def review_freeze(
    freeze_id: Annotated[str, typer.Argument(metavar="ID", help="The freeze's id.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why it stays.")],
    again: Annotated[str, typer.Option("--again", metavar="DURATION", help="When somebody looks next.")] = "7d",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Leaves a freeze in force, and says why and when somebody looks at it again."""
    wanted = {"reason": reason, "review_by": after(again)}
    emit(client(data, key).post(place("freezes", freeze_id, "review"), wanted), as_json, _show_frozen)


def freeze_tag(
    nation: Annotated[str, typer.Argument(metavar="CODE", help="Two letters of ISO 3166-1, in lower case.")],
    *,
    tag_secret: Annotated[Path, typer.Option("--tag-secret", metavar="FILE", help="32 bytes, in hex.")],
    as_json: Json = False,
) -> None:
    """Prints what stands for a nationality or jurisdiction in a program file, so that only holders of the secret know.

    Make a secret with: openssl rand -hex 32.
    """
    emit({"tag": place_tag(_secret(tag_secret), nation)}, as_json, lambda made: out.print(made["tag"], markup=False))


def after(duration: str) -> str | None:
    """Returns the instant a duration from now, as the act states it; None for none.

    Raises:
        InvalidInputError: `duration-invalid`.
    """
    if not duration:
        return None
    return rfc3339(Instant(SystemClock().now() + seconds(seconds_of(duration))))


def tagged(selector: str, secret: bytes) -> str:
    """Returns a selector with its places as tags."""
    return _PLACES.sub(lambda found: found[1] + place_tag(secret, found[2]), selector)


def _secret(file: Path) -> bytes:
    try:
        return bytes.fromhex(file.read_text())
    except (OSError, ValueError) as error:
        text = f"cannot read {TAG_SECRET_BYTES} bytes in hex from {file}: {error}"
        raise InvalidInputError(text, code="tag-secret-invalid") from error


def _unfreeze(document: dict[str, Any], *, as_json: bool) -> None:
    emit(document, as_json, _show_unfreeze)
    if document["state"] != "in-force":
        raise typer.Exit(NOT_AVAILABLE)


def _show_preview(document: dict[str, Any]) -> None:
    for part, told in (("cut", "cuts"), ("narrowed", "leaves some calls of"), ("unaffected", "does not concern")):
        out.print(f"{document['selector']} {told}", markup=False)
        for noun in ("principals", "paths", "grants"):
            out.print(f"  {noun:<10} {', '.join(document[part][noun]) or 'none'}", markup=False)
    calls = document["calls"]
    out.print(f"calls in flight: {len(calls['cut'])} cut, {calls['unaffected']} not", markup=False)
    rows(calls["cut"], "call", "principal", "path", "model")
    if document["everybody"]:
        out.print("nobody could go on: it takes --everybody, or", markup=False)
    out.print(f"  --seen {document['digest']}", style="dim", markup=False)


def _show_freezes(found: list[dict[str, Any]]) -> None:
    rows(found, "id", "selector", "by", "at", "ends_at", "review_by", "reason")
    for key in (one["upstream_key"] for one in found if one["upstream_key"]):
        out.print(f"{key['key']} at its vendor: {key['state']}{': ' if key['said'] else ''}{key['said']}", markup=False)


def _show_frozen(document: dict[str, Any]) -> None:
    out.print(f"{document['selector']} is frozen since {document['at']}", markup=False)
    if document["ends_at"]:
        out.print(f"it ends by itself at {document['ends_at']}", markup=False)
    if document["review_by"]:
        out.print(f"{document['owner']} looks at it again by {document['review_by']}", markup=False)
    out.print(f"to end it: safeconduct unfreeze {document['id']}", style="dim", markup=False)


def _show_unfreeze(document: dict[str, Any]) -> None:
    if document["state"] == "agreed":
        told = (
            f"{', '.join(document['agreed'])} said that it may end; it stays frozen until {document['waits_for']} does"
        )
        out.print(told, markup=False)
    elif document["state"] == "waiting":
        told = f"request {document['request']} waits for the partner's witness; it stays frozen until then"
        out.print(told, markup=False)
        if document["problem"]:
            out.print(f"  {document['problem']}", markup=False)
    else:
        out.print(f"freeze {document['freeze']} has ended", markup=False)
