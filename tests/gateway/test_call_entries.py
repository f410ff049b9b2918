"""The entries of calls: their bytes are API, and their projections allow one outcome."""

import pytest

from safeconduct.bootstrap.projections import PROJECTIONS as ALL
from safeconduct.gateway.entries import abandoned_draft, outcome_draft
from safeconduct.gateway.events import (
    CALL_ATTEMPTED,
    CALL_INTENT,
    CALL_OUTCOME,
    CALL_REFUSED,
    ENDED_CALLS,
    OPEN_CALLS,
    OWN,
    PROJECTIONS,
    CallAttempted,
    CallIntended,
    CallRefused,
    OpenCall,
)
from safeconduct.gateway.meter import REFUSALS_PER_MINUTE_MAX, RefusalMeter
from safeconduct.gateway.moves import End, Outcome, Release
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.effects import OUTBOX, TIMERS
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.runtime.abandoning import abandon_open_calls
from support.immediate import START, ImmediateWriter

CALL = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
LOG = Origin("safeconduct.example/demo/ag-2026-01")
INTENT = CallIntended(
    principal="ana",
    organization="northwind",
    grant="ana-triage",
    agreement="ag-2026-01",
    path="soc-triage",
    path_digest="11" * 32,
    purpose="incident-triage",
    model="small",
    model_version="smollm2-135m",
    dialect="openai.chat",
    upstream="local",
    region="eu-west",
    retention="none",
    determining=("grant-covers-call",),
    policy_digest="22" * 32,
    epoch=3,
    targets_in_scope=1,
    targets_out_of_scope=2,
    request_sha256="33" * 32,
    request_bytes=99,
    sent_sha256="44" * 32,
    stream=True,
    output_tokens_max=1024,
    deadline_at=Instant(START + seconds(120)),
    worker="w-1",
)
OUTCOME = Outcome(
    end=End.CUT,
    why="freeze",
    clause="freeze:F",
    attempt=2,
    status=200,
    release=Release.HOLD_WINDOW,
    released=b"data: x\n\n",
    released_sha256="55" * 32,
    kept=b"\xff",
    finish_reason=None,
    prompt_tokens=7,
    completion_tokens=None,
    unaccounted=1,
)


def writer():
    return ImmediateWriter(PROJECTIONS)


def intend(log):
    return log.run(lambda tx: tx.append(LOG, CALL_INTENT.draft(INTENT), entry_id=CALL))


def end(log, draft=None):
    draft = draft or outcome_draft(CALL, "ana", "w-1", OUTCOME)
    return log.run(lambda tx: tx.append(LOG, draft))


def test_the_bytes_of_an_intent():
    assert canonical(CALL_INTENT.draft(INTENT).body) == (
        b'{"agreement":"ag-2026-01","approval":"","data_classes":{},"deadline_at":1795248120000000,'
        b'"determining":["grant-covers-call"],"dialect":"openai.chat","epoch":3,"grant":"ana-triage","handled":{},'
        b'"hints":{},"model":"small",'
        b'"model_version":"smollm2-135m",'
        b'"organization":"northwind","output_tokens_max":1024,"path":"soc-triage","path_digest":"'
        + b"11" * 32
        + b'","policy_digest":"'
        + b"22" * 32
        + b'","principal":"ana","purpose":"incident-triage","region":"eu-west","request_bytes":99,"request_sha256":"'
        + b"33" * 32
        + b'","reserved":{},"restrictions":[],"retention":"none","sent_sha256":"'
        + b"44" * 32
        + b'","stream":true,"targets_in_scope":1,"targets_marked":0,"targets_mentioned":0,"targets_out_of_scope":2,'
        b'"traits":null,"upstream":"local","worker":"w-1"}'
    )


def test_the_bytes_of_an_outcome():
    draft = outcome_draft(CALL, "ana", "w-1", OUTCOME)
    assert canonical(draft.body) == (
        b'{"attempt":2,"call":"01ARZ3NDEKTSV4RRFFQ69G5FAV","clause":"freeze:F","completion_tokens":null,"end":"cut",'
        b'"finish_reason":null,"found":{},"notices":[],"prompt_tokens":7,"quoted":{},"release":"hold-window","released_bytes":9,"released_sha256":"'
        + b"55" * 32
        + b'","settled":{},"status":200,"tokens":{},"unaccounted":1,"usage":"","why":"freeze","worker":"w-1"}'
    )
    assert (draft.type, draft.retention.value, draft.subject) == ("gateway.call.outcome/1", "call", "ana")
    assert draft.sealed == {"released": "data: x\n\n", "kept": "\\xff"}


def test_a_call_is_open_between_intent_and_outcome():
    log = writer()
    intend(log)
    assert log.state.get(OPEN_CALLS, CALL) == OpenCall(
        call=CALL, origin=LOG, worker="w-1", model=INTENT.model_version, asked=(INTENT.upstream,)
    )
    outcome = end(log)
    assert log.state.get(OPEN_CALLS, CALL) is None
    assert log.state.get(ENDED_CALLS, CALL).outcome == outcome.id


def test_a_second_outcome_and_one_without_an_intent_are_fenced():
    log = writer()
    with pytest.raises(ConflictError) as caught:
        end(log)
    assert caught.value.code == "call-ended"
    intend(log)
    end(log)
    before = len(log.entries)
    with pytest.raises(ConflictError):
        end(log, abandoned_draft(CALL, "w-2"))
    assert len(log.entries) == before


def test_only_calls_of_other_workers_are_abandoned():
    log = writer()
    intend(log)
    assert log.run(lambda tx: abandon_open_calls(tx, "w-1")) == 0
    assert log.run(lambda tx: abandon_open_calls(tx, "w-2")) == 1
    event = CALL_OUTCOME.read(log.entries[-1])
    assert (event.end, event.why, event.released_sha256, event.worker) == (End.ABANDONED, "worker-gone", None, "w-2")
    assert log.run(lambda tx: abandon_open_calls(tx, "w-2")) == 0


def test_replayed_entries_rebuild_the_state():
    log, again = writer(), writer()
    intend(log)
    end(log)
    for entry in log.entries:
        PROJECTIONS[entry.type](again.state, entry)
    assert again.state.rows == log.state.rows


def test_refusals_beyond_the_rate_are_counted_and_told_later():
    meter = RefusalMeter()
    recorded = [meter.refused("ana", START) for _ in range(REFUSALS_PER_MINUTE_MAX + 2)]
    assert recorded == [0] * REFUSALS_PER_MINUTE_MAX + [None, None]
    assert meter.refused("bo", START) == 0
    later = Instant(START + seconds(60))
    assert meter.refused("ana", Instant(later - 1)) is None
    assert meter.refused("ana", later) == 3


def test_unidentified_callers_are_told_once_a_minute():
    meter = RefusalMeter()
    assert meter.unidentified(START).count == 1
    assert meter.unidentified(Instant(START + 1)) is None
    assert meter.unidentified(Instant(START + seconds(60) - 1)) is None
    told = meter.unidentified(Instant(START + seconds(60)))
    assert (told.count, told.since) == (3, START + 1)
    assert meter.drain(START) is None


ATTEMPT = CallAttempted(
    call=CALL,
    attempt=2,
    path_digest="11" * 32,
    upstream="other",
    region="eu-west",
    retention="none",
    why="upstream-unreachable",
    status=None,
    sent_sha256="44" * 32,
    worker="w-1",
)
REFUSED = CallRefused(
    principal="ana",
    organization="northwind",
    path="soc-triage",
    path_digest="11" * 32,
    purpose="incident-triage",
    model="small",
    step=6,
    code="frozen",
    clause="freeze:F",
    request_sha256="33" * 32,
    request_bytes=99,
    unrecorded=0,
)


def test_the_entries_of_a_call_order_no_effect_and_set_no_timer():
    # Nobody looks for either after a commit of these alone.
    log = ImmediateWriter(ALL)
    intend(log)
    for draft in (
        CALL_ATTEMPTED.draft(ATTEMPT),
        outcome_draft(CALL, "ana", "w-1", OUTCOME),
        CALL_REFUSED.draft(REFUSED),
    ):
        log.run(lambda tx, draft=draft: tx.append(LOG, draft))
    assert {one.type for one in log.entries} == OWN
    assert log.state.rows.keys() & {OUTBOX.name, TIMERS.name} == set()
    assert log.state.get(ENDED_CALLS, CALL) is not None
