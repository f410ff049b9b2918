"""Rule files on this machine, read and packed for a request."""

from pathlib import Path

import msgspec

from safeconduct.kernel.errors import InvalidInputError


def read_rules(paths: list[Path]) -> list[tuple[str, str]]:
    """Returns the names and texts of rule files, those of a folder and below it.

    Raises:
        InvalidInputError: `file-unreadable`, `folder-empty`, `file-empty`: what holds no rule changes nothing, and
            whoever named it meant something else.
    """
    files: list[tuple[str, str]] = []
    for path in paths:
        found = sorted(path.rglob("*.y*ml")) if path.is_dir() else [path]
        if not found:
            raise InvalidInputError(f"no file in {path} ends in .yml or .yaml", code="folder-empty")
        try:
            files += [(str(item), item.read_text(encoding="utf-8")) for item in found]
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(f"cannot read {path}: {error}", code="file-unreadable") from error
    empty = [name for name, text in files if not text.strip()]
    if empty:
        raise InvalidInputError(f"nothing is in {empty[0]}", code="file-empty", remedy="leave it out, or write a rule")
    return files


def encoded(paths: list[Path]) -> bytes:
    """Returns rule files as the body of a request, named below the folder that was given."""
    files = [{"name": _below(paths, file), "text": text} for file, text in read_rules(paths)]
    return msgspec.json.encode({"files": files})


def _below(paths: list[Path], file: str) -> str:
    """Returns a file's name below the folder that was given: where that lies is this machine's affair."""
    folder = next((path for path in paths if path.is_dir() and Path(file).is_relative_to(path)), Path(file).parent)
    return Path(file).relative_to(folder).as_posix()
