"""The governed call: every step up to the decision as one pure function, everything after it as a state machine.

No I/O, no clock, no randomness: docs/spec/call.md numbers the steps, and the code carries the same numbers.
"""
