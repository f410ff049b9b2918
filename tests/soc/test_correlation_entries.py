"""Telemetry and incidents in the log: what stands there, what does not, and that entries make the state."""

import json
from dataclasses import replace

import pytest
from msgspec import structs

from safeconduct.adapters.memory.records import MemoryState
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.errors import AbsentError, RefusedError, UnauthenticatedError, UnavailableError
from safeconduct.kernel.ids import EventId, IncidentId, Origin
from safeconduct.soc import ingesting, telemetry_service
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.detection.shipped import shipped_rules
from safeconduct.soc.incidents import events as incidents
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.incidents.opening import PART_BYTES_MAX, open_incidents, record_incident
from safeconduct.soc.incidents.reading import incident_record
from safeconduct.soc.incidents.whole import whole
from safeconduct.soc.ingesting import FileReport, record_ingestion
from safeconduct.soc.owners import origin_of
from support.immediate import ImmediateWriter
from support.programs import in_force, signed

LOG = Origin("safeconduct.example/demo/ag-2026-01")
PROJECTIONS = {**incidents.PROJECTIONS, **ingesting.PROJECTIONS}
OPERATION = "POST /api/v1/telemetry"
BODY = b"body"
REPORT = FileReport(
    name="auth.log", digest="d" * 64, size=9, form="syslog", lines=3, events={"auth": 2}, new=2, dead={"line-cut": 1}
)
LEAF_BYTES_MAX = 65_535


@pytest.fixture
def writer():
    return ImmediateWriter(PROJECTIONS)


@pytest.fixture
def governed():
    made = in_force()
    made.projections = {**made.projections, **PROJECTIONS}
    return made


def replayed(writer):
    state = MemoryState()
    for entry in writer.entries:
        writer.projections[entry.type](state, entry)
    return state


def test_a_file_is_recorded_once_with_its_name_sealed(writer):
    assert writer.run(lambda tx: record_ingestion(tx, LOG, REPORT))
    assert not writer.run(lambda tx: record_ingestion(tx, LOG, replace(REPORT, name="copy")))
    (entry,) = writer.entries
    assert entry.type == "soc.telemetry.ingested/1"
    assert "auth.log" not in json.dumps(dict(entry.body))
    assert writer.drafts[entry.id].sealed == {"name": "auth.log"}
    assert (entry.body["lines"], entry.body["events"], entry.body["dead"]) == (3, {"auth": 2}, {"line-cut": 1})


def test_an_incident_is_opened_once_and_names_no_value(writer, recorded_incident):
    assert writer.run(lambda tx: record_incident(tx, LOG, recorded_incident))
    assert not writer.run(lambda tx: record_incident(tx, LOG, recorded_incident))
    told = json.dumps([dict(entry.body) for entry in writer.entries])
    for value in ("203.0.113.66", "dana", "web-01", "updates.example.net", ".upd.sh"):
        assert value not in told
    assert {entry.type for entry in writer.entries} == {"soc.incident.opened/1"}


def test_an_incident_comes_back_whole_from_record_events_and_rules(writer, recorded, recorded_incident):
    by_id, *_ = recorded
    writer.run(lambda tx: record_incident(tx, LOG, recorded_incident))
    record = writer.state.get(INCIDENTS, recorded_incident.id)
    again = whole(record, by_id, shipped_rules())
    assert replace(again, alerts=()) == replace(recorded_incident, alerts=())
    for made, first in zip(again.alerts, recorded_incident.alerts, strict=True):
        assert replace(made, matches=()) == replace(first, matches=())
        assert set(made.matches) == set(first.matches)


def test_entries_rebuild_the_state(writer, recorded_incident):
    writer.run(lambda tx: record_ingestion(tx, LOG, REPORT))
    writer.run(lambda tx: record_incident(tx, LOG, recorded_incident))
    assert replayed(writer).rows == writer.state.rows


def test_a_large_incident_takes_several_entries_each_within_a_leaf(writer, recorded_incident):
    copies = [
        replace(alert, id=f"{number:02x}{alert.id[2:]}") for number in range(30) for alert in recorded_incident.alerts
    ]
    large = replace(recorded_incident, alerts=tuple(copies))
    writer.run(lambda tx: record_incident(tx, LOG, large))
    assert len(writer.entries) > 2
    for entry in writer.entries:
        assert len(canonical(entry.body)) < PART_BYTES_MAX + 2048 < LEAF_BYTES_MAX
    record = writer.state.get(INCIDENTS, large.id)
    assert (record.parts, record.expected) == (len(writer.entries), len(writer.entries))
    assert [alert.id for alert in record.alerts] == [alert.id for alert in copies]
    assert replayed(writer).rows == writer.state.rows


def test_a_missing_event_is_told(writer, recorded, recorded_incident):
    by_id, *_ = recorded
    writer.run(lambda tx: record_incident(tx, LOG, recorded_incident))
    record = writer.state.get(INCIDENTS, recorded_incident.id)
    few = {key: event for key, event in by_id.items() if key != recorded_incident.events[0]}
    with pytest.raises(UnavailableError) as caught:
        whole(record, few, shipped_rules())
    assert caught.value.code == "event-missing"


def test_a_rule_that_is_gone_or_changed_gives_no_matches(writer, recorded, recorded_incident):
    by_id, *_ = recorded
    writer.run(lambda tx: record_incident(tx, LOG, recorded_incident))
    record = writer.state.get(INCIDENTS, recorded_incident.id)
    assert all(alert.matches for alert in whole(record, by_id, shipped_rules()).alerts)
    assert not any(alert.matches for alert in whole(record, by_id, RuleSet()).alerts)
    changed = replace(record, alerts=tuple(replace(alert, rule_digest="0" * 64) for alert in record.alerts))
    assert not any(alert.matches for alert in whole(changed, by_id, shipped_rules()).alerts)


def test_an_edge_whose_event_was_changed_is_not_shown(writer, recorded, recorded_incident):
    by_id, *_ = recorded
    writer.run(lambda tx: record_incident(tx, LOG, recorded_incident))
    record = writer.state.get(INCIDENTS, recorded_incident.id)
    edge = recorded_incident.edges[0]
    touched = by_id[edge.events[0]]
    forged = structs.replace(
        touched, ocsf=json.loads(json.dumps(touched.ocsf).replace(edge.entity.value.partition("@")[0], "x"))
    )
    shown = whole(record, {**by_id, touched.id: forged}, shipped_rules())
    assert edge not in shown.edges
    assert len(shown.edges) < len(recorded_incident.edges)


def test_an_incident_that_grew_continues_the_earlier_one(writer, recorded_incident):
    early = replace(recorded_incident, id=IncidentId("e" * 32), alerts=recorded_incident.alerts[:5], edges=())
    other = replace(early, id=IncidentId("f" * 32), events=(EventId("0" * 32),), alerts=())
    for incident in (early, other, recorded_incident):
        writer.run(lambda tx, incident=incident: record_incident(tx, LOG, incident))
    records = {record.id: record for _, record in writer.state.scan(INCIDENTS)}
    assert records[early.id].continued_by == recorded_incident.id
    assert records[other.id].continued_by == ""
    assert records[recorded_incident.id].continued_by == ""
    assert replayed(writer).rows == writer.state.rows


def test_the_act_that_led_to_it_stands_in_one_entry_and_is_used_up(governed, recorded_incident):
    act = signed("ana", OPERATION, BODY, governed.now)
    count = len(governed.entries)
    second = replace(recorded_incident, id=IncidentId("a" * 32))

    def opened(tx):
        return open_incidents(tx, act, [recorded_incident, second], operation=OPERATION, content=act.act.content)

    assert governed.run(opened) == (recorded_incident.id, second.id)
    assert [bool(entry.act) for entry in governed.entries[count:]] == [True] + [False] * (
        len(governed.entries) - count - 1
    )
    with pytest.raises(UnauthenticatedError) as caught:
        governed.run(opened)
    assert caught.value.code == "act-used"


def test_who_may_not_is_refused_and_leaves_nothing(governed):
    count = len(governed.entries)
    for actor, key, error, code in (
        ("meridian", "", (UnauthenticatedError, RefusedError), None),
        ("ana", "bo", UnauthenticatedError, "wrong-key"),
    ):
        act = signed(actor, OPERATION, BODY, governed.now, key=key)
        with pytest.raises(error) as caught:
            governed.run(
                lambda tx, act=act: telemetry_service.record_file(
                    tx, act, REPORT, operation=OPERATION, content=act.act.content
                )
            )
        assert code is None or caught.value.code == code
    assert len(governed.entries) == count


def test_without_an_agreement_there_is_no_log_to_write_to(writer):
    with pytest.raises(RefusedError) as caught:
        origin_of(writer.state)
    assert caught.value.code == "no-agreement"


def test_an_incident_is_found_by_the_beginning_of_its_id(writer, recorded_incident):
    twin = replace(recorded_incident, id=IncidentId(recorded_incident.id[:8] + "0" * 24))
    for incident in (recorded_incident, twin):
        writer.run(lambda tx, incident=incident: record_incident(tx, LOG, incident))
    assert incident_record(writer.state, recorded_incident.id[:12]).id == recorded_incident.id
    for beginning in ("", recorded_incident.id[:8], "nothing"):
        with pytest.raises(AbsentError):
            incident_record(writer.state, beginning)
