"""Rule 3: times are the events' times, and lie as stated, also where clocks are known to be off."""

from dataclasses import dataclass

from safeconduct.kernel.decisions import Reason
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import parse_rfc3339
from safeconduct.soc.claims import TIME_POINTER, Claim
from safeconduct.soc.entities import HOST_PLACES
from safeconduct.soc.entity_forms import normal_host
from safeconduct.soc.grounding.model import Context, broken
from safeconduct.soc.inventory import Inventory
from safeconduct.soc.model import Event
from safeconduct.soc.predicates import Consequence, InOrder, Order, Tie
from safeconduct.soc.quotes import Scalar, quote_at, text_of

WITHIN_S_MAX = 30 * 86_400
"""Seconds that a `within` may span: beyond a month it says nothing."""


@dataclass(frozen=True, slots=True)
class Gap:
    """How far the second event lies after the first, in milliseconds: by the records, and by the clocks as declared."""

    recorded: int
    least: int
    most: int

    def lies(self, order: Order, seconds: int) -> bool:
        """Tells whether the order holds wherever within their declared bounds the clocks were."""
        match order:
            case Order.BEFORE:
                return self.least > 0
            case Order.AFTER:
                return self.most < 0
            case Order.WITHIN:
                return max(abs(self.least), abs(self.most)) <= seconds * 1000


def milliseconds(value: Scalar) -> int | None:
    """Returns a stated time in milliseconds since 1970: a whole number, or RFC 3339 with an offset; None for others."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    try:
        return parse_rfc3339(value) // 1000
    except InvalidInputError:
        return None


def gap_between(first: Event, second: Event, inventory: Inventory) -> Gap:
    """Returns how far apart two events lie. One host's clock is off by the same for both."""
    recorded = second.at // 1000 - first.at // 1000
    hosts = _recorder(first), _recorder(second)
    if hosts[0] == hosts[1]:
        return Gap(recorded, recorded, recorded)
    one, other = map(inventory.clock, hosts)
    true = recorded - other.ahead_ms + one.ahead_ms
    either_way = one.within_ms + other.within_ms
    return Gap(recorded, true - either_way, true + either_way)


def in_order(claim: Claim, context: Context) -> Reason | None:
    """Rule 3: times are the events' times, and lie as stated."""
    for piece in claim.evidence:
        if piece.pointer == TIME_POINTER and context.events[piece.event].at // 1000 != milliseconds(piece.quote):
            return broken(3, "time-differs", "the cited time is not the event's")
    if isinstance(claim.predicate, InOrder):
        return _ordered(claim.predicate, context)
    return _earlier(claim.predicate, context) if isinstance(claim.predicate, Consequence) else None


def _ordered(predicate: InOrder, context: Context) -> Reason | None:
    if (predicate.first.pointer, predicate.second.pointer) != (TIME_POINTER, TIME_POINTER):
        return broken(3, "no-time-cited", f"an order rests on {TIME_POINTER} of both events")
    if (predicate.order is Order.WITHIN) != (0 < predicate.seconds <= WITHIN_S_MAX) or predicate.seconds < 0:
        return broken(3, "seconds-out-of-range", f"`within` takes 1 to {WITHIN_S_MAX} seconds, nothing else does")
    first, second = context.events[predicate.first.event], context.events[predicate.second.event]
    return _as_stated(gap_between(first, second, context.inventory), predicate.order, predicate.seconds)


def _earlier(predicate: Consequence, context: Context) -> Reason | None:
    left, right = predicate.edge.left.event, predicate.edge.right.event
    timed = {piece.event for piece in predicate.edge.support if piece.pointer == TIME_POINTER}
    if not {left, right} <= timed:
        return broken(3, "no-time-cited", f"what follows from what rests on {TIME_POINTER} of both events")
    if predicate.edge.tie is Tie.PARENT:  # may start a child within the same millisecond; rule 4 has the rest
        return None
    gap = gap_between(context.events[left], context.events[right], context.inventory)
    return _as_stated(gap, Order.BEFORE, 0)


def _as_stated(gap: Gap, order: Order, seconds: int) -> Reason | None:
    if gap.lies(order, seconds):
        return None
    if Gap(gap.recorded, gap.recorded, gap.recorded).lies(order, seconds):
        return broken(3, "clocks-differ", "the records lie so, but not by the clocks as the inventory declares them")
    return broken(3, "wrong-order", "the events do not lie in time as stated")


def _recorder(event: Event) -> str:
    found = (quote_at(event, pointer) for pointer in HOST_PLACES)
    return next((normal_host(text_of(value)) for value in found if value is not None), "")
