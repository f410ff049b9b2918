"""The manifest of a backup: a note by the installation's own log with every file and how long each log was."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339
from safeconduct.ledger.checkpoints import parse_size
from safeconduct.ledger.notes import Note, NoteError, NoteSigner, VerifierKey, parse_note

MANIFEST_BYTES_MAX = 64 * 1024 * 1024  # about 400,000 files
HEADER = "safeconduct/backup/v1"
_LOG, _FILE = "log", "file"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a backup: SHA-256 in hex, and bytes."""

    digest: str
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds: when it began, each log's public key and size, each file by its path."""

    origin: Origin
    at: Instant
    logs: Mapping[VerifierKey, int]
    files: Mapping[str, Listed]

    def signed(self, signer: NoteSigner) -> str:
        """Returns the manifest as a note."""
        logs = [f"{_LOG} {size} {key.text}\n" for key, size in self.logs.items()]
        files = [f"{_FILE} {one.digest} {one.length} {path}\n" for path, one in self.files.items()]
        text = f"{HEADER}\n{self.origin}\n{rfc3339(self.at)}\n" + "".join([*logs, *files])
        return Note(text, (signer.sign(text),)).encoded


def open_manifest(encoded: bytes, key: VerifierKey) -> Manifest:
    """Returns a manifest that the installation's own log signed.

    Raises:
        NoteError: it is malformed or not signed by the key.
        InvalidInputError: it names an instant or a key that is none.
    """
    note = parse_note(encoded, bytes_max=MANIFEST_BYTES_MAX)
    note.signed_by(key)
    header, *lines = note.text.removesuffix("\n").split("\n")
    if header != HEADER or len(lines) < 2 or lines[0] != key.name:  # noqa: PLR2004 - origin and instant
        raise NoteError(f"expected the manifest of a backup of {key.name}, got {header[:80]!r}")
    logs: dict[VerifierKey, int] = {}
    files: dict[str, Listed] = {}
    for line in lines[2:]:
        kind, _, rest = line.partition(" ")
        if kind == _LOG:
            size, _, text = rest.partition(" ")
            logs[VerifierKey.parse(text)] = parse_size(size)
        else:
            path, listed = _listed(kind, rest)
            files[path] = listed
    return Manifest(origin=Origin(lines[0]), at=parse_rfc3339(lines[1]), logs=logs, files=files)


def _listed(kind: str, rest: str) -> tuple[str, Listed]:
    digest, _, tail = rest.partition(" ")
    length, _, path = tail.partition(" ")
    if kind != _FILE or not _DIGEST.fullmatch(digest) or not path or path.startswith("/") or ".." in path.split("/"):
        raise NoteError(f"expected a log or a file of the backup, got {kind!r} {rest[:80]!r}")
    return path, Listed(digest, parse_size(length))
