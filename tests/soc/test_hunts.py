"""What a hunt may say, and what it means: the reference runner against answers written by hand."""

import pytest

from safeconduct.adapters.memory.events import MemoryEventStore
from safeconduct.adapters.memory.hunts import ReadingHunts
from safeconduct.kernel.errors import InvalidInputError, LimitedError
from safeconduct.soc.hunts.model import (
    FIELD_CHARS_MAX,
    GROUP_MAX,
    LIMIT_MAX,
    VALUE_CHARS_MAX,
    WHERE_MAX,
    Budget,
    Order,
)
from safeconduct.soc.ports import Reading
from support.hunting import ARCHIVE, FINDS, hunt, where
from support.telemetry import later

NUMBERED = {n: event.id for n, event in enumerate(ARCHIVE, start=1)}
IN_ORDER = sorted(ARCHIVE, key=lambda event: (event.at, event.id))


@pytest.fixture(scope="module")
def runner():
    store = MemoryEventStore()
    store.add(ARCHIVE, file="f", reading=Reading(lines=len(ARCHIVE)))
    return ReadingHunts(store, clock=lambda: 0.0)


@pytest.mark.parametrize(("asked", "found"), FINDS, ids=lambda value: "" if isinstance(value, tuple) else str(value))
def test_a_hunt_finds_what_was_written_down(runner, asked, found):
    assert runner.run(asked, Budget()).events == tuple(NUMBERED[n] for n in found)


def test_an_answer_says_what_was_looked_at(runner):
    nothing = runner.run(hunt(where("command", "contains", "mimikatz"), last=later(5)), Budget())
    assert (nothing.counted, nothing.scanned, nothing.sources) == (0, 6, {"audit": 4, "flow": 2})


def test_a_limit_cuts_what_is_named_and_not_what_is_counted(runner):
    answer = runner.run(hunt(limit=2), Budget())
    assert (len(answer.events), answer.counted) == (2, 8)


def test_groups_count_and_cite_their_first_and_last_event(runner):
    answer = runner.run(hunt(group=("dst_ip", "dst_port"), sources=("flow",), order=Order.OLDEST), Budget())
    assert [(row.values, row.count) for row in answer.rows] == [
        (("203.0.113.9", "443"), 1),
        (("203.0.113.9", "22"), 1),
        (("2001:db8::1", "443"), 1),
        (("::ffff:203.0.113.9", "8443"), 1),
    ]
    by_source = runner.run(hunt(group=("src_ip",), order=Order.MOST, limit=1), Budget())
    (row,) = by_source.rows
    assert (row.values, row.count, row.first, row.last) == ((None,), 4, later(1), later(3))
    assert row.events == (IN_ORDER[0].id, IN_ORDER[3].id)
    rarest = runner.run(hunt(group=("src_ip",), order=Order.LEAST), Budget())
    assert [row.count for row in rarest.rows] == [1, 1, 2, 4]


def test_a_hunt_over_its_budget_answers_nothing(runner):
    assert runner.run(hunt(), Budget(scanned=8)).scanned == 8
    with pytest.raises(LimitedError) as caught:
        runner.run(hunt(), Budget(scanned=7))
    assert caught.value.code == "hunt-over-budget"
    ticking = iter(range(100))
    slow = ReadingHunts(runner.events, clock=lambda: next(ticking))
    with pytest.raises(LimitedError):
        slow.run(hunt(), Budget(seconds=5))


REFUSED = (
    lambda: where("nobody", "equals", "x"),
    lambda: where("raw/x", "equals", "x"),
    lambda: where("command", "equals", ""),
    lambda: where("command", "gt", "3"),
    lambda: where("/raw/n", "lt", "3"),
    lambda: where("dst_port", "contains", "44"),
    lambda: where("dst_port", "equals", "https"),
    lambda: where("dst_port", "equals", str(2**63)),
    lambda: where("command", "cidr", "192.0.2.0/24"),
    lambda: where("src_ip", "cidr", "192.0.2.1/24"),
    lambda: where("/raw/" + "x" * (FIELD_CHARS_MAX - 4), "exists"),
    lambda: where("command", "contains", "x" * (VALUE_CHARS_MAX + 1)),
    lambda: hunt(*[where("command", "exists")] * (WHERE_MAX + 1)),
    lambda: hunt(group=("host", "user", "process", "command", "query")),
    lambda: hunt(group=("host", "host")),
    lambda: hunt(group=("/raw/n",)),
    lambda: hunt(order=Order.MOST),
    lambda: hunt(limit=0),
    lambda: hunt(limit=LIMIT_MAX + 1),
    lambda: hunt(first=later(2), last=later(1)),
)


@pytest.mark.parametrize("made", REFUSED)
def test_what_is_no_hunt_is_refused_by_name(made):
    with pytest.raises(InvalidInputError) as caught:
        made()
    assert caught.value.code == "hunt-invalid"


def test_the_limits_themselves_are_allowed():
    hunt(*[where("command", "exists")] * WHERE_MAX, group=("host", "user", "process", "query"), limit=LIMIT_MAX)
    assert len(hunt(group=("host", "user", "process", "query")).group) == GROUP_MAX
    where("/raw/" + "x" * (FIELD_CHARS_MAX - 5), "exists")
    where("command", "contains", "x" * VALUE_CHARS_MAX)
    where("dst_port", "equals", str(2**63 - 1))
    hunt(first=later(1), last=later(1))
