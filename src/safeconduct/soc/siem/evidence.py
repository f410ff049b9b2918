"""A model's hunts, asked of a SIEM too: what it brings is telemetry like any other, and the hunts run over all of it.

So that what a claim says of a hunt is recomputed from stored events alone, whoever brought them.
"""

from collections.abc import Iterable
from dataclasses import replace

from safeconduct.soc.grounding import satisfies
from safeconduct.soc.hunts.model import Hunt
from safeconduct.soc.model import Event

SOURCE = "json"
"""The source of events that are rows of a SIEM."""


def asked_of_siem(hunt: Hunt, rows: int) -> Hunt:
    """Returns a hunt as a SIEM is asked it: of a table, with no more rows than may be brought."""
    return replace(hunt, sources=(), limit=min(hunt.limit, rows))


def over_both(hunt: Hunt) -> Hunt:
    """Returns a hunt as it runs over what is stored, when a SIEM brought what it has."""
    return replace(hunt, sources=tuple(sorted({*hunt.sources, SOURCE})))


def understood(hunt: Hunt, events: Iterable[Event]) -> bool:
    """Tells whether a hunt finds here what a SIEM found by it.

    Where it does not, the table's fields say something else than ours, and an absence here would be none.
    """
    return all(satisfies(hunt, event) for event in events)
