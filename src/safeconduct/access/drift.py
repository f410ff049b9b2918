"""What is in force and in no program file: decided while it ran, by people, directories or time. docs/spec/program.md.

A plan that shows changes alone leaves out half of what decides calls. Whether applying the file would end something is
not told by rules of its own: the changes are tried on a copy, and what is gone then is what they end.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from safeconduct.access import records as kept
from safeconduct.access.admissions import ADMITTED, Admission
from safeconduct.access.changes import AGREEMENT, PlannedChange, enforce
from safeconduct.access.directory.model import set_by_directory
from safeconduct.access.directory.suspending import settle_all
from safeconduct.access.lowering import Lowered
from safeconduct.access.model.grants import Grant, GrantOrigin
from safeconduct.access.model.stops import Freeze, Restriction
from safeconduct.access.ownership import Authorization
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.kernel.ports import Collection, Records

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Something in force that no program file states. `until` is None where it does not end by itself.

    `by` is empty where time or nobody in particular did it; `ends` tells whether applying the planned file ends it.
    """

    kind: str
    name: str
    since: Instant | None
    until: Instant | None
    by: str
    said: str
    ends: bool = False

    def document(self) -> dict[str, Any]:
        """Returns it for machines."""
        return {
            "kind": self.kind,
            "name": self.name,
            "since": None if self.since is None else rfc3339(self.since),
            "until": None if self.until is None else rfc3339(self.until),
            "by": self.by,
            "said": self.said,
            "apply": "ends it" if self.ends else "leaves it",
        }


def drift(records: Records, changes: tuple[PlannedChange, ...], now: Instant) -> Iterator[Live]:
    """Yields what is in force beside the program, and what these changes would do with it, by kind and name."""
    later = _After(records)
    for planned in changes:
        if planned.noun != AGREEMENT:  # which ends nothing of all this
            enforce(later, planned.change)
    settle_all(later)
    for collection, shown in _KINDS:
        for key, one in records.scan(collection):
            found = shown(one)
            if found is not None and (found.until is None or now < found.until):
                yield replace(found, ends=later.get(collection, key) is None)


def drift_text(rows: list[dict[str, Any]]) -> str:
    """Returns the documents of drift for people."""
    lines = [line for one in rows for line in _lines(one)]
    return "".join(f"{line}\n" for line in lines or ["nothing is in force beside the program"])


def _lines(one: Mapping[str, Any]) -> Iterator[str]:
    by = f" by {one['by']}" if one["by"] else ""
    since = f" since {one['since']}" if one["since"] else ""
    until = f" until {one['until']}" if one["until"] else ""
    yield f"! {one['kind']} {one['name']}{since}{until}{by}; apply {one['apply']}"
    yield f"    {one['said']}"


def _grant(one: Grant) -> Live:
    kind = "break-glass" if one.origin is GrantOrigin.BREAK_GLASS else "grant"
    said = f"{one.principal} may use {one.path} for {one.purpose}"
    window = one.window
    return Live(kind=kind, name=one.id, since=window.opens_at, until=window.closes_at, by=one.principal, said=said)


def _freeze(one: Freeze) -> Live:
    return Live(kind="freeze", name=str(one.selector), since=one.at, until=one.ends_at, by=one.by, said=one.reason)


def _restriction(one: Restriction) -> Live:
    kind = "directory" if set_by_directory(one) else "restriction"
    said = f"{one.kind}: {one.reason}"
    return Live(kind=kind, name=str(one.selector), since=one.at, until=None, by=one.by, said=said)


def _admission(one: Admission) -> Live | None:
    if one.state in ADMITTED:
        return None
    said = f"vetting is {one.state}" + (f": {one.reason}" if one.reason else "")
    return Live(kind="vetting", name=str(one.subject), since=None, until=None, by="", said=said)


def _authorization(one: Authorization) -> Live:
    said = f"{one.kind} shows {', '.join(one.assets)}"
    name = f"{one.scope}/{one.key}"
    return Live(kind="scope", name=name, since=one.verified_at, until=one.expires_at, by=one.by, said=said)


def _lowered(one: Lowered) -> Live:
    said = f"no models above tier {one.tier}: {one.why}"
    return Live(kind="tier", name=str(one.subject), since=one.since, until=None, by=one.clause, said=said)


_KINDS: tuple[tuple[Collection[Any], Callable[[Any], Live | None]], ...] = (
    (kept.ISSUED_GRANTS, _grant),
    (kept.FREEZES, _freeze),
    (kept.RESTRICTIONS, _restriction),
    (kept.ADMISSIONS, _admission),
    (kept.AUTHORIZATIONS, _authorization),
    (kept.LOWERED, _lowered),
)
"""What decides calls and stands in no file, such as a freeze or a lowered tier, and how each kind is told."""


@dataclass
class _After:
    """`State` over records that stay as they are: what is written is seen here alone."""

    records: Records
    written: dict[tuple[str, str], Any] = field(default_factory=dict)  # None where it was deleted

    def get(self, collection: Collection[T], key: str) -> T | None:
        place = collection.name, key
        found: T | None = self.written[place] if place in self.written else self.records.get(collection, key)
        return found

    def scan(self, collection: Collection[T], prefix: str = "") -> Iterator[tuple[str, T]]:
        found: dict[str, Any] = dict(self.records.scan(collection, prefix))
        found |= {key: one for (name, key), one in self.written.items() if name == collection.name}
        live = ((key, one) for key, one in sorted(found.items()) if key.startswith(prefix) and one is not None)
        yield from live

    def put(self, collection: Collection[T], key: str, value: T) -> None:
        self.written[collection.name, key] = value

    def insert(self, collection: Collection[T], key: str, value: T) -> None:
        if self.get(collection, key) is not None:
            raise ConflictError(f"{collection.name} {key} is there already", code="already-exists")
        self.put(collection, key, value)

    def delete(self, collection: Collection[T], key: str) -> None:
        self.written[collection.name, key] = None
