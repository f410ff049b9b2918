"""Where a command takes logs from: a copy on disk, the running server, or else the data folder itself."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct import settings
from safeconduct.adapters.data_folder import running_server
from safeconduct.adapters.folder import read_folder
from safeconduct.cli.client import Client, Data, client
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.listing import there_is
from safeconduct.ledger.export import following
from safeconduct.ledger.notes import VerifierKey
from safeconduct.ledger.tiled import TiledLog
from safeconduct.ledger.trust import Trust

Origin = Annotated[str, typer.Option("--origin", help="Which log; default: the only one that is not the server's own.")]


def choose(origins: Mapping[str, bool], origin: str) -> str:
    """Returns the log that is named; where none is, the only one that counts, or the only one there is.

    Raises:
        InvalidInputError: `log-unknown`: there is none, or several could be meant.
    """
    found = [name for name, counts in origins.items() if name == origin or (not origin and counts)]
    if not found and not origin:
        found = list(origins)
    if len(found) != 1:
        raise _unclear(origins, origin)
    return found[0]


def _unclear(origins: Collection[str], origin: str) -> InvalidInputError:
    told, code = there_is(origins, "here"), "log-unknown"
    if origin:
        return InvalidInputError(f"there is no log {origin[:100]!r}; {told}", code=code)
    return InvalidInputError(f"which log? {told}", code=code, remedy="pass --origin" if origins else "")


@contextmanager
def logs_at(copy: Path | None, trust: Trust | None, data: Data) -> Iterator[list[TiledLog]]:
    """Yields the logs that have entries: of a mirror or an export with whom to trust, or of the installation.

    Raises:
        InvalidInputError: there is no such folder, or no installation.
        NoteError: the copy is not signed by who is trusted.
    """
    folder = data_folder(data)
    if copy is not None and trust is not None:
        read, paths = read_folder(copy)
        yield [TiledLog(read, following(read, paths, trust))]
    elif running_server(folder):
        ask = client(data)
        yield [_served(ask, log) for log in ask.get("/api/v1/logs") if log["size"]]
    else:
        from safeconduct.bootstrap.shipping import logs_of  # noqa: PLC0415 - keeps other commands quick

        with logs_of(folder) as logs:
            yield logs


def data_folder(data: Data) -> Path:
    """Returns the installation's folder."""
    return data or settings.read().data


def _served(ask: Client, log: dict[str, Any]) -> TiledLog:
    return TiledLog(partial(_file, ask, log["origin"]), Trust(log=VerifierKey.parse(log["key"])))


def _file(ask: Client, origin: str, path: str) -> bytes:
    return ask.raw(f"/log/{origin}/{path}")
