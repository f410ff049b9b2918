"""Joins the logs to the destinations that a file names: beside the server, or for one run."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from safeconduct import settings
from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.data_folder import locked
from safeconduct.adapters.destinations import STORES, Entry, make_destination, make_store, read_destinations
from safeconduct.adapters.siem.cursors import FOLDER, FileCursors
from safeconduct.bootstrap.forms import FORMS
from safeconduct.bootstrap.installation import opened
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.service import Logs
from safeconduct.ledger.tiled import TiledLog
from safeconduct.runtime.exporting import Line, Publication, Work, exporting
from safeconduct.runtime.shipping import Shipment


@contextmanager
def lines(cursors: Path, file: Path) -> Iterator[list[Line]]:
    """Yields a line for each destination of a file, held against other exporters.

    Raises:
        InvalidInputError: the file or a secret it names is not there, or not of its form.
        ConflictError: another exporter is at work on one.
    """
    environment = settings.read()
    with ExitStack() as stack:
        made = []
        for entry in read_destinations(file):
            kept = FileCursors(cursors, entry.name)
            stack.enter_context(kept.held())
            made.append(Line(entry.name, entry.kind, _work(entry, kept, environment), frozenset(entry.origins)))
        yield made


def _work(entry: Entry, kept: FileCursors, environment: settings.Settings) -> Work:
    if entry.kind in STORES:
        return Publication(make_store(entry, environment.secret_at, SystemClock().now))
    destination = make_destination(entry, environment.secret_at)
    return Shipment(destination, kept, FORMS, cursor=kept.read())


@contextmanager
def shipped(data: Path, file: Path | None, logs: Logs) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Keeps the destinations of a file up to date while the block lasts; yields what tells how far each is."""
    if file is None:
        yield list
        return
    with lines(data / FOLDER, file) as made, exporting(made, lambda: tiled(logs)):
        yield lambda: [told(line, sizes_of(logs)) for line in made]


@contextmanager
def logs_of(data: Path) -> Iterator[list[TiledLog]]:
    """Yields an installation's logs, opened in this process."""
    with locked(data), opened(data) as installation:
        yield tiled(installation.logs)


def tiled(logs: Logs) -> list[TiledLog]:
    """Returns every log that has entries."""
    return [logs.tiled(origin) for origin, size in sizes_of(logs).items() if size]


def sizes_of(logs: Logs) -> Mapping[Origin, int]:
    """Returns how many entries each log has."""
    return {origin: logs.source.size(origin) for origin in logs.source.origins()}


def told(line: Line, sizes: Mapping[Origin, int]) -> dict[str, Any]:
    """Returns how far a destination is, for people and programs."""
    return {
        "name": line.name,
        "kind": line.kind,
        "lag": line.lag(sizes),
        "problem": line.problem,
        "detail": line.detail,
        "refused": line.work.refused,
    }
