"""Campaigns and their items as they stand in the records, and the one table of what becomes of an item.

docs/spec/recertification.md section 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from safeconduct.access.recertifications import Access, Recertification
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.ids import EntryId, OrganizationId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection
from safeconduct.program.vetting.model import Person


class ItemState(StrEnum):
    """What became of one item."""

    ASKED = "asked"
    KEPT = "kept"
    REMOVED = "removed"
    UNANSWERED = "unanswered"  # and removed for that
    SPARED = "spared"  # not answered either; without it nobody could change the program
    GONE = "gone"  # it ended otherwise before anybody answered


class Action(StrEnum):
    """What happens to an item."""

    KEEP = "keep"
    REMOVE = "remove"
    LAPSE = "lapse"
    SPARE = "spare"
    VANISH = "vanish"


TRANSITIONS: Mapping[tuple[ItemState, Action], ItemState] = {
    (ItemState.ASKED, Action.KEEP): ItemState.KEPT,
    (ItemState.ASKED, Action.REMOVE): ItemState.REMOVED,
    (ItemState.KEPT, Action.REMOVE): ItemState.REMOVED,  # a second thought takes; none gives back
    (ItemState.ASKED, Action.LAPSE): ItemState.UNANSWERED,
    (ItemState.ASKED, Action.SPARE): ItemState.SPARED,
    (ItemState.ASKED, Action.VANISH): ItemState.GONE,
}
"""Every step there is. What is not in here is refused as `item-STATE`."""


class SubjectKind(StrEnum):
    """What an item is about."""

    GRANT = "grant"
    ROLE = "role"
    AGREEMENT = "agreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One piece of access in a campaign. `name` is a grant's or an agreement's, or `PRINCIPAL/ROLE`.

    `digest` is over what it was when the campaign opened. `holders` have it or answer for who has it, and judge it
    never; `reviewer` is asked, empty where there was nobody to ask. `by` answered, None where time did.
    """

    campaign: EntryId
    kind: SubjectKind
    name: str
    digest: str
    holders: tuple[Person, ...]
    reviewer: str
    state: ItemState = ItemState.ASKED
    by: Person | None = None
    reason: str = ""
    at: Instant | None = None

    @property
    def subject(self) -> str:
        """What people call it: `grant:NAME`, `role:PRINCIPAL/ROLE` or `agreement:NAME`."""
        return f"{self.kind}:{self.name}"

    @property
    def key(self) -> str:
        """Where it stands in the records."""
        return f"{self.campaign}/{self.subject}"

    def step(self, action: Action, at: Instant, by: Person | None, reason: str) -> "Item":
        """Returns the item after a step.

        Raises:
            ConflictError: `item-STATE`: its state does not allow it.
        """
        state = TRANSITIONS.get((self.state, action))
        if state is None:
            raise ConflictError(
                f"{self.subject} is {self.state} in campaign {self.campaign}, and {action} is no step from there",
                code=f"item-{self.state}",
                clause=f"recertification:{self.campaign}",
            )
        return replace(self, state=state, at=at, by=by, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A question over a selection of access, to be answered by people of `organization` until `due_at`.

    `id` is the entry that opened it; `name` the recertification of the program that it comes of, empty if somebody
    opened it. `owner` sees that it is answered.
    """

    id: EntryId
    name: str
    organization: OrganizationId
    owner: PrincipalId
    of: tuple[Access, ...]
    opened_at: Instant
    due_at: Instant
    closed_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A recertification of the program, and when its last campaign opened, or it began. `over` once it is gone."""

    rule: Recertification
    counts_from: Instant
    over: bool = False


CAMPAIGNS = Collection("recertification-campaigns", Campaign)  # for ever
ITEMS = Collection("recertification-items", Item)  # at `campaign/subject`, for ever
SCHEDULES = Collection("recertification-schedules", Schedule)  # at the recertification's name, for ever
