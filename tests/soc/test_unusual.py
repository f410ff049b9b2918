"""Anomalies as alerts: what they say, that none opens an incident alone, and how they are held back and read again."""

from dataclasses import replace

import pytest

from safeconduct.kernel.instants import HOUR, Instant
from safeconduct.soc.anomalies import SEEN_MIN
from safeconduct.soc.correlation import LEVEL_SCORES, SCORE_MIN, correlate
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.inventory import NOTHING
from safeconduct.soc.live.running import Live
from safeconduct.soc.tuning import TunedOut, held_back
from safeconduct.soc.unusual import LEVEL, TITLES, Unusual, matches_of, said
from safeconduct.soc.volumes import HOURS_MIN
from support.unusual import LIMIT, ended, past, sent, started, usual

EVIL = started(SEEN_MIN, r"C:\Users\ana\evil.exe")
RARE = [*usual(SEEN_MIN), EVIL]
MUCH = ended([*past(), *(sent(500 + number, HOURS_MIN, LIMIT, at=number) for number in range(30))])


def alerts(events):
    return Unusual().alerts(events)


def held(alert, place, events):
    one = TunedOut(
        id="t", rule=alert.rule, event=alert.events[0], places=(place,), first=Instant(0),
        until=Instant(10**9 * HOUR), by="ana", reason="the backup job",
    )  # fmt: skip
    told, _ = held_back([alert], [one], {event.id: event for event in events})
    return not told


def test_an_alert_says_why_over_how_many_and_of_whom():
    (one,) = alerts(RARE)
    why, whose = one.matches
    assert (one.rule, one.level, one.events, one.total) == ("anomaly:program-of-parent", "low", (EVIL.id,), 1)
    assert why.value.startswith("0 of 100 earlier events in 1.0 h")
    assert (why.pointer, why.found) == ("/ocsf/process/file/path", r"C:\Users\ana\evil.exe")
    assert (whose.operator, whose.value, whose.pointer) == (
        "of", "program-of-parent", "/ocsf/process/parent_process/file/path",
    )  # fmt: skip


def test_volume_is_an_alert_once_its_hour_is_over():
    found = {one.rule: one for one in alerts(MUCH)}
    assert found.keys() == {"anomaly:bytes-of-host", "anomaly:bytes-to-destination"}
    one = found["anomaly:bytes-of-host"]
    assert (one.total, len(one.events)) == (30, 20)
    assert "bytes in the hour from" in one.matches[0].value
    assert "anomaly:bytes-of-host" not in {one.rule for one in alerts(MUCH[:-1])}


def test_none_opens_an_incident_alone_and_the_sum_of_all_needs_six():
    assert LEVEL_SCORES[LEVEL] * 5 < SCORE_MIN <= LEVEL_SCORES[LEVEL] * 6
    by_id = {event.id: event for event in (*RARE, *MUCH)}
    assert correlate(alerts(RARE), by_id, NOTHING) == correlate(alerts(MUCH), by_id, NOTHING) == ()


def test_an_entry_has_why_and_no_value_and_the_event_has_the_value():
    (one,) = alerts(RARE)
    told = said(one)
    assert "evil" not in str(told)
    assert matches_of(told, {EVIL.id: EVIL}) == one.matches
    assert said(replace(one, rule="a-rule")) == ()


@pytest.mark.parametrize(("place", "holds"), [("/ocsf/src_endpoint/ip", True), ("/ocsf/traffic/bytes_out", False)])
def test_volume_is_held_back_by_what_all_that_it_counted_share(place, holds):
    one = next(one for one in alerts(MUCH) if one.rule == "anomaly:bytes-of-host")
    assert held(one, place, MUCH) is holds


def test_a_rare_value_is_held_back_as_any_alert():
    (one,) = alerts(RARE)
    assert held(one, "/ocsf/process/file/path", RARE)


def test_pieces_in_order_of_time_give_what_one_pass_gives():
    events = sorted([*RARE, *MUCH], key=lambda event: (event.at, event.id))
    by_id = {event.id: event for event in events}
    live = Live(RuleSet(), NOTHING, lambda keys: {key: by_id[key] for key in keys}, anomalies=True)
    for start in range(0, len(events), 7):
        live.take(events[start : start + 7])
    whole = sorted(alerts(events), key=lambda alert: (alert.at, alert.rule, alert.id))
    assert list(live.alerts) == whole
    assert len(whole) > len(alerts(RARE))
    assert detect(events, RuleSet()) == ()


def test_each_has_a_title_and_a_name_of_its_own():
    assert len(TITLES) == len(set(TITLES.values())) == 14
