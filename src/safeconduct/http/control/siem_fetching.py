"""Rows out of a SIEM: the question in the log before it is asked, what it brought kept as events, the answer after."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from safeconduct.adapters.siem.asking.file import Joined
from safeconduct.adapters.siem.asking.taking import take_rows
from safeconduct.http.control.context import Control
from safeconduct.http.control.frame import commit
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ports import Transaction
from safeconduct.soc import owners
from safeconduct.soc.ingesting import HOUSE_OWNED, FileReport, record_ingestion
from safeconduct.soc.model import Event
from safeconduct.soc.siem import service
from safeconduct.soc.siem.events import Asked, SiemAnswered, SiemAsked
from safeconduct.soc.siem.model import Found, Search
from safeconduct.soc.siem.ports import Siem

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a SIEM brought: the rows as it gave them, the file they are kept as, and the events they are."""

    found: Found
    report: FileReport
    events: tuple[Event, ...]


def rows_asked(joined: Joined, search: Search) -> SiemAsked:
    """Returns what is recorded of a search."""
    return SiemAsked(
        siem=joined.name,
        kind=Asked.ROWS,
        table=search.table.name,
        first=search.first,
        last=search.last,
        limit=search.limit,
    )


async def fetch(control: Control, joined: Joined, search: Search, record: Callable[[Transaction], str]) -> Fetched:
    """Asks a SIEM a search and keeps its rows. `record` appends the question's entry, before it is asked.

    Raises:
        SafeconductError: what `record` raises, nothing being asked; or the SIEM does not answer, which is recorded.
    """
    entry = (await commit(control.writer, record)).value
    found = await asked(control, joined, entry, lambda way: way.search(search))
    telemetry = control.archives.of(HOUSE_OWNED).telemetry
    report = await asyncio.to_thread(take_rows, telemetry, joined.name, search.table, found.rows)
    answered = SiemAnswered(
        asked=entry, siem=joined.name, rows=len(found.rows), complete=found.complete, digest=report.digest
    )
    await settle(control, answered, report)
    events = await asyncio.to_thread(telemetry.events_of, report.digest) if not report.problem else ()
    return Fetched(found, report, tuple(events))


async def asked(control: Control, joined: Joined, entry: str, ask: Callable[[Siem], T]) -> T:
    """Returns what a SIEM answers; that it does not stands in the log too."""
    try:
        return await asyncio.to_thread(lambda: ask(joined.make()))
    except SafeconductError as error:
        failed = SiemAnswered(asked=entry, siem=joined.name, problem=error.code)
        await commit(control.writer, lambda tx: service.record_answered(tx, failed))
        raise


async def settle(control: Control, answered: SiemAnswered, report: FileReport) -> None:
    """Records what a SIEM answered, and the file that it is kept as."""

    def record(tx: Any) -> None:  # noqa: ANN401 - the writer's
        service.record_answered(tx, answered)
        if not report.problem:
            record_ingestion(tx, owners.origin_of(tx), report)

    await commit(control.writer, record)
