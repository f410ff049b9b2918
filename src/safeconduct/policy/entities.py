"""The entity store: what policies look at, compiled once, and the part of it that a single decision can reach.

A decision is made on the smallest part that is closed under references. Cedar gets from the request's entities and
those that policies name to others by attributes and parents alone, so it decides on such a part as on the whole, and
a change elsewhere in the store leaves the part what it was.
"""

import hashlib
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

import cedarpy

from safeconduct.kernel.canonical import canonical, digest
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.policy.model import EntityRecord, EntityUid, encode_record, encode_uid, hashable, references

PARTS_KEPT_MAX = 8192
"""Parts that a store keeps, at about 5 KB each; a hot set of 200 principals on 20 paths fits twice."""


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """One entity in Cedar's JSON, what it names, and a form that only what Cedar sees alike has in common."""

    text: str = field(repr=False)
    names: frozenset[EntityUid]
    form: Hashable = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Entities that are closed under references. `members` has None for one that was asked for and is not there."""

    digest: str
    members: Mapping[EntityUid, Compiled | None] = field(repr=False)
    handle: cedarpy.Entities = field(repr=False)


class Entities:
    """An entity store in which every reference resolves."""

    def __init__(self, compiled: Mapping[EntityUid, Compiled], former: Mapping[frozenset[EntityUid], Part]) -> None:
        self.uids = frozenset(compiled)
        self.compiled = compiled
        self.parts: dict[frozenset[EntityUid], Part] = {}
        self._former = former

    @classmethod
    def compile(cls, records: Iterable[EntityRecord], previous: "Entities | None" = None) -> "Entities":
        """Builds the store. What is as in `previous` is not parsed again.

        Raises:
            InvalidInputError: two entities share a uid, or one names an entity that is not there. Cedar would take
                the second silently, and skip the policies that look at it.
        """
        known = previous.compiled if previous else {}
        records = tuple(records)
        compiled = {record.uid: _compile(record, known.get(record.uid)) for record in records}
        if len(compiled) != len(records):
            raise InvalidInputError("two entities share a uid", code="entities-invalid")
        new = [uid for uid, one in compiled.items() if one is not known.get(uid)]
        _parse(compiled[uid] for uid in new)
        gone = known.keys() - compiled.keys()
        for uid in compiled if gone else new:
            _refuse_dangling(uid, compiled)
        return cls(compiled, previous.parts if previous else {})

    def __eq__(self, other: object) -> bool:
        """Tells whether the entities are the same."""
        return isinstance(other, Entities) and self.digest == other.digest

    def __hash__(self) -> int:
        """Returns a hash of all entities."""
        return hash(self.digest)

    @property
    def digest(self) -> str:
        """The digest of all entities, made when it is asked for."""
        return digest(_document(self.compiled[uid] for uid in sorted(self.uids)))

    def part(self, roots: frozenset[EntityUid]) -> Part:
        """Returns the part that can be reached from some entities, whether they are there or not."""
        found = self.parts.get(roots)
        if found is None:
            if len(self.parts) >= PARTS_KEPT_MAX:
                self.parts.clear()
            former = self._former.get(roots)
            found = former if former is not None and self._has(former) else self._make(roots)
            self.parts[roots] = found
        return found

    def _has(self, part: Part) -> bool:
        return all(self.compiled.get(uid) is one for uid, one in part.members.items())

    def _make(self, roots: frozenset[EntityUid]) -> Part:
        members: dict[EntityUid, Compiled | None] = {}
        waiting = set(roots)
        while waiting:
            uid = waiting.pop()
            members[uid] = one = self.compiled.get(uid)
            if one is not None:
                waiting |= one.names - members.keys()
        present = [one for uid in sorted(members) if (one := members[uid]) is not None]
        document = _document(present)
        return Part(hashlib.sha256(document.encode()).hexdigest(), members, _parse(present))


def _compile(record: EntityRecord, known: Compiled | None) -> Compiled:
    form = hashable(record.attributes), record.parents
    if known is not None and known.form == form:
        return known
    encoded = canonical(
        {
            "uid": encode_uid(record.uid),
            "attrs": encode_record(record.attributes),
            "parents": [encode_uid(parent) for parent in record.parents],
        }
    )
    return Compiled(encoded.decode(), references(record.attributes) | frozenset(record.parents), form)


def _refuse_dangling(uid: EntityUid, compiled: Mapping[EntityUid, Compiled]) -> None:
    missing = compiled[uid].names - compiled.keys()
    if missing:
        raise InvalidInputError(f"{uid} names {min(missing)}, which is not in the store", code="entities-invalid")


def _parse(compiled: Iterable[Compiled]) -> cedarpy.Entities:
    return cedarpy.Entities.from_json_str(_document(compiled))


def _document(compiled: Iterable[Compiled]) -> str:
    return f"[{','.join([one.text for one in compiled])}]"
