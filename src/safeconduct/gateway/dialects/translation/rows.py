"""What can become of a member of a dialect, and how an object is held to that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from safeconduct.gateway.errors import DialectError
from safeconduct.kernel.errors import SafeconductError, UpstreamError


class Fate(StrEnum):
    """What becomes of a member."""

    CARRIED = "carried"
    SET = "set"  # by Safeconduct, whatever it said
    REFUSED = "refused"
    LEFT_OUT = "left out"  # of an answer, as no part of what the model said


@dataclass(frozen=True, slots=True)
class Row:
    """A member's fate, what it becomes or why not, and the values that say only what holds without it."""

    fate: Fate
    note: str
    harmless: tuple[object, ...] = ()


Rows: TypeAlias = Mapping[str, Row]
Loss: TypeAlias = Callable[[str, str], SafeconductError]

CODE = "not-translatable"
ANY_OTHER = "*"


def request_loss(place: str, why: str) -> SafeconductError:
    """Returns the refusal of a request of which something could not be carried over."""
    return DialectError(
        f"{place[:128]} cannot be said in the dialect of this path's model server: {why}",
        code=CODE,
        param=place[:128],
        remedy="leave it out, or ask for a path whose model server speaks your dialect",
    )


def answer_loss(place: str, why: str) -> SafeconductError:
    """Returns the error of an answer of which something could not be carried over."""
    return UpstreamError(
        f"the model's answer holds {place[:128]}, which cannot be said in your dialect: {why}",
        code=CODE,
        remedy="use the dialect of this path's model server",
    )


def check(rows: Rows, place: str, members: object, loss: Loss) -> None:
    """Holds an object's members to their rows.

    Raises:
        SafeconductError: what `loss` makes of a member that has no row, or whose row says that it is refused.
    """
    if not isinstance(members, dict):
        raise loss(place.rstrip("."), "it is no object")
    for name, value in members.items():
        row = rows.get(name) or rows.get(ANY_OTHER)
        if value is None or (row is not None and (row.fate is not Fate.REFUSED or value in row.harmless)):
            continue
        raise loss(f"{place}{name}", row.note if row else "nobody has read what it means")


def carried(note: str) -> Row:
    """Returns the row of a member that the other dialect says too."""
    return Row(Fate.CARRIED, note)


def set_anew(note: str) -> Row:
    """Returns the row of a member that Safeconduct says."""
    return Row(Fate.SET, note)


def refused(why: str, *, unless: tuple[object, ...] = ()) -> Row:
    """Returns the row of a member that is refused, `unless` it says only what holds without it."""
    return Row(Fate.REFUSED, why, unless)


def left_out(note: str) -> Row:
    """Returns the row of what says something about an answer, and is none of it."""
    return Row(Fate.LEFT_OUT, note)


NOWHERE = "the other dialect has no such member"
TEXT_ONLY = "text and functions are translated, nothing else"
VENDOR_RUNS = "the vendor's own tools are not translated"
CACHE = "what a vendor's cache keeps is not the other's"
