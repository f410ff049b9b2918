"""Which habits are watched: which value goes with which context, and where in events the two stand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from safeconduct.soc.model import Event
from safeconduct.soc.quotes import quote_at, text_of

LAUNCHES, LAUNCH, FAILURE = 1007, 1, 2

_CHANGING = re.compile(r"[0-9a-f]{8,}|\d+", re.IGNORECASE)
_HOME = re.compile(r"^(c:\\users|/home)([\\/])[^\\/]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Habit:
    """What is watched: which value goes with which context. Of several places the first that an event has counts."""

    name: str
    title: str
    class_uid: int
    context: tuple[str, ...]
    value: tuple[str, ...]


_PROGRAM = ("/ocsf/process/file/path", "/ocsf/process/name")
_PARENT = ("/ocsf/process/parent_process/file/path", "/ocsf/actor/process/file/path")
_ACCOUNT = ("/ocsf/actor/user/uid", "/ocsf/actor/user/name")
_SOURCE = ("/ocsf/src_endpoint/ip", "/ocsf/device/hostname")

HABITS = (
    Habit("program-of-parent", "a program that this one never started before", 1007, _PARENT, _PROGRAM),
    Habit("program-of-user", "a program that this account never ran before", 1007,
          ("/ocsf/actor/user/name", "/ocsf/process/user/name"), _PROGRAM),
    Habit("logon-from", "a logon from where this account never came before", 3002, ("/ocsf/user/name",),
          ("/ocsf/src_endpoint/ip",)),
    Habit("destination-of-program", "an address that this program never spoke to before", 4001,
          ("/ocsf/actor/process/file/path", "/ocsf/process/file/path"), ("/ocsf/dst_endpoint/ip",)),
    Habit("destination-of-host", "an address that this machine never spoke to before", 4001, _SOURCE,
          ("/ocsf/dst_endpoint/ip",)),
    Habit("operation-of-account", "a cloud operation that this account never called before", 6003, _ACCOUNT,
          ("/ocsf/api/operation",)),
    Habit("address-of-account", "an address that this cloud account never called from before", 6003, _ACCOUNT,
          ("/ocsf/src_endpoint/ip",)),
    Habit("name-of-host", "a name that this machine never asked for before", 4003, _SOURCE,
          ("/ocsf/query/hostname",)),
)  # fmt: skip
"""All that is watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A field of an event: where, and what stands there."""

    pointer: str
    found: str


def usual_form(value: str) -> str:
    """Returns a value without what changes from run to run: case, whose home it is, numbers and ids in a path."""
    if "\\" in value or "/" in value:
        return _CHANGING.sub("#", _HOME.sub(r"\1\2*", value)).lower()
    return value.lower()


def habits_of(event: Event, habits: tuple[Habit, ...]) -> Iterator[tuple[Habit, Named, Named]]:
    """Yields the habits that an event shows, each with its context and its value."""
    class_uid, activity = event.ocsf.get("class_uid"), event.ocsf.get("activity_id")
    for habit in habits:
        if class_uid != habit.class_uid or event.ocsf.get("status_id") == FAILURE:
            continue
        if habit.class_uid == LAUNCHES and activity != LAUNCH:
            continue
        context, value = named(event, habit.context), named(event, habit.value)
        if context and value:
            yield habit, context, value


def named(event: Event, pointers: tuple[str, ...]) -> Named | None:
    """Returns the first of the places at which the event has something."""
    for pointer in pointers:
        value = quote_at(event, pointer)
        if value is not None and value != "":
            return Named(pointer=pointer, found=text_of(value))
    return None
