"""What the engine reads of events, what it asks of it, and what it looks at again for evidence."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safeconduct.soc.detection import matching, tables
from safeconduct.soc.detection.engine import Engine
from safeconduct.soc.detection.ir import Operator, Predicate
from safeconduct.soc.detection.matching import matches
from safeconduct.soc.detection.parsing import load
from safeconduct.soc.detection.tables import Databases, field_table
from safeconduct.soc.detection.values import holds
from safeconduct.soc.detection.views import View
from support.sigma import fired, fired_singly, identity, logged, record, rule


@pytest.fixture
def asked(monkeypatch):
    """What values predicates are tried on, one by one."""
    found = []

    def noted(predicate, text):
        found.append((predicate, text))
        return holds(predicate, text)

    for module in (tables, matching):
        monkeypatch.setattr(module, "holds", noted)
    return found


def test_a_keyword_asks_each_different_value_once_however_many_events_have_it(asked):
    """Keywords with gaps took hundreds of thousands of questions for some thousand events."""
    gaps = load([("gaps.yml", rule({"s": [f"x{n}*y" for n in range(2)], "condition": "s"}))])
    engine = Engine(gaps.events, defaultdict(Databases))
    assert fired(engine, [record(number, text="same", host="alpha") for number in range(1000)]) == set()
    assert len(asked) == 2 * 2


def test_of_alternatives_only_those_that_hold_of_some_hit_are_tried_again_for_evidence(asked):
    many = rule({"s": {"a|contains": [f"x{n}" for n in range(100)]}, "condition": "s"})
    engine = Engine(load([("many.yml", many)]).events)
    assert len(fired(engine, [record(number, a=f"-x{number % 2}-") for number in range(4)])) == 4
    assert {predicate.value for predicate, _ in asked} == {"x0", "x1"}


PARTS = st.fixed_dictionaries({"a|contains": st.lists(st.sampled_from("pqr"), min_size=1, unique=True)})
CONDITIONS = st.sampled_from(["s and t", "s or t", "s and not t", "s or not t", "not (s and t) and u", "u and 1 of *"])


@settings(max_examples=50, deadline=None)
@given(PARTS, PARTS, PARTS, CONDITIONS, st.lists(st.text("pqr", max_size=3), min_size=1, max_size=9))
def test_a_hit_has_the_evidence_of_the_whole_condition(s, t, u, condition, texts):
    one = rule({"s": s, "t": t, "u": {"b": 1} | u, "condition": f"v and ({condition})", "v": {"b": 1}})
    (known,) = load([("one.yml", one)]).events
    events = [record(number, a=text, b=1) for number, text in enumerate(texts)]
    evidence = [(event.id, matches(known.condition, View(event, {}))) for event in events]
    assert fired(Engine([known]), events) == {(known.head.id, event, found) for event, found in evidence if found}


NETWORKS = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/0", "2001:db8::/32", "2001:db8::1", "::/0", "fe80::/10"]
ADDRESSES = ["10.1.2.3", "10.1.2.4", "11.0.0.1", "2001:db8::1", "2001:db9::1", "fe80::1%eth0", "10.1.2", "x", ""]


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_is_in_the_networks_that_each_by_itself_says(text):
    known = {number: Predicate("ip", Operator.CIDR, one, one) for number, one in enumerate(NETWORKS)}
    assert sorted(field_table(known, Databases()).holding(text)) == [n for n, one in known.items() if holds(one, text)]


def test_streams_whose_fields_are_named_alike_are_laid_out_together(asked):
    """Each channel had a sheet of its own, and the same values were asked of each anew."""
    everywhere = load([("one.yml", rule({"s": {"a|re": "^x"}, "condition": "s"}, logsource={"product": "windows"}))])
    events = [logged(number, f"Channel {number}", a="same") for number in range(50)]
    assert fired(Engine(everywhere.events, defaultdict(Databases)), events) == set()
    assert len(asked) == 1


def test_records_of_one_stream_are_read_whatever_members_each_has():
    ids = ["own", "other", "spelled", "both", "header", "covered", "level", "unsaid"]
    conditions = [
        {"a": "x"},
        {"b": "x"},
        {"a_b": "y"},
        {"a_b": "y", "b": "x"},
        {"Keywords": "0x8"},
        {"Keywords": "own"},
        {"Level": 4, "EventID": 1},
        {"Keywords": None, "a": "x"},
    ]
    pairs = zip(ids, conditions, strict=True)
    texts = [rule({"s": one, "condition": "s"}, name, logsource={"product": "windows"}) for name, one in pairs]
    rules = load([(f"{number}.yml", text) for number, text in enumerate(texts)]).events
    header = {"Keywords": "0x8", "Level": 4}
    events = [
        logged(0, "Made", a="x"),
        logged(1, "Made", header, b="x", a="z"),
        logged(2, "Made", header, **{"a b": "y", "a_b": None, "Keywords": "own"}),
        logged(3, "Made", **{"b": ["z", "x"], "a_b": "y", "a b": "z"}),
        logged(4, "Made", header, Keywords=None, a={"deep": {"b": "x"}}),
    ]
    singly = fired_singly(rules, events)
    assert fired(Engine(rules), events) == singly
    named = [identity(name) for name in ids]
    assert sorted((named.index(key), int(event, 16)) for key, event, _ in singly) == [
        (0, 0), (1, 1), (1, 3), (1, 4), (2, 2), (2, 3), (3, 3), (4, 1), (4, 4), (5, 2), (6, 1), (6, 2), (6, 4), (7, 0),
    ]  # fmt: skip
