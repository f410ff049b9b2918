"""Archives: a file in one is read as if it lay beside it; bombs, locks and faults are told, and the rest goes on."""

import bz2
import gzip
import io
import lzma
import sys
import tarfile
import zipfile

import pytest
from backports import zstd

from safeconduct.adapters.telemetry import cutting, expanding, files, zstandard
from safeconduct.adapters.telemetry.expanding import members
from safeconduct.adapters.telemetry.files import parts
from safeconduct.kernel.errors import InvalidInputError, TooLargeError
from support.telemetry import flow

LINES = "\n".join(flow(dport=n, at_s=n) for n in range(40)).encode()
FILES = {"a.jsonl": LINES, "logs/b.jsonl": LINES[:500], ".hidden": b"x", "__MACOSX/c": b"x"}


def tarred(held, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in held.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return out.getvalue()


def zipped(held):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in held.items():
            archive.writestr(name, content)
    return out.getvalue()


def found(content, name="in"):
    return {inner: file.read(10**6) for inner, file in members(name, io.BytesIO(content))}


@pytest.mark.parametrize("archive", [tarred(FILES), tarred(FILES, "w:gz"), tarred(FILES, "w:xz"), zipped(FILES)])
def test_an_archive_gives_its_files_by_name(archive):
    assert found(archive) == {"in/a.jsonl": LINES, "in/logs/b.jsonl": LINES[:500]}


PACKERS = [(gzip.compress, ".gz"), (bz2.compress, ".bz2"), (lzma.compress, ".xz"), (zstd.compress, ".zst")]


@pytest.mark.parametrize(("pack", "ending"), PACKERS)
def test_a_compressed_file_is_itself(pack, ending):
    assert found(pack(LINES), f"auth.log{ending}") == {"auth.log": LINES}


def test_what_is_no_archive_is_its_own_member():
    assert found(LINES) == {"in": LINES}
    assert found(b"") == {"in": b""}


@pytest.mark.parametrize(("layers", "fits"), [(expanding.LAYERS_MAX, True), (expanding.LAYERS_MAX + 1, False)])
def test_so_many_archives_in_one_another_are_opened(layers, fits):
    content = LINES
    for _ in range(layers):
        content = zipped({"x": content})
    if fits:
        assert list(found(content).values()) == [LINES]
    else:
        with pytest.raises(TooLargeError, match="in one another"):
            found(content)


@pytest.mark.parametrize(("room", "fits"), [(2 * len(LINES), True), (2 * len(LINES) - 1, False)])
@pytest.mark.parametrize("pack", [tarred, zipped])
def test_an_archive_expands_to_so_many_bytes(monkeypatch, pack, room, fits):
    monkeypatch.setattr(expanding._Room, "__init__", _with_room(room))
    archive = pack({"a": LINES, "b": LINES})
    if fits:
        assert len(found(archive)) == 2
    else:
        with pytest.raises(TooLargeError) as refused:
            found(archive)
        assert refused.value.code == "archive-too-large"


def _with_room(size):
    def start(self, name, bytes=size, members=expanding.MEMBERS_MAX):  # noqa: A002 - as it is there
        self.name, self.bytes, self.members = name, bytes, members

    return start


def test_a_bomb_is_left_after_what_it_may_expand_to(tmp_path, monkeypatch):
    monkeypatch.setattr(cutting, "FILE_BYTES_MAX", 2**20)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(gzip.compress(bytes(2**24))))
    with pytest.raises(TooLargeError):
        list(parts(tmp_path / "bomb.gz"))


@pytest.mark.parametrize("pack", [tarred, zipped])
def test_an_archive_holds_so_many_files(monkeypatch, pack):
    monkeypatch.setattr(expanding._Room, "__init__", lambda self, name, **_: _with_room(2**30)(self, name, members=2))
    assert len(found(pack({"a": b"1", "b": b"2"}))) == 2
    with pytest.raises(TooLargeError, match="files"):
        found(pack({"a": b"1", "b": b"2", "c": b"3"}))


def test_a_name_in_a_tar_has_so_many_bytes():
    named = "n" * (expanding.NAME_BYTES_MAX - len("65536 path=\n"))
    assert len(found(tarred({named: b"x"}))) == 1
    with pytest.raises(InvalidInputError, match="header"):
        found(tarred({named + "n": b"x"}))


def test_a_zip_with_a_long_directory_is_not_opened(monkeypatch):
    monkeypatch.setattr(expanding, "DIRECTORY_BYTES_MAX", 100)
    assert len(found(zipped({"a": b"1"}))) == 1
    with pytest.raises(TooLargeError):
        found(zipped({"a": b"1", "b" * 100: b"2"}))


CUT = [
    tarred(FILES)[:9000],
    tarred(FILES, "w:gz")[:-20],
    zipped(FILES)[:-30],
    gzip.compress(LINES)[:-9],
    b"\x1f\x8bno",
    zstd.compress(LINES)[:-9],
    zstandard.MAGIC + b"no",
]


@pytest.mark.parametrize("archive", CUT)
def test_a_broken_archive_is_told(archive):
    with pytest.raises(InvalidInputError) as refused:
        found(archive)
    assert refused.value.code == "archive-broken"


def test_before_the_fault_the_files_come():
    archive = tarred({"a": LINES, "b": LINES})[:-9000]
    came = members("in", io.BytesIO(archive))
    name, file = next(came)
    assert (name, file.read(10**6)) == ("in/a", LINES)
    with pytest.raises(InvalidInputError):
        [inner.read(10**6) for _, inner in came]


def test_a_locked_zip_is_told():
    content = bytearray(zipped({"a": LINES}))
    content[6] |= 1
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InvalidInputError) as refused:
        found(bytes(content))
    assert refused.value.code == "archive-encrypted"


def test_a_large_member_comes_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(cutting, "PART_BYTES", 2000)
    (tmp_path / "a.tgz").write_bytes(tarred({"b.jsonl": LINES}, "w:gz"))
    cut = list(parts(tmp_path / "a.tgz"))
    assert [name for name, _ in cut[:2]] == ["a/b.jsonl part 1", "a/b.jsonl part 2"]
    assert b"".join(content for _, content in cut) == LINES
    assert all(content.endswith(b"\n") for _, content in cut[:-1])


def test_a_long_name_keeps_its_end(tmp_path):
    (tmp_path / "a.tar").write_bytes(tarred({"x" * 400 + "/auth.log": LINES}))
    ((name, _),) = parts(tmp_path / "a.tar")
    assert (len(name), name[-8:]) == (files.NAME_CHARS_MAX, "auth.log")


def test_what_is_piped_in_is_read_to_its_end(monkeypatch):
    class Piped:
        buffer = io.BytesIO(gzip.compress(LINES))

    monkeypatch.setattr(files.sys, "stdin", Piped())
    assert list(parts(files.STDIN)) == [("stdin", LINES)]


def windowed(log):
    """Returns a frame whose reader has to hold a window of two to the power of `log`; its length is not told."""
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: log})
    return packer.compress(LINES, packer.FLUSH_BLOCK) + packer.flush()


@pytest.mark.parametrize(("over", "fits"), [(0, True), (1, False)])
def test_a_frame_may_ask_for_so_large_a_window(monkeypatch, over, fits):
    monkeypatch.setattr(zstandard, "WINDOW_LOG_MAX", 20)
    frame = windowed(20 + over)
    if fits:
        assert found(frame) == {"in": LINES}
    else:
        with pytest.raises(InvalidInputError, match="memory"):
            found(frame)


def test_a_frame_bomb_is_left_after_what_it_may_expand_to(monkeypatch):
    monkeypatch.setattr(expanding._Room, "__init__", _with_room(2**20))
    ((_, file),) = members("bomb.zst", io.BytesIO(zstd.compress(bytes(2**24))))
    assert len(file.read(2**20)) == 2**20
    with pytest.raises(TooLargeError):
        file.read(1)


def test_without_the_package_the_file_is_told_with_what_reads_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    with pytest.raises(InvalidInputError) as refused:
        found(zstd.compress(LINES))
    assert (refused.value.code, "safeconduct[zstd]" in refused.value.remedy) == ("telemetry-compressed", True)
