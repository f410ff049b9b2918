"""What calls were judged by, from the records: policies by digest, entities by epoch, versions of paths."""

from collections.abc import Mapping

from safeconduct.access import records as kept
from safeconduct.access.authorization import compile_policies
from safeconduct.access.facts import FactVersion, fact, fact_at, versions_of
from safeconduct.access.model.paths import SealedPath
from safeconduct.kernel.ports import Records
from safeconduct.policy import Entities, EntityRecord, EntityUid, PolicySet
from safeconduct.policy.model import references


class StoredFacts:
    """`policy.replaying.Facts` over the records. Reads each thing once, so it is made for one replay."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._versions: dict[EntityUid, tuple[FactVersion, ...]] = {}
        self._facts: dict[str, EntityRecord | None] = {}
        self._stores: dict[frozenset[str], Entities] = {}
        self._paths: dict[tuple[str, str], SealedPath | None] = {}

    def policies(self, digest: str) -> PolicySet | None:
        """Returns the set that had this digest; None where its text is not known."""
        found = self._records.get(kept.POLICY_VERSIONS, digest)
        return compile_policies(found.text) if found else None

    def entities(self, roots: frozenset[EntityUid], epoch: int) -> Entities:
        """Returns a store with what could be reached from these at an epoch, as far as all of that is kept.

        Equal stores are the same object.
        """
        reached = self._reached(roots, epoch)
        key = frozenset(reached)
        if key not in self._stores:
            records = {record.uid: record for one in reached if (record := self._fact(one)) is not None}
            self._stores[key] = Entities.compile(_whole(records).values())
        return self._stores[key]

    def path(self, path_id: str, digest: str) -> SealedPath | None:
        """Returns the version of a path that has this digest."""
        place = path_id, digest
        if place not in self._paths:
            versions = self._records.scan(kept.PATH_VERSIONS, f"{path_id}/")
            self._paths[place] = next((one for _, one in versions if one.digest == digest), None)
        return self._paths[place]

    def _reached(self, roots: frozenset[EntityUid], epoch: int) -> set[str]:
        found: set[str] = set()
        waiting, seen = set(roots), set[EntityUid]()
        while waiting:
            uid = waiting.pop()
            seen.add(uid)
            digest = fact_at(self._versions_of(uid), epoch)
            record = self._fact(digest) if digest else None
            if record is not None:
                found.add(digest)
                waiting |= (references(record.attributes) | set(record.parents)) - seen
        return found

    def _versions_of(self, uid: EntityUid) -> tuple[FactVersion, ...]:
        if uid not in self._versions:
            self._versions[uid] = versions_of(self._records, uid)
        return self._versions[uid]

    def _fact(self, digest: str) -> EntityRecord | None:
        if digest not in self._facts:
            self._facts[digest] = fact(self._records, digest)
        return self._facts[digest]


def _whole(records: Mapping[EntityUid, EntityRecord]) -> Mapping[EntityUid, EntityRecord]:
    """Leaves out what names something that is not kept any more: who needs it is then missing it, and not replayed."""
    left = dict(records)
    while True:
        torn = [
            uid
            for uid, record in left.items()
            if not (references(record.attributes) | set(record.parents)) <= left.keys()
        ]
        if not torn:
            return left
        for uid in torn:
            del left[uid]
