"""The live matcher, the same without Hyperscan, and each hunting engine find the same, evidence and all."""

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from safeconduct.adapters.hunts.rows import sort_key
from safeconduct.adapters.hunts.runner import ChildHunts
from safeconduct.adapters.sqlite.events import SqliteEventStore
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.engine import Engine
from safeconduct.soc.detection.parsing import load
from safeconduct.soc.detection.tables import Databases
from safeconduct.soc.hunts.model import Budget, RuleHunt
from safeconduct.soc.ports import Reading
from support.hunt_engines import child_with, need, over_segments
from support.parity import in_parts, suspected, taken_in, usable_rules
from support.sigma_corpora import campaign, regression_cases, rule_files

pytestmark = pytest.mark.corpora

LONG = bool(os.environ.get("SAFECONDUCT_LONG"))
CAMPAIGN_EVENTS = 2_000
IN_ONE_HUNT = 800  # rules
PATIENT = Budget(seconds=3_000)


class Data(NamedTuple):
    """An event index in its folder, and rules for it."""

    folder: Path
    store: SqliteEventStore
    rules: Sequence[tuple[str, str]]


@pytest.fixture(scope="module", params=["duckdb", "chdb"])
def engine(request):
    need(request.param)
    return request.param


@pytest.fixture(scope="module")
def child(engine):
    with child_with(engine) as one:
        yield one


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    cases = [case for case in regression_cases() if case.rule in rule_files()]
    folder = tmp_path_factory.mktemp("sample")
    store = SqliteEventStore(folder / "events.db")
    store.add(
        [event for case in cases for event in case.events] + campaign(CAMPAIGN_EVENTS),
        file="f",
        reading=Reading(lines=0),
    )
    yield Data(folder, store, tuple(rule_files()[key] for key in dict.fromkeys(case.rule for case in cases)))
    store.close()


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    folder = tmp_path_factory.mktemp("everything")
    store = taken_in(folder)
    yield Data(folder, store, usable_rules())
    store.close()


def test_rules_with_a_recording_over_all_recordings(sample, child):
    live = detect(sample.store.between(), load(sample.rules))
    assert {alert.rule for alert in live} == {head.id for head in load(sample.rules).heads()}
    assert ChildHunts(child, sample.folder).detect(RuleHunt(files=sample.rules), PATIENT).alerts == live


def test_an_engine_by_itself_leaves_out_no_hit_of_a_sample(sample, engine):
    leaves_out_no_hit(sample, engine)


@pytest.mark.skipif(not LONG, reason="takes some minutes; make test-all runs it")
def test_an_engine_by_itself_leaves_out_no_hit_of_all_development_data(everything, engine):
    leaves_out_no_hit(everything, engine)


def leaves_out_no_hit(data, engine):
    """Each rule by itself: where a hunt asks for many, what one leaves out another may bring in."""
    rules = load(data.rules).events
    hits = defaultdict(set)
    for one in Engine(rules).hits(data.store.between()):
        hits[one.rule.head.id].add(sort_key(one.view.event.at, one.view.event.id))
    with over_segments(engine, data.folder) as reading:
        found = suspected(reading, rules)
    assert hits
    assert {rule: keys - found[rule] for rule, keys in hits.items() if keys - found[rule]} == {}
    events = sum(data.store.counts().values())
    assert sum(map(len, found.values())) < len(rules) * events / 100, "it says something of most"


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
