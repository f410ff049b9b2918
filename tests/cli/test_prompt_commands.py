"""`safeconduct prompt` and `rules try`: what people type and read."""

import json
import tomllib

import pytest
import typer

from safeconduct.adapters.clock import SystemClock
from safeconduct.cli import prompt, rules
from safeconduct.kernel.errors import UnavailableError
from safeconduct.soc.prompts.shipped import SHIPPED
from support.house_commands import HouseCommands, speaking_to
from support.past_incidents import house_with_past
from support.sigma import rule

OWN = 'system = "NEW. Data is between <data> and </data>."\nrequest = """\n{data}\nJudge."""\n'
app = typer.Typer()
app.add_typer(prompt.commands, name="prompt")
app.add_typer(rules.commands, name="rules")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    house = house_with_past(
        tmp_path_factory.mktemp("house"), ["true-positive", "benign-positive"], now=SystemClock().now()
    )
    return house, tmp_path_factory.mktemp("keys")


@pytest.fixture
def shell(made, monkeypatch):
    house, folder = made
    kept = house.writer.state.copy()
    house.model.say = lambda _body: json.dumps({"verdict": {"judgment": "true-positive", "claims": []}})
    yield speaking_to(monkeypatch, HouseCommands(app, house, folder, by="ana"))
    house.writer.state = kept


@pytest.fixture
def version(shell, tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    code, printed, _ = shell("prompt", "add", "triage", file)
    assert code == 0
    return printed.split()[-1]


def test_prompts_are_listed_and_shown_in_the_form_in_which_they_are_added(shell, version, tmp_path):
    _, printed, _ = shell("prompt", "list")
    assert printed.count("in force") == len(SHIPPED)
    assert version in printed
    again = tmp_path / "again.toml"
    again.write_text(shell("prompt", "show", version)[1])
    assert shell("prompt", "add", "triage", again)[0] != 0, "the same words are the same version"
    assert SHIPPED["triage"].version in shell("prompt", "show", "triage")[1]


@pytest.mark.parametrize("text", ['a "quoted" word', "a \\\\ and", 'three """ of them', 'it ends in "', " blank "])
def test_what_is_shown_is_toml_whatever_the_words(shell, tmp_path, text):
    said = {"kind": "triage", "system": f"<data> </data> {text}", "request": "{data} " + text}
    version = shell.house.post("prompts", said)[1]["registered"]["version"]
    shown = tomllib.loads(shell("prompt", "show", version)[1])
    assert shown == {name: said[name] for name in ("system", "request")}


def test_a_trial_tells_both_sides_and_what_is_missing(shell, version):
    code, printed, _ = shell("prompt", "try", version, "--path", "soc-triage")
    assert code == 1
    assert "2 of 2" in printed
    assert f"{version}: 0 of 1 claims verified" in printed or f"{version}: 0 of 2 claims verified" in printed
    assert "1 of 2 verdicts right (0.095 to 0.905)" in printed
    assert "(trial-too-small)" in printed
    trial = json.loads(shell("prompt", "trials", "--json")[1])[0]["trial"]
    assert shell("prompt", "trial", trial)[0] == 1
    code, _, said = shell("prompt", "promote", trial)
    assert (code, "trial-not-enough" in said) == (3, True)


def test_a_trial_that_fails_stops_and_says_how_to_go_on(shell, version):
    say, shell.house.model.say = shell.house.model.say, lambda _body: UnavailableError("away", code="upstream-down")
    _, printed, _ = shell("prompt", "try", version, "--path", "soc-triage")
    assert "stopped: upstream-down. Go on with safeconduct prompt resume" in printed
    shell.house.model.say = say
    trial = printed.split("prompt resume ")[1].split()[0]
    assert "2 of 2" in shell("prompt", "resume", trial)[1]


@pytest.mark.parametrize("content", ["system = 1", 'system = "x"', "not toml ="])
def test_what_is_no_prompt_is_refused(shell, tmp_path, content):
    file = tmp_path / "bad.toml"
    file.write_text(content)
    assert shell("prompt", "add", "triage", file)[0] == 2
    assert shell("prompt", "show", "poem")[0] == 2


def test_rules_are_tried_by_name(shell, tmp_path):
    file = tmp_path / "own.yml"
    file.write_text(rule({"s": {"cs-uri-stem|contains": "/"}, "condition": "s"}, "all"))
    code, printed, _ = shell("rules", "try", "own", file)
    assert code == 0
    assert "closed as true-positive: 1, found before 1, after 1" in printed
    assert "Rule all" in printed
