"""Archives and compressed files, opened member by member, within limits that no bomb passes.

Read as a stream: nothing is written to disk but a zip inside another archive, which needs seeking. What is no archive
is its own only member. What the members hold counts, not what the archive claims of them.
"""

import bz2
import gzip
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Self

from safeconduct.adapters.telemetry import zstandard
from safeconduct.adapters.telemetry.lines import Readable
from safeconduct.kernel.errors import InvalidInputError, TooLargeError

EXPANDED_BYTES_MAX = 4 * 1024 * 1024 * 1024
"""Bytes that one named file may expand to, all layers counted: a day's logs of a busy house, and minutes of reading."""

MEMBERS_MAX = 10_000
"""Members of one named file; as many as a folder may have."""

LAYERS_MAX = 4
"""Archives within one another. A zip in a compressed tar has three."""

SPOOLED_BYTES = 64 * 1024 * 1024
"""Bytes of an inner zip that are held in memory; a larger one goes to a temporary file."""

HEAD_BYTES = 512
"""Bytes by which an archive is told: a tar names itself in its first block."""

NAME_BYTES_MAX = 64 * 1024
"""Bytes of an entry's name and attributes in a tar; paths have 4,096 at most."""

DIRECTORY_BYTES_MAX = MEMBERS_MAX * 1024
"""Bytes of a zip's directory, which is read whole: ample for so many members."""

NAMES = frozenset({tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME,
                   tarfile.GNUTYPE_LONGLINK})  # fmt: skip
COPY_BYTES = 1024 * 1024
DIRECTORY_END = b"PK\x05\x06"
DIRECTORY_END_BYTES = 22 + 65_535  # the record, and the longest comment behind it
ENCRYPTED = 1
"""Bit of a zip member's flags."""

_TAR_MAGIC, _TAR_AT = b"ustar", 257
_BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.DamagedError, tarfile.TarError,
           zipfile.BadZipFile, NotImplementedError)  # fmt: skip


@dataclass
class _Room:
    """What one named file may still expand to."""

    name: str
    bytes: int = EXPANDED_BYTES_MAX
    members: int = MEMBERS_MAX

    def spend(self, size: int) -> None:
        self.bytes -= size
        if self.bytes < 0:
            raise TooLargeError(
                f"{self.name} expands to more than {EXPANDED_BYTES_MAX} bytes",
                code="archive-too-large",
                remedy="unpack it, look what it is, and name the files to take in",
            )

    def enter(self) -> None:
        self.members -= 1
        if self.members < 0:
            raise TooLargeError(f"{self.name} holds more than {MEMBERS_MAX} files", code="archive-too-large")


class _Looked:
    """Bytes of which the first may be looked at before they are read."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._ahead = b""

    def head(self) -> bytes:
        """Returns the first bytes, which `read` returns again."""
        self._ahead = self._ahead or self._taken(HEAD_BYTES)
        return self._ahead

    def read(self, size: int, /) -> bytes:
        ahead, self._ahead = self._ahead[:size], self._ahead[size:]
        return ahead + self._taken(size - len(ahead)) if len(ahead) < size else ahead

    def _taken(self, size: int) -> bytes:
        return self._file.read(size)


class _Member(_Looked):
    """A member of an archive: its bytes are counted, and what can't be unpacked is told."""

    def __init__(self, file: Readable, room: _Room) -> None:
        super().__init__(file)
        self._room = room

    def _taken(self, size: int) -> bytes:
        try:
            data = super()._taken(size)
        except _BROKEN as error:
            raise _broken(self._room.name, error) from error
        self._room.spend(len(data))
        return data


def members(name: str, file: Readable) -> Iterator[tuple[str, Readable]]:
    """Yields the files in a file, by name and with their bytes, one after the other: read each before the next.

    Raises:
        TooLargeError: `archive-too-large`: EXPANDED_BYTES_MAX, MEMBERS_MAX or LAYERS_MAX; of a member before it is over
            the limit, `read` raises it.
        InvalidInputError: `archive-broken` or `archive-encrypted`, there too.
    """
    yield from _inside(name, _Looked(file), _Room(name), LAYERS_MAX)


def _inside(name: str, member: _Looked, room: _Room, layers: int) -> Iterator[tuple[str, Readable]]:
    opened = _opener(member.head())
    if opened is None:
        room.enter()
        yield name, member
        return
    if not layers:
        raise TooLargeError(f"{room.name} has more than {LAYERS_MAX} archives in one another", code="archive-too-large")
    try:
        for inner, file in opened(name, member):
            yield from _inside(inner, _Member(file, room), room, layers - 1)
    except _BROKEN as error:
        raise _broken(room.name, error) from error


Opener = Callable[[str, Any], Iterator[tuple[str, Readable]]]


def _opener(head: bytes) -> Opener | None:
    if head[_TAR_AT : _TAR_AT + len(_TAR_MAGIC)] == _TAR_MAGIC:
        return _untar
    return next((opener for magic, opener in OPENERS.items() if head.startswith(magic)), None)


def _gunzip(name: str, member: IO[bytes]) -> Iterator[tuple[str, Readable]]:
    yield _without(name, ".gz", ".tgz"), gzip.GzipFile(fileobj=member)


def _bunzip(name: str, member: IO[bytes]) -> Iterator[tuple[str, Readable]]:
    yield _without(name, ".bz2", ".tbz"), bz2.BZ2File(member)


def _unxz(name: str, member: IO[bytes]) -> Iterator[tuple[str, Readable]]:
    yield _without(name, ".xz", ".txz"), lzma.LZMAFile(member)  # noqa: SIM115 - it opens nothing


def _unzstd(name: str, member: IO[bytes]) -> Iterator[tuple[str, Readable]]:
    yield _without(name, ".zst", ".tzst"), zstandard.Unpacked(member)


class _Entry(tarfile.TarInfo):
    """A tar's entry. Names of millions of bytes are not taken into memory, nor maps of sparse files."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        entry = super().frombuf(buf, encoding, errors)
        if (entry.type in NAMES and entry.size > NAME_BYTES_MAX) or entry.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError(f"a header of {entry.size} bytes, or of a sparse file")
        return entry


def _untar(name: str, member: IO[bytes]) -> Iterator[tuple[str, Readable]]:
    with tarfile.open(fileobj=member, mode="r|", tarinfo=_Entry) as archive:
        for entry in archive:
            vars(archive)["members"].clear()  # else every entry of a long archive stays in memory
            file = archive.extractfile(entry) if entry.isreg() else None
            if file is not None and _shown(entry.name):
                yield f"{name}/{entry.name}", file


def _unzip(name: str, member: IO[bytes]) -> Iterator[tuple[str, Readable]]:
    with tempfile.SpooledTemporaryFile(SPOOLED_BYTES) as spooled:
        while data := member.read(COPY_BYTES):
            spooled.write(data)
        _check_directory(name, spooled)
        with zipfile.ZipFile(spooled) as archive:
            for entry in archive.infolist():
                if entry.flag_bits & ENCRYPTED:
                    raise InvalidInputError(f"{name} is encrypted", code="archive-encrypted", remedy="unpack it first")
                if not entry.is_dir() and _shown(entry.filename):
                    with archive.open(entry) as file:
                        yield f"{name}/{entry.filename}", file


def _check_directory(name: str, file: IO[bytes]) -> None:
    """A zip ends in a record that says how long its directory is (PKWARE APPNOTE 4.3.16)."""
    size = file.seek(0, 2)
    file.seek(max(0, size - DIRECTORY_END_BYTES))
    tail = file.read()
    at = tail.rfind(DIRECTORY_END)
    if at >= 0 and int.from_bytes(tail[at + 12 : at + 16], "little") > DIRECTORY_BYTES_MAX:
        raise TooLargeError(f"{name} holds more than {MEMBERS_MAX} files", code="archive-too-large")


OPENERS: dict[bytes, Opener] = {
    b"\x1f\x8b": _gunzip,
    b"BZh": _bunzip,
    b"\xfd7zXZ": _unxz,
    zstandard.MAGIC: _unzstd,
    b"PK\x03\x04": _unzip,
}
"""First bytes of what is opened."""


def _shown(name: str) -> bool:
    return not name.rpartition("/")[2].startswith(".") and not name.startswith("__MACOSX/")


def _without(name: str, *endings: str) -> str:
    found = next((ending for ending in endings if name.endswith(ending)), "")
    return name.removesuffix(found)


def _broken(name: str, error: Exception) -> InvalidInputError:
    return InvalidInputError(
        f"{name} cannot be unpacked further: {type(error).__name__}: {error}",
        code="archive-broken",
        remedy="the files before the fault are taken in; get the archive again for the rest",
    )
