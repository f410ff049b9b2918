"""Grants by request at the command line: from the first request to the review of a break-glass."""

import asyncio
import json
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

from safeconduct.adapters.clock import SystemClock
from safeconduct.cli import grant, keys
from safeconduct.cli.client import Client
from safeconduct.http.inprocess import ask
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import parse_rfc3339
from support.access_house import House
from support.granting import granting_program
from support.programs import KEYS, in_force

app = typer.Typer()
app.add_typer(grant.commands, name="grant")


class Shell:
    """Runs commands on an installation in memory."""

    def __init__(self, house, folder):
        self.house, self.folder = house, folder
        for name in ("ana", "bo", "cy", "dee", "eve", "ops"):
            keys.write_key(folder / f"{name}.key", name, KEYS[name])

    def __call__(self, *words, by="ana"):
        self.house.writer.now = SystemClock().now()
        environment = {"SAFECONDUCT_KEY": str(self.folder / f"{by}.key"), "SAFECONDUCT_DATA": str(self.folder)}
        result = CliRunner(env=environment).invoke(app, ["grant", *map(str, words)])
        if isinstance(result.exception, SafeconductError):
            return result.exception.code
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.stdout

    def json(self, *words, by="ana"):
        said = self(*words, "--json", by=by)
        return json.loads(said)


@pytest.fixture
def shell(tmp_path, monkeypatch):
    house = House(in_force(granting_program(), now=SystemClock().now()))

    def send(_client, request):
        local = {"authorization": "Bearer local", **request.headers}
        return asyncio.run(ask(house.app, replace(request, headers=local)))

    monkeypatch.setattr(Client, "_send", send)
    return Shell(house, tmp_path)


def requested(shell, *more):
    return shell.json("request", "ana", "soc-triage", "--hours", 4, "--reason", "a case", *more)


def test_a_grant_is_requested_approved_shown_and_revoked(shell):
    case = requested(shell, "--condition", "session=case-7", "--budget", "1000/day")
    assert (case["state"], json.loads(case["text"])["conditions"]) == ("asked", {"session": "case-7"})
    printed = shell("approve", case["id"], by="cy")
    assert case["text"] in printed
    assert case["content"] in printed
    assert "waits for 1 administrator of northwind, 1 trust-and-safety of meridian" in printed
    assert f"grant {case['id']} is in-force" in shell("approve", case["id"], by="dee")
    shown = shell("show", case["id"])
    for part in (case["text"], case["content"], "approve  cy", "approve  dee", "safeconduct-grant"):
        assert part in shown
    assert shell.json("revoke", case["id"], "--reason", "over", by="bo")["state"] == "revoked"
    assert case["id"] not in shell("list")
    assert "over" in shell("list", "--all")
    assert shell.json("reissue", case["id"], "--reason", "again")["replaces"] == case["id"]


def test_a_request_is_taken_back_by_whoever_made_it(shell):
    case = requested(shell)
    assert f"grant {case['id']} is withdrawn: it was taken back" in shell("withdraw", case["id"])
    assert case["id"] not in shell("list")


def test_the_lifetime_is_to_the_microsecond_what_was_asked_for(shell):
    window = json.loads(requested(shell, "--tier", 2)["text"])["window"]
    assert parse_rfc3339(window["until"]) - parse_rfc3339(window["from"]) == 4 * 3600 * 1_000_000


def test_one_against_is_enough(shell):
    case = requested(shell)
    assert "denied: dee voted against it" in shell("deny", case["id"], by="dee")
    assert shell("approve", case["id"], by="cy") == "approval-rejected"


def test_an_elevation_waits_and_its_vote_says_so(shell):
    shell.house.witness_answers = False
    case = requested(shell, "--tier", 2)
    shell("approve", case["id"], by="cy")
    assert f"grant {case['id']} is waiting" in shell("approve", case["id"], by="dee")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--hours", 1, "--until", "2027-01-01T00:00:00Z"), "window-missing"),
        ((), "window-missing"),
        (("--hours", 1, "--condition", "sometimes"), "condition-invalid"),
        (("--hours", 1, "--condition", "network=home"), "not-built-yet"),
        (("--hours", 1, "--budget", "many"), "budget-invalid"),
        (("--hours", 5, "--tier", 2), "lifetime-over-limit"),
    ],
)
def test_what_is_asked_for_wrongly_is_told(shell, words, code):
    assert shell("request", "ana", "soc-triage", "--reason", "x", *words) == code


def test_nobody_votes_on_the_programs_own_grants(shell):
    assert shell("approve", "ana-triage", by="cy") == "grant-program"
    assert "ana-triage" in shell("show", "ana-triage")


def test_glass_is_broken_and_reviewed(shell):
    assert "night" in shell("break-glass")
    opened = shell.json("break-glass", "night", "--reason", "it burns", by="bo")
    assert opened["state"] == "in-force"
    assert shell("review", opened["id"], "--justified", "--reason", "x", by="dee") == "review-early"
    shell("revoke", opened["id"], "--reason", "out", by="bo")
    assert opened["id"] in shell("reviews")
    assert shell("review", opened["id"], "--reason", "x", by="dee") == "finding-missing"
    assert "waits for northwind" in shell("review", opened["id"], "--justified", "--reason", "it burned", by="dee")
    assert "closed: unjustified" in shell("review", opened["id"], "--unjustified", "--reason", "a lamp", by="cy")
    assert shell("review", "01K00000000000000000000000", "--justified", "--reason", "x") == "review-unknown"


def test_a_pair_opens_together(shell):
    opened = shell("break-glass", "pair", "--reason", "it burns", by="bo")
    assert "others of your people vote" in opened
    (case,) = [one for one in shell.json("list", "--all") if one["origin"] == "break-glass"]
    assert f"grant {case['id']} is in-force" in shell("approve", case["id"], by="eve")
