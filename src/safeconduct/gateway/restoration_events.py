"""The entry of a token that somebody asked the meaning of, and how often each person did."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType


class TokenIs(StrEnum):
    """What a token turned out to be."""

    RESTORED = "restored"  # it stands for a value in the session that was named
    FOREIGN = "foreign"  # the organization has it in another session
    FORGED = "forged"  # it has it nowhere; whether another has is not told


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAsked:
    """A person asked what a token of a path stands for. `found` says what came of it. Sealed: `session`."""

    token: str
    path: str
    organization: str
    by: str
    reason: str
    found: TokenIs


class TokenAsks(msgspec.Struct, frozen=True):
    """How many tokens a person asked about, by what they were."""

    restored: int = 0
    foreign: int = 0
    forged: int = 0


TOKEN_ASKED = EventType("gateway.token.asked/1", TokenAsked, Retention.CALL)
TOKEN_ASKS = Collection("token-asks", TokenAsks)  # at the principal


def _asked(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = TOKEN_ASKED.read(entry)
    known = state.get(TOKEN_ASKS, event.by) or TokenAsks()
    one_more = {str(event.found): getattr(known, event.found) + 1}
    state.put(TOKEN_ASKS, event.by, msgspec.structs.replace(known, **one_more))


PROJECTIONS: Mapping[str, Projection] = {TOKEN_ASKED.name: _asked}
