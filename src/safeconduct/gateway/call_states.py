"""Where a call stands. docs/spec/call.md section 4 draws how it moves."""

from enum import StrEnum


class State(StrEnum):
    """Where a call stands."""

    NEW = "new"
    RECORDING = "recording"  # the intent is asked for
    WITHDRAWN = "withdrawn"  # cut while the intent was asked for: it may yet be committed
    DISPATCHED = "dispatched"  # a target has the request; no head yet
    RETRYING = "retrying"  # a target gave no answer; the entry of an attempt at another is asked for
    COLLECTING = "collecting"  # a JSON answer comes in; nothing is released
    RELAYING = "relaying"  # a stream is released as it comes in, or held
    DECIDING = "deciding"  # the answer is whole, and its tool calls are held until they are decided
    HOLDING = "holding"  # the answer is whole, and is put to the vote: a person decides over it
    DRAINING = "draining"  # all is handed over; the client has not taken all of it
    SETTLING = "settling"  # the outcome is asked for
    CLOSED = "closed"


# Naming a member of an enumeration costs Python 3.11 a thousand instructions each time: those of every call are here.
NEW, RECORDING, DISPATCHED, COLLECTING = State.NEW, State.RECORDING, State.DISPATCHED, State.COLLECTING
RELAYING, DRAINING, SETTLING, CLOSED = State.RELAYING, State.DRAINING, State.SETTLING, State.CLOSED
