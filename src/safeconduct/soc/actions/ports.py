"""What a place where responses take effect promises. Adapters of every kind implement this, and nothing more."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from safeconduct.kernel.ids import ActionId, IncidentId
from safeconduct.kernel.instants import Instant

BEFORE_BYTES_MAX = 2_048
"""Bytes of what a point notes of how it stood. It stands in the log in the clear, so it is words, never content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One action, as a point is told of it. `action` is the key: told twice, a point does it once."""

    action: ActionId
    kind: str
    target: str
    incident: IncidentId
    until: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a point stands towards a target. `held`: the effect is there, whoever brought it about.

    `note` is what undoing needs to know to lead back to exactly this, at most BEFORE_BYTES_MAX bytes as JSON.
    """

    held: bool
    note: Mapping[str, str] = field(default_factory=dict)


class Point(Protocol):
    """One place where one kind of response takes effect, such as one firewall or one directory.

    Methods block and are called from a thread each; every one ends within the adapter's own time limit. They raise
    `RefusedError` where the point said no and nothing was changed, and `UnavailableError` where it is not known whether
    anything was: then they are called again, and again after a restart, with the same order.
    """

    def look(self, order: Order, /) -> Standing:
        """Returns how the point stands now, asked anew. Changes nothing."""
        ...

    def apply(self, order: Order, before: Standing, /) -> None:
        """Brings the effect about. Applied twice, or after another brought it about, it is there once.

        Raises:
            RefusedError: the point does not serve this target, or stands otherwise than `before` by another's hand.
            UnavailableError: no answer that counts came in time; it may have taken effect.
        """
        ...

    def undo(self, order: Order, before: Standing, /) -> None:
        """Leads back to `before`: what was there before the action stays. Undone twice is undone.

        Raises:
            RefusedError: it can't be undone; a person must look.
            UnavailableError: as `apply`.
        """
        ...
