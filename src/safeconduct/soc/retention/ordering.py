"""Orders to destroy telemetry whose days are over: by the server itself, or by one of its owner's people."""

from collections.abc import Collection, Iterator
from itertools import chain

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, admit
from safeconduct.access.model.parties import Principal
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.arriving import Arrival
from safeconduct.soc.owners import origin_of, owned
from safeconduct.soc.retention.due import Due, due
from safeconduct.soc.retention.events import ORDERED, TelemetryOrdered
from safeconduct.soc.retention.holding import SUBJECT, Citations, refuse_telemetry_held
from safeconduct.soc.retention.strays import Stray, due_again

FILES_MAX = 400
"""Files of one order: their digests take 67 bytes each in an entry of at most 65,535."""

CITED_MAX = 400
"""Cited events that one order names, 35 bytes each. Files beyond that are for the next order."""

ORDERS_MAX = 8
"""Orders of one look, so that a year's backlog keeps other commits waiting for milliseconds; the next look goes on."""


def all_due(
    records: Records, owner: str, now: Instant, citing: Citations, found: Collection[Stray] = ()
) -> Iterator[Due]:
    """Yields what is to be destroyed now: what is over its days, and of the strays what was destroyed before."""
    return chain(due(records, owner, now, citing), due_again(records, owner, now, citing, found))


def order_due(
    tx: Transaction,
    owner: str,
    citing: Citations,
    found: Collection[Stray] = (),
    *,
    by: str = "retention",
    act: SignedAct | None = None,
) -> tuple[EntryId, ...]:
    """Orders up to ORDERS_MAX times FILES_MAX files to be destroyed, as `all_due` has them; returns the orders.

    Raises:
        RefusedError: `legal-hold`; `no-agreement`.
    """
    refuse_telemetry_held(tx)
    signed, ordered = act.envelope() if act else None, list[EntryId]()
    for one in all_due(tx, owner, tx.now, citing, found):
        for files in _parts(one.to_destroy, citing):
            event = _order(owner, one, files, citing, by)
            ordered.append(EntryId(tx.append(origin_of(tx), ORDERED.draft(event, subject=SUBJECT, act=signed)).id))
            signed = None  # an act counts once
            if len(ordered) == ORDERS_MAX:
                return tuple(ordered)
    return tuple(ordered)


def may_destroy(
    records: Records, signed: SignedAct, owner: str, *, operation: str, content: str, now: Instant
) -> Principal:
    """Returns who signed, if they may have an owner's telemetry looked at that is due: asked before it is.

    Who brings telemetry in may: nothing goes that the rule of the program does not have destroyed anyway.

    Raises:
        UnauthenticatedError, RefusedError: as `access.acts`; `not-the-owner`. UnavailableError: `no-program`.
    """
    signer = admit(records, signed, operation=operation, content=content, now=now, capability=Capability.INGEST)
    owned(records, signer, owner or kept.require_agreement(records).partner)
    return signer


def order_now(
    tx: Transaction,
    signed: SignedAct,
    owner: str,
    citing: Citations,
    found: Collection[Stray],
    *,
    operation: str,
    content: str,
) -> tuple[EntryId, ...]:
    """Orders what is due of an owner's telemetry, by one of its own people, as retention would by itself.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `not-the-owner`, `legal-hold`, `no-agreement`.
        AbsentError: `nothing-to-destroy`.
    """
    signer = may_destroy(tx, signed, owner, operation=operation, content=content, now=tx.now)
    ordered = order_due(tx, owner, citing, found, by=signer.id, act=signed)
    if not ordered:
        raise AbsentError(
            "no telemetry is due that nothing keeps",
            code="nothing-to-destroy",
            remedy="safeconduct events retention --dry-run shows what is kept for how long",
        )
    return ordered


def _parts(files: Collection[Arrival], citing: Citations) -> Iterator[list[Arrival]]:
    part, cited = list[Arrival](), 0
    for file in files:
        more = len(citing.files.get(file.digest, ()))
        if part and (len(part) == FILES_MAX or cited + more > CITED_MAX):
            yield part
            part, cited = [], 0
        part.append(file)
        cited += more
    if part:
        yield part


def _order(owner: str, one: Due, files: Collection[Arrival], citing: Citations, by: str) -> TelemetryOrdered:
    cited = sorted({key for file in files for key in citing.files.get(file.digest, ())})
    return TelemetryOrdered(
        owner=owner,
        sources=one.day.sources,
        day=one.day.day,
        days=one.stated.days or 0,
        rule=one.stated.rule,
        files=tuple(file.digest for file in files),
        events=sum(file.events for file in files),
        size=sum(file.size for file in files),
        cited=tuple(cited[:CITED_MAX]),
        citations=len(cited),
        by=by,
        again=one.again,
    )
