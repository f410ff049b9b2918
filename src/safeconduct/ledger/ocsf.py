"""An entry as an OCSF event, so that a row in somebody's SIEM can be held against the tree.

Each feature says in its `FORMS` what its entry types mean; this module adds what is true of every entry. Its place
stands in `metadata`: `log_name` is the origin, `sequence` the index, `uid` the entry's id, `event_code` its type, and
`correlation_uid` the entry that began what it belongs to. `raw_data` is the leaf, `raw_data_hash` its RFC 6962 hash. An
event is a function of these alone: whoever holds the log makes the same one. docs/spec/export.md section 1 defines it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339
from safeconduct.ledger.envelope import Leaf, decode_leaf
from safeconduct.ledger.merkle import leaf_hash

OCSF_VERSION = "1.8.0"
PRODUCT = {"name": "Safeconduct", "vendor_name": "Safeconduct contributors"}

BASE = 0
INCIDENT_FINDING = 2005
AUTHENTICATION = 3002
ENTITY_MANAGEMENT = 3004
EVENT_LOG = 1008
API_ACTIVITY = 6003
REMEDIATION = 7001

CREATE, READ, UPDATE, DELETE = 1, 2, 3, 4  # as Entity Management counts; API Activity counts so too
OTHER = 99
INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL = 1, 2, 3, 4, 5
SUCCESS = {"status_id": 1, "status": "Success"}
FAILURE = {"status_id": 2, "status": "Failure"}

LEAF_HASH = {"algorithm_id": OTHER, "algorithm": "RFC 6962 leaf hash: SHA-256 over a zero byte and the raw data"}
NAME_CHARS_MAX = 128
"""Letters of an entry's id and type where only its place is told. Ours are shorter; a hostile log's need not be."""

_OWN_ACTOR = frozenset({AUTHENTICATION, ENTITY_MANAGEMENT, API_ACTIVITY, EVENT_LOG})
_HOST = "host"  # the profile that brings `actor` to every other class


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryForm:
    """What entries of one type mean: class, activity, and where each OCSF attribute comes from.

    `copy` maps a dotted attribute to a dotted member of the entry's body, `fixed` holds what the type alone says, and
    `more` returns what needs a look at the values. Members that are absent set nothing.
    """

    class_uid: int
    activity_id: int
    copy: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    more: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda _body: {}


UNKNOWN = EntryForm(class_uid=BASE, activity_id=OTHER, fixed={"activity_name": "Entry of an unknown type"})
"""What an entry of a type without a form goes out as: an exporter of an older release leaves nothing out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLeaf:
    """A leaf and where it stands."""

    origin: Origin
    index: int
    leaf: bytes


def ocsf_event(placed: PlacedLeaf, forms: Mapping[str, EntryForm]) -> dict[str, Any]:
    """Returns the OCSF event of an entry. What is sealed stands in it as in the leaf: as digests.

    Any leaf has one, so that no entry of a hostile log stops whoever exports it: an entry whose body does not fit its
    form goes out as one of an unknown type, a leaf that is no entry as one that can't be read.
    """
    try:
        leaf = decode_leaf(placed.leaf)
        at = parse_rfc3339(leaf.at)
    except SafeconductError:
        return _unreadable(placed)
    try:
        event = _filled(forms.get(leaf.type, UNKNOWN), leaf, at)
    except (KeyError, TypeError, ValueError, AttributeError):
        event = _filled(UNKNOWN, leaf, at)
    return _place(event, placed, leaf)


def _filled(form: EntryForm, leaf: Leaf, at: Instant) -> dict[str, Any]:
    event = base(form.class_uid, form.activity_id, at)
    for path, value in form.fixed.items():
        put(event, path, value)
    for path, name in form.copy.items():
        put(event, path, member(leaf.body, name))
    for path, value in form.more(leaf.body).items():
        put(event, path, value)
    _name_actor(event, leaf, form)
    return event


def _unreadable(placed: PlacedLeaf) -> dict[str, Any]:
    event = base(BASE, OTHER, Instant(0)) | {"activity_name": "Entry that can't be read", **FAILURE}
    event["metadata"] |= {
        "uid": f"index-{placed.index}",
        "correlation_uid": f"index-{placed.index}",
        "log_name": placed.origin,
        "sequence": placed.index,
        "event_code": "unreadable",
        "original_time": rfc3339(Instant(0)),
    }
    return event | _bytes_of(placed)


def without_leaf(event: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the event without the leaf's bytes, for who takes no long records. Hash and size of them stay."""
    short = {name: value for name, value in event.items() if name != "raw_data"}
    return short | {"metadata": {**event["metadata"], "is_truncated": True}}


def place_only(event: Mapping[str, Any]) -> dict[str, Any]:
    """Returns of an event only where its entry stands and its hash, as a Base Event. It is always short and valid."""
    kept = {name: event[name] for name in ("time", "raw_data_hash", "raw_data_size")}
    named = event["metadata"]
    metadata = {name: named[name] for name in ("version", "product", "log_name", "sequence", "original_time")}
    cut = {name: named[name][:NAME_CHARS_MAX] for name in ("uid", "event_code")}
    least = base(BASE, OTHER, Instant(0)) | {"activity_name": "Entry by its place alone"} | kept
    return least | {"metadata": metadata | cut | {"is_truncated": True}}


def base(class_uid: int, activity_id: int, at: Instant) -> dict[str, Any]:
    """Returns the attributes that every OCSF event must have."""
    return {
        "class_uid": class_uid,
        "category_uid": class_uid // 1000 % 100,  # an extension puts its own number before: 201001 is of 1
        "activity_id": activity_id,
        "type_uid": class_uid * 100 + activity_id,
        "severity_id": INFORMATIONAL,
        "time": at // 1000,
        "metadata": {"version": OCSF_VERSION, "product": dict(PRODUCT)},
    }


def put(document: dict[str, Any], path: str, value: Any) -> None:  # noqa: ANN401 - JSON
    """Sets a dotted attribute; None sets nothing."""
    if value is None:
        return
    *parents, last = path.split(".")
    place = document
    for name in parents:
        place = place.setdefault(name, {})
    place[last] = value


def member(body: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - JSON
    """Returns a dotted member of an entry's body; None if it is absent."""
    found: Any = body
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _name_actor(event: dict[str, Any], leaf: Leaf, form: EntryForm) -> None:
    actor = (leaf.act or {}).get("actor")
    if actor and "actor" not in event:
        put(event, "actor.user.uid", actor)
    if "actor" in event and form.class_uid not in _OWN_ACTOR:
        event["metadata"].setdefault("profiles", [_HOST])


def _place(event: dict[str, Any], placed: PlacedLeaf, leaf: Leaf) -> dict[str, Any]:
    event["metadata"].setdefault("correlation_uid", leaf.id)
    event["metadata"] |= {
        "uid": leaf.id,
        "log_name": placed.origin,
        "sequence": placed.index,
        "event_code": leaf.type,
        "original_time": leaf.at,
    }
    return event | _bytes_of(placed)


def _bytes_of(placed: PlacedLeaf) -> dict[str, Any]:
    return {
        "raw_data": placed.leaf.decode("utf-8", "replace"),
        "raw_data_size": len(placed.leaf),
        "raw_data_hash": {**LEAF_HASH, "value": leaf_hash(placed.leaf).hex()},
    }
