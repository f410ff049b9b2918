"""Whole ids of what a command names by the beginning of one: what is signed names the thing itself."""

from typing import Any

from safeconduct.cli.client import Client, place
from safeconduct.kernel.beginnings import the_only
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import is_ulid

ENOUGH = "or enough of its beginning."
"""How the help of each argument ends that takes an id so."""


def whole_call(asking: Client, named: str) -> str:
    """Returns a call's id. Raises the server's error where none, or more than one, begins so."""
    return _whole(asking, named, "call", "calls")


def whole_entry(asking: Client, named: str) -> str:
    """Returns an entry's id, as `whole_call`."""
    return _whole(asking, named, "id", "logs", "entries")


def whole_action(asking: Client, named: str) -> str:
    """Returns an action's id, as `whole_call`."""
    return _whole(asking, named, "id", "actions")


def with_approval(listed: list[dict[str, Any]], named: str, unknown: AbsentError) -> dict[str, Any]:
    """Returns the one that is listed with this approval, or with the only one whose id begins so.

    Raises:
        AbsentError: as `the_only`.
    """
    return the_only({one["approval"]["id"]: one for one in listed}, named, "approval", unknown)


def _whole(asking: Client, named: str, field: str, *under: str) -> str:
    return named if is_ulid(named) else str(asking.get(place(*under, named))[field])
