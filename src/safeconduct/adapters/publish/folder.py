"""A folder that a web server or a copying job gives out."""

import hashlib
from pathlib import Path

from safeconduct.adapters.files import alone
from safeconduct.adapters.folder import write_file
from safeconduct.kernel.errors import UnavailableError
from safeconduct.ledger.publishing import Held


class PublishedFolder:
    """`PublishedStore` in a folder. Files are written whole and synced; a lock on the folder keeps publishers apart."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def get(self, path: str) -> Held | None:
        try:
            content = (self._folder / path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnavailableError(f"cannot read {path}: {error.strerror}", code="store-failed") from error
        return Held(content, hashlib.sha256(content).hexdigest())

    def put(self, path: str, content: bytes) -> None:
        with alone(self._folder):
            held = self.get(path)
            if held is None:
                write_file(self._folder, path, content)
            elif held.content != content:
                raise otherwise(path)

    def replace(self, path: str, content: bytes, held: Held | None) -> None:
        with alone(self._folder):
            if self.get(path) != held:
                raise meanwhile(path)
            write_file(self._folder, path, content)


def otherwise(path: str) -> UnavailableError:
    """Returns the error of a file that is published with another content."""
    return UnavailableError(
        f"{path} is published with another content, and what is published is never replaced",
        code="published-otherwise",
        remedy="find out who wrote it; publish elsewhere meanwhile",
    )


def meanwhile(path: str) -> UnavailableError:
    """Returns the error of a file that somebody else wrote."""
    return UnavailableError(f"somebody else wrote {path} meanwhile", code="published-meanwhile", remedy="run it again")
