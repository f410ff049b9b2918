"""Joins live detection to an installation, in the one process that does what must be done once."""

from collections.abc import Coroutine

from safeconduct.adapters.telemetry.archive import Archive
from safeconduct.adapters.telemetry.rules_read import rules_in_use
from safeconduct.bootstrap.installation import Installation
from safeconduct.runtime.detecting import Detector, detect_as_they_come
from safeconduct.runtime.freeze import Snapshot
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.inventory import Inventory
from safeconduct.soc.live.keeping import KeptHits
from safeconduct.soc.ports import EventStore


class ArchiveWatched:
    """`Watched` of one archive."""

    def __init__(self, archive: Archive, owner: str, snapshot: Snapshot) -> None:
        self._archive = archive
        self._owner = owner
        self._snapshot = snapshot

    @property
    def events(self) -> EventStore:
        """The archive's."""
        return self._archive.events

    @property
    def kept(self) -> KeptHits:
        """The archive's."""
        return self._archive.kept

    def rules(self) -> RuleSet:
        """Reads the rules in use."""
        with self._snapshot() as records:
            read = rules_in_use(records, self._archive, self._owner)
        return read().rules

    def inventory(self) -> Inventory:
        """Reads the inventory in use."""
        return self._archive.telemetry.inventory()


def live_detection(installation: Installation) -> Coroutine[None, None, None]:
    """Returns the work of running rules over events as they come, for as long as it runs."""
    snapshot, archives = installation.snapshot, installation.archives
    detector = Detector(
        installation.writer, snapshot, lambda owner: ArchiveWatched(archives.of(owner), owner, snapshot)
    )
    return detect_as_they_come(detector)
