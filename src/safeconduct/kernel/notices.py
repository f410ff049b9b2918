"""What people are told outside: ordered by an entry as an effect, sent after its commit, ended by other entries (R2).

A notice holds nothing that is sealed: what kind of thing, its name, when, whose, and where to look.
"""

from dataclasses import asdict, dataclass
from typing import Protocol

from safeconduct.kernel.effects import order_effect
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import EntryId, OrganizationId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, State

NOTICE = "notice"
"""The kind of effect by which a notice is sent."""

LINES_MAX = 30
"""Lines of one notice. Nobody reads more; `more` says how many there would be, and the calendar has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeLine:
    """One thing that a notice speaks of. `owner` as in the calendar, `text` is what follows, `look` a command."""

    kind: str
    name: str
    at: Instant
    owner: str
    text: str
    look: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What an organization's people are told. `more` things stand in the calendar beside the lines.

    `only` names the one channel of a trial; empty where all whose it is get it.
    """

    kind: str
    to: OrganizationId
    at: Instant
    subject: str
    lines: tuple[NoticeLine, ...] = ()
    more: int = 0
    only: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """That something new waits for somebody's answer, since when; or when those were told last."""

    at: Instant


ASKED = Collection("notices-asked", Asked)  # `new` while there is something new, `told` once there was
NEW, TOLD = "new", "told"


class Notifier(Protocol):
    """A way to somebody outside: one attempt, from a thread that may be kept waiting for NOTIFY_S seconds."""

    def send(self, entry: EntryId, notice: Notice) -> str:
        """Sends a notice once, and returns in a few words what was answered. It is taken when this returns.

        The same entry may be sent again where an answer was lost: receivers that can tell it by the entry's id do so.

        Raises:
            UnavailableError: it was not taken, or nobody can know.
        """
        ...


def order_notice(state: State, entry: Entry, notice: Notice) -> None:
    """Has a notice sent on behalf of an entry."""
    order_effect(state, entry, NOTICE, asdict(notice))


def note_asked(state: State, entry: Entry) -> None:
    """Notes that an entry asks somebody for an answer, who is told with the next look."""
    state.put(ASKED, NEW, Asked(entry.at))
