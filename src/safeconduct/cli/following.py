"""`safeconduct ingest --follow`: files that are still written, until it is interrupted."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from safeconduct.adapters.files import read_file, write_atomically
from safeconduct.adapters.telemetry.following import Followed, Place
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.soc.wording import number_of

LOOK_EVERY_S = 1.0
"""Seconds between two looks at files in which nothing is new."""

STATE_BYTES_MAX = 1024 * 1024
"""Bytes of a file of places; one of 1,000 files has about 150,000."""

Send = Callable[[str, bytes], None]
"""Takes a name and what is new, and returns when it is in."""


def follow(paths: list[Path], state: Path | None, send: Send, wait: Callable[[float], None] = time.sleep) -> None:
    """Sends what is new in each file, and keeps the places in `state` after each answer, until it is interrupted.

    A server that is not there is asked again: nothing is passed over.

    Raises:
        InvalidInputError: a path is a folder, or the file of places is none.
    """
    folder = next((path for path in paths if path.is_dir()), None)
    if folder is not None:
        raise InvalidInputError(f"{folder} is a folder", code="file-unreadable", remedy="name the files to follow")
    places = _read(state)
    followed = [Followed(path, places.get(str(path.absolute()))) for path in paths]
    try:
        while True:
            sent = [_sent(one, state, places, send, wait) for one in followed]
            if not any(sent):
                wait(LOOK_EVERY_S)
    except KeyboardInterrupt:
        return
    finally:
        for one in followed:
            one.close()


def _sent(
    one: Followed, state: Path | None, places: dict[str, Place], send: Send, wait: Callable[[float], None]
) -> bool:
    piece = one.more()
    while piece:
        try:
            send(one.path.name, piece)
            break
        except UnavailableError:
            wait(LOOK_EVERY_S)
    place = one.place()
    if piece and state is not None and place is not None:
        places[str(one.path.absolute())] = place
        write_atomically(state, msgspec.json.encode(places))
    return bool(piece)


def _read(state: Path | None) -> dict[str, Place]:
    if state is None or not state.exists():
        return {}
    try:
        return msgspec.json.decode(read_file(state, STATE_BYTES_MAX), type=dict[str, Place])
    except msgspec.MsgspecError as error:
        raise InvalidInputError(
            f"{state} holds no places: {error}", code="state-invalid", remedy="name another file, or remove it"
        ) from error


def report(told: dict[str, Any]) -> str:
    """Returns a line about what came in."""
    count = sum(told["events"].values())
    dead = "".join(f", {number:,} not read ({code})" for code, number in told["dead"].items())
    return (
        told["problem"]
        or f"{number_of(told['lines'], 'line')}, {number_of(count, 'event')}, {told['new']:,} of them new{dead}"
    )
