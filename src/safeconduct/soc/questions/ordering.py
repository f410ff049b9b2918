"""In which order the events of an incident are worth the room that a question has."""

from collections.abc import Iterator, Mapping

from safeconduct.kernel.ids import EventId
from safeconduct.soc.model import Alert, Event, Incident
from safeconduct.soc.questions.model import Hunted

_LEVELS = ("critical", "high", "medium", "low", "informational")

_TURNS = ((0, -1), (-1, -1), (0, 0))
# Of a rule's alerts the nth, of its events which: of an alert on many events the last is the one that completed it.


def by_worth(
    incident: Incident, events: Mapping[EventId, Event], hunted: tuple[Hunted, ...], most: int
) -> Iterator[Event]:
    """Yields those of an incident's events that are stored, the most telling first.

    What hunts found comes before them, and takes at most half of the `most` events that are shown.
    """
    found = [id_ for one in hunted for id_ in one.result.events[:most]]
    fresh = list(dict.fromkeys(id_ for id_ in found if id_ in events))[: most // 2]
    yield from (events[id_] for id_ in fresh)
    yield from (event for event in _by_weight(incident, events) if event.id not in fresh)


def _by_weight(incident: Incident, events: Mapping[EventId, Event]) -> Iterator[Event]:
    # One event of each kind of alert before a second of any, grave ones first: fifty guesses are one story.
    runs, seen = _runs(incident), set[EventId]()
    for nth, match in _TURNS:
        for run in runs:
            event = run[nth].matches[match].event
            if event in events and event not in seen:
                seen.add(event)
                yield events[event]


def _runs(incident: Incident) -> list[list[Alert]]:
    runs: dict[str, list[Alert]] = {}
    for alert in sorted((one for one in incident.alerts if one.matches), key=lambda one: (one.at, one.id)):
        runs.setdefault(alert.rule, []).append(alert)
    return sorted(runs.values(), key=lambda run: (_rank(run[0]), run[0].at, run[0].id))


def _rank(alert: Alert) -> int:
    return _LEVELS.index(alert.level) if alert.level in _LEVELS else len(_LEVELS)
