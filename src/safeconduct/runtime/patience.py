"""How long a model server may be silent."""

from dataclasses import dataclass

FIRST_BYTE_S = 120.0
"""Seconds until an upstream must begin its answer. One that isn't streamed begins when it is done: a local model on a
busy machine has been seen to take over a minute. The path's deadline cuts before, where it is shorter."""

IDLE_S = 30.0
"""Seconds between two reads of an answer that has begun. Models write several tokens a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an upstream may be silent, in seconds."""

    first_byte_s: float = FIRST_BYTE_S
    idle_s: float = IDLE_S

    @property
    def shortest_s(self) -> float:
        """How often the time is looked at."""
        return min(self.first_byte_s, self.idle_s)
