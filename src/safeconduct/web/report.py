"""The printable evidence report of one incident: a single HTML file without scripts, fonts or links to elsewhere.

Everything from telemetry or a model is text here: it is escaped, and control characters are made visible.
"""

import html
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

QUOTE_CHARS_MAX = 300
"""Characters of one quoted value on paper; the whole value is in the event, whose id stands beside it."""

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #7a7a7a; --yes: #1a7f37; --no: #c0362c; }
@media (prefers-color-scheme: dark) { :root { --soft: #a8a8a8; --yes: #57c471; --no: #ff8a80; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; margin: 0; } h1 code { font-size: .65em; } p { margin: .3rem 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p.soft, .soft { color: var(--soft); } code { font: .87em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; } dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0; border-top: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; } td { overflow-wrap: anywhere; min-width: 5rem; }
.verified { color: var(--yes); } .rejected { color: var(--no); }
@media (max-width: 40rem) { thead { display: none; } table, tbody, tr, td { display: block; }
  tr { border-top: 1px solid var(--line); padding: .4rem 0; } td { border: 0; padding: .1rem 0; }
  dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } body { padding: 1rem; } }
@media print { :root { color-scheme: light; } body { font-size: 10.5pt; max-width: none; padding: 0; }
  h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""


def render_report(document: Mapping[str, Any]) -> str:
    """Returns the page for a document of the form that `safeconduct demo --json` prints.

    Sections whose part of the document is absent or empty say so; none is left out silently.
    """
    incident = document.get("incident") or {}
    parts = [
        f"<h1>Evidence report {_code(incident.get('id', ''))}</h1>",
        f"<p class=soft>{_text(document.get('made_at', ''))}</p>",
        _section("What happened", _paragraphs(incident.get("summary", ""))),
        _section("What left the house", _left(document.get("left_the_house", ()))),
        _section("Response", _action(document.get("action"))),
        _section("Refused on the way", _refusals(document.get("refusals", ()))),
        _section("The joint log", _log(document.get("log") or {})),
        _section("Claims, checked against the stored events", _claims(document.get("claims", ()))),
    ]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Evidence report {_text(incident.get('id', ''))}</title><style>{_STYLE}</style>"
        f"<main>{''.join(parts)}</main></html>\n"
    )


def visible(value: object) -> str:
    """Returns text in which nothing hides: control, format and bidirectional characters become escapes."""
    return "".join(
        letter if letter in "\n\t" or unicodedata.category(letter)[0] != "C" else f"\\u{ord(letter):04x}"
        for letter in str(value)
    )


def _text(value: object) -> str:
    return html.escape(visible(value))


def _code(value: object) -> str:
    return f"<code>{_text(value)}</code>"


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body or '<p class=soft>Nothing.</p>'}</section>"


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_text(line)}</p>" for line in text.splitlines() if line.strip())


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>" for line in lines)
    if not body:
        return ""
    head = "".join(f"<th scope=col>{name}</th>" for name in heads)
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _left(left: Iterable[Mapping[str, Any]]) -> str:
    return _table(
        ("to", "bytes", "what"),
        ((_text(item.get("to", "")), _text(item.get("bytes", "")), _code(item.get("what", ""))) for item in left),
    )


def _claims(claims: Iterable[Mapping[str, Any]]) -> str:
    # The model's first: they are few, and what a reader doubts. All are there.
    ordered = sorted(claims, key=lambda claim: claim.get("author") == "rule")
    return _table(("by", "claim", "evidence", "outcome"), map(_claim, ordered))


def _claim(claim: Mapping[str, Any]) -> Sequence[str]:
    evidence = "<br>".join(
        f"{_code(item['event'])} {_code(item['pointer'])}: {_text(str(item['quote'])[:QUOTE_CHARS_MAX])}"
        for item in claim.get("evidence", ())
    )
    outcome = str(claim.get("outcome", ""))
    style = outcome if outcome in {"verified", "rejected"} else ""
    told = claim.get("detail") or claim.get("reason", "")
    reason = f"<br><span class=soft>{_text(told)}</span>" if told and outcome != "verified" else ""
    return (
        _text(claim.get("author", "")),
        _text(claim.get("text", "")),
        evidence,
        f"<b class='{style}'>{_text(outcome)}</b>{reason}",
    )


def _action(action: Mapping[str, Any] | None) -> str:
    if not action:
        return ""
    head = f"<p>{_text(action.get('kind', ''))} {_code(action.get('target', ''))}</p>"
    states = (
        (_text(state.get("state", "")), _text(state.get("at", "")), _text(state.get("by", "")))
        for state in action["states"]
    )
    return head + _table(("state", "at", "by"), states)


def _refusals(refusals: Iterable[Mapping[str, Any]]) -> str:
    return _table(
        ("tried", "code", "clause"),
        ((_text(item.get("try", "")), _code(item.get("code", "")), _code(item.get("clause", ""))) for item in refusals),
    )


def _log(log: Mapping[str, Any]) -> str:
    if not log:
        return ""
    names = ("origin", "size", "root", "verified", "verified_by")
    return (
        "<dl>"
        + "".join(f"<dt>{name.replace('_', ' ')}</dt><dd>{_code(log.get(name, ''))}</dd>" for name in names)
        + "</dl>"
    )
