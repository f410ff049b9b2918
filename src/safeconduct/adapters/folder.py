"""A folder of files as the verifier reads it."""

from collections.abc import Iterator
from pathlib import Path

from safeconduct.adapters.files import sync_folder, write_atomically
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.export import Read


def read_folder(folder: Path) -> tuple[Read, list[str]]:
    """Returns how to read the files in a folder, and their paths, sorted.

    Raises:
        InvalidInputError: there is no such folder, or something in it is neither file nor folder.
    """
    if not folder.is_dir():
        raise InvalidInputError(f"there is no folder {folder}", code="folder-missing")
    paths = list(files_below(folder))
    known = set(paths)

    def read(path: str) -> bytes | None:
        return (folder / path).read_bytes() if path in known else None

    return read, paths


def files_below(folder: Path) -> Iterator[str]:
    """Yields the paths of the files in a folder, sorted, with slashes.

    Raises:
        InvalidInputError: something in it is neither file nor folder.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise InvalidInputError(f"{path} is neither a file nor a folder", code="folder-unreadable")
        if path.is_file():
            yield path.relative_to(folder).as_posix()


def write_file(folder: Path, path: str, content: bytes) -> None:
    """Writes one file below a folder, durably.

    Raises:
        InvalidInputError: the path leads out of the folder.
        UnavailableError: it can't be written.
    """
    target = folder / path
    if path.startswith("/") or ".." in Path(path).parts:
        raise InvalidInputError(f"{path!r} leads out of the folder", code="path-outside")
    missing = [parent for parent in (target.parent, *target.parent.parents) if not parent.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    for parent in missing:
        sync_folder(parent.parent)
    write_atomically(target, content)
