"""Writes docs/cli.md from the command line itself. A test fails when the page is not what this writes."""

from collections.abc import Iterator
from pathlib import Path

import typer
from typer.core import TyperGroup

from safeconduct.cli.main import app

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
HEAD = """# Commands

Written by `tools/cli_page.py`. Every reading command takes `--json` and then prints exactly one document. Exit codes:
0 done, 1 the answer is no, 2 bad usage or input, 3 refused by policy, 4 not available.
"""


def root() -> typer.Context:
    """Returns the context of `safeconduct` itself."""
    return typer.Context(typer.main.get_command(app), info_name="safeconduct")


def commands(context: typer.Context) -> Iterator[typer.Context]:
    """Yields the context of every command below a group that does something, single commands before groups."""
    group = context.command
    if not isinstance(group, TyperGroup):
        if not group.hidden:
            yield context
        return
    if group.invoke_without_command and context.parent is not None:
        yield context
    found = ((name, group.get_command(context, name)) for name in group.list_commands(context))
    below = [typer.Context(command, info_name=name, parent=context) for name, command in found if command is not None]
    for one in sorted(below, key=lambda one: isinstance(one.command, TyperGroup)):
        yield from commands(one)


def section(context: typer.Context) -> str:
    """Returns the section of one command."""
    lines = [f"### `{context.command_path}`", "", (context.command.help or "").strip(), ""]
    for parameter in context.command.params:
        help_text = " ".join((getattr(parameter, "help", None) or "").split())
        name = (parameter.name or "").upper() if parameter.param_type_name == "argument" else parameter.opts[0]
        if name != "--help":
            lines.append(f"- `{name}` {help_text}".rstrip())
    return "\n".join(lines).rstrip() + "\n"


def page() -> str:
    """Returns the whole page."""
    return "\n".join([HEAD, *map(section, commands(root()))])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
