"""What every page on paper is made of: one HTML file without scripts, fonts or links to elsewhere.

Everything that is shown is text: it is escaped, and control characters are made visible.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #6a6a6a; --yes: #1a7f37; --no: #c0362c; }
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
.dense { font-size: .85em; } .dense td { min-width: 3rem; } .dense th, .dense td { padding-right: .4rem; }
td:first-child, td.when { overflow-wrap: break-word; }
pre { font: .8em/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; margin: .4rem 0;
  padding: .5rem .6rem; border: 1px solid var(--line); border-radius: 4px; }
h3 { font-size: 1rem; margin: 1.5rem 0 .3rem; }
ul, ol { margin: .3rem 0; padding-left: 1.3rem; } li { margin: .25rem 0; }
.many { columns: 19rem; list-style: none; padding: 0; } .many b { float: right; } .whole { white-space: nowrap; }
.many li { margin: 0; padding: .12rem 0; break-inside: avoid; }
.verified { color: var(--yes); } .rejected { color: var(--no); }
@media (max-width: 40rem) { td:first-child { overflow-wrap: anywhere; } .dense { font-size: 1em; }
  thead { display: none; } table, tbody, tr, td { display: block; }
  tr { border-top: 1px solid var(--line); padding: .4rem 0; } td { border: 0; padding: .1rem 0; }
  td:not(:empty)::before { content: attr(data-head) " "; color: var(--soft); }
  dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } body { padding: 1rem; } }
@media print { :root { color-scheme: light; } body { font-size: 10.5pt; max-width: none; padding: 0; }
  h2, h3 { break-after: avoid; } tr { break-inside: avoid; } }
"""


_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z", re.ASCII)
# A time is never broken within its digits, where it would read as another one.

DENSE_FROM = 10
"""Columns from which on a table is set smaller: as others it would be cut at the margin of a sheet of paper."""


def page(title: str, parts: Iterable[str]) -> str:
    """Returns the whole file. `title` is text, `parts` are HTML."""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{text(title)}</title><style>{_STYLE}</style><main>{''.join(parts)}</main></html>\n"
    )


def visible(value: object) -> str:
    """Returns text in which nothing hides: control, format and bidirectional characters become escapes."""
    return "".join(
        letter if letter in "\n\t" or unicodedata.category(letter)[0] != "C" else f"\\u{ord(letter):04x}"
        for letter in str(value)
    )


def text(value: object) -> str:
    """Returns a value as text in HTML."""
    return html.escape(visible(value))


def code(value: object) -> str:
    """Returns a value as text that is to be read letter by letter."""
    return f"<code>{text(value)}</code>"


def section(title: str, body: str) -> str:
    """Returns a section; one without a body says that there is nothing."""
    return f"<section><h2>{title}</h2>{body or '<p class=soft>Nothing.</p>'}</section>"


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Returns a table of HTML cells; nothing where there are no lines."""
    body = "".join(f"<tr>{_cells(heads, line)}</tr>" for line in lines)
    if not body:
        return ""
    head = "".join(f"<th scope=col>{name}</th>" for name in heads)
    kind = " class=dense" if len(heads) >= DENSE_FROM else ""
    return f"<div class=wide><table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _cells(heads: Sequence[str], line: Sequence[str]) -> str:
    kinds = (" class=when" if _INSTANT.fullmatch(cell) else "" for cell in line)
    told = zip(heads, kinds, line, strict=True)
    return "".join(f"<td{kind} data-head='{head}'>{cell}</td>" for head, kind, cell in told)


def facts(lines: Iterable[tuple[str, str]]) -> str:
    """Returns names and HTML values, one below the other."""
    return "<dl>" + "".join(f"<dt>{text(name)}</dt><dd>{value}</dd>" for name, value in lines) + "</dl>"
