"""All development data in one event index, and all public rules that can be used, for engines to be held together."""

import contextlib
import io
from collections import defaultdict
from pathlib import Path

from safeconduct.adapters.hunts import questions
from safeconduct.adapters.hunts.rule_hunting import RULES_AT_ONCE
from safeconduct.adapters.hunts.rules_to_ibis import conditions, suited
from safeconduct.adapters.sqlite.events import SqliteEventStore
from safeconduct.adapters.telemetry.files import parts
from safeconduct.adapters.telemetry.ingestion import Ingestion
from safeconduct.adapters.telemetry.raw_store import RawStore
from safeconduct.kernel.errors import SafeconductError
from safeconduct.soc.detection.parsing import check
from safeconduct.soc.hunts.model import Hunt
from support.corpora import corpora
from support.sigma_corpora import rule_files

TELEMETRY = (
    "sigma/regression_data.tar.xz",
    "evtx/attack-samples.tar.xz",
    "otrf/lsass-campaign-05.tar.xz",
    "otrf/atomic.tar",
    "cloudtrail/invictus.tar.xz",
    "cloudtrail/stratus.tar.xz",
    "zeek/zeek-json.tar.xz",
    "suricata/eve-alerts.tar.xz",
    "ocsf/examples.tar.xz",
)
"""Every corpus that has telemetry."""


def taken_in(folder: Path) -> SqliteEventStore:
    """Returns an index of all that can be read of the development data."""
    store = SqliteEventStore(folder / "events.db")
    ingestion = Ingestion(RawStore(folder / "raw"), store)
    for name in TELEMETRY:
        with contextlib.suppress(SafeconductError):  # what an archive can't give is the ingestion tests' concern
            for inner, content in parts(corpora() / name):
                ingestion.take(inner, io.BytesIO(content))
    return store


def usable_rules() -> list[tuple[str, str]]:
    """Returns the public rules that can be used, by name."""
    files = sorted(rule_files().values())
    _, problems = check(files)
    unusable = {one.name for one in problems}
    return [one for one in files if one[0] not in unusable]


def suspected(engine, rules):
    """Returns by rule the sort keys of the events that an engine's own word leaves to the matcher: all it holds of."""
    streams = [row[1] for row in engine.rows(questions.sql(questions.streams(Hunt()), engine.dialect))]
    found = defaultdict(set)
    for part in in_parts(suited(rules, streams), RULES_AT_ONCE):
        bound, held = conditions(questions.EVENTS, part)
        each = {f"rule_{number}": bound["key"].collect(where=one) for number, one in enumerate(held)}
        (row,) = engine.rows(questions.sql(bound.aggregate(**each), engine.dialect))
        for one, keys in zip(part, row, strict=True):
            found[one.rule.head.id] |= set(keys or ())
    return found


def in_parts(files, size):
    """Yields so many rules at a time: what one hunt takes."""
    for start in range(0, len(files), size):
        yield tuple(files[start : start + size])
