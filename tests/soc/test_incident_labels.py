"""Incidents against the ones that Microsoft's correlation made of the same alerts (SecRL): who is put with whom."""

from dataclasses import replace

import msgspec
import pytest

from safeconduct.kernel.instants import Instant
from safeconduct.soc.correlation import correlate, recompute
from safeconduct.soc.inventory import NOTHING
from support.corpora import corpora
from support.grouping import fit
from support.secrl import Labeled, labeled

DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def alerts():
    return labeled(corpora())


def joined(alerts):
    return correlate(alerts.alerts, alerts.events, NOTHING)


def groups(incidents):
    return [[alert.id for alert in incident.alerts] for incident in incidents]


def overlaid(alerts):
    """All incidents begin at one instant, so that time tells them apart no more: entities alone do."""
    starts = {}
    for alert in alerts.alerts:
        key = alerts.incident[alert.id]
        starts[key] = min(starts.get(key, alert.at), alert.at)
    moved = {alert.events[0]: Instant(alert.at - starts[alerts.incident[alert.id]] + DAY_US) for alert in alerts.alerts}
    return Labeled(
        alerts=tuple(replace(alert, at=moved[alert.events[0]]) for alert in alerts.alerts),
        events={key: msgspec.structs.replace(event, at=moved[key]) for key, event in alerts.events.items()},
        incident=alerts.incident,
    )


def test_who_is_put_together_belongs_together(alerts):
    # The figures of docs/detection-results.md.
    found = fit(groups(joined(alerts)), alerts.incident)
    assert len(alerts.alerts) == 189
    assert found.told() == ("precision 1.000 (0.999 to 1.000, n = 2988), recall 0.732 (0.718 to 0.745, n = 4082)")


def test_incidents_at_the_same_time_are_told_apart_by_their_entities(alerts):
    together = overlaid(alerts)
    found = fit(groups(joined(together)), together.incident)
    by_hour = {}
    for alert in together.alerts:
        by_hour.setdefault(alert.at // 3_600_000_000, []).append(alert.id)
    hour = fit(by_hour.values(), together.incident)
    assert found.told() == ("precision 0.530 (0.517 to 0.542, n = 5759), recall 0.747 (0.734 to 0.760, n = 4082)")
    assert hour.told() == "precision 0.324 (0.316 to 0.333, n = 11723), recall 0.932 (0.923 to 0.939, n = 4082)"
    mixed = [{together.incident[key] for key in group} for group in groups(joined(together))]
    assert [sorted(one) for one in mixed if len(one) > 1] == [["39", "5"]]  # two that share accounts and an address


def test_every_edge_between_findings_of_others_can_be_recomputed(alerts):
    for incident in joined(alerts):
        for edge in incident.edges:
            assert recompute(edge, *(alerts.events[key] for key in edge.events), NOTHING)
