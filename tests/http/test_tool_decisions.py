"""A tool runs against a decision that the gateway signed and used up on record, once; and against nothing else."""

import asyncio
import contextlib
import dataclasses

import pytest

from safeconduct.boundary.decision_events import Answer
from safeconduct.boundary.decisions import attempt_of, signed_token, verify
from safeconduct.http.executing.client import GatewayDecisions
from safeconduct.kernel.errors import SafeconductError
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import NoteSigner, VerifierKey
from safeconduct.runtime import confirming
from safeconduct.runtime.confirming import Confirmation
from safeconduct.runtime.in_force import InForce
from support.decided import SESSION
from support.executor_house import WHO, house

TOOL, ARGUMENTS = "block_address", {"address": "192.0.2.7"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with house(tmp_path_factory.mktemp("house")) as made:
        made.announce()
        yield made


class Tool:
    def __init__(self, ending=None):
        self.ran, self.ending = [], ending

    def __call__(self, **arguments):
        self.ran.append(arguments)
        if self.ending:
            raise self.ending
        return f"blocked {arguments['address']}"


def refused(run, *arguments, **named):
    with pytest.raises(SafeconductError) as caught:
        run(*arguments, **named)
    return caught.value.code


def last(gateway):
    return gateway.world.entries("boundary.")[-1]


def test_a_tool_runs_once_and_its_end_is_on_record(gateway, tmp_path):
    one = gateway.let(TOOL, ARGUMENTS)
    tool = Tool()
    with gateway.executor("runs") as executor:
        assert executor.execute(TOOL, ARGUMENTS, tool) == "blocked 192.0.2.7"
        assert last(gateway).body["end"] == "done"
        assert last(gateway).body["decision"] == one.id
        assert refused(executor.execute, TOOL, ARGUMENTS, tool) == "decision-unknown"
    assert tool.ran == [ARGUMENTS]
    assert gateway.types()[-3:] == ["turn.decided/1", "decision.used/1", "decision.ended/1"]


async def block(address):
    return f"blocked {address}"


def test_it_runs_on_a_loop_too(gateway):
    gateway.let(TOOL, ARGUMENTS)
    with gateway.executor("loop") as executor:
        assert asyncio.run(executor.execute_async(TOOL, ARGUMENTS, block)) == "blocked 192.0.2.7"
    assert last(gateway).body["end"] == "done"


@pytest.mark.parametrize(("ending", "end"), [(ValueError("no"), "failed"), (KeyboardInterrupt(), "unknown")])
def test_how_a_run_failed_is_told(gateway, ending, end):
    gateway.let(TOOL, ARGUMENTS)
    with gateway.executor(end) as executor, pytest.raises(type(ending)):
        executor.execute(TOOL, ARGUMENTS, Tool(ending))
    assert last(gateway).body["end"] == end


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        (TOOL, {"address": "192.0.2.8"}, "decision-unknown"),
        (TOOL, ARGUMENTS | {"for": "1h"}, "decision-unknown"),
        ("unblock_address", ARGUMENTS, "decision-unknown"),
        ("block_\u0430ddress", ARGUMENTS, "tool-name-invalid"),
        (TOOL, {"address": 0.5}, "arguments-not-canonical"),
    ],
)
def test_what_was_not_decided_does_not_run(gateway, tool, arguments, code):
    run = Tool()
    gateway.let(TOOL, ARGUMENTS)
    with gateway.executor(f"other-{len(gateway.types())}") as executor:
        assert refused(executor.execute, tool, arguments, run) == code
        executor.execute(TOOL, ARGUMENTS, run)  # what was decided does
    assert run.ran == [ARGUMENTS]


def test_another_session_finds_nothing(gateway):
    gateway.let(TOOL, ARGUMENTS, session="another")
    with gateway.executor("session") as executor:
        assert refused(executor.execute, TOOL, ARGUMENTS, Tool()) == "decision-unknown"
        found = gateway_token(gateway, session="another")
        assert refused(executor.execute, TOOL, ARGUMENTS, Tool(), token=found) == "decision-other-session"


def gateway_token(gateway, session=SESSION):
    made = attempt_of(principal=WHO, session=session, tool=TOOL, arguments=ARGUMENTS)
    return GatewayDecisions.at(gateway.url, gateway.token).find(made)


def test_somebody_elses_decision_is_nobodys(gateway):
    one = gateway.let(TOOL, ARGUMENTS, who="ana")
    with gateway.executor("else") as executor:
        assert refused(executor.execute, TOOL, ARGUMENTS, Tool()) == "decision-unknown"
        assert refused(executor.decisions.use, one.id) == "decision-unknown"
    assert (gateway.types()[-1], last(gateway).body["principal"]) == ("decision.misused/1", WHO)


def test_a_token_is_replayed_nowhere(gateway):
    gateway.let(TOOL, ARGUMENTS)
    token, tool = gateway_token(gateway), Tool()
    with gateway.executor("replayed") as executor:
        executor.execute(TOOL, ARGUMENTS, tool, token=token)
        assert refused(executor.execute, TOOL, ARGUMENTS, tool, token=token) == "decision-used"  # here
    with gateway.executor("replayed", new=False) as executor:
        assert refused(executor.execute, TOOL, ARGUMENTS, tool, token=token) == "decision-used"  # after a restart
    with gateway.executor("elsewhere") as executor:
        assert refused(executor.execute, TOOL, ARGUMENTS, tool, token=token) == "decision-used"  # at the gateway
    assert len(tool.ran) == 1
    assert gateway.types()[-1] == "decision.misused/1"


def test_a_lost_memory_runs_nothing(gateway):
    gateway.let(TOOL, ARGUMENTS)
    with gateway.executor("lost") as executor:
        (gateway.folder / "lost" / "used").unlink()
        assert refused(executor.execute, TOOL, ARGUMENTS, Tool()) == "used-decisions-lost"
    with pytest.raises(SafeconductError) as caught, gateway.executor("lost", new=False):
        pass
    assert caught.value.code == "used-decisions-lost"


def test_a_damaged_memory_runs_nothing_and_a_torn_line_was_no_run(gateway):
    with gateway.executor("torn"):
        pass
    used = gateway.folder / "torn" / "used"
    used.write_text("ab 99999999999999999\ncd 99")
    with gateway.executor("torn", new=False):
        assert used.read_text() == "ab 99999999999999999\n"
    used.write_text("ab\n")
    with pytest.raises(SafeconductError) as caught, gateway.executor("torn", new=False):
        pass
    assert caught.value.code == "used-decisions-damaged"


def test_a_memory_is_one_process_own(gateway):
    with gateway.executor("own"):
        with pytest.raises(SafeconductError) as caught, gateway.executor("own", new=False):
            pass
        assert caught.value.code == "executor-running"


def test_a_forged_decision_runs_nothing(gateway):
    gateway.let(TOOL, ARGUMENTS)
    token, key, run = gateway_token(gateway), VerifierKey.parse(gateway.key()), Tool()
    made = attempt_of(principal=WHO, session=SESSION, tool=TOOL, arguments=ARGUMENTS)
    said = verify(token, [key], made, gateway.world.clock.now()).token
    own = NoteSigner(key.name, SecretKey(b"\3" * 32))
    longer = dataclasses.replace(said, expires_at=said.expires_at + 1)
    with gateway.executor("forged") as executor:
        assert refused(executor.execute, TOOL, ARGUMENTS, run, token=signed_token(said, own)) == "decision-key-unknown"
        forged = token.replace(f'"expires_at":{said.expires_at}', f'"expires_at":{longer.expires_at}')
        assert refused(executor.execute, TOOL, ARGUMENTS, run, token=forged) == "decision-signature-invalid"
    with gateway.executor("unpinned", keys=[own.verifier.text]) as executor:
        assert refused(executor.execute, TOOL, ARGUMENTS, run) == "decision-key-unknown"
    assert run.ran == []


def test_a_denied_call_says_why(gateway):
    gateway.let(TOOL, {"address": "192.0.2.9"}, answer=Answer.DENY, code="hostile-argument", clause="tools.x")
    with gateway.executor("denied") as executor:
        assert refused(executor.execute, TOOL, {"address": "192.0.2.9"}, Tool()) == "hostile-argument"


def test_a_gateway_that_is_away_runs_nothing(gateway):
    gateway.let(TOOL, ARGUMENTS)
    with gateway.executor("away") as executor:
        token = gateway_token(gateway)
        away = dataclasses.replace(executor, decisions=GatewayDecisions.at("http://127.0.0.1:9", gateway.token))
        assert refused(away.execute, TOOL, ARGUMENTS, Tool()) == "gateway-away"
        assert refused(away.execute, TOOL, ARGUMENTS, Tool(), token=token) == "gateway-away"


def test_a_decision_expires(gateway):
    gateway.let(TOOL, {"address": "192.0.2.10"}, lifetime=1)
    with gateway.executor("late") as executor:
        assert refused(executor.execute, TOOL, {"address": "192.0.2.10"}, Tool()) == "decision-expired"


@contextlib.contextmanager
def judging_by(gateway, known):
    gateway.app.state.control = dataclasses.replace(gateway.control, in_force=known)
    try:
        yield
    finally:
        gateway.app.state.control = gateway.control


def test_who_can_not_tell_whether_a_freeze_is_in_force_lets_nothing_run_and_calls_it_no_misuse(gateway, monkeypatch):
    one = gateway.let(TOOL, {"address": "192.0.2.11"})
    known, before = InForce(gateway.control.in_force.standing, Confirmation()), gateway.types()
    monkeypatch.setattr(confirming, "ADMIT_S", 0.01)
    with gateway.executor("unconfirmed") as executor, judging_by(gateway, known):
        assert refused(executor.decisions.use, one.id) == "standing-unconfirmed"
        known.confirmation.confirm(confirming.time_awake_or_not() + 3600)
        executor.decisions.use(one.id)
    assert gateway.types() == [*before, "decision.used/1"]


def test_a_freeze_stops_what_was_allowed(gateway):
    gateway.let(TOOL, ARGUMENTS)
    token, run = gateway_token(gateway), Tool()
    gateway.world.run(gateway.world.freeze_command(f"principal:{WHO}"))
    with gateway.executor("frozen") as executor:
        assert refused(executor.execute, TOOL, ARGUMENTS, run, token=token) == "frozen"
    assert run.ran == []
    assert gateway.types()[-1] == "decision.misused/1"


def test_another_key_signs_once_it_was_rotated_and_executors_pin_it(gateway):
    asked = GatewayDecisions.at(gateway.url, gateway.world.tokens["ana"])
    before = gateway.key()
    gateway.rotate()
    after = gateway.key()
    assert after != before
    gateway.let(TOOL, ARGUMENTS, who="ana")
    made = attempt_of(principal="ana", session=SESSION, tool=TOOL, arguments=ARGUMENTS)
    token, now = asked.find(made), gateway.world.clock.now()
    keys = {name: [VerifierKey.parse(key)] for name, key in (("old", before), ("new", after))}
    assert [verify(token, keys[one], made, now).decision.allowed for one in ("old", "new")] == [False, True]
