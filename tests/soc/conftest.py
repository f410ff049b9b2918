"""The recording's incident, found once for the tests that look at it."""

import pytest

from safeconduct.soc.correlation import correlate
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.shipped import shipped_rules
from support.telemetry import recording


@pytest.fixture(scope="session")
def recorded():
    """Events by id, the inventory, alerts and incidents of the shipped recording."""
    found, inventory = recording()
    by_id = {event.id: event for event in found}
    alerts = detect(found, shipped_rules())
    return by_id, inventory, alerts, correlate(alerts, by_id, inventory)


@pytest.fixture(scope="session")
def recorded_incident(recorded):
    """The one incident of the recording."""
    (incident,) = recorded[3]
    return incident
