"""The standing in force follows the log, and says which running calls it no longer allows."""

import asyncio
from contextlib import contextmanager
from dataclasses import replace

import pytest

from safeconduct.access.compiling import compile_standing
from safeconduct.access.marks import Freezes
from safeconduct.access.model.calls import CallFacts
from safeconduct.access.model.stops import Freeze
from safeconduct.access.records import EPOCHS
from safeconduct.access.selectors import parse_selection
from safeconduct.gateway.events import CALLERS_UNIDENTIFIED, CallersUnidentified
from safeconduct.gateway.moves import CutWhy
from safeconduct.kernel.entries import Entry
from safeconduct.runtime.freeze import CutReport, StandingBoard, fallen
from support.gateway_world import AGREEMENT, INSTALLATION, log_world
from support.immediate import START
from support.patience import PATIENCE_S
from support.programs import in_force

FACTS = CallFacts(
    principal="ana", organization="northwind", path="soc-triage", grant="ana-triage", agreement="ag-2026-01"
)


@pytest.fixture(scope="module")
def standing():
    return compile_standing(in_force().state)


def frozen(standing, text):
    freeze = Freeze(id="F", selector=parse_selection(text), by="ops", reason="r", at=START)
    return replace(standing, freezes=Freezes((freeze,)))


@pytest.mark.parametrize(
    ("selector", "falls"),
    [
        ("all", True),
        ("principal:ana", True),
        ("principal:bo", False),
        ("organization:northwind", True),
        ("organization:meridian", False),
        ("path:soc-triage", True),
        ("path:other", False),
        ("grant:ana-triage", True),
        ("grant:service-triage", False),
        ("agreement:ag-2026-01", True),
        ("agreement:ag-2027-01", False),
    ],
)
def test_which_calls_a_freeze_cuts(standing, selector, falls):
    assert fallen(frozen(standing, selector), FACTS) == ((CutWhy.FREEZE, "freeze:F") if falls else None)


def test_a_call_stands_while_its_grant_path_and_principal_do(standing):
    assert fallen(standing, FACTS) is None
    key = ("ana", "soc-triage")
    other = tuple(replace(grant, id="another") for grant in standing.grants[key])
    assert fallen(replace(standing, grants={key: other}), FACTS) == (CutWhy.REVOKED, "grant:ana-triage")
    assert fallen(replace(standing, grants={}), FACTS) == (CutWhy.REVOKED, "grant:ana-triage")
    assert fallen(replace(standing, paths={}), FACTS) == (CutWhy.REVOKED, "path:soc-triage")
    assert fallen(replace(standing, principals={}), FACTS) == (CutWhy.REVOKED, "principal:ana")


def test_a_call_falls_with_the_token_it_came_with():
    with log_world() as world:
        token, standing = world.tokens["ana"], world.board.current
        assert fallen(standing, FACTS, token) is None
        gone = replace(standing, tokens={})
        assert fallen(gone, FACTS, token) == (CutWhy.REVOKED, "token-of:ana")
        assert fallen(gone, FACTS) is None


def entry(kind):
    return Entry(id="0" * 26, origin=AGREEMENT, index=0, at=START, type=kind, body={})


def test_entries_of_calls_cost_no_look_at_the_records():
    state, looks = in_force().state, []

    @contextmanager
    def snapshot():
        looks.append(1)
        yield state

    board = StandingBoard(snapshot)
    board.take_in([entry("gateway.call.intent/1"), entry("gateway.call.outcome/1")])
    assert len(looks) == 1
    before = board.current
    board.take_in([entry("soc.incident.opened/1")])
    assert (len(looks), board.current) == (2, before)
    state.put(EPOCHS, "standing", replace(state.get(EPOCHS, "standing"), number=99))
    board.take_in([entry("gateway.call.intent/1"), entry("access.freeze.started/1")])
    assert board.current.epoch == 99


def test_the_standing_is_new_before_anyone_learns_of_the_commit():
    with log_world() as world:
        epochs = []
        future = world.writer.submit(world.freeze_command("principal:bo"))
        future.add_done_callback(lambda _: epochs.append(world.board.current.epoch))
        future.result(PATIENCE_S)
        world.run(lambda tx: tx.append(INSTALLATION, CALLERS_UNIDENTIFIED.draft(CallersUnidentified(count=1, since=0))))
        with world.store.snapshot() as records:
            assert epochs == [compile_standing(records).epoch]


def test_a_loop_that_is_gone_is_not_told():
    with log_world() as world:
        loop = asyncio.new_event_loop()
        world.board.attach(loop, None)
        loop.close()
        world.run(world.freeze_command("all"))
        assert len(world.board.current.freezes.all) == 1


def test_how_slow_a_cut_was():
    report = CutReport(epoch=1, committed_at=1.0, cut_at={"a": 1.001, "b": 1.0035})
    assert round(report.slowest_ms, 3) == 3.5
    assert CutReport(epoch=1, committed_at=1.0, cut_at={}).slowest_ms == 0.0
