"""Files that are moved where nobody runs them, and back: on the machine that Safeconduct, or its file share, is on.

Each step is one rename or link, so that a file is at its place or in the vault, whenever the process dies. No step
follows a symbolic link, in the name or on the way to it.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from safeconduct.kernel.errors import RefusedError, UnavailableError
from safeconduct.soc.actions.ports import Order, Standing

FILE_BYTES_MAX = 1024 * 1024 * 1024
"""Bytes of a file: its hash is made before it is moved, and one of this size takes seconds."""

_READ = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Quarantine:
    """`Point` of the kind `quarantine-file` for one host: files below `roots`, moved to `vault` on the same disk."""

    host: str
    roots: Sequence[Path]
    vault: Path

    def look(self, order: Order) -> Standing:
        path = self._path(order)
        with _folder(path.parent) as folder:
            found = _stat(path.name, folder)
            if (self.vault / order.action).exists():
                return Standing(held=found is None)
            if found is None:
                raise RefusedError("there is no such file any more", code="file-absent")
            return Standing(held=False, note=_note(path.name, folder))

    def apply(self, order: Order, before: Standing) -> None:
        path, kept = self._path(order), self.vault / order.action
        with _folder(path.parent) as folder:
            there = _stat(path.name, folder) is not None
            if kept.exists():
                if there:
                    raise UnavailableError("a file came to this place again", code="file-came-back")
                return
            if not there:
                raise RefusedError("there is no such file any more", code="file-absent")
            if _note(path.name, folder) != dict(before.note):
                raise RefusedError("it is another file than was looked at", code="file-changed")
            with _on_disk():
                os.rename(path.name, kept, src_dir_fd=folder)
                kept.chmod(0)

    def undo(self, order: Order, before: Standing) -> None:
        path, kept = self._path(order), self.vault / order.action
        if not kept.exists():
            return
        with _folder(path.parent) as folder, _on_disk():
            there = _stat(path.name, folder)
            if there is None:
                os.chown(kept, int(before.note["uid"]), int(before.note["gid"]))
                kept.chmod(int(before.note["mode"], 8))
                os.link(kept, path.name, dst_dir_fd=folder)  # which never overwrites what came there meanwhile
            elif there.st_ino != kept.stat().st_ino:
                raise RefusedError("another file stands in its place", code="place-taken")
            kept.unlink()

    def _path(self, order: Order) -> Path:
        host, _, name = order.target.partition(":")
        path = Path(name)
        if host != self.host or not any(path.is_relative_to(root) for root in self.roots):
            raise RefusedError(f"files of {host} are not kept here, or not these", code="not-served")
        return path


@contextmanager
def _folder(path: Path) -> Iterator[int]:
    """Yields a folder, opened part by part: a link on the way leads nowhere."""
    opened = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in path.parts[1:]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=opened)
            os.close(opened)
            opened = inner
        yield opened
    except OSError as error:
        raise RefusedError(f"its folder can't be opened: {error.strerror}", code="folder-unreadable") from error
    finally:
        os.close(opened)


@contextmanager
def _on_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnavailableError(f"the disk said {error.strerror}", code="disk-failed") from error


def _stat(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _note(name: str, folder: int) -> dict[str, str]:
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_size > FILE_BYTES_MAX:
            raise RefusedError("expected a file with one name, of up to 1 GiB", code="not-a-file")
        digest = hashlib.sha256()
        while part := file.read(_READ):
            digest.update(part)
    mode = f"{stat.S_IMODE(found.st_mode):o}"
    return {"sha256": digest.hexdigest(), "mode": mode, "uid": str(found.st_uid), "gid": str(found.st_gid)}
