"""Random lives of a call: likely and unlikely events, failures and duplicates, held to the same promises."""

import hashlib

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from safeconduct.gateway.call_states import State
from safeconduct.gateway.moves import (
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
    UpstreamBytes,
    UpstreamEnd,
    UpstreamFailed,
    UpstreamHead,
)
from support.call_watch import (
    ANSWER,
    CHUNK,
    DONE,
    EVENTS,
    JSON_HEAD,
    LAST,
    LOST,
    OUTCOME_RECEIPT,
    RECEIPT,
    STREAM_HEAD,
    Monitor,
    begin,
)

BUSY = UpstreamHead(503, "application/json")
LIKELY = {
    State.NEW: (Started(),),
    State.RECORDING: (IntentCommitted(RECEIPT),),
    State.WITHDRAWN: (IntentCommitted(RECEIPT),),
    State.DISPATCHED: (UpstreamFailed(LOST), BUSY, STREAM_HEAD, JSON_HEAD),
    State.RETRYING: (AttemptCommitted(), AttemptCommitted(), AttemptFailed()),
    State.COLLECTING: (UpstreamBytes(ANSWER), UpstreamEnd()),
    State.RELAYING: (
        UpstreamBytes(CHUNK),
        UpstreamBytes(CHUNK + LAST[:9]),
        UpstreamBytes(LAST),
        UpstreamBytes(DONE),
        ClientWritten(),
        UpstreamEnd(),
    ),
    State.DRAINING: (ClientWritten(),),
    State.SETTLING: (OutcomeCommitted(OUTCOME_RECEIPT), OutcomeFailed(), OutcomeFailed(fenced=True)),
    State.CLOSED: EVENTS,
}


class CallRules(RuleBasedStateMachine):
    @initialize(stream=st.booleans(), release=st.sampled_from(Release), attempts=st.integers(1, 4), word=st.booleans())
    def a_call(self, stream, release, attempts, word):
        self.call = begin(stream=stream, release=release, attempts=attempts, words=("aa",) if word else ())
        self.monitor = Monitor(attempts)
        self.handed, self.taken = [], b""

    def feed(self, event):
        before = self.call.state
        commands = self.call.feed(event)
        self.handed += [command.data for command in commands if isinstance(command, SendBytes)]
        if isinstance(event, ClientWritten) and before in (State.RELAYING, State.DRAINING) and self.handed:
            self.taken += self.handed.pop(0)
        self.monitor.watch(before, event, commands, self.call.state)

    @rule(number=st.integers(0, 11))
    def something_likely(self, number):
        likely = LIKELY[self.call.state]
        self.feed(likely[number % len(likely)])

    @rule(event=st.sampled_from(EVENTS))
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
