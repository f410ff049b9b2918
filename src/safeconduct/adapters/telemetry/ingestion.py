"""Taking files in: kept raw first, then read into the event index, then reported. Running it again changes nothing."""

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import IO

from safeconduct.adapters.cycles import no_full_search_for_cycles
from safeconduct.adapters.telemetry.forms import SAMPLE_BYTES, Form, form_of, mismatch, sample
from safeconduct.adapters.telemetry.lying import is_telemetry
from safeconduct.adapters.telemetry.raw_store import Description, RawStore
from safeconduct.adapters.telemetry.reading import Manner, Tally, read
from safeconduct.kernel.errors import AbsentError, InvalidInputError, UnavailableError
from safeconduct.soc.ingesting import FileReport
from safeconduct.soc.inventory import NOTHING, Inventory, parse_inventory
from safeconduct.soc.model import Event
from safeconduct.soc.ocsf.own import NO_MAPPING, ZONE_FORM, OwnMapping, is_zone, parse_mapping
from safeconduct.soc.ports import DeadLetter, EventStore, Reading

BATCH = 2000
"""Events and dead letters written in one transaction: some megabytes, and a progress report now and then."""

Progress = Callable[[int], None]
"""Told how many lines were read so far."""


def _silent(_lines: int) -> None:
    pass


KEPT_SO = "read before with another host, time field, zone, mapping or inventory: kept so (--again reads it anew)"


@dataclass(frozen=True)
class Said:
    """What the one who brings a file says of it: machine, time and zone of its records, and a mapping file.

    `again` asks that a file that was read in another manner be read anew: its dead letters are told afresh, lines that
    can be read now become events, and what was an event before stays as it is. `form` is how its records are written,
    for who has looked at them; None has the file's beginning decide.
    """

    host: str = ""
    time_field: str = ""
    zone: str = ""
    mapping: bytes = b""
    again: bool = False
    form: Form | None = None


NOTHING_SAID = Said()


class Ingestion:
    """The way in. Files that can't be read are kept and reported; they raise nothing."""

    def __init__(self, raws: RawStore, store: EventStore) -> None:
        self._raws = raws
        self._store = store

    def take(self, name: str, source: IO[bytes], said: Said = NOTHING_SAID, progress: Progress = _silent) -> FileReport:
        """Keeps a file and reads it. One that was read before keeps its reading, but where it is asked for `again`.

        Raises:
            TooLargeError: the file is over the raw store's limit; nothing of it was kept.
            InvalidInputError: the mapping file does not fit, or the zone is none; nothing was kept.
        """
        if not is_zone(said.zone):
            raise InvalidInputError(f"expected {ZONE_FORM}, got {said.zone!r}", code="zone-invalid")
        mapping = parse_mapping(said.mapping) if said.mapping else NO_MAPPING
        digest, size = self._raws.keep(source)
        with self._raws.reading(digest):
            return self._read_in(digest, Description(name=name, size=size), said, mapping, progress)

    def _read_in(
        self, digest: str, kept: Description, said: Said, mapping: OwnMapping, progress: Progress
    ) -> FileReport:
        try:
            with self._raws.open(digest) as file:
                form = said.form or form_of(sample(file.read(SAMPLE_BYTES)), said.time_field or mapping.time)
        except InvalidInputError as error:
            return self._unread(kept.name, digest, kept.size, error)
        wished = replace(
            kept,
            form=form,
            host=said.host,
            time_field=said.time_field,
            zone=said.zone,
            inventory=self._raws.inventory,
            mapping=self._keep_mapping(said.mapping),
        )
        return self._take(digest, wished, progress, again=said.again)

    def _take(self, digest: str, wished: Description, progress: Progress, *, again: bool) -> FileReport:
        former = self._raws.known(digest)
        if former is None or former.kind != "telemetry":
            self._raws.describe(digest, wished)
            return self._index(digest, wished, progress)
        if replace(wished, name=former.name) == former:
            return self._index(digest, former, progress)
        if again:
            self._raws.describe(digest, wished)  # before what was read is forgotten: a crash ends in the new reading
            self._store.forget(digest)
            return self._index(digest, wished, progress)
        report = self._index(digest, former, progress)
        return replace(report, notes=(*report.notes, KEPT_SO))

    def _unread(self, name: str, digest: str, size: int, error: InvalidInputError) -> FileReport:
        self._raws.describe(digest, Description(name=name, size=size, kind="unread"))
        return FileReport(
            name=name, digest=digest, size=size, problem=error.code, detail=error.message, remedy=error.remedy
        )

    def _keep_mapping(self, content: bytes) -> str:
        if not content:
            return ""
        digest, size = self._raws.keep(io.BytesIO(content))
        self._raws.describe(digest, Description(name="mapping", size=size, kind="mapping"))
        return digest

    def events_of(self, digest: str) -> tuple[Event, ...]:
        """Returns the events of a file that was taken, in the order of its lines.

        Raises:
            AbsentError: there is no such file.
        """
        description = self._raws.description(digest)
        if description is None or description.kind != "telemetry":
            raise AbsentError(f"no telemetry file {digest[:64]}", code="file-unknown")
        with self._raws.open(digest) as file:
            return tuple(found for found in read(file, self._manner(description), Tally()) if isinstance(found, Event))

    def take_inventory(self, name: str, content: bytes) -> Inventory:
        """Keeps an inventory; files taken from now on are read with it.

        Raises:
            InvalidInputError: it is none; nothing of it was kept.
        """
        inventory = parse_inventory(content)
        digest, size = self._raws.keep(io.BytesIO(content))
        self._raws.describe(digest, Description(name=name, size=size, kind="inventory"))
        self._raws.inventory = digest
        return inventory

    def keep_aside(self, name: str, content: bytes, kind: str) -> str:
        """Keeps what people work with and is no telemetry, `rules` or a `hunt`, and returns its digest."""
        digest, size = self._raws.keep(io.BytesIO(content))
        self._raws.describe(digest, Description(name=name, size=size, kind=kind))
        return digest

    def kept_aside(self, digest: str, kind: str) -> bytes:
        """Returns what was kept so.

        Raises:
            UnavailableError: it is not there any more (`raw-file-missing`), or is not what it was (`rules-changed`,
                `hunt-changed`).
        """
        with self._raws.open(digest) as file:
            content = file.read()
        if hashlib.sha256(content).hexdigest() != digest:
            raise UnavailableError(f"the {kind} kept as {digest} was changed on disk", code=f"{kind}-changed")
        return content

    def inventory(self) -> Inventory:
        """Returns the inventory files are read with at present."""
        return self._read_inventory(self._raws.inventory)

    def resume(self, progress: Progress = _silent) -> int:
        """Brings the index up to the raw files, whatever was lost of it, and returns how many files were read again."""
        self._raws.sweep()
        count = 0
        for digest, description in self._raws.described():
            if description.kind == "telemetry" and not self._store.progress(digest).complete:
                with self._raws.reading(digest):
                    self._index(digest, description, progress)
                count += 1
        return count

    def keeps(self, digest: str) -> bool:
        """Tells whether a file is kept whole: none of it was destroyed yet."""
        return self._raws.is_described(digest)

    def destroy(self, digest: str, between: Callable[[], None]) -> None:
        """Destroys a raw file, and what was read from it alone. Broken off, it is gone on with by asking again.

        The raw file goes first: what is left of it in the index is then never read into it anew. One that is by now
        kept as something else, such as rules, stays. `between` is called when it is gone and its events are there.
        """
        if is_telemetry(self._raws.known(digest)):
            self._raws.destroy(digest)
        between()
        self._store.destroy(digest)

    def _index(self, digest: str, description: Description, progress: Progress) -> FileReport:
        manner = self._manner(description)
        tally, new = Tally(), 0
        with self._raws.open(digest) as file, no_full_search_for_cycles():
            found = read(file, manner, tally)
            reading = Reading()
            while not reading.complete:
                reading = Reading()
                new += self._store.add(_batch(found, tally, reading), file=digest, reading=reading)
                progress(tally.lines)
        return _report(digest, description, tally, new)

    def _read_mapping(self, digest: str) -> OwnMapping:
        if not digest:
            return NO_MAPPING
        with self._raws.open(digest) as file:
            return parse_mapping(file.read())

    def _manner(self, description: Description) -> Manner:
        inventory = self._read_inventory(description.inventory)
        mapping = self._read_mapping(description.mapping)
        zone = description.zone or mapping.zone
        return Manner(Form(description.form), inventory, description.host, description.time_field, zone, mapping)

    def _read_inventory(self, digest: str) -> Inventory:
        if not digest:
            return NOTHING
        with self._raws.open(digest) as file:
            return parse_inventory(file.read())


def _batch(found: Iterator[Event | DeadLetter], tally: Tally, reading: Reading) -> Iterator[Event]:
    """Yields the next events of a file as they are read; `reading` has what else there was, and how far it went."""
    events = 0
    for one in islice(found, BATCH):
        if isinstance(one, Event):
            events += 1
            yield one
        else:
            reading.dead.append(one)
    reading.lines, reading.complete = tally.lines, events + len(reading.dead) < BATCH


def _report(digest: str, description: Description, tally: Tally, new: int) -> FileReport:
    note = mismatch(description.name, Form(description.form))
    return FileReport(
        name=description.name,
        digest=digest,
        size=description.size,
        form=description.form,
        lines=tally.lines,
        events=dict(sorted(tally.events.items())),
        new=new,
        dead=dict(sorted(tally.dead.items())),
        broken=tally.broken,
        first_at=tally.first_at,
        last_at=tally.last_at,
        notes=(note,) if note else (),
    )
