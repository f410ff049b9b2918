"""Telemetry by whose it is: the house's own, and beside it, never mixed with it, that of each other organization.

What reads, indexes and searches is loaded with the first archive that is asked for: most workers only take calls.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from safeconduct.kernel.ports import Entropy
from safeconduct.soc.ingesting import HOUSE_OWNED

if TYPE_CHECKING:
    from safeconduct.adapters.hunts.choosing import Chosen
    from safeconduct.adapters.telemetry.archive import Archive

OTHERS = "telemetry"
"""The folder below which other organizations' telemetry lies, each under its name in the program."""

COMPILED = "compiled-rules"
"""The folder of compiled rules. Derived: in no backup, and deleted at any time."""


class Archives:
    """Archives by their owner, each opened when it is first asked for, or made where there is none. For threads."""

    def __init__(self, make: "Callable[[str], Archive]", known: tuple[str, ...] = ()) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._archives: dict[str, Archive | None] = dict.fromkeys((HOUSE_OWNED, *known))

    def of(self, owner: str) -> "Archive":
        """Returns an owner's archive; the name is one of the program's."""
        with self._lock:
            found = self._archives.get(owner)
            if found is None:
                found = self._archives[owner] = self._make(owner)
            return found

    @property
    def owners(self) -> tuple[str, ...]:
        """Whose telemetry there is, the house's first."""
        with self._lock:
            return tuple(self._archives)

    def resume(self) -> None:
        """Brings every index up to its raw files."""
        for owner in self.owners:
            self.of(owner).telemetry.resume()

    def count(self, owners: Iterable[str]) -> int:
        """Returns how many events there are of these owners, whose telemetry there is."""
        return sum(sum(self.of(owner).events.counts().values()) for owner in owners)


@contextmanager
def open_archives(
    data: Path, entropy: Entropy, engine: "Callable[[], Chosen]", secret: Callable[[], bytes]
) -> Iterator[Archives]:
    """Opens the archives of a data folder, those that come while it is open too. `engine` answers their hunts.

    `secret` returns what is derived from them is authenticated with (`bootstrap.custody.derived_secret`).
    """
    with ExitStack() as stack:

        @cache
        def opener() -> "Callable[[str], Archive]":
            from safeconduct.adapters.telemetry.archive import opening  # noqa: PLC0415 - rules, parsers and hunts

            return opening(data, entropy, engine(), secret, stack)

        def opened(owner: str) -> "Archive":
            return opener()(owner)

        known = tuple(sorted(one.name for one in (data / OTHERS).glob("*/") if one.is_dir()))
        yield Archives(opened, known)
