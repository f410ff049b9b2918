"""What stands in a key's file where somebody else keeps the key."""

from collections.abc import Callable
from typing import NoReturn

from safeconduct.ledger.keys import KeyUnavailableError

FILES = "files"
"""The keeper that is none: the secret stands in the key's own file."""

KEPT = "kept:"
"""How such a file begins. The keeper's name follows."""


def unknown_keeper(name: str) -> Callable[[], NoReturn]:
    """Returns how a keeper is opened of which nothing is known: it is not."""

    def fail() -> NoReturn:
        raise KeyUnavailableError(
            f"a key is kept by {name!r}, which custody.toml does not describe",
            code="key-keeper-unknown",
            remedy="describe it there under [keepers], then restart",
        )

    return fail
