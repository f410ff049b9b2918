"""Groups of commands by a table: a command's module is imported when it is asked for, and the help shows headings.

All modules together take more than a second to import, which no command should pay for the others; and two dozen
commands in one list can't be found one's way in.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

from safeconduct.kernel.errors import UnavailableError

Sections = Mapping[str, Mapping[str, str]]
"""Where each command is, as `module:attribute` below safeconduct.cli, by its name, below the heading of the help."""


class Sectioned(TyperGroup):
    """A group that imports a command when it is asked for, and whose help shows each below its heading."""

    sections: ClassVar[Sections] = {}

    def __init__(self, **told: Any) -> None:  # noqa: ANN401 - typer's own
        """Knows all names, which mistyped ones are compared with, and no command yet."""
        super().__init__(**told)
        self._places = {name: place for members in self.sections.values() for name, place in members.items()}
        unloaded: Any = dict.fromkeys(self._places)
        self.commands.update(unloaded)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - typer names their classes privately
        """Returns a command, or None if there is none of that name.

        Raises:
            UnavailableError: `command-not-loaded`: its module can't be imported.
        """
        if cmd_name in self._places and self.commands[cmd_name] is None:
            self.commands[cmd_name] = _loaded(cmd_name, self._places[cmd_name])
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """Writes one list for each heading."""
        width = formatter.width - 6 - max(map(len, self._places))
        for heading, members in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name, self._line(ctx, name, width)) for name in members])

    def _line(self, ctx: Any, name: str, width: int) -> str:  # noqa: ANN401 - as above
        try:
            return str(self.get_command(ctx, name).get_short_help_str(width))
        except UnavailableError as error:  # the others can still be used, and found
            return error.message


def group(name: str, sections: Sections, says: str) -> typer.Typer:
    """Returns a group of the commands in a table, in its order."""
    return typer.Typer(
        name=name,
        help=says,
        callback=lambda: None,  # without one typer takes what has no commands yet for no group
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        cls=type("Group", (Sectioned,), {"sections": sections}),
    )


def _loaded(name: str, place: str) -> Any:  # noqa: ANN401 - as above
    module, _, attribute = place.partition(":")
    try:
        member = getattr(import_module(f"safeconduct.cli.{module}"), attribute)
    except ImportError as error:
        text = f"the command {name} cannot be loaded: {error}"
        remedy = "install the package that is missing, or Safeconduct anew"
        raise UnavailableError(text, code="command-not-loaded", remedy=remedy) from error
    parent = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    if isinstance(member, typer.Typer):
        parent.add_typer(member, name=name)
    else:
        parent.command(name)(member)
    return typer.main.get_group(parent).commands[name]
