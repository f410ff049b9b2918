"""What the demo shows on a terminal. With --json it shows nothing."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from safeconduct.web.page import visible

WIDTH_MAX = 110
"""Columns. Wider lines are hard to read."""

QUOTE_CHARS = 90
CLAIMS_SHOWN = 8


class Screen:
    """Prints the story. Text that came from telemetry or a model is printed as text: no markup, nothing hidden."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(quiet=quiet, highlight=False, soft_wrap=False)
        self._console.width = min(self._console.width, WIDTH_MAX)

    def title(self, text: str) -> None:
        """Begins the story."""
        self._console.print(Panel(Text(text), border_style="cyan"))

    def step(self, number: str, text: str) -> None:
        """Begins a step."""
        self._console.print()
        self._console.print(Rule(Text(f"{number}  {text}", style="bold"), align="left", style="cyan"))

    def say(self, text: str, style: str = "") -> None:
        """Prints a paragraph."""
        self._console.print(Text(visible(text), style=style))

    def fact(self, name: str, value: object) -> None:
        """Prints a named value, which people may copy: it is not broken."""
        self._console.print(Text.assemble((f"  {name:<18} ", "dim"), visible(value)), soft_wrap=True)

    def copied(self, text: str) -> None:
        """Prints a line that people copy: never broken, however narrow the terminal is."""
        self._console.print(Text(visible(text)), soft_wrap=True)

    @contextlib.contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Shows that something takes its time."""
        with self._console.status(Text(text, style="dim")):
            yield

    def body(self, title: str, text: str) -> None:
        """Prints a text in a frame, whole."""
        self._console.print(Panel(Text(visible(text), style="dim"), title=Text(title), border_style="dim"))

    def columns(self, rules: Sequence[str], claims: Sequence[Mapping[str, Any]], note: str) -> None:
        """Prints the rules' summary and the model's claims side by side."""
        table = Table(show_lines=False, border_style="dim", expand=True, padding=(0, 1))
        table.add_column("by rules, deterministic", ratio=6)
        table.add_column(f"by the model ({note})", ratio=5)
        left, right = Text(), Text()
        for line in rules:
            left.append(visible(line) + "\n")
        for claim in claims[:CLAIMS_SHOWN]:
            good = claim["outcome"] == "verified"
            right.append("verified  " if good else "rejected  ", style="green" if good else "red")
            right.append(_short(claim["text"]) + "\n")
            if not good:
                right.append(f"          {claim['detail']}\n", style="dim")
        if len(claims) > CLAIMS_SHOWN:
            right.append(f"and {len(claims) - CLAIMS_SHOWN} more\n", style="dim")
        if not claims:
            right.append("no claim could be read from its answer\n", style="dim")
        table.add_row(left, right)
        self._console.print(table)


def _short(text: str) -> str:
    shown = visible(text)
    return shown if len(shown) <= QUOTE_CHARS else shown[: QUOTE_CHARS - 1] + "…"
