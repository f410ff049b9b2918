"""The engine answers as the meaning of a rule does, with Hyperscan and without, on real rules and real events."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safeconduct.soc.detection import tables
from safeconduct.soc.detection.engine import BATCH_EVENTS, Engine
from safeconduct.soc.detection.ir import Operator, Predicate
from safeconduct.soc.detection.matching import matches
from safeconduct.soc.detection.parsing import load
from safeconduct.soc.detection.scanning import BECOME_ASCII, WORTH_A_PASS, hyperscan
from safeconduct.soc.detection.tables import Databases, compile_field, field_table
from safeconduct.soc.detection.values import holds
from safeconduct.soc.detection.views import View
from support.sigma import fired, fired_singly, identity, record, rule
from support.sigma_corpora import campaign, regression_cases, rule_files

RECORDINGS, WITH_RULE = 202, 192
"""Recordings, and those whose rule is among the public rules we have."""

WITHOUT_RULE = """
    8a2f4b1c-3d5e-4f7a-9b2c-1e4f6d8a9c2b f2e4b7d9-5c3a-4f8b-9e1d-7a6c2b3f4e5d 9b4e7c2a-3f6d-4a8b-b5e9-1c7d3f2e6a4b
    a7c3e5f2-8b1d-4e9a-b6c2-3d7f5e8a9b4c 7c3a5b1d-9e2f-4a8c-b5d7-1e0f3c6a9b2d af688c76-4ce4-4309-bfdd-e896f01acf27
    5299fadf-f228-4526-8274-251db1960be9 bae7c70b-8569-44e9-accf-b30073da8a5d 540703fb-a874-4385-a9d6-7cd1bfab268c
    271de298-cc0e-4842-acd8-079a0a99ea65
"""
"""The rules of the others, by id: of `rules-threat-hunting` the first, of `rules-emerging-threats` nine. Of SigmaHQ's
sets we have `rules` alone, where two rules name the first as a similar one."""

CAMPAIGN_EVENTS = 400


@pytest.fixture(scope="module")
def cases():
    return [case for case in regression_cases() if case.rule in rule_files()]


@pytest.fixture(scope="module")
def engine(cases):
    wanted = dict.fromkeys(case.rule for case in cases)
    return Engine(load([rule_files()[key] for key in wanted]).events)


@pytest.fixture(scope="module")
def events(cases):
    return [event for case in cases for event in case.events] + campaign(CAMPAIGN_EVENTS)


@pytest.mark.corpora
def test_every_public_recording_fires_its_rule(cases, engine):
    assert len(regression_cases()) == RECORDINGS
    assert len(cases) == WITH_RULE
    assert {case.rule for case in regression_cases()} - rule_files().keys() == set(WITHOUT_RULE.split())
    found = fired(engine, [event for case in cases for event in case.events])
    by_event = defaultdict(set)
    for key, event, evidence in found:
        assert evidence
        by_event[event].add(key)
    assert [c.rule for c in cases if not any(c.rule in by_event[event.id] for event in c.events)] == []


@pytest.mark.corpora
def test_one_pass_and_one_by_one_and_event_by_event_are_the_same(engine, events):
    at_once = fired(engine, events)
    assert at_once == fired(Engine(engine.rules, defaultdict(Databases)), events)
    assert at_once == fired_singly(engine.rules, events)


LETTERS = "aAbB\\é%*. ß\0"
OPERATORS = {
    Operator.CONTAINS: str,
    Operator.STARTS_WITH: str,
    Operator.ENDS_WITH: str,
    Operator.EQUALS: str,
    Operator.WILDCARD: lambda text: ".*" + "".join(f"\\x{{{ord(one):x}}}" for one in text) + ".",
    Operator.REGEX: lambda text: "".join(f"[{one}]" if one.isalpha() else r"\W" for one in text) + "$",
}


@st.composite
def predicates(draw):
    operator = draw(st.sampled_from(list(OPERATORS)))
    value = OPERATORS[operator](draw(st.text(LETTERS, min_size=1, max_size=4)))
    cased = operator not in {Operator.WILDCARD, Operator.REGEX} and draw(st.booleans())
    return Predicate("name", operator, value if cased or operator in PATTERNS else value.lower(), value, cased, 2)


PATTERNS = {Operator.WILDCARD, Operator.REGEX}


@settings(max_examples=10, deadline=None)
@given(
    st.lists(predicates(), min_size=2 * WORTH_A_PASS, max_size=3 * WORTH_A_PASS, unique=True),
    st.lists(st.text(LETTERS), max_size=20),
)
def test_of_any_value_exactly_those_predicates_are_found_that_hold(drawn, texts):
    known = dict(enumerate(drawn))
    quick, plain = field_table(known, compile_field(known)), field_table(known, Databases())
    for text in texts:
        expected = sorted(number for number, one in known.items() if holds(one, text))
        assert sorted(quick.holding(text)) == sorted(plain.holding(text)) == expected


WORDS = {number: Predicate("", Operator.CONTAINS, text, text) for number, text in enumerate(
    [*(f"x{n}y" for n in range(2 * WORTH_A_PASS)), "kib", "a\\b"]
)}  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text("aAkK\u212aiI\u0130bB\\é\0") | st.sampled_from(["X1Y", "\u212aIb", "é x3Y"]), max_size=200))
def test_words_asked_for_are_found_among_many_texts_as_in_each(texts):
    quick, plain = field_table(WORDS, compile_field(WORDS)), field_table(WORDS, Databases())
    for asked in (frozenset(WORDS), frozenset((1, len(WORDS) - 2))):
        expected = {(row, n) for row, text in enumerate(texts) for n in asked if WORDS[n].value in text.lower()}
        for table in (quick, plain):
            found = {(row, n) for row, numbers in table.worded(enumerate(texts), asked) for n in numbers}
            assert {(row, n) for row, n in found if n in asked} == expected


def test_no_other_letter_becomes_one_of_ascii_in_lower_case():
    letters = [one for one in map(chr, range(0x80, 0x110000)) if one.isupper()]
    assert tuple(one for one in letters if min(one.lower()) < "\x80") == BECOME_ASCII


def test_values_are_answered_alike_when_they_come_again_and_when_all_were_forgotten(monkeypatch):
    monkeypatch.setattr(tables, "REMEMBERED", 2)
    known = {0: Predicate("name", Operator.CONTAINS, "a", "a")}
    table = field_table(known, Databases())
    for text in ("a", "b", "a", "b", "ca", "d", "a", "b"):
        assert table.answered(text) == table.holding(text)
        assert len(table.barren) <= tables.REMEMBERED
        assert text in table.barren or "a" in text


def test_hyperscan_is_what_was_compared():
    assert hyperscan is not None, "install the developer set; the engine is compared with and without Hyperscan"


def ran(*rules_and_events):
    *rules, events = rules_and_events
    engine = Engine(load([(f"{number}.yml", text) for number, text in enumerate(rules)]).events)
    return sorted((one.rule.head.id, int(one.view.event.id, 16)) for one in engine.hits(events))


def test_rows_are_told_apart_over_the_edge_of_a_batch():
    events = [record(number, name="evil" if number % 4000 == 0 else "good") for number in range(BATCH_EVENTS + 2000)]
    evil = rule({"s": {"name": "evil"}, "condition": "s"})
    assert ran(evil, events) == [(identity("one"), number) for number in (0, 4000, 8000)]


NEGATED = {
    "not a value": ({"s": {"a": 1}, "n": {"b|contains": "x"}, "condition": "s and not n"}, [0, 1, 2]),
    "not absent": ({"s": {"a": 1}, "n": {"b": None}, "condition": "s and not n"}, [2, 3]),
    "not there": ({"s": {"a": 1, "b|exists": False}, "condition": "s"}, [0]),
    "absent alone": ({"s": {"b": None}, "condition": "s"}, [0, 1, 4]),
    "not another field": ({"s": {"a": 1}, "n": {"b|fieldref": "c"}, "condition": "s and not n"}, [0, 1, 2]),
    "another field": ({"s": {"b|fieldref": "c"}, "condition": "s"}, [3]),
    "no keyword": ({"s": {"a": 1}, "n": ["xy"], "condition": "s and not n"}, [0, 1, 2]),
    "a keyword in its case": ({"n": {"|cased": "Xy"}, "condition": "n"}, [3]),
}

ANYWHERE = {
    "a word": (["own by r"], [0, 1]),
    "a word with a gap": (["fail*by root"], [0, 1]),
    "a word with a gap in the midst of a value": (["own*roo"], [0, 1]),
    "a word with a gap before a letter": (["own?by ro?t"], [0, 1]),
    "a gap is within one value": (["fail*root*alpha"], []),
    "a pattern": ({"|re": "[0-9]{4}"}, [2, 3]),
    "a number": ([4777], [2, 3]),
    "a word in its case": ({"|cased": "Failed"}, [0]),
    "a word of which a part lies in the next value": (["root\0alpha"], []),
    "some of many": ([*(f"x{n}*y" for n in range(2 * WORTH_A_PASS)), "*failed*own*"], [0, 1]),
}
"""Keywords, and the rows that have them: some as words of a record, some of a value by itself."""


@pytest.mark.parametrize(("detection", "expected"), NEGATED.values(), ids=list(NEGATED))
def test_what_must_not_hold_is_looked_at_row_by_row(detection, expected):
    events = [
        record(0, a=1),
        record(1, a=1, b=""),
        record(2, a=1, b="z", c="y"),
        record(3, a=1, b="Xy", c="xY"),
        record(4, a=2, b=None),
    ]
    assert [row for _, row in ran(rule(detection), events)] == expected


@pytest.mark.parametrize(("keywords", "expected"), ANYWHERE.values(), ids=list(ANYWHERE))
def test_keywords_are_found_in_any_value_however_deep_and_in_one_value_each(keywords, expected):
    events = [
        record(0, text="Failed, own by root", host="alpha"),
        record(1, deep={"list": ["x", {"text": "failed: own by root"}]}, host="alpha"),
        record(2, mode=4777),
        record(3, modes=["a", "4777"], text=None),
        record(4, text="fail", host="root"),
    ]
    loaded = load([("one.yml", rule({"s": keywords, "condition": "s"}))])
    assert [row for _, row in ran(rule({"s": keywords, "condition": "s"}), events)] == expected
    condition = loaded.events[0].condition
    assert expected == [n for n, event in enumerate(events) if matches(condition, View(event, {}))]
