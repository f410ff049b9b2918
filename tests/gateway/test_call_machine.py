"""Every event at every reachable point of a call, repeated and failing ones too."""

import copy
import hashlib
from collections import deque
from dataclasses import dataclass, replace

import pytest

from safeconduct.gateway import call as machine
from safeconduct.gateway import call_steps
from safeconduct.gateway.call import TABLE, Call
from safeconduct.gateway.call_states import State
from safeconduct.gateway.limits import OUTCOME_TRIES_MAX, PIECE_BYTES, REFUSED_BODY_BYTES_MAX
from safeconduct.gateway.moves import (
    AbortClient,
    AbortUpstream,
    AnswerKept,
    AppendIntent,
    AppendOutcome,
    AttemptCommitted,
    ClientWritten,
    Command,
    Cut,
    CutWhy,
    Dispatch,
    End,
    Event,
    HoldAnswer,
    IntentCommitted,
    Outcome,
    OutcomeCommitted,
    OutcomeFailed,
    Release,
    SendBytes,
    SendError,
    SendHead,
    SendReceipt,
    Started,
    UpstreamBytes,
    UpstreamEnd,
    UpstreamFailed,
    UpstreamHead,
)
from safeconduct.kernel.errors import UpstreamError
from support.call_watch import (
    ANSWER,
    CALLING,
    CALLS,
    CHUNK,
    DONE,
    EVENTS,
    HELD,
    HOLDS,
    JSON_HEAD,
    LAST,
    LOST,
    OUTCOME_RECEIPT,
    RECEIPT,
    STREAM_HEAD,
    TOOL,
    TURNS,
    BrokenPromiseError,
    Monitor,
    begin,
)


@dataclass
class Walk:
    """A call with its monitor, reached by a path of events."""

    call: Call
    monitor: Monitor
    path: tuple[Event, ...] = ()

    def then(self, event: Event) -> "Walk":
        monitor = replace(self.monitor, outcomes=self.monitor.outcomes[:], sent=self.monitor.sent[:])
        walk = Walk(twin(self.call), monitor, (*self.path, event))
        before = walk.call.state
        try:
            walk.monitor.watch(before, event, walk.call.feed(event), walk.call.state)
        except BrokenPromiseError as error:
            raise BrokenPromiseError(f"{error}, by {walk.path}") from error
        return walk

    def key(self) -> tuple[object, ...]:
        """What can matter for the future; longer queues and longer answers of the same kind can't."""
        call, answer, monitor = self.call, self.call._answer, self.monitor
        return (
            call.state,
            call._answering,
            call._verdict,
            call._attempt,
            call._sent,
            call._unaccounted,
            answer.status,
            min(len(answer._handed), 2),
            answer.done,
            bool(answer._reader and answer._reader._frames.rest),
            (bool(answer._received), answer._received == ANSWER, answer._received == CALLS),
            len(answer._releaser.held),
            answer._gate and (bool(answer._gate.held), monitor.turn_goes),
            call._tries,
            (monitor.put, monitor.fetched, bool(answer._aside)),
            monitor.committed,
            monitor.cut,
            monitor.dispatched,
            len(monitor.outcomes),
            tuple(dict.fromkeys(monitor.sent)),
        )


def twin(call: Call) -> Call:
    other = copy.copy(call)
    other._answer = apart(call._answer)
    other._answer._reader = copy.deepcopy(call._answer._reader, {id(call.terms.request): call.terms.request})
    other._answer._releaser = apart(call._answer._releaser)
    other._answer._noting = apart(call._answer._noting)
    if hasattr(other._answer._releaser, "_inspector"):
        other._answer._releaser._inspector = other._answer._noting
    other._answer._gate = call._answer._gate and apart(call._answer._gate)
    return other


def apart(thing):
    """Copies a thing and its containers."""
    other = copy.copy(thing)
    for name, value in vars(thing).items():
        if isinstance(value, deque | bytearray | list | dict | set):
            setattr(other, name, value.copy())
    return other


def sweep(first: Call, depth: int, events: tuple[Event, ...] = EVENTS) -> list[Walk]:
    """Feeds every event at every point that is reachable in `depth` events, each distinct point once."""
    seen, frontier, found = set(), [Walk(first, Monitor(first.terms.attempts))], []
    for _ in range(depth):
        following = []
        for walk in frontier:
            for event in events:
                reached = walk.then(event)
                if reached.key() not in seen:
                    seen.add(reached.key())
                    following.append(reached)
        found += following
        frontier = following
    return found


SHAPES = [
    {"stream": stream, "attempts": attempts, "release": release}
    for stream, attempts, release in (
        (True, 1, Release.PASS),
        (True, 2, Release.PASS),
        (True, 1, Release.HOLD_WINDOW),
        (True, 2, Release.HOLD_ALL),
        (False, 1, Release.PASS),
        (False, 3, Release.HOLD_ALL),
    )
]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_event_at_every_point_keeps_the_promises(shape):
    walks = sweep(begin(**shape, words=("aa",)), depth=8)
    missing = {State.DECIDING, State.HOLDING} | (set() if shape["stream"] else {State.RELAYING})
    missing |= set() if shape["attempts"] > 1 else {State.RETRYING}
    assert {walk.call.state for walk in walks} == set(State) - missing
    assert len(walks) > 300


@pytest.mark.parametrize("stream", [True, False])
def test_no_tool_call_goes_at_any_point_that_was_not_decided(stream):
    walks = sweep(begin(stream=stream, tool=TOOL), 9, TURNS)
    assert State.DECIDING in {walk.call.state for walk in walks}
    assert any(walk.monitor.turn_goes for walk in walks)
    for walk in walks:
        if walk.call.state is State.DECIDING:
            held = walk.then(Cut(CutWhy.FREEZE))
            assert held.monitor.outcomes[0].end is End.CUT, walk.path


@pytest.mark.parametrize("stream", [True, False])
def test_no_answer_that_waits_for_a_person_goes_at_any_point(stream):
    walks = sweep(begin(stream=stream, release=Release.HOLD_ALL, words=("a", "hi"), holds=True), 9, HOLDS)
    holding = [walk for walk in walks if walk.call.state is State.HOLDING]
    assert holding
    assert any(walk.monitor.fetched and "end" in walk.monitor.sent for walk in walks)
    for walk in holding:
        assert walk.then(Cut(CutWhy.FREEZE)).monitor.outcomes[0].end is End.CUT, walk.path
        told = walk.then(AnswerKept(HELD))
        while told.call.state is State.DRAINING:  # the stream says so, and its client takes that
            told = told.then(ClientWritten())
        assert told.monitor.outcomes[0].end is End.HELD, walk.path


@pytest.mark.parametrize(("stream", "words"), [(True, ("a",)), (False, ("hi",))])
def test_what_is_put_to_the_vote_is_the_whole_answer_and_nothing_of_it_is_sealed_twice(stream, words):
    call = begin(stream=stream, release=Release.HOLD_ALL, words=words, holds=True)
    said = [STREAM_HEAD, UpstreamBytes(CHUNK), UpstreamBytes(LAST + DONE)] if stream else [JSON_HEAD]
    said += [] if stream else [UpstreamBytes(ANSWER)]
    commands = play(call, Started(), IntentCommitted(RECEIPT), *said, UpstreamEnd())
    (put,) = [one for one in commands if isinstance(one, HoldAnswer)]
    assert (put.answer, put.received, put.clause) == (
        CHUNK + LAST + DONE if stream else ANSWER,
        b"",
        f"words:{words[0]}",
    )
    told = play(call, *[ClientWritten()] * 2 * stream, AnswerKept(HELD), *[ClientWritten()] * stream)
    ended = outcome_of(told)
    assert (ended.end, ended.why, ended.clause, ended.kept) == (End.HELD, "answer-held", "words:a", b"")
    assert CHUNK not in ended.released
    if stream:
        assert b'"code":"answer-held"' in ended.released
    else:
        assert [type(one) for one in told][:2] == [AbortUpstream, SendError]


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_is_fetched_goes_whole_and_no_model_is_asked(stream):
    answer = CHUNK + LAST + DONE if stream else ANSWER
    call = begin(stream=stream)
    commands = play(call, Started(), IntentCommitted(RECEIPT, answer, {"exploit": 1}), ClientWritten())
    assert Dispatch(1) not in commands
    assert b"".join(one.data for one in commands if isinstance(one, SendBytes)) == answer
    ended = outcome_of(commands)
    assert (ended.end, ended.attempt, ended.released, ended.found) == (End.COMPLETED, 0, answer, {"exploit": 1})
    late = play(begin(stream=stream), Started(), IntentCommitted(RECEIPT, answer), Cut(CutWhy.FREEZE))
    assert AbortUpstream() not in late
    assert outcome_of(late).end is End.CUT


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_with_tool_calls_to_decide_cannot_wait(stream):
    call = begin(stream=stream, release=Release.HOLD_ALL, words=("send_mail",), holds=True, tool=TOOL)
    said = [STREAM_HEAD, UpstreamBytes(CALLING), UpstreamBytes(DONE)] if stream else [JSON_HEAD, UpstreamBytes(CALLS)]
    commands = play(call, Started(), IntentCommitted(RECEIPT), *said, UpstreamEnd(), *[ClientWritten()] * 3)
    assert not any(isinstance(one, HoldAnswer) for one in commands)
    ended = outcome_of(commands)
    assert (ended.end, ended.why) == (End.WITHHELD, "released-withheld")
    assert ended.kept == (CALLING + DONE if stream else CALLS)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_point_can_still_be_closed_with_exactly_one_outcome(shape):
    for start in sweep(begin(**shape), depth=5):
        walk = start
        failing = [UpstreamFailed(LOST), AttemptCommitted()] * shape["attempts"]
        finish = (Started(), IntentCommitted(RECEIPT), *failing, *[ClientWritten()] * 9)
        for event in (*finish, OutcomeCommitted(OUTCOME_RECEIPT)):
            walk = walk.then(event)
        assert walk.call.state is State.CLOSED, walk.path
        if walk.monitor.committed:
            assert walk.monitor.outcomes, walk.path


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("dispatch-first", "dispatched without a committed entry"),
        ("attempt-unrecorded", "dispatched without a committed entry"),
        ("attempt-after-a-byte", "another target after"),
        ("no-outcome-on-cut", "closed without asking for an outcome"),
        ("release-after-cut", "after a cut"),
        ("two-outcomes", "a second outcome"),
    ],
)
def test_the_sweep_finds_a_broken_machine(broken, said, monkeypatch):
    def patch(state, event, step, *leads_to):
        row = dict(TABLE[state]) | {event: (step, frozenset(leads_to))}
        monkeypatch.setitem(machine.TABLE, state, row)

    if broken == "dispatch-first":
        patch(State.NEW, Started, lambda call, _: [*call.started(_), Dispatch(1)], State.RECORDING)
    elif broken == "attempt-unrecorded":
        patch(State.DISPATCHED, UpstreamFailed, lambda call, _: call._dispatch(), State.DISPATCHED, State.SETTLING)
    elif broken == "attempt-after-a-byte":
        patch(State.RELAYING, UpstreamFailed, lambda call, e: call.unanswered(e), State.RETRYING, State.SETTLING)
        monkeypatch.setattr(call_steps, "permits_another", lambda _status: True)
    elif broken == "no-outcome-on-cut":

        def forget(call, event):
            call.cut(event)
            call.state = State.CLOSED
            return []

        patch(State.DISPATCHED, Cut, forget, State.CLOSED)
    elif broken == "release-after-cut":
        patch(State.RELAYING, Cut, lambda call, e: [SendBytes(b"more"), *call.cut(e)], State.SETTLING)
    else:
        patch(State.SETTLING, Cut, lambda call, _: call._settle(), State.SETTLING)
    with pytest.raises(BrokenPromiseError, match=said):
        sweep(begin(stream=True, attempts=2), depth=8)


def test_a_step_that_leaves_its_row_is_a_bug(monkeypatch):
    row = dict(TABLE[State.NEW]) | {Started: (Call.started, frozenset((State.CLOSED,)))}
    monkeypatch.setitem(machine.TABLE, State.NEW, row)
    with pytest.raises(RuntimeError, match="led to"):
        begin(stream=True).feed(Started())


def play(call: Call, *events: Event) -> list[Command]:
    return [command for event in events for command in call.feed(event)]


def outcome_of(commands: list[Command]) -> Outcome:
    (found,) = [command.outcome for command in commands if isinstance(command, AppendOutcome)]
    return found


def test_a_json_answer_from_start_to_end():
    commands = play(
        begin(stream=False),
        Started(),
        IntentCommitted(RECEIPT),
        JSON_HEAD,
        UpstreamBytes(ANSWER[:20]),
        UpstreamBytes(ANSWER[20:]),
        UpstreamEnd(),
        ClientWritten(),
        OutcomeCommitted(OUTCOME_RECEIPT),
    )
    assert commands == [
        AppendIntent(),
        Dispatch(1),
        SendHead("application/json", len(ANSWER), RECEIPT),
        SendBytes(ANSWER, last=True),
        AppendOutcome(
            Outcome(
                end=End.COMPLETED,
                why="",
                clause="",
                attempt=1,
                status=200,
                release=Release.PASS,
                released=ANSWER,
                released_sha256=hashlib.sha256(ANSWER).hexdigest(),
                kept=b"",
                finish_reason="length",
                prompt_tokens=None,
                completion_tokens=3,
                unaccounted=1,
            )
        ),
    ]


def test_a_stream_ends_with_its_outcome_receipt():
    commands = play(
        begin(stream=True),
        Started(),
        IntentCommitted(RECEIPT),
        STREAM_HEAD,
        UpstreamBytes(CHUNK + LAST[:7]),
        ClientWritten(),
        UpstreamBytes(LAST[7:] + DONE),
        ClientWritten(),
        UpstreamEnd(),
        OutcomeCommitted(OUTCOME_RECEIPT),
    )
    assert commands[2:5] == [SendHead("text/event-stream", None, RECEIPT), SendBytes(CHUNK), SendBytes(LAST + DONE)]
    outcome = outcome_of(commands)
    assert (outcome.end, outcome.released, outcome.prompt_tokens) == (End.COMPLETED, CHUNK + LAST + DONE, 5)
    assert commands[-1] == SendReceipt(OUTCOME_RECEIPT)


def test_what_the_client_had_not_taken_is_not_counted_as_released():
    call = begin(stream=True)
    play(call, Started(), IntentCommitted(RECEIPT), STREAM_HEAD, UpstreamBytes(CHUNK), ClientWritten())
    commands = play(call, UpstreamBytes(CHUNK), Cut(CutWhy.FREEZE, "freeze:F"), ClientWritten())
    assert commands[1:3] == [AbortUpstream(), AbortClient()]
    outcome = outcome_of(commands)
    assert (outcome.end, outcome.why, outcome.clause) == (End.CUT, "freeze", "freeze:F")
    assert outcome.released == CHUNK


def test_a_client_that_leaves_after_the_whole_stream_got_it_all():
    call = begin(stream=True)
    play(call, Started(), IntentCommitted(RECEIPT), STREAM_HEAD, UpstreamBytes(CHUNK + DONE), ClientWritten())
    assert outcome_of(call.feed(Cut(CutWhy.CLIENT_GONE))).end is End.COMPLETED


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([UpstreamHead(200, "text/html")], "upstream-answer-invalid"),
        ([UpstreamHead(200, "application/json", "gzip")], "upstream-answer-invalid"),
        ([JSON_HEAD, UpstreamBytes(b"<html>"), UpstreamEnd()], "upstream-answer-invalid"),
        ([JSON_HEAD, UpstreamBytes(b'{"choices":[]'), UpstreamEnd()], "upstream-answer-invalid"),
        ([JSON_HEAD, UpstreamBytes(b'{"object":"x"}'), UpstreamEnd()], "upstream-answer-invalid"),
        ([JSON_HEAD, UpstreamBytes(b"\xff"), UpstreamEnd()], "upstream-answer-invalid"),
        ([JSON_HEAD, UpstreamBytes(b'{"error":{"message":"secret host"}}'), UpstreamEnd()], "upstream-failed"),
        ([JSON_HEAD, UpstreamFailed(UpstreamError("x", code="upstream-broke"))], "upstream-broke"),
        ([UpstreamEnd()], "upstream-answer-invalid"),
        ([UpstreamHead(503, "text/html"), UpstreamEnd()], "upstream-failed"),
        (
            [UpstreamHead(401, "application/json"), UpstreamBytes(b"key sk-1234"), UpstreamEnd()],
            "upstream-misconfigured",
        ),
        ([UpstreamHead(302, "text/html"), UpstreamEnd()], "upstream-failed"),
    ],
)
def test_an_upstream_that_fails_before_anything_went_out(events, why):
    commands = play(begin(stream=False), Started(), IntentCommitted(RECEIPT), *events)
    (told,) = [command for command in commands if isinstance(command, SendError)]
    outcome = outcome_of(commands)
    assert (outcome.end, outcome.why, told.error.code) == (End.UPSTREAM_FAILED, why, why)
    assert "secret" not in str(told.error)
    assert "sk-1234" not in str(told.error)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (429, b"", "upstream-busy"),
        (400, b'{"error":{"message":"maximum context length is 8"}}', "context-too-long"),
        (422, b"no", "upstream-refused-request"),
    ],
)
def test_a_refusal_by_the_upstream_keeps_its_body_sealed(status, body, code):
    commands = play(
        begin(stream=False),
        Started(),
        IntentCommitted(RECEIPT),
        UpstreamHead(status, "application/json"),
        UpstreamBytes(body),
        UpstreamEnd(),
    )
    outcome = outcome_of(commands)
    assert (outcome.end, outcome.why, outcome.status) == (End.REFUSED_BY_UPSTREAM, code, status)
    assert (outcome.kept, outcome.released) == (body, b"")


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (UpstreamBytes(b"data: {]\n\n"), "upstream-answer-invalid"),
        (UpstreamBytes(b'data: {"error":{"message":"x"}}\n\n'), "upstream-failed"),
        (UpstreamBytes(b'data: {"choices":[{"delta":{"tool_calls":[{}]}}]}\n\n'), "tool-call-not-offered"),
        (UpstreamEnd(), "upstream-cut-stream"),
        (UpstreamFailed(UpstreamError("x", code="upstream-broke")), "upstream-broke"),
    ],
)
def test_a_stream_that_breaks_is_told_in_the_stream(event, why):
    call = begin(stream=True)
    play(call, Started(), IntentCommitted(RECEIPT), STREAM_HEAD, UpstreamBytes(CHUNK), ClientWritten())
    aborted, told = call.feed(event)
    assert aborted == AbortUpstream()
    assert isinstance(told, SendBytes)
    assert told.data.startswith(b'data: {"error":{')
    assert why.encode() in told.data
    outcome = outcome_of(call.feed(ClientWritten()))
    assert (outcome.end, outcome.why, outcome.released) == (End.UPSTREAM_FAILED, why, CHUNK + told.data)
    assert call.feed(OutcomeCommitted(OUTCOME_RECEIPT)) == [SendReceipt(OUTCOME_RECEIPT)]


@pytest.mark.parametrize("extra", [0, 1])
def test_an_answer_at_its_limit_and_one_beyond(extra):
    padding = b" " * extra
    commands = play(
        begin(stream=False, most=len(ANSWER)),
        Started(),
        IntentCommitted(RECEIPT),
        JSON_HEAD,
        UpstreamBytes(ANSWER + padding),
        UpstreamEnd(),
        ClientWritten(),
    )
    assert outcome_of(commands).end is (End.UPSTREAM_FAILED if extra else End.COMPLETED)


@pytest.mark.parametrize("extra", [0, 1])
def test_a_stream_at_its_limit_and_one_beyond(extra):
    call = begin(stream=True, most=len(CHUNK))
    play(call, Started(), IntentCommitted(RECEIPT), STREAM_HEAD)
    call.feed(UpstreamBytes(CHUNK + b"\n" * extra))
    assert call.state is (State.DRAINING if extra else State.RELAYING)


@pytest.mark.parametrize(
    ("why", "code"),
    [
        (CutWhy.FREEZE, "frozen"),
        (CutWhy.REVOKED, "revoked"),
        (CutWhy.DEADLINE, "deadline-exceeded"),
        (CutWhy.SHUTDOWN, "shutting-down"),
        (CutWhy.CLIENT_GONE, None),
    ],
)
def test_a_cut_before_the_head_tells_why(why, code):
    call = begin(stream=True)
    play(call, Started(), IntentCommitted(RECEIPT))
    told = [command.error.code for command in call.feed(Cut(why)) if isinstance(command, SendError)]
    assert told == ([] if code is None else [code])


def test_a_cut_while_the_intent_is_asked_for_waits_for_the_answer():
    call = begin(stream=True)
    assert play(call, Started(), Cut(CutWhy.FREEZE)) == [AppendIntent()]
    commands = call.feed(IntentCommitted(RECEIPT))
    assert [type(command) for command in commands] == [SendError, AppendOutcome]
    assert outcome_of(commands).status is None


def test_an_outcome_is_offered_three_times_and_a_fenced_one_once():
    call = begin(stream=True)
    play(call, Started(), IntentCommitted(RECEIPT), UpstreamFailed(LOST))
    again = [len(call.feed(OutcomeFailed())) for _ in range(OUTCOME_TRIES_MAX)]
    assert again == [1, 1, 0]
    assert call.state is State.CLOSED
    other = begin(stream=True)
    play(other, Started(), IntentCommitted(RECEIPT), UpstreamFailed(LOST))
    assert other.feed(OutcomeFailed(fenced=True)) == []
    assert other.state is State.CLOSED


@pytest.mark.parametrize("beyond", [0, 1])
def test_so_much_of_a_refusal_by_the_upstream_is_kept(beyond):
    head, body = UpstreamHead(400, "application/json"), b"x" * (REFUSED_BODY_BYTES_MAX + beyond)
    events = Started(), IntentCommitted(RECEIPT), head, UpstreamBytes(body[:9]), UpstreamBytes(body[9:]), UpstreamEnd()
    outcome = outcome_of(play(begin(stream=False), *events))
    assert outcome.kept == b"x" * REFUSED_BODY_BYTES_MAX


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_large_answer_goes_in_pieces_and_those_that_went_are_known_at_a_cut(beyond):
    body = ANSWER + b" " * (2 * PIECE_BYTES - len(ANSWER) + beyond)
    call = begin(stream=False, most=1 << 20)
    commands = play(call, Started(), IntentCommitted(RECEIPT), JSON_HEAD, UpstreamBytes(body), UpstreamEnd())
    pieces = [command for command in commands if isinstance(command, SendBytes)]
    assert [len(piece.data) for piece in pieces] == [PIECE_BYTES, PIECE_BYTES, 1][: 2 + beyond]
    assert [piece.last for piece in pieces] == [*[False] * (1 + beyond), True]
    outcome = outcome_of(play(call, ClientWritten(), Cut(CutWhy.FREEZE)))
    assert (outcome.end, outcome.released) == (End.CUT, body[:PIECE_BYTES])
