"""Steps 8, 9 and 12 to 14 of one call as a state machine: events in, commands out, no I/O.

Promises, whatever order events come in, repeated or failing: nothing is dispatched before its intent, or its attempt,
is committed; no further target is asked once a byte of an answer went out; a call whose intent is committed asks for
exactly one outcome; nothing is released after a cut.
An event that the state's row does not name comes too late or twice, and changes nothing. What each step does is in
`call_steps` and, where it ends the call, in `call_ending`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from safeconduct.gateway.call_states import State
from safeconduct.gateway.call_steps import Steps
from safeconduct.gateway.moves import (
    AnswerKept,
    AttemptCommitted,
    AttemptFailed,
    ClientWritten,
    Command,
    Cut,
    Event,
    IntentCommitted,
    IntentFailed,
    OutcomeCommitted,
    OutcomeFailed,
    Started,
    TurnDecided,
    TurnUndecided,
    UpstreamBytes,
    UpstreamEnd,
    UpstreamFailed,
    UpstreamHead,
)


class Call(Steps):
    """One call. `feed` each event in the order it happened and carry out the commands in the order given."""

    def feed(self, event: Event) -> list[Command]:
        """Returns the commands that the event calls for.

        Raises:
            RuntimeError: the state went where its row does not lead: a bug, not an input.
        """
        cell = TABLE[self.state].get(type(event))
        if cell is None:
            return []
        step, leads_to = cell
        before = self.state
        commands = step(self, event)
        if self.state not in leads_to:
            raise RuntimeError(f"{before} and {type(event).__name__} led to {self.state}")
        return commands


Step = Callable[[Call, Any], list[Command]]
Row = Mapping[type[Event], tuple[Step, frozenset[State]]]


def _row(cells: Mapping[type[Event], tuple[Step, tuple[State, ...]]]) -> Row:
    return {event: (step, frozenset(leads_to)) for event, (step, leads_to) in cells.items()}


# Everything that decides where a call can go. docs/spec/call.md draws it; a test compares the two.
TABLE: Mapping[State, Row] = {
    State.NEW: _row(
        {
            Started: (Call.started, (State.RECORDING,)),
            Cut: (Call.stillborn, (State.CLOSED,)),
        }
    ),
    State.RECORDING: _row(
        {
            IntentCommitted: (Call.recorded, (State.DISPATCHED, State.DRAINING)),
            IntentFailed: (Call.unrecorded, (State.CLOSED,)),
            Cut: (Call.withdrawn, (State.WITHDRAWN,)),
        }
    ),
    State.WITHDRAWN: _row(
        {
            IntentCommitted: (Call.recorded_after_cut, (State.SETTLING,)),
            IntentFailed: (Call.unrecorded_after_cut, (State.CLOSED,)),
        }
    ),
    State.DISPATCHED: _row(
        {
            UpstreamHead: (Call.head, (State.COLLECTING, State.RELAYING, State.SETTLING)),
            UpstreamBytes: (Call.headless, (State.SETTLING,)),
            UpstreamEnd: (Call.headless, (State.SETTLING,)),
            UpstreamFailed: (Call.unanswered, (State.RETRYING, State.SETTLING)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.RETRYING: _row(
        {
            AttemptCommitted: (Call.attempted, (State.DISPATCHED,)),
            AttemptFailed: (Call.unattempted, (State.SETTLING,)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.COLLECTING: _row(
        {
            UpstreamBytes: (Call.collected, (State.COLLECTING, State.SETTLING)),
            UpstreamEnd: (
                Call.complete,
                (State.DECIDING, State.DRAINING, State.HOLDING, State.RETRYING, State.SETTLING),
            ),
            UpstreamFailed: (Call.unanswered, (State.RETRYING, State.SETTLING)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.RELAYING: _row(
        {
            UpstreamBytes: (Call.relayed, (State.RELAYING, State.DRAINING)),
            UpstreamEnd: (Call.ended, (State.DECIDING, State.DRAINING, State.HOLDING, State.SETTLING)),
            UpstreamFailed: (Call.broken, (State.DRAINING,)),
            ClientWritten: (Call.written, (State.RELAYING,)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.DECIDING: _row(
        {
            TurnDecided: (Call.decided, (State.DRAINING,)),
            TurnUndecided: (Call.undecided, (State.DRAINING, State.SETTLING)),
            ClientWritten: (Call.written, (State.DECIDING,)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.HOLDING: _row(
        {
            AnswerKept: (Call.kept, (State.DRAINING, State.SETTLING)),
            ClientWritten: (Call.written, (State.HOLDING,)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.DRAINING: _row(
        {
            ClientWritten: (Call.written, (State.DRAINING, State.SETTLING)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.SETTLING: _row(
        {
            OutcomeCommitted: (Call.settled, (State.CLOSED,)),
            OutcomeFailed: (Call.unsettled, (State.SETTLING, State.CLOSED)),
            Cut: (Call.cut_while_settling, (State.SETTLING,)),
        }
    ),
    State.CLOSED: {},
}
