"""Runs azuma in its own environment: rules and events as JSON from standard input, CPU seconds to standard output."""

import json
import sys
import time

from azuma import Rule  # type: ignore[import-not-found] # in an environment of its own
from azuma.exceptions import UnsupportedFeatureError  # type: ignore[import-not-found]


def main() -> None:
    """Loads what it can, matches, tells."""
    asked = json.load(sys.stdin)
    rules, left_out = [], 0
    for fields in asked["rules"]:
        try:
            rules.append(Rule.model_validate(fields))
        except (UnsupportedFeatureError, ValueError):
            rules.append(None)
            left_out += 1
    before = time.process_time()
    hits = sum(rules[number].match(event) for event, numbers in asked["events"] for number in numbers if rules[number])
    told = {
        "events": len(asked["events"]),
        "cpu_s": time.process_time() - before,
        "hits": hits,
        "rules": len(rules) - left_out,
        "version": "0.7.3",
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
