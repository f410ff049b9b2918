"""README and docs name only commands, files and targets that exist, and every command is documented."""

import re
from pathlib import Path

import pytest

import cli_page
from support.commands import named, unknown

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "lab").glob("*.md")])
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_command_in_a_document_exists(document):
    for command in named(document.read_text()):
        if command.startswith("make "):
            assert command.split()[1] in TARGETS, command
        else:
            assert unknown(command) is None, f"{command}: {unknown(command)}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_link_in_a_document_leads_somewhere(document):
    for target in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
        assert target.startswith("https://") or (document.parent / target).exists(), target


def test_the_command_page_is_what_the_commands_say():
    assert cli_page.PAGE.read_text() == cli_page.page(), "run: python tools/cli_page.py"


def test_every_command_says_what_it_does_and_explains_its_options():
    for context in cli_page.commands(cli_page.root()):
        assert context.command.help, context.command_path
        for parameter in context.command.params:
            assert getattr(parameter, "help", "") or parameter.param_type_name == "argument", (
                f"{context.command_path} {parameter.name}"
            )


def test_every_reading_command_prints_json():
    readers = [c for c in cli_page.commands(cli_page.root()) if c.info_name in {"show", "list", "verify", "plan"}]
    assert len(readers) > 5
    for context in readers:
        assert any("--json" in parameter.opts for parameter in context.command.params), context.command_path


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("safeconduct log show --json", None),
        ("safeconduct log shew", "shew of safeconduct log"),
        ("safeconduct log show --jsn", "--jsn of safeconduct log show"),
        ("safeconduct log", "safeconduct log needs a command"),
    ],
)
def test_a_command_that_does_not_exist_is_found(command, said):
    assert unknown(command) == said
