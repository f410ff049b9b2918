"""Each SIEM that is asked answers searches, gives its alerts once each, and is told once, whatever goes wrong."""

import contextlib
from contextlib import contextmanager

import pytest

from safeconduct.adapters.siem.asking.elastic import ElasticSearch, ElasticSearchOptions
from safeconduct.adapters.siem.asking.microsoft import Microsoft, MicrosoftOptions
from safeconduct.adapters.siem.asking.splunk import SplunkSearch, SplunkSearchOptions
from safeconduct.kernel.errors import AbsentError, UnavailableError
from safeconduct.kernel.instants import parse_rfc3339
from safeconduct.soc.hunts.model import Comparison, Hunt, Where
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.siem import esql, kql, spl
from safeconduct.soc.siem.model import Scope, Table, Telling
from support.siem import API_KEY, CLIENT, SECRET, TENANT
from support.siem_search import BEARER, ElasticServer, Graph, SplunkServer

FIRST, LAST = parse_rfc3339("2026-11-01T00:00:00Z"), parse_rfc3339("2026-11-01T01:00:00Z")
TABLE = Table(name="events", time="_time", columns={"host": "host", "pid": "pid"})
SCOPE = Scope(tables=(TABLE,))
ROWS = [{"_time": f"2026-11-01T00:{minute:02d}:00+00:00", "host": "ws-1", "pid": minute} for minute in range(5)]
ENTRY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
TIMES = [f"2026-11-01T00:{minute:02d}:00Z" for minute in (30, 10, 20)]


class Microsofts:
    language, refused = kql, "siem-refused"

    @contextmanager
    def made(self):
        with Graph({"events": ROWS}) as server:
            options = MicrosoftOptions(tenant=TENANT, client=CLIENT, url=server.url, login=server.url)
            yield server, Microsoft(options, SECRET)

    def alert(self, server, name, at):
        server.alerts[name] = {"id": name, "lastUpdateDateTime": at, "title": f"alert {name}", "comments": []}

    def said(self, server, name):
        return server.alerts[name].get("classification"), [one["comment"] for one in server.alerts[name]["comments"]]

    judged = "falsePositive"


class Splunks:
    language = spl

    @contextmanager
    def made(self):
        with SplunkServer({"events": ROWS}) as server:
            yield server, SplunkSearch(SplunkSearchOptions(url=server.url), BEARER)

    def alert(self, server, name, at):
        epoch = parse_rfc3339(at) / 1_000_000
        notable = {"event_id": name, "rule_title": f"alert {name}", "_time": at, "_time_epoch": epoch}
        server.tables["notable"].append(notable)

    def said(self, server, name):
        (found,) = [row for row in server.tables["notable"] if row["event_id"] == name]
        return found.get("disposition"), found.get("comment", [])

    judged = "disposition:3"


class Elastics:
    language = esql

    @contextmanager
    def made(self):
        with ElasticServer({"events": ROWS}) as server:
            yield server, ElasticSearch(ElasticSearchOptions(url=server.url, kibana=server.url), API_KEY)

    def alert(self, server, name, at):
        server.alerts[name] = {"@timestamp": at, "kibana.alert.rule.name": f"alert {name}"}

    def said(self, server, name):
        tags = [one for one in server.alerts[name].get("kibana.alert.workflow_tags", ()) if not one.endswith(ENTRY)]
        return (*tags, None)[0], [one["note"] for one in server.notes if one["eventId"] == name]

    judged = "safeconduct:false-positive"


@pytest.fixture(params=[Microsofts, Splunks, Elastics], ids=lambda kind: kind.__name__)
def kind(request):
    return request.param()


@pytest.fixture
def made(kind):
    with kind.made() as (server, siem):
        yield server, siem


def search(kind, limit, *wheres):
    hunt = Hunt(where=wheres, first=FIRST, last=LAST, limit=limit)
    return kind.language.search(hunt, TABLE, SCOPE)


def telling(alert="b"):
    return Telling(alert=alert, judgment=Judgment.FALSE_POSITIVE, line="A scanner of our own.", entry=ENTRY)


def test_a_search_brings_rows_as_they_are_and_says_whether_these_are_all(kind, made):
    _, siem = made
    found = siem.search(search(kind, 5, Where("host", Comparison.EQUALS, "WS-1")))
    assert (list(found.rows), found.complete) == (ROWS, True)
    found = siem.search(search(kind, 4, Where("host", Comparison.EQUALS, "WS-1")))
    assert (list(found.rows), found.complete) == (ROWS[:4], False)
    assert list(siem.search(search(kind, 4, Where("pid", Comparison.GREATER, "9"))).rows) == []


def test_alerts_come_oldest_first_from_an_instant_on_and_ours_are_marked(kind, made):
    server, siem = made
    for name, at in zip("abc", TIMES, strict=True):
        kind.alert(server, name, at)
    siem.tell(telling("c"))
    found = siem.alerts(parse_rfc3339(TIMES[2]), 10)
    assert [(one.id, one.title, one.ours) for one in found.alerts] == [("c", "alert c", True), ("a", "alert a", False)]
    assert found.complete
    found = siem.alerts(FIRST, 2)
    assert [one.id for one in found.alerts] == ["b", "c"]
    assert not found.complete
    assert siem.alerts(FIRST, 3).complete


def test_it_is_told_once_however_often_it_is_asked_for(kind, made):
    server, siem = made
    kind.alert(server, "b", TIMES[0])
    assert siem.tell(telling())
    assert not siem.tell(telling())
    judged, comments = kind.said(server, "b")
    assert (judged, comments) == (kind.judged, [f"A scanner of our own. [safeconduct:{ENTRY}]"])


@pytest.mark.parametrize("fault", ["drop", "lose", "busy", "broken", "garble"])
@pytest.mark.parametrize("at", range(4))
def test_whatever_fails_while_it_is_told_the_next_time_ends_it_with_one_comment(kind, made, fault, at):
    server, siem = made
    kind.alert(server, "b", TIMES[0])
    siem.alerts(FIRST, 1)  # signed in, where that is needed
    server.script.extend([""] * at + [fault])
    with contextlib.suppress(UnavailableError):
        siem.tell(telling())
    server.script.clear()
    siem.tell(telling())
    judged, comments = kind.said(server, "b")
    assert (judged, len(comments)) == (kind.judged, 1)


def test_an_alert_that_is_not_there_is_named(kind, made):
    _, siem = made
    for name in ("nobody", "../x", "a'b"):
        with pytest.raises(AbsentError) as absent:
            siem.tell(telling(name))
        assert absent.value.code == "siem-alert-unknown"


def test_a_search_that_is_refused_or_cut_short_is_no_answer(kind, made):
    server, siem = made
    server.tables.pop("events")
    with pytest.raises(UnavailableError) as refused:
        siem.search(search(kind, 5))
    assert refused.value.code == "siem-refused"


def test_an_answer_without_all_shards_is_not_complete():
    with Elastics().made() as (server, siem):
        server.partial = True
        assert not siem.search(search(Elastics, 50)).complete


def test_a_search_with_errors_beside_its_rows_is_no_answer():
    with Splunks().made() as (server, siem):
        server.messages = [{"type": "INFO", "text": "fine"}]
        assert siem.search(search(Splunks, 50)).complete
        server.messages = [{"type": "ERROR", "text": "a peer is down"}]
        with pytest.raises(UnavailableError, match="a peer is down"):
            siem.search(search(Splunks, 50))


def test_a_next_page_is_asked_of_the_same_server():
    with Microsofts().made() as (server, siem):
        for number in range(5):
            Microsofts().alert(server, f"n{number}", TIMES[0])
        assert len(siem.alerts(FIRST, 50).alerts) == 5
