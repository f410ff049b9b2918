"""Telemetry by whose it is: the house's own, and beside it, never mixed with it, that of each other organization."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from safeconduct.adapters.hunts.runner import ChildHunts, HuntChild, engine_installed
from safeconduct.adapters.memory.hunts import ReadingHunts
from safeconduct.adapters.sqlite.events import SqliteEventStore
from safeconduct.adapters.telemetry.compiled_rules import CompiledRulesFolder
from safeconduct.adapters.telemetry.ingestion import Ingestion
from safeconduct.adapters.telemetry.raw_store import RawStore
from safeconduct.kernel.ports import Entropy
from safeconduct.soc.detection.keeping import CompiledRules, NotKept
from safeconduct.soc.hunts.ports import HuntRunner
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.ports import EventStore

OTHERS = "telemetry"
"""The folder below which other organizations' telemetry lies, each under its name in the program."""

COMPILED = "compiled-rules"
"""The folder of compiled rules. Derived: in no backup, and deleted at any time."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One owner's telemetry: the way in, the events that came of it, and who answers hunts over them."""

    telemetry: Ingestion
    events: EventStore
    hunts: HuntRunner
    compiled: CompiledRules = field(default_factory=NotKept)


class Archives:
    """Archives by their owner. One that is asked for and is not there yet is made. For threads."""

    def __init__(self, make: Callable[[str], Archive], known: tuple[str, ...] = ()) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._archives: dict[str, Archive] = {owner: make(owner) for owner in (HOUSE_OWNED, *known)}

    def of(self, owner: str) -> Archive:
        """Returns an owner's archive; the name is one of the program's."""
        with self._lock:
            if owner not in self._archives:
                self._archives[owner] = self._make(owner)
            return self._archives[owner]

    @property
    def owners(self) -> tuple[str, ...]:
        """Whose telemetry there is, the house's first."""
        with self._lock:
            return tuple(self._archives)

    def resume(self) -> None:
        """Brings every index up to its raw files."""
        for owner in self.owners:
            self.of(owner).telemetry.resume()

    def count(self) -> int:
        """Returns how many events there are in all."""
        return sum(sum(self.of(owner).events.counts().values()) for owner in self.owners)


@contextmanager
def open_archives(data: Path, entropy: Entropy) -> Iterator[Archives]:
    """Opens the archives of a data folder, those that come while it is open too."""
    compiled = CompiledRulesFolder(data / COMPILED, entropy)
    with ExitStack() as stack:
        child = stack.enter_context(closing(HuntChild())) if engine_installed() else None

        def make(owner: str) -> Archive:
            folder = data / OTHERS / owner if owner else data
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            events = stack.enter_context(closing(SqliteEventStore(folder / "events.db")))
            hunts = ChildHunts(child, folder) if child is not None else ReadingHunts(events)
            return Archive(Ingestion(RawStore(folder / "raw"), events), events, hunts, compiled)

        yield Archives(make, tuple(sorted(one.name for one in (data / OTHERS).glob("*/") if one.is_dir())))
