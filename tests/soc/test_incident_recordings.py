"""Incidents of a recorded campaign by public rules: the attack is one of them, and what is beside it is counted."""

import io
import os
import tarfile
import zipfile

import pytest

from safeconduct.soc.correlation import correlate, recompute
from safeconduct.soc.detecting import detect
from safeconduct.soc.inventory import NOTHING
from support.corpora import corpora
from support.incident_corpora import public_rules
from support.telemetry import taken

ROOT = "LSASS_campaign_05/metasploit_sharpdump_lsass_memory_dump"
TOLD = {"T1204.002", "T1082", "T1033", "T1012", "T1105", "T1003.001", "T1041"}  # by the recording's metadata


@pytest.mark.skipif(not os.environ.get("SAFECONDUCT_LONG"), reason="60,000 events and 2,286 rules: SAFECONDUCT_LONG=1")
def test_the_campaign_is_one_incident_and_what_is_beside_it_is_one_rule():
    folder = corpora()
    with tarfile.open(folder / "otrf" / "lsass-campaign-05.tar.xz") as archive:
        packed = zipfile.ZipFile(io.BytesIO(archive.extractfile(f"{ROOT}.zip").read()))
    events = {one.id: one for one in taken(packed.read(packed.namelist()[0]), NOTHING)[0]}
    alerts = detect(events.values(), public_rules(folder))
    gravest, *others = correlate(alerts, events, NOTHING)
    assert (len(events), len(alerts), len(gravest.alerts), len(others)) == (59_707, 91, 24, 38)
    assert TOLD & {name for alert in gravest.alerts for name in alert.techniques} == {"T1003.001", "T1033"}
    rest = {alert.title for incident in others for alert in incident.alerts}
    assert rest == {"Sysmon Blocked File Shredding", "Important Windows Eventlog Cleared"}
    assert all(recompute(edge, *(events[key] for key in edge.events), NOTHING) for edge in gravest.edges)
