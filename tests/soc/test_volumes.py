"""Volume: what is too much for an hour of a context, against its own past; and what says so can be computed again."""

import math
import random
from statistics import median

import pytest

from safeconduct.kernel.instants import HOUR
from safeconduct.soc import volumes as volume
from safeconduct.soc.amounts import AMOUNTS
from safeconduct.soc.volumes import HOURS_KEPT, HOURS_MIN, MAD, NAMED_MAX, SPREADS, Much
from support.unusual import HOST, LIMIT, USUAL, ended, past, sent
from support.wilson import told

BYTES = tuple(one for one in AMOUNTS if one.name == "bytes-of-host")


def found(events, amounts=BYTES):
    much = Much(amounts)
    return [one for event in events for one in much.take(event)]


def test_more_than_the_limit_is_found_and_says_against_what():
    (one,) = found(ended([*past(), sent(99, HOURS_MIN, LIMIT + 2)]))
    assert (one.measured, one.counted, one.hours, one.context.found) == (LIMIT + 2, 1, HOURS_MIN, HOST)
    assert one.reason() == (
        "49,602,169 bytes in the hour from 1970-01-03T00:00:00.000000Z; half of the latest 48 hours before it that "
        "had any, of those since 1970-01-01T00:00:00.000000Z, had at most 12,000,000; too much is over 49,602,167, "
        "3.5 spreads above that"
    )


@pytest.mark.parametrize(
    "events",
    [
        ended([*past(), sent(99, HOURS_MIN, LIMIT - 1)]),  # not over it
        ended([*past(HOURS_MIN - 1), sent(99, HOURS_MIN, LIMIT * 9)]),  # too few hours before it
        [*past(), sent(99, HOURS_MIN, LIMIT * 9)],  # its hour is not over
        ended([*past(), sent(99, HOURS_MIN, LIMIT * 9, host="192.0.2.11")]),  # of another machine
        ended([*past(amount=1000), sent(99, HOURS_MIN, 9_999_999)]),  # below what is worth a word
    ],
)
def test_one_thing_less_and_nothing_is_too_much(events):
    assert found(events) == []


def test_the_parts_of_an_hour_add_up_and_those_with_the_most_are_named():
    parts = [sent(100 + number, HOURS_MIN, LIMIT // 10 + number, at=number) for number in range(NAMED_MAX + 5)]
    (one,) = found(ended([*past(), *parts]))
    assert (one.measured, one.counted) == (sum(part.ocsf["traffic"]["bytes_out"] for part in parts), NAMED_MAX + 5)
    assert one.events == tuple(part.id for part in reversed(parts[5:]))
    assert one.at == parts[-1].at


def test_an_attack_in_the_past_does_not_hide_the_next():
    wild = [sent(200 + number, HOURS_MIN + number, USUAL * 1000) for number in range(5)]
    again = sent(300, HOURS_MIN + 9, USUAL * 1000)
    assert len(found(ended([*past(), *wild, again]))) == 6


@pytest.mark.parametrize("before", [HOURS_KEPT - 1, HOURS_KEPT, HOURS_KEPT + 1])
def test_an_hour_is_held_against_so_many_before_it_and_no_more(before):
    (one,) = found(ended([*past(before), sent(10**5, before, LIMIT * 2)]))
    assert one.hours == min(before, HOURS_KEPT)


def test_what_comes_after_its_hour_is_counted_as_late_and_changes_nothing():
    much = Much(BYTES)
    for one in [*past(), sent(99, HOURS_MIN + 1, 1)]:
        much.take(one)
    assert much.take(sent(100, HOURS_MIN, LIMIT * 9)) == []
    assert much.late == 1
    assert much.take(sent(101, HOURS_MIN + 2, 1)) == []


def test_contexts_beyond_what_is_kept_are_counted(monkeypatch):
    monkeypatch.setattr(volume, "CONTEXTS_MAX", 2)
    much = Much(BYTES)
    for number in range(3):
        much.take(sent(number, 0, 5, host=f"192.0.2.{number}"))
    assert much.left_out == 1


def test_events_are_counted_where_no_bytes_are_told():
    few = [sent(number, number // 40, 1) for number in range(40 * HOURS_MIN)]
    many = [sent(10_000 + number, HOURS_MIN, 1) for number in range(400)]
    names = {one.amount.name for one in found(ended([*few, *many]), AMOUNTS)}
    assert names == {"events-of-host", "events-to-destination"}


def test_a_finding_can_be_computed_again():
    rng = random.Random(3)  # noqa: S311 - repeatable, not secret
    events = [sent(number, number, int(USUAL * math.exp(rng.gauss(0, 0.7)))) for number in range(100)]
    (one,) = found(ended([*events, sent(100, 100, USUAL * 500)]))
    logs = [math.log(event.ocsf["traffic"]["bytes_out"]) for event in events]
    middle = median(logs)
    spread = MAD * median(abs(log - middle) for log in logs)
    assert one.usual == pytest.approx(math.exp(middle))
    assert one.limit == pytest.approx(math.exp(middle + SPREADS * spread))


def ordinary(rng, machines, hours):
    """Machines that send each hour of the day its own share, more or less evenly (lognormal); made, not recorded."""
    for machine in range(machines):
        spread, rhythm = rng.uniform(0.3, 1.2), rng.uniform(0, 1.5)
        for hour in range(hours):
            middle = math.log(20_000_000) + rhythm * math.sin(hour % 24 / 24 * math.tau)
            amount = int(math.exp(middle + rng.gauss(0, spread)))
            yield sent(machine * hours + hour, hour, amount, host=f"192.0.2.{machine}")


def test_false_alarms_are_rare_and_what_is_sent_at_once_stands_out():
    # The figures of docs/detection-results.md.
    machines, hours = 40, 336
    rng = random.Random(7)  # noqa: S311 - repeatable, not secret
    events = sorted(ordinary(rng, machines, hours), key=lambda event: event.at)
    sudden = [
        sent(10**5 * (1 + row) + n, hours + row, times * 20_000_000, host=f"192.0.2.{n}")
        for row, times in enumerate((5, 10, 100))
        for n in range(machines)
    ]
    alarms = found(ended([*events, *sudden]))
    at = [sum(one.hour == (hours + row) * HOUR for one in alarms) for row in range(3)]
    armed = machines * (hours - HOURS_MIN)
    assert [told(len(alarms) - sum(at), armed), *(told(count, machines) for count in at)] == [
        "0.000 (0.000 to 0.001, n = 11520)",
        "0.025 (0.004 to 0.129, n = 40)",
        "0.175 (0.087 to 0.320, n = 40)",
        "0.825 (0.680 to 0.913, n = 40)",
    ]
