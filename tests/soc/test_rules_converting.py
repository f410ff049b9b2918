"""Rules in the words of other products: what is written, what is named, what is missing."""

import sys

import pytest

from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.soc.detection.converting import TARGETS, convert
from support.sigma import counting, identity, rule

WINDOWS = {"category": "process_creation", "product": "windows"}
RUN = rule({"s": {"CommandLine|contains": "whoami"}, "condition": "s"}, "run", logsource=WINDOWS)
CALM = f"""{{title: Ours, logsource: {{category: process_creation, product: windows}},
    filter: {{rules: ["{identity("run")}"], ours: {{User: admin}}, condition: not ours}}}}"""
SAID = {
    "splunk": 'CommandLine="*whoami*"',
    "elasticsearch": "process.command_line:*whoami*",
    "esql": 'process.command_line like "*whoami*"',
    "eql": 'process.command_line:"*whoami*"',
    "kusto": 'DeviceProcessEvents\n| where ProcessCommandLine contains "whoami"',
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_rule_becomes_a_query_in_each_products_words(target):
    (query,), problems = convert([("run.yml", RUN)], target)
    assert problems == []
    assert (query.file, query.rule, query.title) == ("run.yml", identity("run"), "Rule run")
    assert SAID[target] in query.queries[0]


def test_the_rules_own_names_are_left_where_no_pipeline_is_wanted():
    (query,), _ = convert([("run.yml", RUN)], "elasticsearch", "none")
    assert query.queries == ["CommandLine:*whoami*"]


def test_filters_and_correlations_are_written_too():
    count = counting("many", "event_count", ["run"], **{"group-by": ["User"], "condition": {"gte": 3}})
    (query,), problems = convert([("a.yml", RUN), ("calm.yml", CALM), ("many.yml", count)], "splunk")
    assert (problems, query.title) == ([], "Rule many")
    assert 'NOT User="admin"' in query.queries[0]
    assert "event_count >= 3" in query.queries[0]


def test_what_cannot_be_written_is_named_and_the_rest_is_written():
    lonely = counting("lonely", "event_count", ["nobody"], condition={"gte": 3})
    keywords = rule({"words": ["needle"], "condition": "words"}, "words")
    between = counting("between", "event_count", ["run"], generate=True, condition={"gte": 3, "lt": 9})
    given = {"a": "a: [", "b": lonely, "c": keywords, "d": RUN, "e": between}
    queries, problems = convert([(f"{name}.yml", text) for name, text in given.items()], "esql")
    assert [query.file for query in queries] == ["d.yml"]
    assert sorted(problem.name for problem in problems) == ["a.yml", "b.yml", "c.yml", "e.yml"]


@pytest.mark.parametrize(("target", "pipeline"), [("excel", ""), ("splunk", "ecs_windows")])
def test_targets_and_pipelines_are_those_there_are(target, pipeline):
    with pytest.raises(InvalidInputError, match="expected one of"):
        convert([], target, pipeline)


def test_a_back_end_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sigma.backends.splunk", None)
    with pytest.raises(UnavailableError) as caught:
        convert([], "splunk")
    assert (caught.value.code, "safeconduct[rules]" in caught.value.remedy) == ("extra-missing", True)
