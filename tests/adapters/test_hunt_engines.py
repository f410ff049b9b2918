"""Whichever engine answers gives the answers of the reference: hunts, what arrived since, and rules."""

from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import pytest

from safeconduct.adapters.hunts.runner import ChildHunts
from safeconduct.adapters.memory.hunts import ReadingHunts
from safeconduct.adapters.sqlite.events import SqliteEventStore
from safeconduct.kernel.errors import LimitedError
from safeconduct.soc.detection.shipped import shipped_files
from safeconduct.soc.hunts.columns import named, values_below
from safeconduct.soc.hunts.model import Budget, Order, RuleHunt
from safeconduct.soc.ports import Reading
from support.hunt_engines import ENGINES, child_with
from support.hunting import ARCHIVE, FINDS, happened, hunt, launched, where
from support.sigma import record, rule

OTHERS = ENGINES[1:]  # DuckDB has the same and more in test_hunt_segments.py
TEXTS = "aAbİß/\\'\"%_*?.\n é{}$"
ODD = [happened(20 + n, "json", {"a": f"x{one}y{one}", one: one, "b": [one, None]}) for n, one in enumerate(TEXTS)]
GROUPED = [
    hunt(group=group, order=order, limit=limit)
    for group, limit in ((("host",), 2), (("dst_port", "dst_ip"), 100))
    for order in Order
]


class Side(NamedTuple):
    runner: ChildHunts
    reference: ReadingHunts
    store: SqliteEventStore
    folder: Path


@pytest.fixture(scope="module", params=OTHERS)
def child(request):
    with child_with(request.param) as one:
        yield one


@pytest.fixture(scope="module")
def side(tmp_path_factory, child):
    folder = tmp_path_factory.mktemp("archive")
    store = SqliteEventStore(folder / "events.db")
    store.add([*ARCHIVE, *ODD], file="f", reading=Reading(lines=8))
    yield Side(ChildHunts(child, folder), ReadingHunts(store), store, folder)
    store.close()


def same(side, asked):
    found = side.runner.run(asked, Budget())
    expected = side.reference.run(asked, Budget())
    assert replace(found, took=0, query="") == replace(expected, took=0), found.query
    return found


def test_what_hunts_mean(side):
    for asked, _ in FINDS:
        same(side, asked)


def test_groups_orders_and_limits(side):
    for asked in GROUPED:
        same(side, asked)
    for limit in (1, 2, 3):
        same(side, hunt(where("host", "equals", "web-01"), limit=limit))


def test_odd_letters_are_compared_as_they_are(side):
    compared = cycle(("equals", "contains", "startswith", "endswith"))
    for event in ODD:
        for place, values in values_below(event).items():
            if place in {"/raw/a", f"/raw{named(event.raw['b'][0])}"}:
                assert same(side, hunt(where(place, next(compared), str(values[0])))).counted


def test_what_arrived_since_and_nothing_where_nothing_did(side):
    reach = same(side, hunt()).reach
    assert same(side, hunt(since=reach)).scanned == 0
    side.store.add([launched(1, "late", "/bin/late", "late")], file="g", reading=Reading(lines=1))
    assert same(side, hunt(since=reach)).counted == 1


def test_an_empty_archive_and_one_that_is_over_its_budget(child, tmp_path):
    store = SqliteEventStore(tmp_path / "events.db")
    runner = ChildHunts(child, tmp_path)
    assert runner.run(hunt(), Budget()).counted == 0
    store.add([happened(n) for n in range(3)], file="f", reading=Reading(lines=0))
    with pytest.raises(LimitedError):
        runner.run(hunt(), Budget(scanned=2))
    assert runner.run(hunt(), Budget(scanned=3)).counted == 3
    store.close()


def test_rules_give_the_alerts_of_the_matcher(child, tmp_path):
    store = SqliteEventStore(tmp_path / "events.db")
    store.add([record(n, n, a=value, b="x") for n, value in enumerate(VALUES)], file="f", reading=Reading(lines=0))
    plain = [rule({"some": one, "condition": "some"}, name=f"r{n}") for n, one in enumerate(DETECTIONS)]
    negated = {"all": {"b|exists": True}, "condition": "all and not some"}
    without = [rule({"some": one, **negated}, name=f"n{n}") for n, one in enumerate(DETECTIONS)]
    asked = RuleHunt(files=tuple((f"{n}.yml", text) for n, text in enumerate(plain + without)))
    found = ChildHunts(child, tmp_path).detect(asked, Budget())
    assert found.alerts == ReadingHunts(store).detect(asked, Budget()).alerts
    assert len({alert.rule for alert in found.alerts}) > len(DETECTIONS)
    store.close()


VALUES = ("PowerShell.exe -enc AAA", "C:\\x\\cmd.exe", "a*b", "", None, 12, True, ["one", "Two", None], {"deep": ["x"]})
DETECTIONS = (
    {"a|contains": ["-ENC", "cmd"]},
    {"a|startswith": "power"},
    {"a|endswith": "EXE"},
    {"a": "*shell*enc*"},
    {"a|re": "^[A-Z]owerShell"},
    {"a|gt": 11},
    {"a": None},
    {"a": ""},
    {"a|exists": True},
    {"a.deep": "x"},
)


def test_shipped_rules_compile(side):
    asked = RuleHunt(files=tuple(shipped_files()))
    assert side.runner.detect(asked, Budget()).alerts == side.reference.detect(asked, Budget()).alerts
