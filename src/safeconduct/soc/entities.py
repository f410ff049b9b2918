"""Which hosts, users, addresses, domains, processes, logon sessions and credentials an event speaks of, and where."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from safeconduct.kernel.errors import AbsentError
from safeconduct.soc.entity_forms import EACH, OBSERVABLES, PLACES, Normalizer, normal_host
from safeconduct.soc.model import Entity, Event
from safeconduct.soc.pointers import resolve
from safeconduct.soc.windows import SOURCE, windows_record
from safeconduct.soc.windows_entities import windows_places


@dataclass(frozen=True, slots=True, order=True)
class Mention:
    """An entity and the JSON pointer, into the event's document, of the value it was read from."""

    entity: Entity
    pointer: str


@dataclass(frozen=True, slots=True)
class _Place:
    """A step into a document: what to make of the value there, and the steps from there on."""

    normalize: Normalizer | None
    below: dict[str, "_Place"]


HOST_PLACES = ("/ocsf/device/hostname", "/ocsf/device/name")

FINDINGS = 2
"""OCSF's category of findings, the thousands of its classes: what others made of events that they name."""


WINDOWS_SOURCES = frozenset({SOURCE, "json"})
"""Sources whose records may be Windows': what other tools copied came in as JSON lines before they had a reader."""


def host_of(event: Event) -> str:
    """Returns the machine that an event tells of, in normal form; empty if it names none."""
    return next((normal_host(name) for place in HOST_PLACES if (name := _text(_at(event, place)))), "")


def mentions(event: Event) -> tuple[Mention, ...]:
    """Returns the entities of an event with the places that name them, sorted."""
    found = set(_mentioned(event, host_of(event)))
    return tuple(sorted(found, key=lambda one: (one.entity.kind, one.entity.value, one.pointer)))


def _mentioned(event: Event, host: str) -> Iterator[Mention]:
    places = [*_placed({"ocsf": event.ocsf, "raw": event.raw}, _ROOT, "")]
    record = windows_record(event.raw) if event.source in WINDOWS_SOURCES else None
    if record is not None:
        places += windows_places(record)
    class_uid = event.ocsf.get("class_uid")
    if isinstance(class_uid, int) and class_uid // 1000 == FINDINGS:
        places += _observed(event.ocsf.get("observables"))
    for pointer, value, normalize in places:
        found = normalize(value, host)
        if found:
            yield Mention(Entity(*found), pointer)


def _placed(value: object, place: _Place, pointer: str) -> Iterator[tuple[str, str, Normalizer]]:
    """Yields (pointer, text, normalizer) of what a document has of the places: an absent branch costs one look-up."""
    if place.normalize is not None:
        if text := _text(value):
            yield pointer, text, place.normalize
    elif isinstance(value, list):
        for index, element in enumerate(value if EACH in place.below else ()):
            yield from _placed(element, place.below[EACH], f"{pointer}/{index}")
    elif isinstance(value, dict | Mapping):
        for step, further in place.below.items():
            if step in value:
                yield from _placed(value[step], further, f"{pointer}/{step}")


def _observed(observables: object) -> Iterator[tuple[str, str, Normalizer]]:
    for index, one in enumerate(observables if isinstance(observables, list) else ()):
        normalize = OBSERVABLES.get(one.get("type_id", 0)) if isinstance(one, dict) else None
        value = one.get("value") if normalize else None
        if normalize and isinstance(value, str):
            yield f"/ocsf/observables/{index}/value", value, normalize


def _at(event: Event, pointer: str) -> object:
    try:
        return resolve({"ocsf": event.ocsf}, pointer)
    except AbsentError:
        return None


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _tree() -> _Place:
    root = _Place(None, {})
    for pointer, normalize in PLACES.items():
        *steps, last = pointer.split("/")[1:]
        place = root
        for step in steps:
            place = place.below.setdefault(step, _Place(None, {}))
        place.below[last] = _Place(normalize, {})
    return root


_ROOT = _tree()
