"""Alerts and incidents as events come. After each batch they are those of one whole run over all events so far."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from safeconduct.kernel.errors import AbsentError, LimitedError
from safeconduct.kernel.ids import EventId
from safeconduct.soc.correlation import correlate
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.grouping import Ruling
from safeconduct.soc.inventory import Inventory
from safeconduct.soc.joining import joiners
from safeconduct.soc.live.alerts import Changed, LiveAlerts
from safeconduct.soc.live.keeping import Found
from safeconduct.soc.live.neighbors import Neighbors
from safeconduct.soc.model import Alert, Event, Incident
from safeconduct.soc.tuning import TunedOut, held_back
from safeconduct.soc.unusual import Unusual

KEPT_MAX = 500_000
"""Alerts and counted hits in memory, a kilobyte or two each. Rules that give more than that are no rules yet."""

Many = Callable[[Collection[EventId]], Mapping[EventId, Event]]
"""Reads events by their ids: `EventStore.many`."""


class Live:
    """One owner's detection. Holds in memory what later events may still change; made again of all events, or hits."""

    def __init__(self, rules: RuleSet, inventory: Inventory, many: Many, *, anomalies: bool = False) -> None:
        self._alerts = LiveAlerts(rules, Unusual() if anomalies else None)
        self._inventory = inventory
        self._many = many
        self._found: dict[str, Alert] = {}
        self._told: set[str] = set()
        self._changed: set[str] = set()
        self._decided: tuple[Sequence[Ruling], Sequence[TunedOut]] = ((), ())
        self._neighbors = Neighbors()

    def take(self, events: Sequence[Event]) -> Found:
        """Takes events in, none of which it had before, and returns what was found in them by themselves.

        Raises:
            LimitedError: `live-too-many-alerts`.
            AbsentError: `live-kept-unknown`: what it went on from names an event that is not here.
        """
        found = self._alerts.look(events)
        self._change(self._alerts.take(found, events))
        return found

    def resume(self, found: Found) -> None:
        """Takes in what was found in events before, instead of these events. Of anomalies nothing is known by it.

        Raises:
            LimitedError: `live-too-many-alerts`.
            AbsentError: `live-kept-unknown`: it names a rule or an event that is not here. Begin anew.
        """
        try:
            self._change(self._alerts.take(found))
        except KeyError as error:  # of the rules' heads
            raise _unknown(error.args[0]) from error

    def _change(self, changed: Changed) -> None:
        self._changed |= self._neighbors.reached(alert.id for alert in changed.gone)
        for alert in changed.gone:
            self._neighbors.drop(alert.id)
            self._told.discard(alert.id)
            del self._found[alert.id]
        self._found |= {alert.id: alert for alert in changed.came}
        self._tell(changed.came)
        if self._alerts.kept > KEPT_MAX:
            raise LimitedError(
                f"more than {KEPT_MAX:,} alerts and counted events",
                code="live-too-many-alerts",
                remedy="safeconduct detect shows which rules fire; take those out, or run it by hand",
            )

    def decide(self, rulings: Sequence[Ruling], tuned_out: Sequence[TunedOut]) -> None:
        """Goes by these rulings and tune-outs from now on; where they are others, all alerts are looked at again."""
        if self._decided == (rulings, tuned_out):
            return
        self._decided = rulings, tuned_out
        self._neighbors, self._told = Neighbors(rulings), set()
        self._tell(self._found.values())

    def incidents(self) -> tuple[Incident, ...]:
        """Returns the incidents of what was touched since they were last asked for, the gravest first."""
        alerts = [self._found[key] for key in self._neighbors.reached(self._changed)]
        self._changed = set()
        return correlate(alerts, self._events(alerts), self._inventory, self._decided[0])

    @property
    def told(self) -> int:
        """How many alerts are told."""
        return len(self._told)

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """The alerts that are told, ordered by time, rule and id."""
        found = (self._found[key] for key in self._told)
        return tuple(sorted(found, key=lambda alert: (alert.at, alert.rule, alert.id)))

    def _tell(self, alerts: Iterable[Alert]) -> None:
        tuned_out, listed = self._decided[1], list(alerts)
        events = self._events(listed, (one.event for one in tuned_out))
        told, _ = held_back(listed, tuned_out, events)
        for alert in told:
            found = ((key, events[key]) for key in alert.events)
            self._neighbors.put(
                alert.id, ((one.entity, event.at) for _, event in found for one in joiners(event, self._inventory))
            )
        self._told |= {alert.id for alert in told}
        self._changed |= {alert.id for alert in told}

    def _events(self, alerts: Iterable[Alert], more: Iterable[EventId] = ()) -> Mapping[EventId, Event]:
        wanted = {key for alert in alerts for key in alert.events}
        found = self._many(wanted | set(more))
        missing = wanted - found.keys()
        if missing:
            raise _unknown(min(missing))
        return found


def _unknown(what: str) -> AbsentError:
    return AbsentError(f"what was kept names {what[:64]!r}, which is not here", code="live-kept-unknown")
