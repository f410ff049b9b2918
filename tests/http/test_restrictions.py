"""Restrictions over the wire: always told, always in the intent, lifted by somebody else."""

import asyncio
import json
import time

import pytest

from safeconduct.access.restrictions import SLOW_MS_MAX, restrictions
from safeconduct.gateway.events import CALL_INTENT
from safeconduct.kernel.errors import AbsentError, InvalidInputError, RefusedError
from support.call_ends import request
from support.patience import PATIENCE_S, until
from support.programs import demo_program, in_force
from support.restricting import lifting, setting
from support.wire import ask, post, wire

PROGRAM = (
    demo_program()
    .replace(b'models: ["smollm2-135m"]', b"models: [smollm2-135m, tiny]\n    weaker: tiny")
    .replace(b"roles: [analyst]", b"roles: [analyst, administrator]")
)


@pytest.fixture(scope="module")
def gate():
    with wire(program=PROGRAM) as served:
        yield served


@pytest.fixture
def limit(gate):
    """Sets restrictions, and lifts them after the test."""
    made = []

    def set_(selector, kind, **options):
        made.append(gate.world.run(setting(selector, kind, now=gate.world.clock.now(), **options)).value)
        return made[-1]

    yield set_
    for one in made:
        gate.world.run(lifting(one.id, now=gate.world.clock.now()))


def call(gate, **body):
    raw = ask(gate.port, post(gate.world.tokens["ana"], request(**body), headers=["connection: close"]))
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return int(lines[0].split()[1]), dict(line.split(": ", 1) for line in lines[1:]), body


def intent(gate):
    return CALL_INTENT.read([one for one in gate.world.entries() if one.type == CALL_INTENT.name][-1])


def test_without_a_restriction_nothing_is_said(gate):
    status, headers, _ = call(gate)
    assert (status, headers.get("safeconduct-restriction"), intent(gate).restrictions) == (200, None, ())


@pytest.mark.parametrize("selector", ["principal:ana", "organization:northwind", "grant:ana-triage", "path:soc-triage"])
def test_a_slowed_call_waits_and_is_told(gate, limit, selector):
    slow = limit(selector, "slow", slow_ms=80)
    began = time.monotonic()
    status, headers, _ = call(gate)
    assert (status, time.monotonic() - began >= 0.08) == (200, True)
    assert headers["safeconduct-restriction"] == f"slow:{slow.id}"
    assert intent(gate).restrictions == (f"slow:{slow.id}",)


@pytest.mark.parametrize("selector", ["principal:bo", "grant:service-triage"])
def test_somebody_else_s_restriction_changes_nothing(gate, limit, selector):
    limit(selector, "suspend")
    assert call(gate)[0] == 200


def test_a_weaker_model_answers_and_caller_and_log_say_so(gate, limit):
    weaker = limit("principal:ana", "weaker")
    status, headers, _ = call(gate)
    assert (status, headers["safeconduct-restriction"]) == (200, f"weaker:{weaker.id}")
    assert headers["safeconduct-model"] == "tiny"
    assert json.loads(gate.upstream.seen[-1][1])["model"] == "tiny"
    assert (intent(gate).model, intent(gate).model_version) == ("smollm2-135m", "tiny")


def test_a_suspended_caller_is_refused_with_the_reason_and_what_would_end_it(gate, limit):
    suspended = limit("principal:ana", "suspend")
    status, _, body = call(gate)
    error = json.loads(body)["error"]
    assert (status, error["code"], error["clause"]) == (403, "suspended", f"restriction:{suspended.id}")
    assert "odd calls" in error["message"]
    assert suspended.id in error["remedy"]


def test_a_suspension_cuts_what_runs_and_slowing_does_not(gate, limit):
    gate.over()  # the call of the test before this one may not be
    work = asyncio.run_coroutine_threadsafe(asyncio.to_thread(call, gate, text="do:hang"), gate.loop)
    until(gate.calls.in_flight, says="the call")
    limit("principal:ana", "slow", slow_ms=1)
    time.sleep(0.05)
    assert gate.calls.in_flight() == 1
    limit("principal:ana", "suspend")
    work.result(PATIENCE_S)
    outcome = gate.ends()[-1]
    assert (outcome.why, outcome.clause.partition(":")[0]) == ("revoked", "restriction")


def test_a_path_without_a_weaker_model_refuses():
    with wire() as served:
        now = served.world.clock.now()
        served.world.run(setting("path:soc-triage", "weaker", now=now))
        status, _, body = call(served)
        assert (status, json.loads(body)["error"]["code"]) == (403, "no-weaker-model")


@pytest.mark.parametrize(("ms", "fits"), [(0, False), (1, True), (SLOW_MS_MAX, True), (SLOW_MS_MAX + 1, False)])
def test_slowing_is_bounded(ms, fits):
    log = in_force()
    if fits:
        assert log.run(setting("path:soc-triage", "slow", slow_ms=ms, now=log.now)).slow_ms == ms
    else:
        with pytest.raises(InvalidInputError) as caught:
            log.run(setting("path:soc-triage", "slow", slow_ms=ms, now=log.now))
        assert caught.value.code == "slow-invalid"


@pytest.mark.parametrize(
    ("selector", "by", "code"),
    [
        ("all", "ops", "selector-invalid"),
        ("agreement:ag-2026-01", "ops", "selector-invalid"),
        ("principal:nobody", "ops", "nothing-to-freeze"),
        ("principal:bo", "ana", "role-missing"),
    ],
)
def test_what_can_not_be_restricted_and_who_may_not(selector, by, code):
    log = in_force()
    with pytest.raises((InvalidInputError, AbsentError, RefusedError)) as caught:
        log.run(setting(selector, "suspend", by=by, now=log.now))
    assert caught.value.code == code


@pytest.mark.parametrize(
    "selector",
    ["principal:ana", "principal:triage-service", "organization:northwind", "grant:ana-triage", "path:soc-triage"],
)
def test_nobody_lifts_their_own_restriction(selector):
    log = in_force(PROGRAM)  # where ana is an administrator
    made = log.run(setting(selector, "suspend", now=log.now))
    with pytest.raises(RefusedError) as caught:
        log.run(lifting(made.id, by="ana", now=log.now))
    assert (caught.value.code, caught.value.clause) == ("own-restriction", f"restriction:{made.id}")
    log.run(lifting(made.id, now=log.now))
    assert restrictions(log.state) == []


def test_another_lifts_and_only_what_is_in_force():
    log = in_force(PROGRAM)
    made = log.run(setting("principal:bo", "suspend", now=log.now))
    log.run(lifting(made.id, by="ana", now=log.now))
    with pytest.raises(AbsentError) as caught:
        log.run(lifting(made.id, by="ana", now=log.now))
    assert caught.value.code == "restriction-unknown"
