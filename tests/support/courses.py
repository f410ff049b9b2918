"""Courses of incidents that a test writes, with as little as it needs."""

from safeconduct.kernel.ids import CallId, EntryId, IncidentId, PathId, PrincipalId
from safeconduct.kernel.instants import seconds
from safeconduct.soc.autonomy.look_events import Look, LookDone, LookDue, LookOutcome
from safeconduct.soc.incidents.closing import Closed, IncidentClosed
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.value.model import Answer, Course
from support.immediate import START

PATH = PathId("soc-triage")
ATTACK, BENIGN, FALSE = Judgment.TRUE_POSITIVE, Judgment.BENIGN_POSITIVE, Judgment.FALSE_POSITIVE


def at(minutes):
    return START + seconds(60 * minutes)


def answer(call, when=10, *, path=PATH, **said):
    said = {"model": "m-1", "claims": 4, "verified": 3} | said
    return Answer(call=CallId(call), path=PathId(path), at=at(when), **said)


def closed(name, disposition, when=60, *, path="", reopened=None):
    event = IncidentClosed(
        incident=IncidentId(name), disposition=disposition, by=PrincipalId("ana"), path=PathId(path), model=path and "m"
    )
    again = None if reopened is None else at(reopened)
    return Closed(closed=event, at=at(when), entry=EntryId(f"closing of {name} at {when}"), reopened_at=again)


def look(closing, disposition=None, when=90):
    """Returns a second look at a closing; due if it found nothing yet."""
    of = {"incident": closing.closed.incident, "closing": closing.entry}
    due = LookDue(**of, path=closing.closed.path, percent=10, due_at=at(when + 60))
    if disposition is None:
        return Look(due=due, at=closing.at)
    same = disposition is closing.closed.disposition
    outcome = LookOutcome.CONFIRMED if same else LookOutcome.OVERTURNED
    done = LookDone(**of, outcome=outcome, disposition=disposition, by=PrincipalId("bo"))
    return Look(due=due, at=closing.at, done=done, done_at=at(when), entry="done")


def course(name, *, alert=-5, opened=0, triaged=None, **more):
    return Course(
        incident=IncidentId(name),
        alert_at=at(alert),
        opened_at=at(opened),
        triaged_at=None if triaged is None else at(triaged),
        **more,
    )
