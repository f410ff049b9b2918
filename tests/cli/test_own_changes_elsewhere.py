"""What somebody changed at one of several gateway processes holds for their next request, whichever process gets it."""

import contextlib
import json

import pytest

from safeconduct.adapters.clock import SystemClock
from safeconduct.http.acts import HEADER, encode_act
from safeconduct.kernel.instants import rfc3339, seconds
from support.patience import until
from support.programs import signed
from support.serve_calls import ROUTE, chat, code
from support.several_workers import WORKERS, several_workers
from support.shell import made, witness
from support.worker_sockets import Line, pids

TIMES = 12
MODELS = "/paths/soc-triage/openai/v1/models"
STOPPED = {(401, "token-unknown"), (403, "suspended"), (403, "revoked")}
"""What a call is told that nothing allows any more; `revoked`, where the worker had let it in and was told then."""

GRANT = """  bo-triage-%d:
    principal: bo
    path: soc-triage
    purpose: incident-triage
    scope: northwind-perimeter
    window: {from: 2026-01-01T00:00:00Z, until: 2027-12-31T00:00:00Z}
"""
EVALUATION = json.dumps(
    {
        "subject": {"type": "principal", "id": "ana"},
        "action": {"name": "call"},
        "resource": {"type": "path", "id": "soc-triage"},
    }
)


@pytest.fixture(scope="module")
def served(postgres, tmp_path_factory):
    """One gateway with two workers, whose witness answers."""
    root = tmp_path_factory.mktemp("elsewhere")
    with (
        contextlib.ExitStack() as witnesses,
        several_workers(root, postgres, lambda folder: witnessed(folder, root / "witness", witnesses)) as found,
    ):
        until(lambda: len(pids(found.process, "worker")) == WORKERS, found.process, says="workers")
        yield found


def witnessed(folder, place, witnesses):
    """Makes a house with a program in force and a witness for both its logs, which runs until `witnesses` ends."""
    house, key = made(folder)
    with witness(place, key) as told:
        said = house("program", "apply", house.program(told, upstream="custom", model="m"))
        assert said.code == 0, said
    keys = [log["key"] for log in house("log", "show", "--json").json["logs"]]
    witnesses.enter_context(witness(place, *keys, listen=told["url"].removeprefix("http://")))
    return house


@pytest.fixture
def both(served):
    """A way to each worker."""
    return [Line(served.url, {"content-type": "application/json"}, pid) for pid in pids(served.process, "worker")]


def change(line, path, document, by):
    """Has a worker change something in somebody's name; returns what it answered."""
    body = json.dumps(document).encode()
    act = encode_act(signed(by, f"POST {path}", body, SystemClock().now()))
    status, told = line.ask(path, body, **{HEADER: act})
    assert status == 200, told
    return told


def token(line, by="ana"):
    expires_at = rfc3339(SystemClock().now() + seconds(600))
    return change(line, "/api/v1/tokens/issue", {"principal": by, "expires_at": expires_at}, by)


def turns(both):
    """Yields who is asked to change something, and who else is asked next, by a connection that is open."""
    for number in range(TIMES):
        one, other = both[number % 2], both[1 - number % 2]
        other.open()
        yield one, other


def bearer(made):
    return {"authorization": f"Bearer {made['secret']}"}


GONE = {403, 404}
"""What a call without its grant is told: also 403, by a worker that learns of it as it records the call."""


def call(line, made):
    return line.ask(ROUTE, chat(), **bearer(made))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", ROUTE, chat()),
        ("GET", MODELS, None),
        ("GET", "/api/v1/me?denials=0", None),
        ("POST", "/access/v1/evaluation", EVALUATION),
    ],
    ids=["call", "models", "me", "authzen"],
)
def test_a_token_that_one_worker_issued_counts_at_the_other_at_once(both, method, path, body):
    for one, other in turns(both):
        status, told = other.ask(path, body, method=method, **bearer(token(one)))
        assert status == 200, told


def test_a_token_that_one_worker_revoked_makes_no_call_at_the_other(both):
    for one, other in turns(both):
        issued = token(one)
        assert call(other, issued)[0] == 200
        other.open()
        change(one, f"/api/v1/tokens/{issued['id']}/revoke", {}, "ana")
        status, told = call(other, issued)
        assert (status, code(told)) in STOPPED, told


def test_the_end_of_a_restriction_at_one_worker_lets_calls_through_at_the_other(both):
    issued = token(both[0])
    for one, other in turns(both):
        wanted = {"selector": "principal:ana", "kind": "suspend", "reason": "a test"}
        made = change(one, "/api/v1/restrictions/set", wanted, "ops")
        status, told = call(other, issued)
        assert (status, code(told)) in STOPPED, told
        other.open()
        change(one, f"/api/v1/restrictions/{made['id']}/lift", {}, "ops")
        status, told = call(other, issued)
        assert status == 200, told


def test_a_grant_of_a_program_that_was_just_applied_counts_at_both(served, both):
    file, issued = served.house.root / "program.yaml", token(both[0], by="bo")
    without = file.read_text()
    for number in range(3):
        for grant, expected in ((GRANT % number, {200}), ("", GONE)):
            file.write_text(without.replace("\ngrants:\n", f"\ngrants:\n{grant}", 1))
            for line in both:
                line.open()
            said = served.house("program", "apply", file)
            assert said.code == 0, said
            told = [call(line, issued) for line in both]
            assert {one[0] for one in told} <= expected, told
        assert {code(call(line, issued)[1]) for line in both} == {"path-unknown"}
