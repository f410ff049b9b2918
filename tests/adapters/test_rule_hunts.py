"""Sigma rules over segments give just the alerts that the live matcher gives, and read few events for it."""

import pytest

from safeconduct.adapters.hunts.child import Archive
from safeconduct.adapters.hunts.choosing import Chosen
from safeconduct.adapters.hunts.duckdb_engine import DuckDB
from safeconduct.adapters.hunts.engines import MemoryShortError
from safeconduct.adapters.hunts.predicate_tests import literal_pieces
from safeconduct.adapters.hunts.rule_hunting import detected
from safeconduct.adapters.hunts.runner import ChildHunts
from safeconduct.adapters.memory.hunts import ReadingHunts
from safeconduct.adapters.sqlite.events import SqliteEventStore
from safeconduct.adapters.telemetry.ingestion import Ingestion
from safeconduct.adapters.telemetry.raw_store import RawStore
from safeconduct.kernel.errors import LimitedError
from safeconduct.soc.detection.model import RuleError
from safeconduct.soc.detection.shipped import shipped_files
from safeconduct.soc.hunts.model import Budget, RuleHunt
from safeconduct.soc.ports import Reading
from support.hunt_engines import child_with
from support.sigma import counting, record, rule
from support.telemetry import RECORDING, SOURCES, later


@pytest.fixture(scope="module", params=["duckdb", "chdb"])
def child(request):
    with child_with(request.param) as one:
        yield one


@pytest.fixture(scope="module")
def made(tmp_path_factory, child):
    """Records made to be told apart by every operator."""
    folder = tmp_path_factory.mktemp("made")
    store = SqliteEventStore(folder / "events.db")
    store.add(MADE, file="f", reading=Reading(lines=0))
    yield ChildHunts(child, folder), ReadingHunts(store)
    store.close()


VALUES = (
    "PowerShell.exe -enc AAA", "powershell.exe", "C:\\x\\cmd.exe", "a*b", "", None, 12, 12.5, True,
    ["one", "Two", None],
    ["", None], [], {"deep": ["x", {"y": "z"}]}, "10.1.2.3", "\u017fv\u017f", "\u0130stanbul", "nul\0end", "new\nline",
)  # fmt: skip
MADE = [record(n, n, a=value, b="two" if n % 2 else "one") for n, value in enumerate(VALUES)]
MADE += [record(100 + n, 100 + n, **{"a.x": "dotted"}) for n in range(2)]
MADE += [record(110, 110, a={"x": "nested"}), record(111, 111, a=[{"x": "in a list"}]), record(112, 112)]

DETECTIONS = (
    {"a": "powershell.exe"},
    {"a|contains": ["-ENC", "cmd"]},
    {"a|startswith": "power"},
    {"a|endswith": "EXE"},
    {"a": "*shell*enc*"},
    {"a": "s?s"},
    {"a": "?v?"},
    {"a|cased": "powershell.exe"},
    {"a|contains|cased": "Two"},
    {"a|re": "^[A-Z]owerShell"},
    {"a|re": "new.line"},
    {"a|cidr": "10.0.0.0/8"},
    {"a|gt": 12},
    {"a|lte": 12},
    {"a": None},
    {"a": ""},
    {"a": 12},
    {"a": True},
    {"a|exists": True},
    {"a.x": "*"},
    {"a.x": "nested"},
    {"a.0.x": "in a list"},
    {"a.deep": "z"},
    {"a|contains": "\0"},
    {"a|fieldref": "b"},
    {"a|contains": "istanbul"},
    ["powershell", "dotted"],
)


@pytest.mark.parametrize("condition", ["some", "all and not some", "not some"])
def test_every_operator_holds_of_the_same_events(made, condition):
    runner, reference = made
    able = [one for one in DETECTIONS if isinstance(one, dict) or condition != "not some"]
    files = tuple(
        (f"{number}.yml", rule({"some": one, "all": {"b|exists": True}, "condition": condition}, name=f"r{number}"))
        for number, one in enumerate(able)
    )
    asked = RuleHunt(files=files)
    found = runner.detect(asked, Budget())
    assert found.alerts == reference.detect(asked, Budget()).alerts
    assert len({alert.rule for alert in found.alerts}) >= len(DETECTIONS) - 5
    assert (found.scanned, found.sources) == (len(MADE), {"access": len(MADE)})


def test_few_events_are_read_for_a_rare_rule(made):
    rare = rule({"some": {"a": "a\\*b"}, "condition": "some"})
    found = made[0].detect(RuleHunt(files=(("one.yml", rare),)), Budget())
    assert [alert.events for alert in found.alerts] == [(MADE[3].id,)]
    assert found.looked_at <= 2, "the hit, and the last of the stream"
    assert "a*b" in found.query


def test_a_window_bounds_what_rules_see_and_correlations_count_the_same(made):
    runner, reference = made
    base = rule({"some": {"b": "one"}, "condition": "some"}, name="base")
    many = counting("many", "event_count", ["base"], condition={"gte": 3}, timespan="10s")
    asked = RuleHunt(files=(("base.yml", base), ("many.yml", many)), first=later(2), last=later(9))
    found = runner.detect(asked, Budget())
    assert found.alerts == reference.detect(asked, Budget()).alerts != ()
    assert found.scanned == 8


def test_rules_that_cannot_be_used_are_told_and_budgets_hold(made):
    with pytest.raises(RuleError) as caught:
        made[0].detect(RuleHunt(files=(("x.yml", "title: nothing"),)), Budget())
    assert "x.yml" in caught.value.message
    with pytest.raises(LimitedError):
        made[0].detect(RuleHunt(files=()), Budget(scanned=len(MADE) - 1))
    assert made[0].detect(RuleHunt(files=()), Budget(scanned=len(MADE))).alerts == ()


def test_the_shipped_rules_over_the_recording(tmp_path, child):
    store = SqliteEventStore(tmp_path / "events.db")
    ingestion = Ingestion(RawStore(tmp_path / "raw"), store)
    for name in SOURCES:
        with (RECORDING / name).open("rb") as file:
            ingestion.take(name, file)
    asked = RuleHunt(files=tuple(shipped_files()))
    found = ChildHunts(child, tmp_path).detect(asked, Budget())
    assert found.alerts == ReadingHunts(store).detect(asked, Budget()).alerts != ()
    assert found.looked_at < found.scanned
    store.close()


def test_what_of_a_pattern_must_be_in_a_text():
    assert literal_pieces(r".*\-Enc.*a\.b.\\c") == ["-enc", "a.b", "\\c"]
    assert literal_pieces(".*.") == []
    assert literal_pieces("é.*x") == ["x"]


class Short(DuckDB):
    """An engine with memory for two rules."""

    def rows(self, query):
        if query.count("'value of ") > 2:
            raise MemoryShortError("short")
        return super().rows(query)


def test_where_memory_is_short_rules_are_asked_in_halves(tmp_path):
    store = SqliteEventStore(tmp_path / "events.db")
    store.add([record(n, n, a=f"value of {n}") for n in range(9)], file="f", reading=Reading(lines=0))
    archive = Archive(tmp_path, Chosen())
    while not archive.catch_up().done:
        pass
    rules = [rule({"some": {"a": f"value of {n}"}, "condition": "some"}, name=f"r{n}") for n in range(9)]
    asked = RuleHunt(files=tuple((f"{n}.yml", text) for n, text in enumerate(rules)))
    engine = Short(tmp_path / "segments")
    engine.read(list((tmp_path / "segments").glob("*.parquet")))
    found = detected(engine, store, asked, Budget())
    assert found.alerts == ReadingHunts(store).detect(asked, Budget()).alerts
    assert len(found.alerts) == 9
    assert found.query.count("LIMIT") == 5, "the halves' halves of eight, and the ninth"
    many = RuleHunt(files=(("m.yml", rule({"some": {"a": [f"value of {n}" for n in range(3)]}, "condition": "some"})),))
    with pytest.raises(MemoryShortError):
        detected(engine, store, many, Budget())
    archive.close()
    engine.close()
    store.close()
