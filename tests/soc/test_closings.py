"""Which closing of an incident stands, by the entries alone."""

from safeconduct.kernel.ids import CallId, EntryId, IncidentId, Origin, PathId, PrincipalId
from safeconduct.kernel.instants import seconds
from safeconduct.soc.incidents.closing import (
    CLOSED,
    PROJECTIONS,
    REOPENED,
    Closings,
    IncidentClosed,
    IncidentReopened,
    Why,
)
from safeconduct.soc.predicates import Judgment
from support.immediate import ImmediateWriter

ORIGIN = Origin("safeconduct.example/ag")
ONE, OTHER = IncidentId("1" * 32), IncidentId("1" * 31 + "2")
ANA = PrincipalId("ana")
BY_MODEL = {"path": PathId("soc-triage"), "model": "m", "call": CallId("01JD")}


def close(writer, incident=ONE, disposition=Judgment.BENIGN_POSITIVE, **model):
    event = IncidentClosed(incident=incident, disposition=disposition, by=ANA, **model)
    writer.now += seconds(1)
    return writer.run(lambda tx: tx.append(ORIGIN, CLOSED.draft(event, sealed={"reason": "x"}, subject=incident))).id


def reopen(writer, closing, incident=ONE):
    event = IncidentReopened(incident=incident, closing=EntryId(closing), why=Why.PERSON, by=ANA)
    writer.now += seconds(1)
    writer.run(lambda tx: tx.append(ORIGIN, REOPENED.draft(event, sealed={"reason": "x"}, subject=incident)))


def test_the_last_closing_stands_until_it_is_opened_again():
    writer = ImmediateWriter(dict(PROJECTIONS))
    closings = Closings(writer.state)
    assert closings.of(ONE) is None
    first = close(writer)
    assert (closings.of(ONE).entry, closings.of(ONE).by_model, closings.of(OTHER)) == (first, False, None)
    reopen(writer, first)
    assert closings.of(ONE) is None
    second = close(writer, disposition=Judgment.TRUE_POSITIVE, **BY_MODEL)
    assert (closings.of(ONE).entry, closings.of(ONE).by_model) == (second, True)
    assert [one.stands for one in closings.history(ONE)] == [False, True]
    assert closings.history(ONE)[0].reopened_at == writer.now - seconds(1)


def test_all_closings_are_told_by_incident_and_time():
    writer = ImmediateWriter(dict(PROJECTIONS))
    entries = [close(writer, OTHER), close(writer, ONE), close(writer, OTHER)]
    assert [one.entry for one in Closings(writer.state)] == [entries[1], entries[0], entries[2]]
