"""One owner's telemetry, opened in a data folder."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from safeconduct.adapters.hunts.choosing import Chosen, installed
from safeconduct.adapters.hunts.forgetting import SegmentCopies
from safeconduct.adapters.hunts.runner import ChildHunts, HuntChild
from safeconduct.adapters.hunts.segments import FOLDER, Segments
from safeconduct.adapters.memory.hunts import ReadingHunts
from safeconduct.adapters.sqlite.events import SqliteEventStore
from safeconduct.adapters.telemetry.archives import COMPILED, OTHERS
from safeconduct.adapters.telemetry.compiled_rules import CompiledRulesFolder
from safeconduct.adapters.telemetry.ingestion import Ingestion
from safeconduct.adapters.telemetry.kept_hits import NAME, KeptHitsFile, Secret
from safeconduct.adapters.telemetry.lying import LyingFiles
from safeconduct.adapters.telemetry.raw_store import RawStore
from safeconduct.kernel.ports import Entropy
from safeconduct.soc.detection.keeping import CompiledRules, NotKept
from safeconduct.soc.hunts.ports import HuntRunner
from safeconduct.soc.live.keeping import KeptHits
from safeconduct.soc.ports import EventStore
from safeconduct.soc.retention.strays import RawFiles


class Copies(Protocol):
    """Copies of events that are derived from the index: destroyed with these, and made again of what is left."""

    def begin(self, order: str) -> None: ...

    def mark(self, order: str, span: tuple[int, int]) -> None: ...

    def forget(self, order: str, renewed: Callable[[], tuple[str, str]]) -> None: ...


class NoCopies:
    """`Copies` where nothing copies events."""

    def begin(self, order: str) -> None:
        """There is nothing to prepare."""

    def mark(self, order: str, span: tuple[int, int]) -> None:
        """There is nothing to mark."""

    def forget(self, order: str, renewed: Callable[[], tuple[str, str]]) -> None:  # noqa: ARG002 - as the port
        """Renews the index."""
        renewed()


@dataclass(frozen=True, slots=True)
class Archive:
    """One owner's telemetry: the way in, the events that came of it, who answers hunts, and what was found live."""

    telemetry: Ingestion
    events: EventStore
    hunts: HuntRunner
    kept: KeptHits
    raws: RawFiles
    compiled: CompiledRules = field(default_factory=NotKept)
    copies: Copies = field(default_factory=NoCopies)

    def destroy(self, order: str, digest: str) -> None:
        """Destroys a file by an order, and what was read from it alone, but for what `end_destruction` removes.

        Raises:
            UnavailableError: something of it may still be there. Ask again.
        """
        self.copies.begin(order)
        self.telemetry.destroy(digest, lambda: self.copies.mark(order, self.events.span(digest)))

    def end_destruction(self, order: str) -> None:
        """Removes what was derived from destroyed events: hits, what copies them for hunts, bytes in the index's log.

        Raises:
            UnavailableError: something of them may still be there. Ask again.
        """
        self.kept.keep_only(self.events.many)
        self.copies.forget(order, self._renewed)

    def _renewed(self) -> tuple[str, str]:
        self.events.renew()
        return self.events.generation(), self.events.edition()


def opening(data: Path, entropy: Entropy, engine: Chosen, secret: Secret, stack: ExitStack) -> Callable[[str], Archive]:
    """Returns what opens an owner's archive in a data folder, until the stack ends. `engine` answers their hunts.

    What is kept of live detection is authenticated with `secret`.
    """
    compiled = CompiledRulesFolder(data / COMPILED, entropy)
    child = stack.enter_context(closing(HuntChild(engine))) if installed() else None

    def opened(owner: str) -> Archive:
        folder = data / OTHERS / owner if owner else data
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        raws = RawStore(folder / "raw")
        events = stack.enter_context(closing(SqliteEventStore(folder / "events.db")))
        hunts = ChildHunts(child, folder) if child is not None else ReadingHunts(events)
        return Archive(
            Ingestion(raws, events),
            events,
            hunts,
            KeptHitsFile(folder / NAME, secret, owner),
            LyingFiles(raws),
            compiled,
            SegmentCopies(Segments(folder / FOLDER)),
        )

    return opened
