"""Carries out orders to destroy telemetry, and joins the looking for what is due to an installation."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING

from safeconduct.access.retention import first_day_kept
from safeconduct.bootstrap.installation import Installation
from safeconduct.kernel.effects import Effect
from safeconduct.kernel.ids import EntryId
from safeconduct.runtime.retaining import Retainer, retain
from safeconduct.soc.retention.destroying import find_telemetry_order, record_destroyed
from safeconduct.soc.retention.events import TelemetryOrder
from safeconduct.soc.retention.holding import citations, refuse_telemetry_held

if TYPE_CHECKING:
    from safeconduct.adapters.telemetry.archive import Archive


def destroy_telemetry(installation: Installation, effect: Effect) -> None:
    """Destroys the files of an order and all that came of them alone, and records it. Spares what an incident cites.

    Done again after a crash it ends as if there had been none.

    Raises:
        RefusedError: `legal-hold`; the order stays and is tried again. A hold is looked for before each file.
        UnavailableError: something may still be there.
    """
    with installation.snapshot() as records:
        order = find_telemetry_order(records, EntryId(effect.key))
    archive = installation.archives.of(order.ordered.owner)
    spared = _spared(installation, archive, order)
    for digest in order.ordered.files:
        with installation.snapshot() as records:
            refuse_telemetry_held(records)
        if digest not in spared:
            archive.destroy(order.id, digest)
    archive.end_destruction(order.id)
    installation.writer.submit(lambda tx: record_destroyed(tx, order.id, spared)).result()


def _spared(installation: Installation, archive: "Archive", order: TelemetryOrder) -> frozenset[str]:
    """Returns the files that incidents cite by now, of those that nothing was destroyed of yet."""
    ordered, before = order.ordered, first_day_kept(installation.clock.now(), order.ordered.days)
    with installation.snapshot() as records:
        citing = citations(records, ordered.owner, archive.events.files_of)
    return frozenset(one for one in ordered.files if citing.keeping(one, before) and archive.telemetry.keeps(one))


def telemetry_retention(installation: Installation) -> Coroutine[None, None, None]:
    """Returns the work of ordering what is due to be destroyed, for as long as it runs."""
    archives = installation.archives
    retainer = Retainer(
        installation.writer,
        installation.snapshot,
        installation.clock,
        owners=lambda: archives.owners,
        files_of=lambda owner: archives.of(owner).events.files_of,
        raws_of=lambda owner: archives.of(owner).raws,
    )
    return retain(retainer)
