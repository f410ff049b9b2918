"""Destroying copies of events for hunts: only the segments that hold some of what an order destroys.

Which these are is written down before an event goes, for afterwards nobody knows it any more.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from safeconduct.adapters.files import sync_folder, translated, write_atomically
from safeconduct.adapters.hunts.segments import Segments, Span

MARKS = "destroying-{}.json"


class SegmentCopies:
    """The copies of one archive's events in its folder of segments."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments

    def begin(self, order: str) -> None:
        """Prepares for what an order destroys. What was marked for it before stays.

        Raises:
            UnavailableError: it can't be written down.
        """
        self._segments.folder.mkdir(mode=0o700, exist_ok=True)  # what a hunt copies from here on is marked, too
        if not self._marks(order).exists():
            write_atomically(self._marks(order), msgspec.json.encode([]))

    def mark(self, order: str, span: Span) -> None:
        """Writes down numbers of arrival among which events are destroyed next.

        Raises:
            UnavailableError: it can't be written down.
        """
        spans = self._spans(order)
        if spans is not None and span not in spans:
            write_atomically(self._marks(order), msgspec.json.encode([*spans, span]))

    def forget(self, order: str, renewed: Callable[[], tuple[str, str]]) -> None:
        """Removes the copies of what an order destroyed; of everything where it is not marked what that was.

        `renewed` renews the index, and returns its life and edition.

        Raises:
            UnavailableError: something may still be there. Ask again.
        """
        if not self._segments.folder.is_dir():
            renewed()
            return
        with translated(self._segments.folder), self._segments.alone():
            generation, edition = renewed()
            spans = self._spans(order)
            if spans is None:
                self._segments.destroy()
            else:
                self._segments.destroy_within(spans, generation, edition)
            self._marks(order).unlink(missing_ok=True)
            sync_folder(self._segments.folder)

    def _spans(self, order: str) -> list[Span] | None:
        with suppress(FileNotFoundError, msgspec.DecodeError):
            return msgspec.json.decode(self._marks(order).read_bytes(), type=list[Span])
        return None

    def _marks(self, order: str) -> Path:
        return self._segments.folder / MARKS.format(order)
