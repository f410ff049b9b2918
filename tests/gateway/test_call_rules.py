"""Random lives of a call: likely and unlikely events, failures and duplicates, held to the same promises."""

import hashlib
import random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from safeconduct.gateway.call_states import State
from safeconduct.gateway.errors import WithheldError
from safeconduct.gateway.moves import (
    AnswerKept,
    AttemptCommitted,
    AttemptFailed,
    ClientWritten,
    Cut,
    CutWhy,
    IntentCommitted,
    OutcomeCommitted,
    OutcomeFailed,
    Release,
    SendBytes,
    Started,
    TurnDecided,
    TurnUndecided,
    UpstreamBytes,
    UpstreamEnd,
    UpstreamFailed,
    UpstreamHead,
)
from safeconduct.kernel.errors import UnavailableError
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
    Monitor,
    begin,
)

FULL = UnavailableError("disk full")
ALL = (*EVENTS, *TURNS, *HOLDS)
LIVES, LIFE, ODD = 1000, 24, 0.05
"""Seeds, events in each life, and how often one comes that nobody expects: what hypothesis draws is mostly odd."""

MORE = [
    {"words": words, "holds": holds, "tool": tool}
    for words in ((), ("aa",), ("a", "hi"))
    for holds in (False, True)
    for tool in ("", TOOL)
]
TAKES = (State.RELAYING, State.DECIDING, State.HOLDING, State.DRAINING)
BUSY = UpstreamHead(503, "application/json")
LIKELY = {
    State.NEW: (Started(),),
    State.RECORDING: (IntentCommitted(RECEIPT), IntentCommitted(RECEIPT), IntentCommitted(RECEIPT, ANSWER)),
    State.WITHDRAWN: (IntentCommitted(RECEIPT),),
    State.DISPATCHED: (UpstreamFailed(LOST), BUSY, STREAM_HEAD, STREAM_HEAD, JSON_HEAD, JSON_HEAD),
    State.RETRYING: (AttemptCommitted(), AttemptCommitted(), AttemptFailed()),
    State.COLLECTING: (UpstreamBytes(ANSWER), UpstreamBytes(CALLS), UpstreamEnd(), UpstreamEnd(), UpstreamEnd()),
    State.RELAYING: (
        UpstreamBytes(CHUNK),
        UpstreamBytes(CHUNK + LAST[:9]),
        UpstreamBytes(CALLING),
        UpstreamBytes(LAST),
        UpstreamBytes(DONE),
        UpstreamBytes(CHUNK + CALLING + DONE),
        ClientWritten(),
        UpstreamEnd(),
    ),
    State.DECIDING: (TurnDecided(), TurnDecided("a person is asked"), TurnUndecided(FULL), ClientWritten()),
    State.HOLDING: (
        AnswerKept(HELD),
        AnswerKept(WithheldError("approvals.answer")),
        AnswerKept(FULL),
        ClientWritten(),
    ),
    State.DRAINING: (ClientWritten(),),
    State.SETTLING: (OutcomeCommitted(OUTCOME_RECEIPT), OutcomeFailed(), OutcomeFailed(fenced=True)),
    State.CLOSED: ALL,
}


class CallRules(RuleBasedStateMachine):
    @initialize(
        stream=st.booleans(),
        release=st.sampled_from(Release),
        attempts=st.integers(1, 4),
        more=st.sampled_from(MORE),
    )
    def a_call(self, stream, release, attempts, more):
        self.call = begin(stream=stream, release=release, attempts=attempts, **more)
        self.monitor = Monitor(attempts)
        self.handed, self.taken = [], b""

    def feed(self, event):
        before = self.call.state
        commands = self.call.feed(event)
        self.handed += [command.data for command in commands if isinstance(command, SendBytes)]
        if isinstance(event, ClientWritten) and before in TAKES and self.handed:
            self.taken += self.handed.pop(0)
        self.monitor.watch(before, event, commands, self.call.state)

    @rule(number=st.integers(0, 11))
    def something_likely(self, number):
        likely = LIKELY[self.call.state]
        self.feed(likely[number % len(likely)])

    @rule(event=st.sampled_from(ALL))
    def anything(self, event):
        self.feed(event)

    @rule(why=st.sampled_from(CutWhy))
    def a_cut(self, why):
        self.feed(Cut(why, "clause"))

    @invariant()
    def an_outcome_says_what_was_released(self):
        for outcome in getattr(self, "monitor", Monitor(1)).outcomes[-1:]:
            assert outcome.released_sha256 == hashlib.sha256(outcome.released).hexdigest()
            assert outcome.released == self.taken[: len(outcome.released)]
            assert outcome.attempt == self.monitor.dispatched
            assert outcome.unaccounted <= self.monitor.dispatched

    def teardown(self):
        if not hasattr(self, "call"):
            return
        self.feed(Cut(CutWhy.SHUTDOWN))
        self.feed(IntentCommitted(RECEIPT))
        self.feed(OutcomeCommitted(OUTCOME_RECEIPT))
        assert self.call.state is State.CLOSED
        assert bool(self.monitor.outcomes) == bool(self.monitor.committed)


TestCallRules = CallRules.TestCase


def test_lives_that_get_far_keep_the_promises_too_and_reach_every_state():
    reached = set()
    for seed in range(LIVES):
        chance = random.Random(seed)  # noqa: S311 - which lives, and no secret
        life = CallRules()
        life.a_call(
            stream=chance.random() < 0.5,
            release=chance.choice([*Release]),
            attempts=chance.randint(1, 4),
            more=chance.choice(MORE),
        )
        for _ in range(LIFE):
            odd = chance.random() < ODD
            life.feed(chance.choice(ALL if odd else LIKELY[life.call.state]))
            life.an_outcome_says_what_was_released()
            reached.add(life.call.state)
        life.teardown()
    assert reached == {*State}
