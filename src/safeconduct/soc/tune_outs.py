"""Tune-outs in the log: who holds alerts back, why, until when, and that somebody ended it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ports import Collection, Projection, Records, State, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.events import EventType
from safeconduct.soc.ingesting import HOUSE_OWNED, owned_key
from safeconduct.soc.owners import detects_for, origin_of
from safeconduct.soc.tuning import TunedOut


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneOutEnded:
    """A tune-out holds nothing back any more: what it held back is told the next time that rules are run."""

    id: str
    owner: str = HOUSE_OWNED


TUNED_OUT = EventType("soc.tune-out.begun/1", TunedOut, Retention.OPERATIONS)
ENDED = EventType("soc.tune-out.ended/1", TuneOutEnded, Retention.OPERATIONS)
TUNE_OUTS = Collection("tune_outs", TunedOut)  # at the owner and the id


def tune_outs(records: Records, owner: str) -> tuple[TunedOut, ...]:
    """Returns an owner's tune-outs, those that are over too: the events of their time stay held back."""
    return tuple(one for _, one in records.scan(TUNE_OUTS, owned_key(owner)))


def tune_out(tx: Transaction, signed: SignedAct, one: TunedOut, *, operation: str, content: str) -> TunedOut:
    """Records a tune-out that is `wanted`, and returns it; one that stands already is left as it is.

    Raises:
        UnauthenticatedError, RefusedError: as `owners.detects_for`.
    """
    signer = detects_for(tx, signed, operation=operation, content=content, owner=one.owner)
    former = tx.get(TUNE_OUTS, owned_key(one.owner, one.id))
    if former is not None:
        return former
    begun = replace(one, by=signer.id)
    tx.append(origin_of(tx), TUNED_OUT.draft(begun, subject="rules", act=signed.envelope()))
    return begun


def tune_in(
    tx: Transaction, signed: SignedAct, key: str, *, operation: str, content: str, owner: str = HOUSE_OWNED
) -> TunedOut:
    """Records that a tune-out holds nothing back any more, and returns it.

    Raises:
        UnauthenticatedError, RefusedError: as `owners.detects_for`.
        AbsentError: there is none of that id (`tune-out-unknown`).
    """
    detects_for(tx, signed, operation=operation, content=content, owner=owner)
    former = tx.get(TUNE_OUTS, owned_key(owner, key))
    if former is None:
        raise AbsentError(
            f"there is no tune-out {key[:64]!r}", code="tune-out-unknown", remedy="safeconduct rules tune-outs"
        )
    tx.append(origin_of(tx), ENDED.draft(TuneOutEnded(id=key, owner=owner), subject="rules", act=signed.envelope()))
    return former


def _begun(state: State, entry: Entry) -> None:
    event = TUNED_OUT.read(entry)
    state.put(TUNE_OUTS, owned_key(event.owner, event.id), event)
    record_act(state, entry)


def _ended(state: State, entry: Entry) -> None:
    event = ENDED.read(entry)
    state.delete(TUNE_OUTS, owned_key(event.owner, event.id))
    record_act(state, entry)


PROJECTIONS: Mapping[str, Projection] = {TUNED_OUT.name: _begun, ENDED.name: _ended}
