"""What the peer is asked: rules as YAML's values, and events with the numbers of the rules of their log source."""

import json
from itertools import islice

import msgspec
import yaml

from bench.detection_data import campaign_lines, windows_rules
from safeconduct.soc.detection.ir import LogSource
from safeconduct.soc.detection.views import Stream, names_for
from safeconduct.soc.windows import SOURCE, glance

STEP = 59
"""Every so manyth line is asked, so that all hours of the campaign have their part."""


def questions(count: int) -> bytes:
    """Returns the questions as one JSON document."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    rules = [yaml.load(text, loader) for _, text in windows_rules()]  # noqa: S506 - a safe loader either way
    sources = [_source(rule["logsource"]) for rule in rules]
    asked = []
    for line in islice(campaign_lines(), 0, count * STEP, STEP):
        raw = msgspec.json.decode(line)
        glanced = glance(raw)
        if glanced is not None:
            stream = Stream(SOURCE, 0, glanced[0], glanced[2])
            asked.append((raw, [n for n, one in enumerate(sources) if names_for(stream, one) is not None]))
    return json.dumps({"rules": rules, "events": asked}, default=str).encode()


def _source(written: dict[str, str]) -> LogSource:
    return LogSource(written.get("category", ""), written.get("product", ""), written.get("service", ""))
