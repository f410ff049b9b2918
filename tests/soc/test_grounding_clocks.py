"""Rule 3 where clocks are off: an order counts only where it holds by the clocks as the inventory declares them."""

import pytest

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import seconds
from safeconduct.soc.claims import TIME_POINTER, Author, AuthorKind, make_claim
from safeconduct.soc.grounding import Context, Shown, check
from safeconduct.soc.inventory import CLOCK_MS_MAX, Host, Inventory, parse_inventory
from safeconduct.soc.predicates import Evidence, InOrder, Order
from support.soc_world import START, TECHNIQUES, Fact, event_of, world_of

AUTHOR = Author(kind=AuthorKind.MODEL, name="m", version="1")


def fact(host, after):
    return Fact("login", START + seconds(after), host, "ana", "203.0.113.66", 1, 1, "", "accepted")


def code(order, clocks, *, hosts=("web-01", "db-02"), after=10.0, within=0):
    pair = [fact(hosts[0], 0), fact(hosts[1], after)]
    here = world_of({event_of(one).id: one for one in pair})
    first, second = (Evidence(event=event_of(one).id, pointer=TIME_POINTER, quote=one.at // 1000) for one in pair)
    inventory = Inventory(hosts=[Host(name, clock_ahead_ms=a, clock_within_ms=w) for name, (a, w) in clocks.items()])
    context = Context(
        incident=here.incident,
        events=here.events,
        shown=Shown.whole(here.events),
        techniques=TECHNIQUES,
        inventory=inventory,
    )
    said = InOrder(order=order, first=first, second=second, seconds=within)
    return check(make_claim(here.incident.id, AUTHOR, said), context).reason.code


def test_clocks_of_which_nothing_is_declared_are_right():
    assert code(Order.BEFORE, {}) == "grounded"
    assert code(Order.AFTER, {}) == "wrong-order"


@pytest.mark.parametrize(
    ("clocks", "outcome"),
    [
        ({"db-02": (9_999, 0)}, "grounded"),  # it came 1 ms later
        ({"db-02": (10_000, 0)}, "clocks-differ"),  # at the same millisecond
        ({"web-01": (-9_999, 0)}, "grounded"),
        ({"web-01": (-10_000, 0)}, "clocks-differ"),
        ({"web-01": (0, 5_000), "db-02": (0, 4_999)}, "grounded"),
        ({"web-01": (0, 5_000), "db-02": (0, 5_000)}, "clocks-differ"),
        ({"web-01": (60_000, 0), "db-02": (60_000, 0)}, "grounded"),
    ],
)
def test_an_order_holds_wherever_the_clocks_were(clocks, outcome):
    assert code(Order.BEFORE, clocks) == outcome


def test_a_clock_that_is_ahead_can_turn_an_order():
    assert code(Order.AFTER, {"db-02": (20_000, 0)}) == "grounded"
    assert code(Order.AFTER, {"db-02": (20_000, 10_000)}) == "wrong-order"


def test_a_span_holds_at_its_widest():
    assert code(Order.WITHIN, {"db-02": (0, 2_000)}, within=12) == "grounded"
    assert code(Order.WITHIN, {"db-02": (0, 2_001)}, within=12) == "clocks-differ"


def test_one_clock_is_off_by_the_same_for_both():
    assert code(Order.BEFORE, {"web-01": (60_000, 60_000)}, hosts=("web-01", "web-01")) == "grounded"


@pytest.mark.parametrize(("ahead", "within"), [(CLOCK_MS_MAX, 0), (-CLOCK_MS_MAX, 0), (0, CLOCK_MS_MAX)])
def test_a_clock_is_declared_within_a_day(ahead, within):
    hosts = [{"name": "web-01", "clock_ahead_ms": ahead, "clock_within_ms": within}]
    assert parse_inventory({"hosts": hosts}).clock("web-01").ahead_ms == ahead
    beyond = {"clock_ahead_ms": ahead + (ahead > 0) - (ahead < 0), "clock_within_ms": within + bool(within)}
    with pytest.raises(InvalidInputError, match="clock"):
        parse_inventory({"hosts": [{"name": "web-01", **beyond}]})


def test_a_clock_is_not_known_to_less_than_nothing():
    with pytest.raises(InvalidInputError, match="clock"):
        parse_inventory({"hosts": [{"name": "web-01", "clock_within_ms": -1}]})
