"""Finds the commands that documents name, and holds them against the real command line."""

import re
import shlex

import typer
from typer.core import TyperGroup

import cli_page

_BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:safeconduct|make) [^`\n]+)`")


def named(text):
    """Returns the `safeconduct ...` and `make ...` commands of a Markdown text, without comments."""
    lines = [line.split(" #")[0].strip() for block in _BLOCK.findall(text) for line in block.splitlines()]
    return [line for line in [*lines, *_INLINE.findall(text)] if re.match(r"(safeconduct|make) \w", line)]


def unknown(command):
    """Returns what in a `safeconduct` command line the program does not know, or None."""
    context = cli_page.root()
    words = iter(shlex.split(command)[1:])
    for word in words:
        here = context.command
        if word.startswith("-"):
            flag, _, value = word.partition("=")
            option = next((p for p in here.params if flag in p.opts + p.secondary_opts), None)
            if flag != "--help" and option is None:
                return f"{flag} of {context.command_path}"
            if option is not None and not option.is_flag and not value:
                next(words, None)
        elif isinstance(here, TyperGroup):
            found = here.get_command(context, word)
            if found is None:
                return f"{word} of {context.command_path}"
            context = typer.Context(found, info_name=word, parent=context)
    alone = not isinstance(context.command, TyperGroup) or context.command.invoke_without_command
    return None if alone else f"{context.command_path} needs a command"
