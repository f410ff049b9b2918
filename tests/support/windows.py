"""Real Windows event logs from the corpora, and ways to hurt them."""

import io
import tarfile
from functools import cache
from struct import pack_into

from safeconduct.adapters.telemetry.evtx import CHUNK_BYTES, HEADER_BYTES, recounted
from support.corpora import corpora

SYSMON_CHUNKS = 9
SYSMON_RECORDS = 358
"""What the sample holds: nine whole chunks. Behind them stand eight that are none, as its header, dirty, allows."""


@cache
def logs_in(corpus: str) -> dict[str, bytes]:
    """Returns the event logs of an archive of the corpora, by their paths in it."""
    with tarfile.open(corpora() / corpus) as archive:
        members = [one for one in archive if one.name.endswith(".evtx")]
        return {one.name: archive.extractfile(one).read() for one in members}


def sample_log(name: str) -> bytes:
    """Returns `sysmon.evtx` or `security.evtx` of ocsf/examples."""
    return next(log for path, log in logs_in("ocsf/examples.tar.xz").items() if path.endswith(f"/{name}"))


def sysmon_log(chunks: int = SYSMON_CHUNKS) -> bytearray:
    """Returns the first whole chunks of the Sysmon sample, under a header that counts them."""
    whole = sample_log("sysmon.evtx")
    return bytearray(recounted(whole[:HEADER_BYTES], chunks) + whole[HEADER_BYTES : chunk_at(chunks)])


def chunk_at(number: int) -> int:
    """Returns where in a log a chunk begins."""
    return HEADER_BYTES + number * CHUNK_BYTES


def break_record(log: bytearray, number: int) -> None:
    """Gives the record that begins next behind the middle of a chunk a size that no record has."""
    at = log.index(b"\x2a\x2a\0\0", chunk_at(number) + CHUNK_BYTES // 2)
    pack_into("<I", log, at + 4, 10**9)


def read_in(log: bytes | bytearray) -> io.BytesIO:
    """Returns a log as a file."""
    return io.BytesIO(bytes(log))
