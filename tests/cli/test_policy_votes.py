"""Policies put to the vote of both parties at the command line, and applied as they were voted for."""

import pytest
import typer

from safeconduct.adapters.clock import SystemClock
from safeconduct.cli import keys, policy, program
from safeconduct.cli.output import BAD_INPUT, DONE, REFUSED
from support.access_house import House
from support.house_commands import HouseCommands, speaking_to
from support.policy_votes import STRICTER, VOTED
from support.programs import KEYS, in_force

app = typer.Typer()
for module in (program, policy):
    app.add_typer(module.commands, name=module.__name__.rpartition(".")[2])


@pytest.fixture
def shell(tmp_path, monkeypatch):
    keys.write_key(tmp_path / "tess.key", "tess", KEYS["stranger"])
    house = House(in_force(VOTED, now=SystemClock().now()))
    return speaking_to(monkeypatch, HouseCommands(app, house, tmp_path, by="ops"))


def test_what_both_parties_voted_for_is_applied_and_nothing_else(shell):
    stricter = shell.file("stricter.yaml", STRICTER)
    assert shell("program", "apply", stricter)[::2] == (REFUSED, "policy-not-approved")
    _, proposed = shell.json("policy", "propose", stricter)
    _, printed, _ = shell("policy", "proposals")
    assert f"{proposed['id']} proposed, by ops" in printed
    assert "context.frozen || false" in printed
    assert shell("policy", "approve", proposed["id"])[0] == REFUSED  # whoever proposed has no vote
    assert [shell.json("policy", "approve", proposed["id"], by=by)[1]["state"] for by in ("tess", "bo")] == [
        "proposed",
        "approved",
    ]
    assert shell("program", "apply", stricter)[0] == DONE
    assert "context.frozen || false" in shell.house.standing().policies.text


def test_a_vote_against_ends_it(shell):
    stricter = shell.file("stricter.yaml", STRICTER)
    code, printed, _ = shell("policy", "propose", stricter)
    assert (code, "wait for 1 trust-and-safety of meridian, 1 responder of northwind" in printed) == (DONE, True)
    (listed,) = shell.json("policy", "proposals")[1]
    number = listed["approval"]["id"]
    assert shell("policy", "approve", number, "--against", by="tess")[1] == f"policies {number} are rejected\n"
    assert shell("program", "apply", stricter)[::2] == (REFUSED, "policy-not-approved")


def test_nothing_is_proposed_where_nobody_votes_and_an_unknown_one_is_told(shell):
    assert shell("policy", "proposals")[1] == "none\n"
    assert shell("policy", "approve", "01JD0000000000000000000000", by="tess")[::2] == (BAD_INPUT, "proposal-unknown")
