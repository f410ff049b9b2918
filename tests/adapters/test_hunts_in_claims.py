"""What is said not to be there, or to be so often, is judged alike whoever answers the hunts of the check."""

from dataclasses import replace

import pytest

from safeconduct.adapters.hunts.choosing import Chosen
from safeconduct.adapters.hunts.runner import ChildHunts, HuntChild
from safeconduct.adapters.memory.hunts import ReadingHunts
from safeconduct.adapters.sqlite.events import SqliteEventStore
from safeconduct.adapters.telemetry.archives import open_archives
from safeconduct.kernel.instants import Instant
from safeconduct.soc.claims import Author, AuthorKind, make_claim
from safeconduct.soc.correlation import correlate
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.shipped import shipped_rules
from safeconduct.soc.grounding import check
from safeconduct.soc.ports import Reading
from safeconduct.soc.predicates import Absence, Evidence, Tally
from safeconduct.soc.summary import rule_context
from safeconduct.soc.triage_service import HUNT_BUDGET
from support.hunting import hunt, where
from support.telemetry import recording

ANA = Author(kind=AuthorKind.PERSON, name="ana", version="1")
MINUTES = 60_000_000


@pytest.fixture(scope="module")
def recorded():
    events, inventory = recording()
    by_id = {event.id: event for event in events}
    (incident,) = correlate(detect(events, shipped_rules()), by_id, inventory)
    return events, rule_context(incident, by_id, {}, inventory=inventory)


@pytest.fixture(scope="module")
def engines(recorded, tmp_path_factory):
    """The child's engine, and reading all events, over the same store."""
    folder, child = tmp_path_factory.mktemp("recorded"), HuntChild()
    store = SqliteEventStore(folder / "events.db")
    store.add(recorded[0], file="0" * 64, reading=Reading(lines=len(recorded[0])))
    yield ChildHunts(child, folder), ReadingHunts(store)
    store.close()
    child.close()


def asked(incident, *conditions, before=5, after=5, sources=("access",)):
    first, last = Instant(incident.first_at - before * MINUTES), Instant(incident.last_at + after * MINUTES)
    return hunt(*conditions, first=first, last=last, sources=sources)


ABSENT = {
    "grounded": [where("url", "contains", "/no-such-place")],
    "found-some": [where("url", "contains", "/")],
    "never-there": [where("url", "contains", "/"), where("command", "contains", "x")],
    "condition-twice": [where("url", "contains", "a"), where("url", "contains", "b")],
}


def judged(predicate, context, engine):
    searching = replace(context, search=lambda one: engine.run(one, HUNT_BUDGET))
    reason = check(make_claim(context.incident.id, ANA, predicate), searching).reason
    return reason.code, reason.text


@pytest.mark.parametrize(("code", "conditions"), ABSENT.items(), ids=list(ABSENT))
def test_what_is_not_there_is_judged_alike(recorded, engines, code, conditions):
    context = recorded[1]
    told = [judged(Absence(hunt=asked(context.incident, *conditions)), context, engine) for engine in engines]
    assert told[0] == told[1]
    assert told[0][0] == code


def test_a_source_that_was_not_there_is_missed_by_both(recorded, engines):
    context = recorded[1]
    nobody = where("user", "equals", "nobody-of-that-name")
    claim = Absence(hunt=asked(context.incident, nobody, sources=("auth", "cloudtrail")))
    assert {judged(claim, context, engine)[0] for engine in engines} == {"source-not-there"}


@pytest.mark.parametrize(("more", "code"), [(0, "grounded"), (1, "wrong-count"), (-1, "wrong-count")])
def test_what_is_counted_is_counted_alike(recorded, engines, more, code):
    context = recorded[1]
    wanted = asked(context.incident, where("url", "exists"))
    count = sum(
        event.source == "access" and wanted.first <= event.at <= wanted.last for event in context.events.values()
    )
    shown = (context.events[key] for key in context.incident.events)
    one = next(event for event in shown if event.source == "access")
    cited = Evidence(event=one.id, pointer="/ocsf/http_request/url/path", quote=one.ocsf["http_request"]["url"]["path"])
    claim = Tally(hunt=wanted, count=count + more, cited=(cited,))
    told = [judged(claim, context, engine) for engine in engines]
    assert told[0] == told[1]
    assert told[0][0] == code


def test_an_archive_that_is_opened_asks_the_engine_that_is_installed(tmp_path):
    with open_archives(tmp_path, bytes, Chosen, bytes) as archives:
        assert type(archives.of("").hunts) is ChildHunts
