"""The tables of commands: each row is a command, only what is asked for is imported, and one failure hides none."""

import json
import subprocess
import sys
from importlib import import_module
from pkgutil import walk_packages

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from safeconduct import cli
from safeconduct.cli import log, main, sections
from safeconduct.kernel.errors import UnavailableError
from support.shell import run

TABLES = {"safeconduct": (main.app, main.COMMANDS), "log": (log.commands, log.COMMANDS)}
HEAVY = ("safeconduct.soc", "safeconduct.adapters.telemetry", "safeconduct.gateway", "duckdb", "cedarpy", "sigma")
IMPORTED = """
import json, sys
from typer.testing import CliRunner
from safeconduct.cli.main import app
for words in json.loads(sys.argv[1]):
    assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0
    print(json.dumps(sorted(sys.modules)))
"""


def places(table):
    return {name: place for members in table.values() for name, place in members.items()}


def member(place):
    module, _, attribute = place.partition(":")
    return getattr(import_module(f"{cli.__name__}.{module}"), attribute)


def heavy(modules):
    return {name for name in HEAVY for module in modules if module == name or module.startswith(f"{name}.")}


def of(table):
    return typer.main.get_command(sections.group("some", table, "Some."))


@pytest.mark.parametrize("name", TABLES)
def test_each_row_leads_to_the_command_that_it_says(name):
    app, table = TABLES[name]
    root = typer.main.get_command(app)
    assert len(places(table)) == sum(map(len, table.values()))  # no name stands below two headings
    for word, place in places(table).items():
        command, said = root.get_command(None, word), member(place)
        assert command.name == word
        assert command.get_short_help_str(), word
        if isinstance(said, typer.Typer):
            assert isinstance(command, TyperGroup), word
            assert command.help == typer.main.get_group(said).help, word
        else:
            assert command.callback.__wrapped__ is said, word


def test_each_module_of_a_noun_is_in_the_table():
    modules = [one.name.removeprefix(f"{cli.__name__}.") for one in walk_packages(cli.__path__, f"{cli.__name__}.")]
    nouns = {
        f"{name}:commands"
        for name in modules
        if isinstance(getattr(import_module(f"{cli.__name__}.{name}"), "commands", None), typer.Typer)
    }
    assert len(nouns) > 20
    assert nouns <= set(places(main.COMMANDS).values())


def test_a_command_does_not_import_what_others_need():
    asked = json.dumps([["freeze"], ["policy"]])
    said = subprocess.run([sys.executable, "-c", IMPORTED, asked], capture_output=True, text=True, check=True).stdout
    freeze, policy = map(json.loads, said.splitlines())
    assert heavy(freeze) == set()
    assert "safeconduct.cli.freeze" in freeze
    assert "safeconduct.cli.token" not in freeze
    assert "cedarpy" in heavy(policy)


def test_a_module_that_cannot_be_imported_hides_no_other_command():
    table = {"Fine": {"freeze": "freeze:freeze"}, "Not": {"lost": "no_such_module:lost"}}
    group = sections.group("some", table, "Some.")
    listed = CliRunner().invoke(group, ["--help"], terminal_width=200)
    assert listed.exit_code == 0
    assert "Stops calls" in listed.stdout
    assert "the command lost cannot be loaded: No module named" in listed.stdout
    assert CliRunner().invoke(group, ["freeze", "--help"]).exit_code == 0
    found = CliRunner().invoke(group, ["lost"]).exception
    assert isinstance(found, UnavailableError)
    assert found.code == "command-not-loaded"


def test_a_mistyped_name_is_answered_with_the_nearest_ones():
    said = run("freze")
    assert said.code == 2
    assert "'freze'. Did you mean 'freeze', 'unfreeze'" in said.err
    assert run("log", "sho").err.endswith("Did you mean 'show'?\n")


def test_help_lists_headings_and_commands_in_the_tables_order():
    said = run("--help").out
    words = [line.split()[0] for line in said.partition("Begin and run")[2].splitlines() if line.startswith("  ")]
    assert words == list(places(main.COMMANDS))
    assert [said.index(f"\n{heading}:\n") for heading in main.COMMANDS] == sorted(
        said.index(f"\n{heading}:\n") for heading in main.COMMANDS
    )
