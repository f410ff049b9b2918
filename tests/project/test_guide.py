"""The guides' commands are taken by the real command line as they stand: every option exists and none is missing."""

import re
import shlex
from pathlib import Path

import pytest
from typer._click.exceptions import UsageError  # typer has no public name for what a wrong command line raises
from typer.core import TyperGroup
from typer.testing import CliRunner

import cli_page
from safeconduct.cli.main import app

ROOT = Path(__file__).parents[2]
GUIDES = [
    ROOT / "docs" / "joint-log.md",
    ROOT / "docs" / "gateway.md",
    ROOT / "docs" / "boundary.md",
    ROOT / "docs" / "security-operations.md",
    ROOT / "docs" / "trusted-access.md",
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "spec").glob("*.md")),
]
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(?:safeconduct )?([a-z]+ [a-z-]+)[^`]*`")
COMMAND = re.compile(r"(?:^|\||\$\()\s*safeconduct (.*?)(?:\)|\s#.*|\s&)?$")


def commands_of(text):
    """Returns the words of each `safeconduct` command in a page's blocks, also after a pipe or within `$(...)`."""
    lines = [line for block in BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    return [shlex.split(match[1]) for line in lines if (match := COMMAND.search(line))]


def refused(words):
    """Returns why the command line does not take the words, or None. Nothing is run."""
    context = cli_page.root()
    words = list(words)
    while isinstance(context.command, TyperGroup) and words and not words[0].startswith("-"):
        name = words.pop(0)
        command = context.command.get_command(context, name)
        if command is None:
            return f"no command {name}"
        context = type(context)(command, info_name=name, parent=context)
    if isinstance(context.command, TyperGroup) and not context.command.invoke_without_command:  # as `token` may
        return "no command"
    try:
        context.command.make_context(context.info_name, words, parent=context.parent)
    except UsageError as error:
        return error.format_message()
    return None


CASES = [(page, words) for page in GUIDES for words in commands_of(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    ("page", "words"), CASES, ids=[f"{page.stem}-{'-'.join(words[:2])}-{n}" for n, (page, words) in enumerate(CASES)]
)
def test_the_command_line_takes_each_command_of_a_guide(page, words):
    assert refused(words) is None, f"{page.name}: safeconduct {shlex.join(words)}: {refused(words)}"


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("joint-log.md", ("log", "receipt", "copy", "backup")),
        ("gateway.md", ("path", "budget", "usage", "policy")),
        ("trusted-access.md", ("agreement", "vetting", "grant", "scope", "appeal", "obligation", "recertify")),
    ],
)
def test_a_guide_shows_every_command_of_its_groups(page, names):
    guide = (ROOT / "docs" / page).read_text(encoding="utf-8")
    shown = {tuple(words[:2]) for words in commands_of(guide)} | {
        tuple(words.split()) for words in INLINE.findall(guide)
    }
    root = cli_page.root()
    groups = {name: root.command.get_command(root, name) for name in names}
    there = {(name, command) for name, group in groups.items() for command in group.commands}
    assert there - shown == set()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("curl -sD - x | safeconduct receipt keep --kept receipts  # keeps", None),
        ("export T=$(safeconduct token issue ana --key ana.key)", None),
        ("safeconduct log hold --subject ana", "Missing option '--reason'"),
        ("safeconduct log destroy --subject ana --reason x --retention cal", "'cal' is not one of"),
        ("safeconduct log open ENTRY", "Missing argument"),
        ("safeconduct log shew", "no command shew"),
    ],
)
def test_a_command_that_is_not_taken_is_found(line, why):
    (words,) = commands_of(f"```\n{line}\n```")
    said = refused(words)
    assert said is None if why is None else why in said


def test_help_lists_each_command_once_below_its_heading():
    told = CliRunner().invoke(app, ["log", "--help"]).stdout
    headings = [line for line in told.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Options:", "Read and prove:", "The partner's tools:", "Sealed fields:", "Keys:", "Operate:"]
    listed = [line.split()[0] for line in told.partition("Read and prove:")[2].splitlines() if line.startswith("  ")]
    assert [name for name in listed if name in {"show", "recover", "rotate-key"}] == ["show", "rotate-key", "recover"]
    assert len(listed) == len(set(listed)) == 26
