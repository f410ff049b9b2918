"""What each of Sigma's operators means, each with what just does not match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.sigma import found, holds, record, rule


def field(key, value, condition="selection"):
    return {"selection": {key: value}, "condition": condition}


CASES = [
    ("name", "Abc", {"name": "aBC"}, {"name": "abcd"}),
    ("name|cased", "Abc", {"name": "Abc"}, {"name": "abc"}),
    ("name", ["a", "b"], {"name": "B"}, {"name": "c"}),
    ("name|contains", "mid", {"name": "aMIDb"}, {"name": "mi d"}),
    ("name|contains|all", ["x", "y"], {"name": "yx"}, {"name": "x"}),
    ("name|startswith", "ab", {"name": "ABc"}, {"name": "cab"}),
    ("name|endswith", "ab", {"name": "cAB"}, {"name": "abc"}),
    ("name", "a*c", {"name": "abbbC"}, {"name": "abcd"}),
    ("name", "a?c", {"name": "abc"}, {"name": "abbc"}),
    ("name", "a*b*", {"name": "aXbX"}, {"name": "ba"}),
    ("name", r"a\*c", {"name": "a*c"}, {"name": "abc"}),
    ("name|contains", "a.c", {"name": "xa.cx"}, {"name": "abc"}),
    ("name", "*", {"name": "anything"}, {"name": None}),
    ("name|re", "^a[0-9]+$", {"name": "a12"}, {"name": "A12"}),
    ("name|re", "b+", {"name": "abba"}, {"name": "ac"}),
    ("name|re|i", "^a$", {"name": "A"}, {"name": "b"}),
    ("name|cidr", "192.0.2.0/24", {"name": "192.0.2.77"}, {"name": "192.0.3.1"}),
    ("name|cidr", "2001:db8::/32", {"name": "2001:db8::1"}, {"name": "192.0.2.1"}),
    ("name|cidr", "192.0.2.0/24", {"name": "192.0.2.1"}, {"name": "no address"}),
    ("name", None, {"other": 1}, {"name": "x"}),
    ("name", None, {"name": ""}, {"name": 0}),
    ("name", None, {"name": None}, {"name": " "}),
    ("name", "", {"name": ""}, {"name": "x"}),
    ("name|exists", True, {"name": 0}, {"other": 0}),
    ("name", 404, {"name": 404}, {"name": 4040}),
    ("name", 404, {"name": "404"}, {"name": "0404"}),
    ("name", True, {"name": True}, {"name": False}),
    ("name", "true", {"name": True}, {"name": 1}),
    ("name|gt", 10, {"name": "10.5"}, {"name": 10}),
    ("name|gte", 10, {"name": 10}, {"name": 9}),
    ("name|lt", 10, {"name": 9}, {"name": 10}),
    ("name|lte", 10, {"name": 10}, {"name": "11"}),
    ("name|gt", 10, {"name": 11}, {"name": "NaN"}),
    ("name|gt", 10, {"name": 11}, {"name": "many"}),
    ("name|neq", 10, {"name": 11}, {"name": 10}),
    ("name|fieldref", "other", {"name": "A", "other": "a"}, {"name": "a", "other": "b"}),
    ("name|fieldref|contains", "other", {"name": "xAy", "other": "a"}, {"name": "a", "other": "xay"}),
    ("name|fieldref|startswith", "other", {"name": "ABc", "other": "ab"}, {"name": "cab", "other": "ab"}),
    ("name|fieldref|endswith", "other", {"name": "cAB", "other": "ab"}, {"name": "abc", "other": "ab"}),
    ("name|fieldref", "other", {"name": ["", "a"], "other": "a"}, {"name": "", "other": ""}),
    ("name|base64offset|contains", "secret", {"name": "xxc2VjcmV0yy"}, {"name": "secret"}),
    ("name|windash|contains", " -enc ", {"name": "p /enc x"}, {"name": "p +enc x"}),
    ("deep.er", "x", {"deep": {"er": "x"}}, {"deep": {"er": "y"}}),
    ("deep.er", "x", {"deep.er": "x"}, {"deep": "er.x"}),
    ("name", "é", {"name": "É"}, {"name": "e"}),
]


@pytest.mark.parametrize(("key", "value", "yes", "no"), CASES)
def test_an_operator_matches_what_it_says_and_not_its_neighbor(key, value, yes, no):
    if key == "name|neq":
        detection = {"selection": {key: value, "name|exists": True}, "condition": "selection"}
    else:
        detection = field(key, value)
    assert holds(detection, **yes)
    assert not holds(detection, **no)


def test_lists_are_matched_element_by_element():
    assert holds(field("name|endswith", "b"), name=["ab", "c"])
    assert not holds(field("name|contains", "b', 'c"), name=["ab", "c"])
    assert not holds(field("name", None), name=["", "x"])
    assert holds(field("name", None), name=["", None])


def test_backslashes_in_lists_stay_single():
    assert holds(field("name|contains", r"C:\Windows"), name=[r"C:\Windows\x"])


def test_keywords_are_looked_for_in_every_value():
    keywords = {"keywords": ["needle", "pin"], "condition": "keywords"}
    assert holds(keywords, a={"b": ["x", "a NEEDLE here"]})
    assert not holds(keywords, needle="x")
    both = {"keywords": {"|all": ["needle", "pin"]}, "condition": "keywords"}
    assert holds(both, a="needle", b="pin")
    assert not holds(both, a="needle")


CONDITIONS = [
    ("a and b", "ab", "a"),
    ("a or b", "b", "c"),
    ("a and not b", "a", "ab"),
    ("not b and a", "a", "b"),
    ("1 of sel*", "x", "c"),
    ("all of sel*", "xy", "x"),
    ("(a or b) and c", "bc", "ab"),
    ("a or b and c", "a", "b"),
    ("not (a or b) and c", "c", "ac"),
    ("all of them", "abcxy", "abcx"),
]


@pytest.mark.parametrize(("condition", "yes", "no"), CONDITIONS)
def test_conditions_are_read_as_sigma_reads_them(condition, yes, no):
    names = {"a": "a", "b": "b", "c": "c", "sel_x": "x", "sel_y": "y"}
    detection = {name: {"letters|contains": letter} for name, letter in names.items()} | {"condition": condition}
    assert holds(detection, letters=yes)
    assert not holds(detection, letters=no)


def test_a_list_of_maps_is_one_or_the_other():
    detection = {"selection": [{"a": 1, "b": 2}, {"c": 3}], "condition": "selection"}
    assert holds(detection, a=1, b=2)
    assert holds(detection, c=3)
    assert not holds(detection, a=1, b=3)


def test_matches_name_the_place_the_operator_and_what_was_there():
    (alert,) = found([record(name=["x", "Evil.EXE"])], rule(field("name|endswith", ".exe")))
    (match,) = alert.matches
    assert (match.pointer, match.operator, match.value, match.found) == ("/raw/name/1", "endswith", ".exe", "Evil.EXE")
    assert alert.events == (match.event,)


def test_every_alternative_that_holds_is_evidence():
    detection = {"a": {"x": 1}, "b": {"y": 2}, "c": {"z": 3}, "condition": "a or b or c"}
    (alert,) = found([record(x=1, z=3)], rule(detection))
    assert [match.pointer for match in alert.matches] == ["/raw/x", "/raw/z"]


def test_what_must_be_absent_is_no_evidence():
    (alert,) = found([record(x=1)], rule({"a": {"x": 1}, "b": {"y": 2}, "condition": "a and not b"}))
    assert [match.pointer for match in alert.matches] == ["/raw/x"]


def test_patterns_look_at_the_whole_of_very_long_values_in_linear_time():
    long = "a" * 1_000_000
    assert holds(field("name|re", "needle$"), name=long + "needle")
    # An engine that backtracks would be at these for longer than the universe is old.
    assert not holds(field("name|re", "^(a+)+$"), name=long + "b")
    assert not holds(field("name", "*a*a*a*a*a*c"), name=long)


TEXT = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])  # YAML turns other line ends into spaces


@given(st.text(TEXT, min_size=1), st.text(TEXT), st.text(TEXT))
def test_contains_is_contains_whatever_the_text(needle, before, after):
    literal = needle.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
    assert holds(field("name|contains|cased", literal), name=before + needle + after)
