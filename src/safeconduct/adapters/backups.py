"""Copying what a backup holds: databases while they are written to, files as they are."""

import hashlib
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from safeconduct.adapters.files import sync_folder, translated
from safeconduct.adapters.sqlite.database import OWNER_ONLY
from safeconduct.adapters.sqlite.database import translated as translated_database
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.backups import Listed

COPY_BYTES = 1024 * 1024
_FOLDER_MODE = 0o700


def empty_folder(folder: Path) -> None:
    """Makes a folder for its owner only, or takes one that holds nothing.

    Raises:
        InvalidInputError: it holds something, or can't be made.
    """
    try:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InvalidInputError(f"{folder} is not empty", code="folder-not-empty", remedy="name another folder")
    except OSError as error:
        raise InvalidInputError(f"cannot make a folder {folder}: {error.strerror}", code="folder-unwritable") from error


def copy_database(source: Path, target: Path) -> Listed:
    """Copies a SQLite database as one transaction left it, whatever is committed meanwhile, durably.

    Raises:
        UnavailableError: it can't be read or written.
    """
    with translated_database(f"copy {source.name}"):
        target.touch(mode=OWNER_ONLY)
        with (
            closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as read,
            closing(sqlite3.connect(target)) as kept,
        ):
            read.backup(kept)  # in one step: a reader's snapshot holds no writer up
            kept.execute("PRAGMA journal_mode = DELETE")  # one file, readable where nothing can be written
        _sync(target)
    return listed(target)


def copy_file(source: Path, target: Path) -> Listed:
    """Copies a file as it is, durably, for its owner only.

    Raises:
        UnavailableError: it can't be read or written.
    """
    with translated(source):
        target.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        target.touch(mode=OWNER_ONLY)
        shutil.copyfile(source, target)
        _sync(target)
    return listed(target)


def listed(file: Path) -> Listed:
    """Returns a file's digest and length.

    Raises:
        UnavailableError: it can't be read.
    """
    hashed, length = hashlib.sha256(), 0
    with translated(file), file.open("rb") as opened:
        while data := opened.read(COPY_BYTES):
            hashed.update(data)
            length += len(data)
    return Listed(hashed.hexdigest(), length)


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(file.parent)
