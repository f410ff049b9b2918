"""Windows event logs (EVTX): a header of 4 KiB, then chunks of 64 KiB, each with its own tables and checksums.

Chunks are read one by one, so that memory stays that of one and a fault costs its own chunk at most. The layout is that
of libyal's documentation of the format; records are decoded by the `evtx` library.
"""

import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from struct import pack_into, unpack_from
from typing import IO, Annotated, Any

import msgspec
from evtx import PyEvtxParser

from safeconduct.adapters.telemetry.lines import DEPTH_MAX, LINE_BYTES_MAX, UnreadableError
from safeconduct.adapters.telemetry.windows import windows_instant
from safeconduct.kernel.canonical import INTEGER_MAX
from safeconduct.soc.normalizing import Record
from safeconduct.soc.ports import DeadLetter
from safeconduct.soc.windows import SOURCE

MAGIC = b"ElfFile\0"
HEADER_BYTES = 4096
CHUNK_BYTES = 65536

RECORDS_MAX = CHUNK_BYTES // 28
"""Records that fit in one chunk: each has 28 bytes of its own. A chunk's header that says more is not believed."""

_CHUNK_MAGIC = b"ElfChnk\0"
_COUNT_AT, _HEADER_SUM_AT = 42, 124
_SUMMED_END, _TABLES_AT, _TABLES_END = 120, 128, 512
_Small = Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
_Scalar = str | _Small | bool | None
_Value0 = _Scalar | list[_Scalar] | dict[str, _Scalar]
_Value1 = _Scalar | list[_Scalar] | dict[str, _Value0]
_Value2 = _Scalar | list[_Scalar] | dict[str, _Value1]
_decode_plain = msgspec.json.Decoder(dict[str, dict[str, _Value2]]).decode
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=str).decode


@dataclass(frozen=True, slots=True)
class Fault:
    """What could not be read, or is not as it was written: a stable code, and which chunk or record it was."""

    code: str
    detail: str


def chunk_count(header: bytes) -> int:
    """Returns how many chunks a log's header says are in use. One of a log that was copied while open is behind."""
    count: int = unpack_from("<H", header, _COUNT_AT)[0]
    return count


def recounted(header: bytes, count: int) -> bytes:
    """Returns a log's header for another number of chunks, its checksum made anew."""
    changed = bytearray(header)
    pack_into("<H", changed, _COUNT_AT, count)
    pack_into("<I", changed, _HEADER_SUM_AT, zlib.crc32(changed[:_SUMMED_END]))
    return bytes(changed)


def read_log(file: IO[bytes]) -> Iterator[Record | DeadLetter]:
    """Yields the records of a log in the order they stand, and what is wrong with it where it is.

    `line` of both counts them together, from 1. Nothing a log holds raises.
    """
    header = file.read(HEADER_BYTES)
    for number, found in enumerate(_found(file, header), 1):
        if isinstance(found, Fault):
            yield DeadLetter(line=number, code=found.code, detail=found.detail, text="")
        else:
            yield _record(number, found)


def _found(file: IO[bytes], header: bytes) -> Iterator[dict[str, Any] | Fault]:
    in_use, number = chunk_count(header), 0
    while chunk := file.read(CHUNK_BYTES):
        if chunk.startswith(_CHUNK_MAGIC) or chunk.strip(b"\0"):
            yield from _chunk(header, chunk, number)
        elif number < in_use:
            yield Fault("evtx-chunk-zeroed", f"chunk {number} is in use by the log's header, and holds zeros only")
        number += 1


def _chunk(header: bytes, chunk: bytes, number: int) -> Iterator[dict[str, Any] | Fault]:
    if not chunk.startswith(_CHUNK_MAGIC) or len(chunk) < _TABLES_END:
        yield Fault("evtx-chunk-broken", f"chunk {number} does not begin as one")
        return
    first, last = unpack_from("<QQ", chunk, 8)
    used = unpack_from("<I", chunk, 48)[0]
    if len(chunk) < CHUNK_BYTES:
        yield Fault("evtx-chunk-cut", f"the file ends in chunk {number}, after {len(chunk)} of its {CHUNK_BYTES} bytes")
    elif not _sums_hold(chunk, used):
        yield Fault("evtx-checksum", f"chunk {number} is not as it was written; its records are read all the same")
        # Its tables only say where names stand, which records say too: wrong ones would cost the whole chunk.
        chunk = chunk[:_TABLES_AT] + bytes(_TABLES_END - _TABLES_AT) + chunk[_TABLES_END:]
    read = failed = 0
    for found in _decoded(header + chunk.ljust(CHUNK_BYTES, b"\0")):
        read += 1
        failed += isinstance(found, Fault)
        yield found
    missing = last - first + 1 - read
    if first <= last and 0 < missing <= RECORDS_MAX:
        yield Fault("evtx-records-missing", f"chunk {number} says records {first} to {last}; {missing} are not in it")


def _sums_hold(chunk: bytes, used: int) -> bool:
    records, header = unpack_from("<I", chunk, 52)[0], unpack_from("<I", chunk, _HEADER_SUM_AT)[0]
    tables = zlib.crc32(chunk[_TABLES_AT:_TABLES_END], zlib.crc32(chunk[:_SUMMED_END]))
    return bool(tables == header and zlib.crc32(chunk[_TABLES_END:used]) == records)


def _decoded(log: bytes) -> Iterator[dict[str, Any] | Fault]:
    records = PyEvtxParser(io.BytesIO(log), number_of_threads=1).records_json()
    while True:
        try:
            found: Any = next(records)
        except StopIteration:
            return
        except RuntimeError as error:
            yield Fault("evtx-record-broken", str(error).partition("\n")[0])
        else:
            yield _fields(found["data"])


def _fields(text: str) -> dict[str, Any] | Fault:
    if len(text) > LINE_BYTES_MAX:
        # A chunk holds 64 KiB, but its templates can name one value many times.
        return Fault("line-too-long", f"one record unfolds to more than {LINE_BYTES_MAX} characters")
    try:
        return _decode_plain(text)  # checks as it reads, which costs nothing; looking again costs more than reading
    except msgspec.ValidationError:
        return _unusual(text)


def _unusual(text: str) -> dict[str, Any] | Fault:
    try:
        fields = _decode(text)
        _write_out_numbers(fields, 1)
    except RecursionError:
        return Fault("json-too-deep", f"one record is nested deeper than {DEPTH_MAX} levels")
    return fields


def _write_out_numbers(inside: dict[str, Any] | list[Any], depth: int) -> None:
    """Puts text in the place of every integer beyond INTEGER_MAX; what is read here is nobody else's yet."""
    if depth == DEPTH_MAX:  # what stands in here would be a level more
        raise RecursionError
    places: Iterable[tuple[Any, Any]] = inside.items() if isinstance(inside, dict) else enumerate(inside)
    for place, value in places:
        kind = type(value)
        if kind is dict or kind is list:
            _write_out_numbers(value, depth + 1)
        elif kind is int and abs(value) > INTEGER_MAX:
            inside[place] = str(value)


def _record(number: int, raw: dict[str, Any]) -> Record | DeadLetter:
    try:
        return Record(source=SOURCE, line=number, at=windows_instant(raw), raw=raw, numbered=True)
    except UnreadableError as error:
        return DeadLetter(line=number, code=error.code, detail=error.detail, text="")
