"""Hunts that an owner's people saved by name: each an entry, without a word of the hunt.

What is asked stays with the raw files, under a digest that nobody confirms a guess by; see `written.kept`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import AbsentError, InvalidInputError
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.ports import Collection, Projection, Records, State, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.events import EventType
from safeconduct.soc.ingesting import HOUSE_OWNED, owned_key
from safeconduct.soc.naming import given_name
from safeconduct.soc.owners import detects_for, origin_of

SAVED_MAX = 200
"""Saved hunts of one owner; a list with more is read by nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntSaved:
    """A hunt stands under a name from now on, in the place of the one before. `owner` is whose telemetry it is for."""

    name: str
    digest: str
    by: PrincipalId
    owner: str = HOUSE_OWNED


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntRemoved:
    """A saved hunt stands no more."""

    name: str
    owner: str = HOUSE_OWNED


SAVED = EventType("soc.hunt.saved/1", HuntSaved)
REMOVED = EventType("soc.hunt.removed/1", HuntRemoved)
HUNTS = Collection("saved_hunts", HuntSaved)  # at the owner and the name


def hunt_name(name: str) -> str:
    """Returns the name of a saved hunt, as `given_name`."""
    return given_name(name, "hunt", "rare-parents")


def saved_hunts(records: Records, owner: str) -> tuple[HuntSaved, ...]:
    """Returns an owner's saved hunts, by name."""
    return tuple(one for _, one in records.scan(HUNTS, owned_key(owner)))


def saved_hunt(records: Records, owner: str, name: str) -> HuntSaved:
    """Returns an owner's hunt of that name.

    Raises:
        AbsentError: none is saved (`hunt-unknown`).
    """
    found = records.get(HUNTS, owned_key(owner, name))
    if found is None:
        raise AbsentError(f"no hunt is saved as {name[:64]!r}", code="hunt-unknown", remedy="safeconduct hunt list")
    return found


def save_hunt(
    tx: Transaction, signed: SignedAct, name: str, digest: str, *, operation: str, content: str, owner: str
) -> HuntSaved:
    """Records that a hunt stands, and returns it.

    Raises:
        UnauthenticatedError, RefusedError: as `owners.detects_for`.
        InvalidInputError: one more than SAVED_MAX.
    """
    signer = detects_for(tx, signed, operation=operation, content=content, owner=owner)
    if tx.get(HUNTS, owned_key(owner, name)) is None and len(saved_hunts(tx, owner)) >= SAVED_MAX:
        raise InvalidInputError(f"{SAVED_MAX} hunts are saved already", remedy="safeconduct hunt remove NAME")
    event = HuntSaved(name=name, digest=digest, by=signer.id, owner=owner)
    tx.append(origin_of(tx), SAVED.draft(event, subject="hunts", act=signed.envelope()))
    return event


def remove_hunt(
    tx: Transaction, signed: SignedAct, name: str, *, operation: str, content: str, owner: str
) -> HuntSaved:
    """Records that a saved hunt stands no more, and returns it.

    Raises:
        UnauthenticatedError, RefusedError: as `owners.detects_for`.
        AbsentError: as `saved_hunt`.
    """
    detects_for(tx, signed, operation=operation, content=content, owner=owner)
    former = saved_hunt(tx, owner, name)
    event = HuntRemoved(name=name, owner=owner)
    tx.append(origin_of(tx), REMOVED.draft(event, subject="hunts", act=signed.envelope()))
    return former


def _saved(state: State, entry: Entry) -> None:
    event = SAVED.read(entry)
    state.put(HUNTS, owned_key(event.owner, event.name), event)
    record_act(state, entry)


def _removed(state: State, entry: Entry) -> None:
    event = REMOVED.read(entry)
    state.delete(HUNTS, owned_key(event.owner, event.name))
    record_act(state, entry)


PROJECTIONS: Mapping[str, Projection] = {SAVED.name: _saved, REMOVED.name: _removed}
