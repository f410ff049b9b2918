"""Groups of commands whose help lists them under headings, since two dozen in one list can't be found one's way in."""

from collections.abc import Callable, Mapping
from typing import Any

import typer
from typer.core import TyperGroup

Sections = Mapping[str, Mapping[str, Callable[..., Any] | typer.Typer]]
"""Commands and groups of commands by their names, under the headings that the help shows them by."""


class Sectioned(TyperGroup):
    """A group whose help shows each command below its heading, headings in the order of their first command."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - typer names their classes privately
        """Writes one list for each heading."""
        shown = [(name, self.commands[name]) for name in self.list_commands(ctx)]
        width = formatter.width - 6 - max(len(name) for name, _command in shown)
        headings: dict[str, list[tuple[str, str]]] = {}
        for name, command in shown:
            heading = getattr(command, "rich_help_panel", None) or "Commands"
            headings.setdefault(heading, []).append((name, command.get_short_help_str(width)))
        for heading, rows in headings.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


def add(commands: typer.Typer, sections: Sections) -> None:
    """Adds commands and groups of them to a group, each below its heading."""
    for heading, members in sections.items():
        for name, member in members.items():
            if isinstance(member, typer.Typer):
                commands.add_typer(member, name=name, rich_help_panel=heading)
            else:
                commands.command(name, rich_help_panel=heading)(member)
