"""The translation's table as docs/spec/translation.md prints it."""

from collections.abc import Iterator

from safeconduct.gateway.dialects.translation.rows import Row
from safeconduct.gateway.dialects.translation.table import FINISH_REASONS, STOP_REASONS, TABLE


def reference() -> str:
    """Returns what becomes of every member and reason, as Markdown."""
    lines = ["| of | member | fate | becomes, or why not |", "| --- | --- | --- | --- |"]
    for shape, rows in TABLE.items():
        lines += [f"| {shape} | `{name}` | {row.fate} | {_note(row)} |" for name, row in rows.items()]
    lines += ["", *_reasons()]
    return "\n".join(lines) + "\n"


def _note(row: Row) -> str:
    said = " or ".join(f"`{value}`" for value in row.harmless)
    return f"{row.note}; {said} says only what holds anyway" if said else row.note


def _reasons() -> Iterator[str]:
    yield "| `stop_reason` | `finish_reason` | and back |"
    yield "| --- | --- | --- |"
    for stop, finish in STOP_REASONS.items():
        yield f"| `{stop}` | `{finish}` | `{FINISH_REASONS[finish]}` |"
