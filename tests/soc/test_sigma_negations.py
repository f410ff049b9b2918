"""Rules that only rule values out: they hold as Sigma says, and show what stands there instead."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.detection.conditions import names_evidence
from safeconduct.soc.detection.engine import Engine
from safeconduct.soc.detection.ir import And, Head, LogSource, Not, Operator, Or, Predicate, RuleIR
from safeconduct.soc.detection.matching import NONE_OF, RULED_OUT_SHOWN_MAX, matches
from safeconduct.soc.detection.parsing import load
from safeconduct.soc.detection.tables import Databases
from safeconduct.soc.detection.views import View
from safeconduct.soc.model import Event
from safeconduct.soc.quotes import quote_at, text_of
from support.sigma import fired, fired_singly, found, logged, record, rule
from support.sigma_corpora import rule_files
from support.telemetry import START

SYSMON = "Microsoft-Windows-Sysmon/Operational"
LISTENER, EXTENSION, NO_PATH, RAW_ACCESS = (
    "1fc0809e-06bf-4de3-ad52-25e5263b7623",
    "c09dad97-1c78-4f71-b127-7edb2b8e491a",
    "71158e3f-df67-472b-930e-7d287acaa3e1",
    "db809f10-56ce-4420-8c86-d6a7d793c79c",
)
"""The public rules that only rule values out, by id (SigmaHQ/sigma 8eaafff1f, DRL 1.1; not of this project)."""


def process(**data):
    return logged(1, SYSMON, {"EventID": 1}, **data)


def access(**data):
    return logged(1, SYSMON, {"EventID": 9}, **data)


def desktop(**raw):
    at = Instant(START)
    return Event(id=EventId("1" * 32), source="zeek", at=at, raw={"_path": "rdp"} | raw, ocsf={"class_uid": 4005})


IMAGE, DEVICE = "/raw/Event/EventData/Image", "/raw/Event/EventData/Device"
DISK = r"\Device\HarddiskVolume2"
CASES = [
    (LISTENER, desktop(**{"id.orig_h": "192.0.2.9"}), desktop(**{"id.orig_h": "10.0.2.9"}), ["/raw/id.orig_h"]),
    (EXTENSION, process(Image=r"C:\a\b.jpg"), process(Image=r"C:\a\b.exe"), [IMAGE]),
    (
        EXTENSION,
        process(Image=r"C:\a\b", ParentImage=r"C:\a\c"),
        process(Image=r"C:\a\b", ParentImage=r"C:\Windows\Temp\c"),
        [IMAGE, "/raw/Event/EventData/ParentImage"],
    ),
    (NO_PATH, process(Image="b.exe"), process(Image=r"\b.exe"), [IMAGE]),
    (
        RAW_ACCESS,
        access(Image=r"C:\a.exe", Device=DISK),
        access(Image=r"C:\a.exe", Device=r"\floppy0"),
        [DEVICE, IMAGE],
    ),
    (RAW_ACCESS, access(Image=r"D:\a.exe"), access(Image=r"C:\Windows\System32\a.exe"), [IMAGE]),
]


@pytest.mark.corpora
@pytest.mark.parametrize(("key", "event", "other", "places"), CASES)
def test_a_public_rule_shows_what_its_fields_have(key, event, other, places):
    rules = load([rule_files()[key]]).events
    ((_, _, evidence),) = fired(Engine(rules), [event])
    assert [one.pointer for one in evidence] == places
    assert [one.found for one in evidence] == [quote_at(event, place) for place in places]
    assert {one.operator for one in evidence} == {NONE_OF}
    assert fired(Engine(rules), [other]) == set()


@pytest.mark.corpora
@pytest.mark.parametrize("key", [EXTENSION, NO_PATH, RAW_ACCESS])
@pytest.mark.parametrize("absent", [{}, {"Image": ""}, {"Image": None}])
def test_a_public_rule_that_rules_out_an_absent_field_is_silent_where_it_is_absent(key, absent):
    event = (access if key == RAW_ACCESS else process)(**absent)
    assert fired(Engine(load([rule_files()[key]]).events), [event]) == set()


@pytest.mark.corpora
def test_an_address_that_is_not_there_is_in_none_of_the_networks():
    ((_, _, (only,)),) = fired(Engine(load([rule_files()[LISTENER]]).events), [desktop()])
    assert (only.pointer, only.operator, only.found) == ("/raw/id.orig_h", NONE_OF, "")


S, T, BOTH = {"a": "x"}, {"b|contains": "y"}, {"a": "x", "b|contains": "y"}
SHOWN = {
    "a value": ({"s": S, "condition": "not s"}, {"a": "z"}, [("/raw/a", "equals x", "z")]),
    "an empty one": ({"s": S, "condition": "not s"}, {"a": ""}, [("/raw/a", "equals x", "")]),
    "a number": ({"s": {"a|gt": 5}, "condition": "not s"}, {"a": 4}, [("/raw/a", "gt 5", "4")]),
    "each of a list": (
        {"s": S, "condition": "not s"},
        {"a": ["z", None, "w"]},
        [("/raw/a/0", "equals x", "z"), ("/raw/a/2", "equals x", "w")],
    ),
    "several of one field": (
        {"s": {"a": ["x", "v"]}, "n": {"a": None}, "condition": "not s and not n"},
        {"a": "z"},
        [("/raw/a", "equals x, equals v, null", "z")],
    ),
    "each field": (
        {"s": S, "t": T, "condition": "not 1 of *"},
        {"a": "z", "b": "q"},
        [("/raw/a", "equals x", "z"), ("/raw/b", "contains y", "q")],
    ),
    "the field that is there": (
        {"s": S, "t": T, "condition": "not 1 of *"},
        {"b": "q"},
        [("/raw/b", "contains y", "q")],
    ),
    "that none is there": (
        {"s": S, "t": T, "condition": "not 1 of *"},
        {"c": "q"},
        [("/raw/a", "equals x", ""), ("/raw/b", "contains y", "")],
    ),
    "the part that fails": ({"s": BOTH, "condition": "not s"}, {"a": "x", "b": "q"}, [("/raw/b", "contains y", "q")]),
    "that one is not there": ({"s": {"a|exists": False}, "condition": "s"}, {"b": 1}, [("/raw/a", "exists", "")]),
    "the alternative that holds": (
        {"s": S, "t": T, "condition": "not s or not t"},
        {"a": "x", "b": "q"},
        [("/raw/b", "contains y", "q")],
    ),
    "a field, and no keyword, which has no place": (
        {"s": S, "k": ["word"], "condition": "not s and not k"},
        {"a": "z"},
        [("/raw/a", "equals x", "z")],
    ),
}


@pytest.mark.parametrize(("detection", "raw", "expected"), SHOWN.values(), ids=list(SHOWN))
def test_what_stands_there_instead_is_shown(detection, raw, expected):
    (alert,) = found([record(**raw)], rule(detection))
    assert [(one.pointer, one.value, one.found) for one in alert.matches] == expected
    assert {one.operator for one in alert.matches} == {NONE_OF}


@pytest.mark.parametrize(("condition", "raw"), [("t or not s", {"a": "z", "b": "y"}), ("not (not t)", {"b": "y"})])
def test_a_value_that_was_found_is_all_the_evidence_there_is_need_of(condition, raw):
    (alert,) = found([record(**raw)], rule({"s": S, "t": T, "condition": condition}))
    assert [(one.pointer, one.operator, one.found) for one in alert.matches] == [("/raw/b", "contains", "y")]


@pytest.mark.parametrize(("more", "said"), [(0, ""), (1, ", 1 more")])
def test_of_many_values_ruled_out_some_are_shown(more, said):
    values = [f"v{number}" for number in range(RULED_OUT_SHOWN_MAX + more)]
    (alert,) = found([record(a="z")], rule({"s": {"a": values}, "condition": "not s"}))
    shown = ", ".join(f"equals {value}" for value in values[:RULED_OUT_SHOWN_MAX])
    assert alert.matches[0].value == shown + said


LEAVES = st.builds(
    lambda field, operator, value: Predicate(field, operator, *("", "") if operator in BARE else (value, value)),
    st.sampled_from(["a", "b", ""]),
    st.sampled_from([Operator.EQUALS, Operator.CONTAINS, Operator.NULL, Operator.EXISTS]),
    st.sampled_from(["x", "y"]),
).filter(lambda one: one.field or one.operator not in BARE)
BARE = {Operator.NULL, Operator.EXISTS}
NODES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=8,
)
VALUES = st.sampled_from(["x", "y", "xy", "z", "", None, ["x", "z"], [], [None]])
RAWS = st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES)


@settings(max_examples=300, deadline=None)
@given(NODES.filter(names_evidence), st.lists(RAWS, min_size=1, max_size=6))
def test_a_rule_that_is_run_shows_what_the_event_has_whenever_it_holds_in_every_engine(condition, raws):
    one = RuleIR(head=HEAD, source=LogSource("webserver"), condition=condition)
    events = [record(number, **raw) for number, raw in enumerate(raws)]
    for event in events:
        for match in matches(condition, View(event, {})) or ():
            stored = quote_at(event, match.pointer)
            assert text_of(stored) == match.found if stored is not None else match.found == ""
    singly = fired_singly([one], events)
    assert all(evidence for _, _, evidence in singly)
    assert singly == fired(Engine([one]), events) == fired(Engine([one], defaultdict(Databases)), events)


HEAD = Head(id="one", name="", title="One", level="low", digest="1")
