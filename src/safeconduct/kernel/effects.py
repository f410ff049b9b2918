"""Work that follows a commit: effects to carry out and timers to fire. Both are control state, so entries rebuild them.

R2: an effect outside happens after the commit, is keyed by its entry's id, is idempotent, and ends in a second
entry whose projection removes it here. Whatever stands here at start is unfinished.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from safeconduct.kernel.entries import Entry
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One piece of work outside. `kind` picks who does it; `key` is the id of the entry that ordered it."""

    kind: str
    key: str
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Something due at an instant. Fires once at or after it, also when nothing ran at that instant."""

    kind: str
    key: str
    due_at: Instant


OUTBOX = Collection("outbox", Effect)
TIMERS = Collection("timers", Timer)


def order_effect(state: State, entry: Entry, kind: str, body: Mapping[str, Any] | None = None) -> None:
    """Orders an effect on behalf of an entry."""
    state.insert(OUTBOX, f"{entry.id}/{kind}", Effect(kind=kind, key=entry.id, body=body or {}))


def finish_effect(state: State, entry_id: str, kind: str) -> None:
    """Removes an effect that ended."""
    state.delete(OUTBOX, f"{entry_id}/{kind}")


def set_timer(state: State, timer: Timer) -> None:
    """Sets a timer; the same timer set twice is one."""
    state.put(TIMERS, _timer_key(timer), timer)


def clear_timer(state: State, timer: Timer) -> None:
    """Removes a timer, fired or not."""
    state.delete(TIMERS, _timer_key(timer))


def _timer_key(timer: Timer) -> str:
    return f"{timer.due_at:020d}/{timer.kind}/{timer.key}"
