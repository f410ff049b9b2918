"""Sigma filters: laid over the rules they name or over a log source, whatever file they stand in."""

import pytest
import yaml

from safeconduct.soc.detection.parsing import check, load
from support.sigma import found, identity, record, rule

GOOD = rule({"selection": {"name": "x"}, "condition": "selection"})
OTHER = rule({"selection": {"name": "x"}, "condition": "selection"}, "other", logsource={"category": "proxy"})


def filtering(rules, condition="not ours", logsource=None, **selections):
    body = {"rules": rules, **(selections or {"ours": {"who": "admin"}}), "condition": condition}
    return yaml.safe_dump(
        {"title": "Ours", "id": identity("filter"), "logsource": logsource or {"category": "webserver"}, "filter": body}
    )


@pytest.mark.parametrize("rules", [["one"], [identity("one")], "any", "one", []])
def test_what_a_filter_takes_out_is_not_told(rules):
    text = filtering(rules)
    assert len(found([record(name="x")], GOOD, text)) == 1
    assert found([record(name="x", who="Admin")], GOOD, text) == ()
    assert found([record(name="x", who="admin")], text, GOOD) == ()


def test_names_in_rule_and_filter_do_not_meet():
    text = filtering("any", "not 1 of sel*", selection={"who": "a"}, sel_b={"who": "b"})
    assert len(found([record(name="x", who="c")], GOOD, text)) == 1
    assert found([record(name="x", who="b")], GOOD, text) == ()


def test_a_filter_is_for_its_log_source_alone():
    text = filtering("any", logsource={"category": "proxy"})
    assert len(found([record(name="x", who="admin")], GOOD, OTHER, text)) == 1


def test_a_filter_changes_the_digest_of_what_it_filters_only():
    plain = {head.name: head.digest for head in load([("a", GOOD), ("b", OTHER)]).heads()}
    changed = {head.name: head.digest for head in load([("a", GOOD), ("b", OTHER), ("f", filtering("any"))]).heads()}
    assert plain["one"] != changed["one"]
    assert plain["other"] == changed["other"]


WRONG = [
    (filtering(["nobody"]), "not here"),
    (filtering("any", "1 of nobody"), "none of them has"),
    (filtering("any", "not ours", ours={"who|re": ".*"}), "no event"),
    (filtering("any", "not ours", ours={"who|expand": "%admins%"}), "placeholder"),
    (yaml.safe_dump({"title": "x", "logsource": {"category": "webserver"}, "filter": {"condition": "x"}}), "rules"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_a_filter_that_cannot_be_laid_over_anything_is_set_aside(text, said):
    rules, (problem,) = check([("good.yml", GOOD), ("filter.yml", text)])
    assert len(rules.events) == 1
    assert problem.name == "filter.yml"
    assert said in problem.error.message


def test_a_filter_that_knows_some_of_its_rules_is_laid_over_these_and_names_the_others():
    text = filtering(["one", "nobody", "x" * 99])
    rules, problems = check([("good.yml", GOOD), ("filter.yml", text)])
    told = [{"file": "filter.yml", "title": "Ours", "unknown": ("nobody", "x" * 64)}]
    assert (problems, [one.told() for one in rules.filters]) == ([], told)
    assert found([record(name="x", who="admin")], GOOD, text) == ()
    assert load([("good.yml", GOOD), ("filter.yml", filtering(["one"]))]).filters[0].unknown == ()


def test_a_filter_takes_placeholders_too():
    text = filtering("any", "not ours", ours={"who|expand": "%users%"})
    rules = load([("good.yml", GOOD), ("filter.yml", text)], {"users": ["ana", "bo"]})
    assert [one.title for one in rules.filters] == ["Ours"]
