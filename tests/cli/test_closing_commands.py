"""Closing, second looks and levels at the command line, over one incident that a model closed."""

import json
from dataclasses import replace

import pytest
import typer

from safeconduct.access import records as kept
from safeconduct.access.model.paths import ModelClosing
from safeconduct.adapters.clock import SystemClock
from safeconduct.cli import autonomy, closing, incident, review, triage
from safeconduct.soc.autonomy.levels import STANDINGS, Standing
from safeconduct.soc.autonomy.model import Autonomy
from support.house_commands import HouseCommands, speaking_to
from support.operations_house import House
from support.programs import in_force
from support.telemetry import ran

UPDATER = "/tmp/.x/upd"  # noqa: S108 - a name in a line of the telemetry
WHY = ("--reason", "the updater of the build host")
app = typer.Typer()
nouns = typer.Typer()
nouns.command(name="list")(incident.list_)
nouns.command()(incident.show)
for one in (triage.triage, closing.close, closing.reopen):
    nouns.command()(one)
app.add_typer(nouns, name="incident")
app.add_typer(review.commands, name="review")
app.add_typer(autonomy.commands, name="autonomy")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("house"), in_force(now=SystemClock().now()))
    house.post("telemetry", ran(UPDATER, exe=UPDATER, serial=7).encode(), name="audit.log")
    return house, house.post("detections")[1]["incidents"][0], tmp_path_factory.mktemp("keys")


@pytest.fixture
def shell(made, monkeypatch):
    house, found, folder = made
    before = house.writer.state.copy()
    shell = speaking_to(monkeypatch, HouseCommands(app, house, folder, by="ana"))
    shell.incident = found
    yield shell
    house.writer.state = before


def closed_by_model(shell):
    state = shell.house.writer.state
    rule = ModelClosing(dispositions=("benign-positive",), look_percent=100, look_days=7)
    sealed = replace(state.get(kept.PATHS, "soc-triage"), autonomy="act", closing=rule)
    state.put(kept.PATHS, sealed.id, sealed)
    state.put(STANDINGS, sealed.id, Standing(path=sealed.id, models=sealed.models, level=Autonomy.ACT))
    shell.house.model.say = _benign
    return shell("incident", "triage", shell.incident)[1]


def _benign(body):
    schema = body["response_format"]["json_schema"]["schema"]["properties"]["observations"]
    choices = [one["properties"] for one in schema["items"]["anyOf"]][:2]
    observed = [{name: value["const"] for name, value in one.items()} for one in choices]
    return json.dumps({"observations": observed, "verdict": {"judgment": "benign-positive", "claims": [1, 2]}})


def test_a_person_closes_and_opens_again(shell):
    code, printed, _ = shell("incident", "close", shell.incident[:8], "--as", "benign-positive", *WHY)
    assert (code, printed.startswith(f"closed {shell.incident}: benign-positive by ana at ")) == (0, True)
    assert shell.incident not in shell("incident", "list")[1]
    assert "benign-positive" in shell("incident", "list", "--all")[1]
    assert "  closed: benign-positive by ana at " in shell("incident", "show", shell.incident)[1]
    assert shell("incident", "close", shell.incident, "--as", "benign-positive", *WHY)[2] == "incident-closed"
    assert "it was benign-positive by ana" in shell("incident", "reopen", shell.incident, *WHY)[1]
    assert shell.incident in shell("incident", "list")[1]


def test_what_a_model_closed_is_looked_at_again(shell):
    assert "closed: benign-positive by stand-in on path soc-triage, asked by ana" in closed_by_model(shell)
    printed = shell("review", "looks")[1]
    assert (shell.incident in printed, "benign-positive" in printed) == (True, False)
    assert "soc-triage: 1 closed, 0 opened again" in printed
    code, printed, _ = shell("review", "look", shell.incident, "--as", "benign-positive", *WHY)
    assert (code, printed) == (0, f"confirmed by ana: {shell.incident}\n")
    assert "1 drawn, 1 looked at, 1 confirmed" in shell("review", "looks")[1]


def test_levels_are_shown_lowered_and_stopped(shell):
    closed_by_model(shell)
    assert "soc-triage: act of at most act" in shell("autonomy", "show")[1]
    assert "soc-triage: hunt of at most act" in shell("autonomy", "demote", "soc-triage", "hunt", *WHY, by="bo")[1]
    assert "act lacks: 0 of 50 distinct incidents reviewed" in shell("autonomy", "show", "soc-triage")[1]
    assert "soc-triage: stopped" in shell("autonomy", "stop", "soc-triage", *WHY, by="bo")[1]
    assert "(autonomy-stopped)" in shell("incident", "triage", shell.incident)[1]
    assert shell("autonomy", "promote", "soc-triage", "act", *WHY, by="ops")[2] == "autonomy-stopped"
    assert "resumed at " in shell("autonomy", "resume", "soc-triage", *WHY, by="ops")[1]
