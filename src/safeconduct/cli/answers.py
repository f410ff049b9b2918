"""A server's answers as commands read them: a field that another version does not tell is told as just that."""

import contextlib
from collections.abc import Callable
from importlib import metadata
from typing import Any

from safeconduct.kernel.errors import SafeconductError, UnavailableError

Lacks = Callable[[str], SafeconductError]
"""Makes the error for a field that an answer lacks."""


class Told(dict[str, Any]):
    """A map of an answer. Asked for what it must have and has not, it raises what `lacks` makes."""

    def __init__(self, fields: dict[str, Any], lacks: Lacks) -> None:
        super().__init__(fields)
        self._lacks = lacks

    def __missing__(self, name: str) -> Any:  # noqa: ANN401 - as the map's values
        raise self._lacks(name)

    def __or__(self, other: Any) -> Any:  # noqa: ANN401 - as the map's own
        return Told(super().__or__(other), self._lacks)


class ToldList(list[Any]):
    """A list of an answer. Asked for a field, as if it were a map, it raises what `lacks` makes."""

    def __init__(self, items: list[Any], lacks: Lacks) -> None:
        super().__init__(items)
        self._lacks = lacks

    def __getitem__(self, at: Any) -> Any:  # noqa: ANN401 - as the list's own
        if isinstance(at, str):
            raise self._lacks(at)
        return super().__getitem__(at)


def told(document: Any, lacks: Lacks) -> Any:  # noqa: ANN401 - JSON of the control API
    """Returns a document whose maps and lists, within each other too, raise `lacks` for a field that is not there."""
    if isinstance(document, dict):
        return Told({name: told(one, lacks) for name, one in document.items()}, lacks)
    return ToldList([told(one, lacks) for one in document], lacks) if isinstance(document, list) else document


def lacking(field: str, what: str, url: str, status: Callable[[], Any]) -> UnavailableError:
    """Returns the error for an answer to `what` that lacks a field; `status` asks the server what it is."""
    theirs = None
    with contextlib.suppress(SafeconductError):
        said = status()
        theirs = said.get("version") if isinstance(said, dict) else None
    version = f"the server says it is {theirs}" if theirs else "the server does not say which version it is"
    return UnavailableError(
        f"the server at {url} answered {what} without {field!r}, which this command needs:"
        f" this is Safeconduct {metadata.version('safeconduct')}, {version}",
        code="server-differs",
        remedy="after an update restart the server; else use the command line of the server's version",
    )
