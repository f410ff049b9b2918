"""The report on value, to read and to print: the same tables as text and as HTML without scripts."""

from collections.abc import Iterator

from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.value.report import ValueReport
from safeconduct.soc.wording import number_of
from safeconduct.web.page import page, section, table, text
from safeconduct.web.value_tables import Table, tables


def render_html(made: ValueReport) -> str:
    """Returns the page. Everything in it is text; nothing is loaded from anywhere."""
    parts = [
        "<h1>What the work on incidents was worth</h1>",
        f"<p class=soft>{text(_about(made))}</p>",
        *(f"<p><b>{text(one)}</b></p>" for one in made.warnings),
        *(section(text(one.title), _html(one)) for one in tables(made)),
    ]
    return page("Value", parts)


def render_text(made: ValueReport) -> str:
    """Returns the same as lines for a terminal."""
    lines = [_about(made), *(f"WARNING: {one}" for one in made.warnings)]
    for one in tables(made):
        lines += ["", one.title, *(f"  {line}" for line in _aligned(one))]
        lines += [f"  ({one.note})"] if one.note else []
    return "\n".join(lines) + "\n"


def _html(one: Table) -> str:
    note = f"<p class=soft>{text(one.note)}</p>" if one.note else ""
    return table([text(head) for head in one.heads], ([text(cell) for cell in row] for row in one.rows)) + note


def _aligned(one: Table) -> Iterator[str]:
    if not one.rows:
        yield "nothing"
        return
    rows = [one.heads, *one.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(one.heads))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _about(made: ValueReport) -> str:
    path = f", path {made.stretch.path}" if made.stretch.path else ""
    when = f"{rfc3339(made.stretch.since)[:19]}Z to {rfc3339(made.stretch.until)[:19]}Z"
    return f"{number_of(made.costs.incidents, 'incident')} opened {when}{path}; open now: {made.open}"
