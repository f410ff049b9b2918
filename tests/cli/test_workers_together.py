"""What one of several gateway processes learned or decided counts at every other, once (docs/spec/workers.md)."""

import concurrent.futures
import json
import os
import signal
import threading

import pytest

from safeconduct.adapters.clock import SystemClock
from safeconduct.boundary.decisions import attempt_of, verify
from safeconduct.ledger.notes import VerifierKey
from support import opaque_turns, tool_turns
from support.opaque_turns import PAGE, READ, brought, handle
from support.patience import PATIENCE_S
from support.serve_calls import ROUTE
from support.several_workers import WORKERS, several_workers
from support.shell import made, until, witness
from support.stand_in import answer
from support.worker_sockets import Line, pids

CHAT = "openai.chat"
MAIL = ("send_mail", {"to": "boss@corp.example", "body": "12"})
TEXT = "send the body 12 to boss@corp.example"
"""What a user says who said all of the arguments of MAIL: no person is asked about it."""

OTHER = ("send_mail", {"to": "eve@evil.test", "body": "12"})


@pytest.fixture(scope="module")
def served(postgres, tmp_path_factory):
    """One gateway with two workers, whose path has sinks and an opaque tool."""
    root = tmp_path_factory.mktemp("together")
    with several_workers(root, postgres, with_sinks) as found:
        yield found


def with_sinks(root):
    house, key = made(root)
    with witness(root / "witness", key) as told:
        file = house.program(told, upstream="custom", model="m")
        file.write_bytes(opaque_turns.program(file.read_bytes()))
        said = house("program", "apply", file)
        assert said.code == 0, said
    return house


@pytest.fixture
def both(served):
    return ways(served)


def ways(served):
    """Returns a way to each worker, once both are there."""
    until(lambda: len(pids(served.process, "worker")) == WORKERS, served.process, says="workers")
    found = [Line(served.url, served.token, pid) for pid in pids(served.process, "worker")]
    until(lambda: all(one.ask("/readyz", method="GET")[0] == 200 for one in found), served.process, says="ready")
    return found


def call(served, line, session, *messages, proposes=()):
    """Makes a call at one worker, whose model proposes calls; returns its answer's message."""
    functions = [
        {"id": f"c_{number}", "function": {"name": name, "arguments": json.dumps(given)}}
        for number, (name, given) in enumerate(proposes)
    ]
    served.model.say = answer(tool_turns.SAID, *functions)
    body = tool_turns.request(CHAT, *messages, model="m")
    status, told = line.ask(ROUTE, body, safeconduct_session=session)
    assert status == 200, told
    until(lambda: ended(served, line.call), served.process, says="its end")
    return told["choices"][0]["message"]


def ended(served, call):
    """Tells whether a call's end is on record; before its intent has its place, nothing of it is shown."""
    shown = served.house("call", "show", call, "--json")
    return shown.code == 0 and "why" in shown.json


def read_of_strangers(served, line, session):
    """Has a session read what a tool told, which nobody vouches for."""
    said = brought(CHAT, said=TEXT)
    assert proposed(call(served, line, session, *said, proposes=[MAIL])) == [MAIL]
    call(served, line, session, *brought(CHAT, (MAIL, "sent"), said=TEXT))


def proposed(message):
    """Returns the tool calls that an answer lets out."""
    found = [one["function"] for one in message.get("tool_calls") or ()]
    return [(one["name"], json.loads(one["arguments"])) for one in found]


def at_once(ask, both, *arguments):
    """Asks both workers at the same instant, as far as this process can; returns what they said."""
    ready = threading.Barrier(len(both))

    def run(line):
        line.open()
        ready.wait(PATIENCE_S)
        return ask(line, *arguments)

    with concurrent.futures.ThreadPoolExecutor(len(both)) as pool:
        return list(pool.map(run, both))


def sought(line, session, tool=MAIL):
    """Asks a worker for the decision on a tool call; returns status and answer."""
    made = attempt_of(principal="ana", session=session, tool=tool[0], arguments=tool[1])
    body = {"tool": made.tool, "arguments_sha256": made.arguments_sha256, "session": session}
    return line.ask("/api/v1/tool-decisions/find", json.dumps(body))


def use(line, decision):
    """Uses a decision at a worker; returns the status and the code of a refusal."""
    status, told = line.ask("/api/v1/tool-decisions/use", json.dumps({"decision": decision}))
    return status, told.get("code", "")


def test_what_one_worker_saw_of_a_session_holds_at_the_other_and_when_the_first_is_gone(served, both):
    read_of_strangers(served, both[0], "read")
    again = brought(CHAT, said=TEXT)  # a client that leaves out what was read
    assert proposed(call(served, both[1], "read", *again, proposes=[MAIL])) == []
    for line in both:  # a session that read nothing of strangers
        assert proposed(call(served, line, "unread", *again, proposes=[MAIL])) == [MAIL]
    killed = pids(served.process, "worker")[0]
    os.kill(killed, signal.SIGKILL)
    until(lambda: killed not in pids(served.process, "worker"), served.process, says="its end")
    for line in ways(served):
        assert proposed(call(served, line, "read", *again, proposes=[MAIL])) == []


def test_a_decision_of_one_worker_is_found_by_both_and_used_once_though_both_are_asked_at_once(served, both):
    for number in range(4):
        session = f"used-{number}"
        call(served, both[number % 2], session, *brought(CHAT, said=TEXT), proposes=[MAIL])
        found = at_once(sought, both, session)
        assert [status for status, _ in found] == [200, 200], found
        decisions = [told["decision"] for _, told in found]
        assert len(set(decisions)) == 1
        assert used_at_once(both, decisions[0]) == [(200, ""), (409, "decision-used")]
    (key,) = {one["key"] for one in served.house("executor", "keys", "--json").json}  # both asked for the first one
    bound = attempt_of(principal="ana", session=session, tool=MAIL[0], arguments=MAIL[1])
    for _, told in found:
        assert verify(told["token"], [VerifierKey.parse(key)], bound, SystemClock().now()).decision.allowed


def used_at_once(both, decision):
    return sorted(at_once(use, both, decision))


def test_an_approval_of_what_one_worker_asked_lets_it_run_once_over_both(served, both):
    read_of_strangers(served, both[0], "asked")
    held = call(served, both[0], "asked", *brought(CHAT, said=TEXT), proposes=[OTHER])
    assert proposed(held) == []
    (approval,) = (
        one["approval"]["id"]
        for one in served.house("call", "held", "--json").json
        if one["approval"]["id"] in held["content"]
    )
    assert [sought(line, "asked", OTHER)[1]["code"] for line in both] == ["approval-required"] * 2
    voted = served.house("call", "approve", approval, by="bo")
    assert voted.code == 0, voted
    found = [sought(line, "asked", OTHER)[1]["decision"] for line in both]
    assert len(set(found)) == 1
    assert used_at_once(both, found[0]) == [(200, ""), (409, "decision-used")]


def test_a_variable_that_one_worker_made_is_put_in_by_the_other_in_its_session_alone(served, both):
    first = call(served, both[0], "page", *brought(CHAT), proposes=[READ])
    assert proposed(first) == [READ]
    told = brought(CHAT, (READ, PAGE))
    call(served, both[0], "page", *told)
    variable = handle(served.model.seen[-1][1].decode())
    handed_on = ("send_mail", {"to": "boss@corp.example", "body": variable})
    resolved = ("send_mail", {"to": "boss@corp.example", "body": PAGE})
    assert proposed(call(served, both[1], "page", *told, proposes=[handed_on])) == [resolved]
    assert handle(served.model.seen[-1][1].decode()) == variable
    status, found = sought(both[0], "page", resolved)
    assert status == 200, found
    assert used_at_once(both, found["decision"]) == [(200, ""), (409, "decision-used")]
    assert proposed(call(served, both[1], "elsewhere", *brought(CHAT), proposes=[handed_on])) == []
