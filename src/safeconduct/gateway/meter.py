"""Refusals and the log: each leaves an entry, but nobody fills the log by being refused."""

from dataclasses import dataclass, field

from safeconduct.gateway.events import CallersUnidentified
from safeconduct.kernel.instants import MINUTE, Instant

REFUSALS_PER_MINUTE_MAX = 120
"""Entries a minute that one principal's refusals may cause; a client in a loop makes thousands."""


@dataclass(slots=True)
class _Count:
    since: Instant
    recorded: int = 0
    unrecorded: int = 0


@dataclass(slots=True)
class RefusalMeter:
    """Counts refusals, and says which of them are due an entry. The clock is the caller's."""

    _principals: dict[str, _Count] = field(default_factory=dict)
    _unidentified: int = 0
    _since: Instant | None = None
    _told_at: Instant | None = None
    _baited: dict[str, Instant] = field(default_factory=dict)

    def refused(self, principal: str, now: Instant) -> int | None:
        """Counts a refusal. Returns how many before it went unrecorded if this one is due an entry, else None."""
        count = self._principals.setdefault(principal, _Count(now))
        if now - count.since >= MINUTE:
            count.since, count.recorded = now, 0
        if count.recorded >= REFUSALS_PER_MINUTE_MAX:
            count.unrecorded += 1
            return None
        count.recorded += 1
        unrecorded, count.unrecorded = count.unrecorded, 0
        return unrecorded

    def unidentified(self, now: Instant) -> CallersUnidentified | None:
        """Counts a request without a credential that holds. Returns the event if one is due: one a minute."""
        self._unidentified += 1
        self._since = now if self._since is None else self._since
        if self._told_at is not None and now - self._told_at < MINUTE:
            return None
        return self.drain(now)

    def baited(self, honeytoken: str, now: Instant) -> bool:
        """Tells whether a use of a honeytoken is due an entry: the first is, and then one a minute."""
        told_at = self._baited.get(honeytoken)
        if told_at is not None and now - told_at < MINUTE:
            return False
        self._baited[honeytoken] = now
        return True

    def drain(self, now: Instant) -> CallersUnidentified | None:
        """Returns what was counted and not told yet, as at the end of a run."""
        if self._since is None:
            return None
        event = CallersUnidentified(count=self._unidentified, since=self._since)
        self._unidentified, self._since, self._told_at = 0, None, now
        return event
