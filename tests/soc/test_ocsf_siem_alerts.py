"""A SIEM's alert is a finding that names whom it concerns, whatever shape its platform gives it."""

import pytest

from safeconduct.kernel.instants import parse_rfc3339
from safeconduct.soc.entities import mentions
from safeconduct.soc.inventory import NOTHING
from safeconduct.soc.normalizing import Normalizer, Record
from safeconduct.soc.ocsf.mapping import to_ocsf
from support.ocsf import faults

AT = parse_rfc3339("2026-11-01T00:00:00Z")
MARKS = {"@siem": "x", "@alert": "a1", "@severity": "high", "@title": "Beacon", "@time": "2026-11-01T00:00:00Z"}
ELASTIC = {"host.name": "WS-7", "user.name": "ana", "destination.ip": "203.0.113.66", "source": {"ip": ["10.0.0.7"]}}
GRAPH = {
    "evidence": [
        {"@odata.type": "#microsoft.graph.security.deviceEvidence", "deviceDnsName": "ws-7.example"},
        {"@odata.type": "#microsoft.graph.security.ipEvidence", "ipAddress": "203.0.113.66"},
        {"userAccount": {"userPrincipalName": "ana@example.com"}},
        "what fits nothing",
    ]
}


@pytest.mark.parametrize("record", [ELASTIC, GRAPH, {}, {"evidence": 7, "host.name": 7}])
def test_it_is_a_finding_by_the_schema(record):
    document = to_ocsf("siem-alert", MARKS | record, AT, NOTHING)
    assert faults(document) == []
    assert (document["class_uid"], document["severity_id"]) == (2004, 4)
    assert document["finding_info"]["title"] == "Beacon"


@pytest.mark.parametrize(
    ("record", "values"),
    [
        (ELASTIC, {"ws-7", "203.0.113.66", "10.0.0.7"}),
        (GRAPH, {"ws-7.example", "203.0.113.66"}),
        ({}, set()),
    ],
)
def test_whom_it_concerns_can_join_it_to_what_else_happened(record, values):
    event = Normalizer().event(Record(source="siem-alert", line=1, at=AT, raw=MARKS | record))
    assert values <= {one.entity.value for one in mentions(event)}


def test_a_severity_nobody_knows_is_none():
    assert to_ocsf("siem-alert", MARKS | {"@severity": "odd"}, AT, NOTHING)["severity_id"] == 0
