"""Rules that cannot be run are refused by file and feature; none is ever run differently from what it says."""

import pytest
import yaml

from safeconduct.soc.detection.model import RuleError
from safeconduct.soc.detection.parsing import check, load
from safeconduct.soc.detection.reading import CONDITION_CHARS_MAX, DEPTH_MAX, DOCUMENT_BYTES_MAX, TITLE_CHARS_MAX
from support.sigma import counting, identity, rule

GOOD = rule({"selection": {"name": "x"}, "condition": "selection"})


def changed(**fields):
    return yaml.safe_dump(yaml.safe_load(GOOD) | fields)


def only(detection):
    return changed(detection=detection)


INVALID = [
    ("a: [", "is no YAML"),
    ("", "expected a Sigma rule"),
    ("- 1", "expected a Sigma rule"),
    (changed(id=None), "no id"),
    (changed(id="7"), "UUID"),
    (changed(logsource={}), "empty"),
    (changed(title=""), "title"),
    (changed(title="x" * (TITLE_CHARS_MAX + 1)), "title"),
    (changed(level="dreadful"), "level"),
    (only({"selection": {"name": "x"}}), "condition"),
    (only({"selection": {"name": "x"}, "condition": "other"}), "other"),
    (only({"selection": {"name|shout": "x"}, "condition": "selection"}), "shout"),
    (only({"selection": {"name|re": "("}, "condition": "selection"}), "invalid"),
    (only({"selection": {"name|cidr": "300.0.0.0/8"}, "condition": "selection"}), "CIDR"),
    (only({"selection": {"name": "x"}, "condition": "selection |"}), "pipe"),
    ('title: "\\ud800"\nid: ' + identity("one"), "is no YAML"),
    (counting("c", "event_count", ["nobody"], condition={"gte": 1}), "not here"),
    (counting("c", "event_count", ["c"], condition={"gte": 1}), "itself"),
    (counting("c", "event_count", ["one"], timespan="soon", condition={"gte": 1}), "soon"),
]
UNSUPPORTED = [
    (only({"selection": {"name|expand": "%admins%"}, "condition": "selection"}), "placeholder"),
    (only({"selection": {"name|hour": 3}, "condition": "selection"}), "timestamp"),
    (only({"selection": ["x"], "condition": "not selection"}), "no evidence"),
    (only({"a": {"x": 1}, "k": ["y"], "condition": "a or not k"}), "no evidence"),
    (only({"a": {"x": 1}, "k": ["y"], "condition": "not (a and k)"}), "no evidence"),
]
COUNTED = [
    (counting("c", "value_sum", ["one"], condition={"gte": 1, "field": ["x", "y"]}), "one field"),
    (counting("c", "value_percentile", ["one"], condition={"gte": 1, "field": "x"}), "percentile from 1"),
    (counting("c", "value_percentile", ["one"], condition={"gte": 1, "field": "x", "percentile": 101}), "percentile"),
    (counting("c", "value_count", ["one"], condition={"gte": 1}), "field"),
    (counting("c", "event_count", ["one"], condition={"gte": 1, "lte": "many"}), "number"),
    (counting("c", "event_count", ["one"], condition={"gte": 1, "about": 2}), "about"),
    (counting("c", "temporal_ordered", ["one", "two"], condition={"gte": 1}), "order"),
    (counting("c", "temporal", ["one", "two"], condition="one or not two"), "nothing could be shown"),
    (counting("c", "temporal", ["one", "two"], condition="one and two and three"), "three"),
]
ALIASED = "\n".join(
    [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" if n else "a0: &a0 [x, x, x, x, x, x, x, x, x]" for n in range(9)]
)
HAZARDS = [
    (only({"s": {"name|re": ".*"}, "condition": "s"}), "rule-matches-everything"),
    (only({"s": {"name": "x"}, "t": {"name|re": "a?"}, "condition": "s or t"}), "rule-matches-everything"),
    (only({"s": {"name": "x"}, "t": {"name|re": "a?"}, "condition": "s and not t"}), "rule-matches-nothing"),
    (only({"s": ["*"], "condition": "s"}), "rule-matches-everything"),
    (only({"s": {"name|re": "(a+)+\\1$"}, "condition": "s"}), "rule-explodes"),
    (only({"s": {"name|re": "^(?!x)a"}, "condition": "s"}), "rule-explodes"),
    (only({"s": {"name|re": "((a{99}){99}){99}"}, "condition": "s"}), "rule-explodes"),
    (ALIASED, "rule-explodes"),
    (only({"s": {"x": 1}, "condition": "(" * (DEPTH_MAX + 1) + "s" + ")" * (DEPTH_MAX + 1)}), "rule-explodes"),
    (only({"s": {"x": 1}, "condition": "s or " * (CONDITION_CHARS_MAX // 5) + " s"}), "rule-explodes"),
]
HARMLESS = [
    {"s": {"name": "*"}, "condition": "s"},
    {"s": {"name": "x"}, "t": {"name": "*"}, "condition": "s and not t"},
    {"s": {"name|re": "(a+)+$"}, "condition": "s"},
    {"s": {"name": "x"}, "t": {"name|contains": ""}, "condition": "s and t"},
    {"s": {"name": "x"}, "condition": "not s"},
    {"a": {"x": 1}, "b": {"y": 1}, "condition": "a or not b"},
    {"a": {"x": 1}, "k": ["y"], "condition": "not (a or k)"},
    {"s": {"x": 1}, "condition": "(" * DEPTH_MAX + "s" + ")" * DEPTH_MAX},
    {"s": {"x": 1}, "condition": "s or " * (CONDITION_CHARS_MAX // 5) + "s"},
]


@pytest.mark.parametrize(("text", "said"), INVALID)
def test_what_is_no_rule_is_told(text, said):
    rules, problems = check([("bad.yml", text)])
    assert rules.heads() == []
    (problem,) = problems
    assert problem.error.code in {"rule-invalid", "invalid-input"}
    assert said in problem.error.message


@pytest.mark.parametrize(("text", "feature"), UNSUPPORTED)
def test_a_feature_we_do_not_run_is_named_with_its_file(text, feature):
    with pytest.raises(RuleError) as caught:
        load([("odd.yml", text)])
    assert caught.value.code == "rule-unsupported"
    assert caught.value.message.startswith("odd.yml: unsupported: ")
    assert feature in caught.value.message


@pytest.mark.parametrize(("text", "feature"), COUNTED)
def test_a_correlation_we_do_not_run_is_named(text, feature):
    rules, (problem,) = check(
        [("one.yml", GOOD), ("two.yml", rule({"s": {"y": 1}, "condition": "s"}, "two")), ("c.yml", text)]
    )
    assert len(rules.events) == 2
    assert problem.name == "c.yml"
    assert feature in problem.error.message


@pytest.mark.parametrize(("text", "code"), HAZARDS)
def test_a_rule_that_would_hold_up_everything_or_says_nothing_is_set_aside(text, code):
    rules, (problem,) = check([("good.yml", GOOD.replace(identity("one"), identity("other"))), ("odd.yml", text)])
    assert len(rules.events) == 1
    assert (problem.name, problem.error.code) == ("odd.yml", code)


@pytest.mark.parametrize("detection", HARMLESS)
def test_what_only_looks_so_is_run(detection):
    assert len(load([("a.yml", only(detection))]).events) == 1


def test_two_rules_cannot_have_one_id():
    _, (problem,) = check([("a.yml", GOOD), ("b.yml", GOOD)])
    assert "a.yml" in problem.error.message


@pytest.mark.parametrize(("padding", "fits"), [(0, True), (1, False)])
def test_a_rule_file_is_limited(padding, fits):
    text = GOOD + "#" * (DOCUMENT_BYTES_MAX - len(GOOD) + padding)
    assert (check([("big.yml", text)])[1] == []) is fits


def test_good_rules_survive_bad_ones():
    rules, problems = check([("bad.yml", "a: ["), ("good.yml", GOOD)])
    assert [head.title for head in rules.heads()] == ["Rule one"]
    assert [problem.name for problem in problems] == ["bad.yml"]


def test_the_digest_is_of_the_content_and_not_of_its_spelling():
    spelled = yaml.safe_dump(yaml.safe_load(GOOD), default_flow_style=True)
    assert load([("a", GOOD)]).heads()[0].digest == load([("b", "# note\n" + spelled)]).heads()[0].digest
    assert load([("a", GOOD)]).heads()[0].digest != load([("a", changed(level="high"))]).heads()[0].digest


def test_the_digest_of_a_count_covers_what_it_counts():
    count = counting("c", "event_count", ["one"], condition={"gte": 1})
    first, second = (load([("a", base), ("c", count)]) for base in (GOOD, changed(level="high")))
    assert first.correlations[0].head.digest != second.correlations[0].head.digest
