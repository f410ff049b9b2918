"""The entity store: what policies look at, and the part of it that a single decision can reach.

A decision is made on the smallest part that is closed under references. Cedar gets from the request's entities and
those that policies name to others by attributes and parents alone, so it decides on such a part as on the whole, and
a change elsewhere in the store leaves the part what it was.
"""

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

import cedarpy

from safeconduct.kernel.canonical import canonical, digest
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.maps import PersistentMap, Places
from safeconduct.policy.model import EntityRecord, EntityUid, Value, encode_record, encode_uid, hashable, references

PARTS_KEPT_MAX = 8192
"""Parts that a store keeps, at about 7 KB each; a hot set of 200 principals on 20 paths fits twice."""


class Compiled:
    """One entity: what it names, and a form that only what Cedar sees alike has in common."""

    __slots__ = ("_record", "_text", "form", "names")

    def __init__(self, record: EntityRecord) -> None:
        self.form: Hashable = hashable(record.attributes), record.parents
        self.names = references(record.attributes) | frozenset(record.parents)
        self._record = record
        self._text = ""

    @property
    def attributes(self) -> Mapping[str, Value]:
        """What policies may ask of it."""
        return self._record.attributes

    @property
    def text(self) -> str:
        """The entity in Cedar's JSON, made when it is first asked for: few of many thousands are looked at."""
        if not self._text:
            self._text = _encoded(self._record)
        return self._text


ACTION = "Action"
"""The type of what is done. Policies name actions; a store may describe them and need not."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Entities that are closed under references. `members` has None for one that was asked for and is not there.

    `whole` says that only actions are not: no store has them.
    """

    digest: str
    members: Mapping[EntityUid, Compiled | None] = field(repr=False)
    whole: bool
    handle: cedarpy.Entities = field(repr=False)
    places: Places = field(repr=False)  # of the members, in the store that it was made of


_Parts = dict[frozenset[EntityUid], Part]


class Entities:
    """An entity store in which every reference resolves. It never changes; `patched` makes another."""

    def __init__(
        self,
        compiled: PersistentMap[EntityUid, Compiled],
        named: PersistentMap[EntityUid, int],
        made: _Parts,
    ) -> None:
        self.compiled = compiled
        self._named = named  # by how many entities
        self._parts: _Parts = {}  # of this store
        self._made = made  # by any store that this one was patched from or into: looked at again before use

    @classmethod
    def compile(cls, records: Iterable[EntityRecord]) -> "Entities":
        """Builds the store.

        Raises:
            InvalidInputError: two entities share a uid, or one names an entity that is not there. Cedar would take
                the second silently, and skip the policies that look at it.
        """
        records = tuple(records)
        by_uid = {record.uid: record for record in records}
        if len(by_uid) != len(records):
            raise InvalidInputError("two entities share a uid", code="entities-invalid")
        return cls(PersistentMap(), PersistentMap(), {}).patched(by_uid)

    def patched(self, records: Mapping[EntityUid, EntityRecord | None]) -> "Entities":
        """Returns a store with these entities changed or, where there is None, removed. Costs what it changes.

        Raises:
            InvalidInputError: an entity is left that names one that is not there.
        """
        new = {uid: None if record is None else Compiled(record) for uid, record in records.items()}
        changes = {uid: one for uid, one in new.items() if _form(one) != _form(self.compiled.get(uid))}
        if not changes:
            return self
        compiled = self.compiled.patched(changes)
        counts = self._counts(changes)
        missing = [uid for uid in (*counts, *changes) if uid not in compiled and counts.get(uid, self._named.get(uid))]
        if missing:
            raise _dangling(min(missing), compiled)
        return Entities(compiled, self._named.patched(counts), self._made)

    def __eq__(self, other: object) -> bool:
        """Tells whether the entities are the same."""
        return isinstance(other, Entities) and self.digest == other.digest

    def __hash__(self) -> int:
        """Returns a hash of all entities."""
        return hash(self.digest)

    @property
    def digest(self) -> str:
        """The digest of all entities, made when it is asked for."""
        return digest(_document(self.compiled[uid] for uid in sorted(self.compiled)))

    def part(self, roots: frozenset[EntityUid], shared: EntityUid | None = None) -> Part:
        """Returns the part that can be reached from some entities, whether they are there or not.

        What can be reached from `shared`, one of the roots, is held in memory once for all parts that name it so.
        """
        found = self._parts.get(roots)
        if found is None:
            if len(self._made) >= PARTS_KEPT_MAX:
                self._made.clear()
                self._parts.clear()
            former = self._made.get(roots)
            found = former if former is not None and self.has(former) else self._make(roots, shared)
            self._parts[roots] = self._made[roots] = found
        return found

    def _counts(self, changes: Mapping[EntityUid, Compiled | None]) -> dict[EntityUid, int | None]:
        more = Counter[EntityUid]()
        for uid, new in changes.items():
            known = self.compiled.get(uid)
            more.subtract(known.names if known is not None else ())
            more.update(new.names if new is not None else ())
        return {uid: self._named.get(uid, 0) + count or None for uid, count in more.items() if count}

    def attributes(self, uid: EntityUid) -> Mapping[str, Value]:
        """Returns what policies may ask of an entity; nothing of one that is not there."""
        found = self.compiled.get(uid)
        return found.attributes if found is not None else {}

    def has(self, part: Part) -> bool:
        """Tells whether a part, which may be another store's, would be made of the same entities here."""
        if self.compiled.unchanged(part.places):
            return True
        return all(self.compiled.get(uid) is one for uid, one in part.members.items())

    def _make(self, roots: frozenset[EntityUid], shared: EntityUid | None) -> Part:
        members = self._closed(roots)
        present = [one for uid in sorted(members) if (one := members[uid]) is not None]
        whole = all(one is not None or uid.type == ACTION for uid, one in members.items())
        found = hashlib.sha256(_document(present).encode()).hexdigest()
        base = self.part(frozenset((shared,))) if shared is not None and len(roots) > 1 else None
        handle = _handle(present if base is None else _beyond(members, base), base)
        return Part(found, members, whole, handle, self.compiled.places(members))

    def _closed(self, roots: frozenset[EntityUid]) -> dict[EntityUid, Compiled | None]:
        members: dict[EntityUid, Compiled | None] = {}
        waiting = set(roots)
        while waiting:
            uid = waiting.pop()
            members[uid] = one = self.compiled.get(uid)
            if one is not None:
                waiting |= one.names - members.keys()
        return members


def _beyond(members: Mapping[EntityUid, Compiled | None], base: Part) -> list[Compiled]:
    return [one for uid, one in members.items() if one is not None and uid not in base.members]


def _handle(compiled: Iterable[Compiled], base: Part | None) -> cedarpy.Entities:
    document = _document(compiled)
    try:
        return base.handle.with_added_json_str(document) if base else cedarpy.Entities.from_json_str(document)
    except ValueError as error:  # nothing is decided on entities that the engine does not take
        raise InvalidInputError(f"the engine takes no such entities: {error}", code="entities-invalid") from error


def _form(compiled: Compiled | None) -> Hashable:
    return None if compiled is None else compiled.form


def _encoded(record: EntityRecord) -> str:
    return canonical(
        {
            "uid": encode_uid(record.uid),
            "attrs": encode_record(record.attributes),
            "parents": [encode_uid(parent) for parent in record.parents],
        }
    ).decode()


def _dangling(missing: EntityUid, compiled: Mapping[EntityUid, Compiled]) -> InvalidInputError:
    naming = min(uid for uid, one in compiled.items() if missing in one.names)
    return InvalidInputError(f"{naming} names {missing}, which is not in the store", code="entities-invalid")


def _document(compiled: Iterable[Compiled]) -> str:
    return f"[{','.join([one.text for one in compiled])}]"
