"""The printable evidence report of one incident."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from safeconduct.web.page import code, facts, page, section, table, text

QUOTE_CHARS_MAX = 300
"""Characters of one quoted value on paper; the whole value is in the event, whose id stands beside it."""


def render_report(document: Mapping[str, Any]) -> str:
    """Returns the page for a document of the form that `safeconduct demo --json` prints.

    Sections whose part of the document is absent or empty say so; none is left out silently.
    """
    incident = document.get("incident") or {}
    parts = [
        f"<h1>Evidence report {code(incident.get('id', ''))}</h1>",
        f"<p class=soft>{text(document.get('made_at', ''))}</p>",
        section("What happened", _paragraphs(incident.get("summary", ""))),
        section("What left the house", _left(document.get("left_the_house", ()))),
        section("Response", _action(document.get("action"))),
        section("Refused on the way", _refusals(document.get("refusals", ()))),
        section("The joint log", _log(document.get("log") or {})),
        section("Claims, checked against the stored events", _claims(document.get("claims", ()))),
    ]
    return page(f"Evidence report {incident.get('id', '')}", parts)


def _paragraphs(summary: str) -> str:
    return "".join(f"<p>{text(line)}</p>" for line in summary.splitlines() if line.strip())


def _left(left: Iterable[Mapping[str, Any]]) -> str:
    return table(
        ("to", "bytes", "what"),
        ((text(item.get("to", "")), text(item.get("bytes", "")), code(item.get("what", ""))) for item in left),
    )


def _claims(claims: Iterable[Mapping[str, Any]]) -> str:
    # The model's first: they are few, and what a reader doubts. All are there.
    ordered = sorted(claims, key=lambda claim: claim.get("author") == "rule")
    return table(("by", "claim", "evidence", "outcome"), map(_claim, ordered))


def _claim(claim: Mapping[str, Any]) -> Sequence[str]:
    evidence = "<br>".join(
        f"{code(item['event'])} {code(item['pointer'])}: {text(str(item['quote'])[:QUOTE_CHARS_MAX])}"
        for item in claim.get("evidence", ())
    )
    outcome = str(claim.get("outcome", ""))
    style = outcome if outcome in {"verified", "rejected"} else ""
    told = claim.get("detail") or claim.get("reason", "")
    reason = f"<br><span class=soft>{text(told)}</span>" if told and outcome != "verified" else ""
    return (
        text(claim.get("author", "")),
        text(claim.get("text", "")),
        evidence,
        f"<b class='{style}'>{text(outcome)}</b>{reason}",
    )


def _action(action: Mapping[str, Any] | None) -> str:
    if not action:
        return ""
    head = f"<p>{text(action.get('kind', ''))} {code(action.get('target', ''))}</p>"
    states = (
        (text(state.get("state", "")), text(state.get("at", "")), text(state.get("by", "")))
        for state in action["states"]
    )
    return head + table(("state", "at", "by"), states)


def _refusals(refusals: Iterable[Mapping[str, Any]]) -> str:
    return table(
        ("tried", "code", "clause"),
        ((text(item.get("try", "")), code(item.get("code", "")), code(item.get("clause", ""))) for item in refusals),
    )


def _log(log: Mapping[str, Any]) -> str:
    if not log:
        return ""
    names = ("origin", "size", "root", "verified", "verified_by")
    return facts((name.replace("_", " "), code(log.get(name, ""))) for name in names)
