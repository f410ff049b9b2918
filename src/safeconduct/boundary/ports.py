"""What the boundary needs of a store. Each docstring is a promise that tests/adapters holds every adapter to."""

from collections.abc import Mapping
from typing import Protocol

from safeconduct.boundary.spaces import Owner, Space
from safeconduct.kernel.ids import Origin


class Vault(Protocol):
    """Keeps what pseudonyms stand for, sealed, apart from the log. Any thread.

    What it keeps for an owner ends with the owner's data key: who destroys that destroys it (docs/spec/sealing.md).
    """

    @property
    def generation(self) -> int:
        """Another number once something that was kept is known to be destroyed: what is remembered may be gone."""
        ...

    def key(self, space: Space) -> bytes:
        """Returns the 32 bytes of the space's organization, which its secrets are made of; the same in every process.

        Raises:
            UnavailableError: it can't be used.
        """
        ...

    def keep(self, space: Space, owner: Owner, pairs: Mapping[str, str]) -> Mapping[str, str]:
        """Keeps tokens with their values, durably, and returns all that is kept of their identities, pairs included.

        A pair that does not fit what is kept (`Known.fits`) is not: then what is returned differs from it. Of several
        processes that keep such pairs, one does.

        Raises:
            UnavailableError: it can't; none of them is kept unless the commit itself failed.
        """
        ...

    def find(self, space: Space, token: str) -> str | None:
        """Returns what a token stands for in a space; None where it stands for nothing there, or no longer.

        Raises:
            UnavailableError: it can't be read.
        """
        ...

    def holders(self, origin: Origin, token: str) -> frozenset[str]:
        """Returns the principals for whose calls a token is kept in whatever space of a log's paths."""
        ...
