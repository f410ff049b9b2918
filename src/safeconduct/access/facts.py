"""Decision facts: the entities as policies saw them at each epoch, for as long as changes are rehearsed on calls.

A call's entry names the epoch of its decision. Facts are written where who may do what changes, never where a call is
decided; each stands once, at the digest of what it says.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from safeconduct.access import records as kept
from safeconduct.access.patching import COLLECTIONS, ENTITIES
from safeconduct.kernel.canonical import canonical, digest
from safeconduct.kernel.entries import Retention
from safeconduct.kernel.instants import DAY, Instant
from safeconduct.kernel.ports import Collection, Records, State
from safeconduct.policy import EntityRecord, EntityUid
from safeconduct.policy.model import encode_record, encode_uid
from safeconduct.policy.values import EntityDocument

REPLAY_DAYS_MAX = 92
"""Days for which facts are kept where the agreement keeps calls longer: a quarter shows what a change would do."""


class FactVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What an entity was from an epoch on: the digest of its fact, empty where it was gone."""

    epoch: int
    fact: str


class Superseded(msgspec.Struct, frozen=True, kw_only=True):
    """That a version was followed by another."""


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """The last UTC day, counted from the epoch of instants, of which superseded versions are gone."""

    day: int


FACTS = Collection("decision-facts", EntityDocument)  # at its digest
FACT_VERSIONS = Collection("fact-versions", FactVersion)  # at `type/id/epoch`
FACTS_SUPERSEDED = Collection("facts-superseded", Superseded)  # at `day/type/id/epoch`
FACTS_PRUNED = Collection("facts-pruned", Pruned)  # one, at `facts`

_PRUNED_KEY = "facts"


def keep_facts(state: State, at: Instant, touched: Iterable[tuple[str, str]]) -> None:
    """Keeps what the entities among the touched records are from this epoch on, and drops what is past its time."""
    epoch = kept.epoch(state)
    for name, key in sorted(touched):
        if name in ENTITIES:
            _keep(state, at, epoch, EntityUid(ENTITIES[name][0], key), _entity(state, name, key))
    _prune(state, at)


def fact_at(versions: Iterable[FactVersion], epoch: int) -> str:
    """Returns the digest of the fact that held at an epoch; empty where none is known, or it was gone."""
    held = [one.fact for one in versions if one.epoch <= epoch]
    return held[-1] if held else ""


def versions_of(records: Records, uid: EntityUid) -> tuple[FactVersion, ...]:
    """Returns what is known of an entity over time, oldest first."""
    return tuple(version for _, version in records.scan(FACT_VERSIONS, _prefix(uid)))


def fact(records: Records, fact_digest: str) -> EntityRecord | None:
    """Returns a fact by its digest; None where it is not kept any more."""
    found = records.get(FACTS, fact_digest)
    return found.record() if found else None


def days_kept(records: Records) -> int:
    """Returns for how many days facts are kept: as long as the agreement in force keeps calls, a quarter at most."""
    agreement = kept.agreement_in_force(records)
    stated = agreement.retention.get(Retention.CALL) if agreement else None
    return min(stated or REPLAY_DAYS_MAX, REPLAY_DAYS_MAX)


def _entity(state: State, name: str, key: str) -> EntityRecord | None:
    grants = name in (kept.GRANTS.name, kept.ISSUED_GRANTS.name)
    value: Any = kept.grant(state, key) if grants else state.get(COLLECTIONS[name], key)
    return None if value is None else ENTITIES[name][1](value)


def _keep(state: State, at: Instant, epoch: int, uid: EntityUid, entity: EntityRecord | None) -> None:
    document = None if entity is None else _document(entity)
    fact_digest = "" if document is None else digest(document)
    former = versions_of(state, uid)
    if former and former[-1].fact == fact_digest:
        return
    if document is not None:
        state.put(FACTS, fact_digest, msgspec.convert(document, EntityDocument))
    state.put(FACT_VERSIONS, _key(uid, epoch), FactVersion(epoch=epoch, fact=fact_digest))
    if former:
        state.put(FACTS_SUPERSEDED, f"{_day_text(at // DAY)}/{_key(uid, former[-1].epoch)}", Superseded())


def _document(entity: EntityRecord) -> Mapping[str, Any]:
    return msgspec.json.decode(
        canonical(
            {
                "uid": encode_uid(entity.uid),
                "attrs": encode_record(entity.attributes),
                "parents": [encode_uid(parent) for parent in entity.parents],
            }
        ),
        type=dict[str, Any],
    )


def _prune(state: State, at: Instant) -> None:
    """Drops, once a day, what was superseded on days that ended before those that are kept."""
    last = at // DAY - days_kept(state) - 1
    done = state.get(FACTS_PRUNED, _PRUNED_KEY)
    if done is not None and done.day >= last:
        return
    state.put(FACTS_PRUNED, _PRUNED_KEY, Pruned(day=last))
    for place in [place for place, _ in state.scan(FACTS_SUPERSEDED) if place < _day_text(last + 1)]:
        state.delete(FACTS_SUPERSEDED, place)
        _drop(state, place.partition("/")[2])


def _drop(state: State, key: str) -> None:
    dropped = state.get(FACT_VERSIONS, key)
    state.delete(FACT_VERSIONS, key)
    left = list(state.scan(FACT_VERSIONS, key.rpartition("/")[0] + "/"))
    if dropped is not None and all(version.fact != dropped.fact for _, version in left):
        state.delete(FACTS, dropped.fact)
    if left and not left[0][1].fact:  # that it was gone from then on says no more than nothing does
        state.delete(FACT_VERSIONS, left[0][0])


def _prefix(uid: EntityUid) -> str:
    return f"{uid.type}/{uid.id}/"


def _key(uid: EntityUid, epoch: int) -> str:
    return f"{_prefix(uid)}{epoch:020d}"


def _day_text(day: int) -> str:
    return f"{day:06d}"
