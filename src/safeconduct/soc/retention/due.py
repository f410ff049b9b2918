"""For how many days the program in force has telemetry kept, what there is of it, and what is over its days."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from safeconduct.access import records as kept
from safeconduct.access.model.parties import TELEMETRY_SOURCES
from safeconduct.access.retention import first_day_kept
from safeconduct.kernel.ids import EntryId, IncidentId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records
from safeconduct.soc.arriving import DAYS, FILE_FATES, OF_DAY, UNREAD, UNTOLD, Arrival, Day
from safeconduct.soc.ingesting import owned_key
from safeconduct.soc.owners import owner_name
from safeconduct.soc.retention.holding import Citations


@dataclass(frozen=True, slots=True)
class Stated:
    """For how many days telemetry of some sources is kept, and where the program says so. None: without limit."""

    days: int | None
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """An owner's telemetry of the same sources: files, bytes, and the day that the oldest of them came."""

    sources: str
    stated: Stated
    oldest: str
    files: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Telemetry of one owner, the same sources and one day whose time is over, and that no order is for yet.

    `again` is the order by which it was destroyed before, where it is back.
    """

    day: Day
    stated: Stated
    files: tuple[Arrival, ...]
    kept: Mapping[str, tuple[IncidentId, ...]]
    again: EntryId | None = None

    @property
    def to_destroy(self) -> tuple[Arrival, ...]:
        """The files that nothing keeps."""
        return tuple(file for file in self.files if file.digest not in self.kept)


def stated(records: Records, owner: str, sources: str) -> Stated:
    """Returns what the program in force says of an owner's files of these sources, as `arriving.sources_key`.

    A file of several sources is kept as long as the one that is kept longest: a raw file goes whole or not at all.
    """
    for _, one in records.scan(kept.ORGANIZATIONS):
        if one.telemetry_days and owner_name(records, one.id) == owner:
            named = TELEMETRY_SOURCES if sources == UNTOLD else sources.split("+")
            found = [_days(one.telemetry_days, source) for source in named]
            limits = [(days, name) for days, name in found if days is not None]
            if len(limits) < len(found):
                return Stated(None)
            days, name = max(limits)
            return Stated(days, f"organization:{one.id}/telemetry_days/{name}")
    return Stated(None)


def _days(said: Mapping[str, int], source: str) -> tuple[int | None, str]:
    name = source if source in said and source != UNREAD else "all"
    return said.get(name), name


def due_days(records: Records, owner: str, now: Instant) -> list[tuple[Day, Stated]]:
    """Returns the days of an owner's telemetry whose time is over, oldest first; with those that something holds."""
    found = [(one, stated(records, owner, one.sources)) for _, one in records.scan(DAYS, owned_key(owner))]
    over = [(one, said) for one, said in found if said.days and one.day < first_day_kept(now, said.days)]
    return sorted(over, key=lambda one: (one[0].day, one[0].sources))


def due(records: Records, owner: str, now: Instant, citing: Citations) -> Iterator[Due]:
    """Yields what of an owner's telemetry is to be destroyed now, as far as no legal hold stands on it."""
    for one, said in due_days(records, owner, now):
        before = first_day_kept(now, said.days or 0)
        arrived = (file for _, file in records.scan(OF_DAY, f"{owner}/{one.sources}/{one.day}/"))
        files = tuple(file for file in arrived if records.get(FILE_FATES, owned_key(owner, file.digest)) is None)
        keeping = {file.digest: citing.keeping(file.digest, before) for file in files}
        yield Due(day=one, stated=said, files=files, kept={key: why for key, why in keeping.items() if why})


def kept_of(records: Records, owner: str) -> list[Kept]:
    """Returns what there is of an owner's telemetry, by what it is of: for how long it is kept, and since when."""
    found = dict[str, Kept]()
    for _, day in records.scan(DAYS, owned_key(owner)):
        one = found.get(day.sources) or Kept(day.sources, stated(records, owner, day.sources), day.day)
        found[day.sources] = replace(
            one, oldest=min(one.oldest, day.day), files=one.files + day.files, size=one.size + day.size
        )
    return list(found.values())
