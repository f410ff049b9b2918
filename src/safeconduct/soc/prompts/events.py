"""Prompts in the log: registered, promoted after a trial, demoted. Their texts are sealed.

What a prompt says is also kept with the owner's raw files, under the digest in its entry: sealed fields are opened by
people, and a question needs no vote.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import EntryId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType
from safeconduct.soc.ingesting import HOUSE_OWNED, owned_key
from safeconduct.soc.prompts.model import PromptKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRegistered:
    """A person registered a prompt for questions about an owner's incidents. It is used by nobody but trials yet.

    `number` counts the owner's of that kind; what ships is number 1. `digest` is of the kept bytes. The text is sealed.
    """

    kind: PromptKind
    version: str
    number: int
    digest: str
    by: PrincipalId
    owner: str = HOUSE_OWNED


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPromoted:
    """Questions of this kind about an owner's incidents are put in these words from now on, by what a trial showed."""

    kind: PromptKind
    version: str
    former: str
    trial: EntryId
    by: PrincipalId
    owner: str = HOUSE_OWNED


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptDemoted:
    """Questions of this kind are put in the words that ship again. The reason is sealed."""

    kind: PromptKind
    version: str
    by: PrincipalId
    owner: str = HOUSE_OWNED


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """A version in force."""

    promoted: PromptPromoted
    at: Instant
    entry: EntryId


REGISTERED = EventType("soc.prompt.registered/1", PromptRegistered)
PROMOTED = EventType("soc.prompt.promoted/1", PromptPromoted)
DEMOTED = EventType("soc.prompt.demoted/1", PromptDemoted)
PROMPTS = Collection("prompts", PromptRegistered)  # at the owner and the version
IN_FORCE = Collection("prompts_in_force", Promoted)  # at the owner and the kind; what ships where there is none


def _registered(state: State, entry: Entry) -> None:
    event = REGISTERED.read(entry)
    state.put(PROMPTS, owned_key(event.owner, event.version), event)
    record_act(state, entry)


def _promoted(state: State, entry: Entry) -> None:
    event = PROMOTED.read(entry)
    state.put(IN_FORCE, owned_key(event.owner, event.kind), Promoted(promoted=event, at=entry.at, entry=entry.id))
    record_act(state, entry)


def _demoted(state: State, entry: Entry) -> None:
    event = DEMOTED.read(entry)
    state.delete(IN_FORCE, owned_key(event.owner, event.kind))
    record_act(state, entry)


PROJECTIONS: Mapping[str, Projection] = {
    REGISTERED.name: _registered,
    PROMOTED.name: _promoted,
    DEMOTED.name: _demoted,
}
