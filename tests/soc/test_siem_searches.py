"""A hunt in a SIEM's language means what it means here, whatever stands in its values."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.errors import InvalidInputError, RefusedError
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant, parse_rfc3339, seconds
from safeconduct.soc.hunts.answering import answered
from safeconduct.soc.hunts.model import Comparison, Hunt, Order, Where
from safeconduct.soc.model import Event
from safeconduct.soc.siem import esql, kql, spl
from safeconduct.soc.siem.model import ROWS_MAX, WINDOW_MAX, Scope, Table
from support.siem_search import Esql, Kusto, Spl

COLUMNS = {"host": "Device.Name", "command": "cmd-line", "pid": "ProcessId", "src_ip": "RemoteIP"}
TABLE = Table(name="Events", time="_time", columns=COLUMNS)
SCOPE = Scope(tables=(TABLE,))
FIRST = parse_rfc3339("2026-11-01T00:00:00Z")
LAST = Instant(FIRST + seconds(3600))

NASTY = "\\\"'*%_.?|`$[]{}()\n\té😀 =;/-"
texts = st.one_of(st.text("aAb*", min_size=1, max_size=4), st.text(NASTY, min_size=1, max_size=6))
addresses = st.sampled_from(["10.1.2.3", "10.200.0.9", "192.0.2.7", "2001:db8::1"])
rows = st.fixed_dictionaries(
    {"_time": st.integers(-600, 4200)},
    optional={
        "Device.Name": texts,
        "cmd-line": texts,
        "ProcessId": st.integers(-3, 3),
        "RemoteIP": addresses,
    },
)
text_operators = [Comparison.EQUALS, Comparison.CONTAINS, Comparison.STARTS_WITH, Comparison.ENDS_WITH]
whole_operators = [Comparison.EQUALS, Comparison.LESS, Comparison.LESS_OR_EQUAL, Comparison.GREATER]
wheres = st.one_of(
    st.builds(Where, st.sampled_from(["host", "command", "/raw/cmd-line"]), st.sampled_from(text_operators), texts,
              st.booleans()),
    st.builds(Where, st.just("pid"), st.sampled_from(whole_operators), st.integers(-3, 3).map(str), st.booleans()),
    st.builds(Where, st.sampled_from(["host", "pid"]), st.just(Comparison.EXISTS), st.just(""), st.booleans()),
    st.builds(Where, st.just("src_ip"), st.just(Comparison.WITHIN), st.sampled_from(["10.0.0.0/9", "2001:db8::/32"]),
              st.booleans()),
)  # fmt: skip
hunts = st.builds(
    Hunt,
    where=st.lists(wheres, max_size=3).map(tuple),
    first=st.just(FIRST),
    last=st.just(LAST),
    order=st.sampled_from([Order.OLDEST, Order.NEWEST]),
    limit=st.integers(1, 5),
)


def stamped(row):
    """Returns a row with its time, seconds after the window began, as text."""
    moment = dt.datetime.fromtimestamp(FIRST // 1_000_000 + row["_time"], dt.UTC)
    return {**row, "_time": moment.isoformat()}


def event(row, number):
    given = {"hostname": row.get("Device.Name")}
    process = {"cmd_line": row.get("cmd-line"), "pid": row.get("ProcessId")}
    ocsf = {"device": given, "process": process, "src_endpoint": {"ip": row.get("RemoteIP")}}
    at = parse_rfc3339(row["_time"].replace("+00:00", "Z"))
    return Event(id=EventId(f"{number:032x}"), source="json", at=at, raw=row, ocsf=ocsf)


def kusto(hunt, found):
    return Kusto().run(kql.search(hunt, TABLE, SCOPE).text, {"Events": found})


def elastic(hunt, found):
    asked = esql.search(hunt, TABLE, SCOPE)
    return Esql().run(asked.text, asked.values, {"Events": found})


def splunk(hunt, found):
    asked = spl.search(hunt, TABLE, SCOPE)
    until = (asked.last + 1) / 1_000_000
    return Spl().run(asked.text, asked.first / 1_000_000, until, {"Events": found})


@pytest.mark.parametrize("run", [kusto, elastic, splunk])
@given(hunts, st.lists(rows, max_size=6, unique_by=lambda row: row["_time"]))
def test_every_language_finds_what_the_reference_finds(run, hunt, made):
    found = [stamped(row) for row in made]
    events = sorted((event(row, number) for number, row in enumerate(found)), key=lambda one: (one.at, one.id))
    in_window = [one for one in events if FIRST <= one.at <= LAST]
    wanted = answered(hunt, in_window)
    got = run(hunt, found)
    assert [one["_time"] for one in got[: hunt.limit]] == [
        next(other.raw["_time"] for other in events if other.id == key) for key in wanted.events
    ]
    assert (len(got) > hunt.limit) is (wanted.counted > hunt.limit)


TEXTS = ["a", "A", "xab", "abx", "xAbx", "ab", "a*b", 'a"b', "a\\b", "a\nb", "é"]


@pytest.mark.parametrize("run", [kusto, elastic, splunk])
@pytest.mark.parametrize("operator", text_operators)
def test_every_way_to_compare_text_means_the_same(run, operator):
    found = [stamped({"_time": at, "cmd-line": text}) for at, text in enumerate(TEXTS)] + [stamped({"_time": 60})]
    events = [event(row, number) for number, row in enumerate(found)]
    for where in (Where("command", operator, text, negated) for text in TEXTS for negated in (False, True)):
        hunt = Hunt(where=(where,), first=FIRST, last=LAST, limit=50)
        wanted = [number for number, one in enumerate(events) if one.id in answered(hunt, events).events]
        assert run(hunt, found) == [found[number] for number in wanted], where


@pytest.mark.parametrize("language", [kql, esql, spl])
def test_a_value_never_ends_its_place(language):
    quiet = Hunt(where=(Where("command", Comparison.EQUALS, "x"),), first=FIRST, last=LAST)
    for value in ('" | delete', "x\n| where 1==1", "?", "\\", '\\"', "`; drop", "*", "') OR true OR match('"):
        loud = Hunt(where=(Where("command", Comparison.EQUALS, value),), first=FIRST, last=LAST)
        text = language.search(loud, TABLE, SCOPE).text
        assert len(text.split("\n")) == len(language.search(quiet, TABLE, SCOPE).text.split("\n"))
        assert "drop" not in text or language is not esql


def test_what_is_outside_of_the_scope_is_refused_at_its_edge():
    scope = Scope(tables=(TABLE,), window=seconds(60), rows=10)
    most = Hunt(first=FIRST, last=Instant(FIRST + seconds(60)), limit=10)
    assert scope.admit(most) == (FIRST, most.last)
    for wrong in (
        Hunt(first=FIRST, last=Instant(FIRST + seconds(60) + 1), limit=10),
        Hunt(first=FIRST, last=most.last, limit=11),
    ):
        with pytest.raises(RefusedError) as refused:
            scope.admit(wrong)
        assert refused.value.code == "siem-outside"


@pytest.mark.parametrize(
    "wrong",
    [
        Hunt(last=LAST),
        Hunt(first=FIRST),
        Hunt(first=FIRST, last=LAST, group=("host",)),
        Hunt(first=FIRST, last=LAST, sources=("json",)),
    ],
)
def test_a_hunt_that_a_siem_cannot_answer_is_refused(wrong):
    with pytest.raises(InvalidInputError) as refused:
        SCOPE.admit(wrong)
    assert refused.value.code == "siem-hunt-invalid"


def test_a_table_outside_and_a_column_that_is_missing_are_named():
    assert SCOPE.table("Events") is TABLE
    with pytest.raises(RefusedError, match="table 'Secrets' is not to be asked"):
        SCOPE.table("Secrets")
    with pytest.raises(InvalidInputError) as refused:
        kql.search(Hunt(where=(Where("query", Comparison.EXISTS),), first=FIRST, last=LAST), TABLE, SCOPE)
    assert refused.value.code == "siem-column-missing"
    odd = Hunt(where=(Where("/raw/a'] | x", Comparison.EXISTS),), first=FIRST, last=LAST)
    with pytest.raises(InvalidInputError) as refused:
        kql.search(odd, TABLE, SCOPE)
    assert refused.value.code == "siem-column-missing"


@pytest.mark.parametrize(
    "made",
    [
        lambda: Table(name='x" | y', time="_time", columns={}),
        lambda: Table(name="x", time="a b", columns={}),
        lambda: Table(name="x", time="_time", columns={"host": "a'b"}),
        lambda: Table(name="x", time="_time", columns={"unheard": "a"}),
        lambda: Scope(tables=(), rows=ROWS_MAX + 1),
        lambda: Scope(tables=(), rows=0),
        lambda: Scope(tables=(), window=WINDOW_MAX + 1),
        lambda: Scope(tables=(), searches_per_hour=0),
    ],
)
def test_names_and_limits_that_are_none_are_refused(made):
    with pytest.raises(InvalidInputError) as refused:
        made()
    assert refused.value.code == "siem-table-invalid"
    assert Scope(tables=(), rows=ROWS_MAX, window=WINDOW_MAX, searches_per_hour=1)
