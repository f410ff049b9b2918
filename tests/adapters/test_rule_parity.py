"""The live matcher, the same without Hyperscan, and each hunting engine find the same, evidence and all."""

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from safeconduct.adapters.hunts.runner import ChildHunts
from safeconduct.adapters.sqlite.events import SqliteEventStore
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.engine import Engine
from safeconduct.soc.detection.parsing import load
from safeconduct.soc.detection.tables import Databases
from safeconduct.soc.hunts.model import Budget, RuleHunt
from safeconduct.soc.ports import Reading
from support.hunt_engines import child_with
from support.parity import in_parts, taken_in, usable_rules
from support.sigma_corpora import campaign, regression_cases, rule_files

pytestmark = pytest.mark.corpora

LONG = bool(os.environ.get("SAFECONDUCT_LONG"))
SAMPLED = 40  # recordings, each with its rule
IN_ONE_HUNT = 100  # rules; an engine compiles their conditions into one query
PATIENT = Budget(seconds=3_000)


class Data(NamedTuple):
    """An event index in its folder, and rules for it."""

    folder: Path
    store: SqliteEventStore
    rules: Sequence[tuple[str, str]]


@pytest.fixture(scope="module", params=["duckdb", "chdb"])
def child(request):
    with child_with(request.param) as one:
        yield one


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    cases = [case for case in regression_cases() if case.rule in rule_files()]
    cases = cases[:: len(cases) // SAMPLED][:SAMPLED]
    folder = tmp_path_factory.mktemp("sample")
    store = SqliteEventStore(folder / "events.db")
    store.add([event for case in cases for event in case.events] + campaign(100), file="f", reading=Reading(lines=0))
    yield Data(folder, store, tuple(rule_files()[case.rule] for case in cases))
    store.close()


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    folder = tmp_path_factory.mktemp("everything")
    store = taken_in(folder)
    yield Data(folder, store, usable_rules())
    store.close()


def test_a_sample_of_rules_over_a_sample_of_recordings(sample, child):
    live = detect(sample.store.between(), load(sample.rules))
    assert len({alert.rule for alert in live}) >= SAMPLED - 2
    assert ChildHunts(child, sample.folder).detect(RuleHunt(files=sample.rules), PATIENT).alerts == live


@pytest.mark.skipif(not LONG, reason="takes half an hour; make test-all runs it")
def test_all_rules_over_all_development_data_by_the_matcher_without_hyperscan(everything):
    store, rules = everything.store, load(everything.rules)

    def fired(engine):
        return {(one.rule.head.id, one.view.event.id, one.matches) for one in engine.hits(store.between())}

    found = fired(Engine(rules.events))
    assert found == fired(Engine(rules.events, defaultdict(Databases))) != set()


@pytest.mark.skipif(not LONG, reason="takes half an hour; make test-all runs it")
def test_all_rules_over_all_development_data_by_the_hunting_engine(everything, child):
    by_rule = defaultdict(list)
    for alert in detect(everything.store.between(), load(everything.rules)):
        by_rule[alert.rule].append(alert)
    runner, told = ChildHunts(child, everything.folder), Counter()
    for part in in_parts(everything.rules, IN_ONE_HUNT):
        found = runner.detect(RuleHunt(files=part), PATIENT)
        ids = {head.id for head in load(part).heads()}
        assert sorted(found.alerts, key=id_of) == sorted((one for key in ids for one in by_rule[key]), key=id_of)
        told.update(alerts=len(found.alerts), looked_at=found.looked_at, took_s=found.took / 1e6)
    assert told["alerts"] == sum(map(len, by_rule.values())) > 0


def id_of(alert):
    return alert.id
