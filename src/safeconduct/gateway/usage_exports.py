"""Vendors' usage exports read into rows: OpenAI's and Anthropic's pages of buckets as JSON, anybody's as CSV."""

import csv
import io
from collections.abc import Iterator

import msgspec

from safeconduct.gateway.usage import ExportRow
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import SECOND, Instant, parse_rfc3339

EXPORT_BYTES_MAX = 8 * 1024 * 1024
"""Bytes of an export, as of any request. A month in hours for thirty models takes about six million."""

ROWS_MAX = 50_000
"""Rows of an export, for the same month."""

CSV_COLUMNS = ("since", "until", "model", "calls", "input_tokens", "output_tokens")
"""The columns of the CSV form, in this order; times as RFC 3339 in UTC."""


class _OpenAIResult(msgspec.Struct, kw_only=True):
    model: str | None = None
    num_model_requests: int
    input_tokens: int
    output_tokens: int | None = None


class _OpenAIBucket(msgspec.Struct, kw_only=True):
    start_time: int
    end_time: int
    results: list[_OpenAIResult]


class _CacheCreation(msgspec.Struct, kw_only=True):
    ephemeral_5m_input_tokens: int = 0
    ephemeral_1h_input_tokens: int = 0


class _AnthropicResult(msgspec.Struct, kw_only=True):
    model: str | None = None
    uncached_input_tokens: int
    cache_read_input_tokens: int = 0
    cache_creation: _CacheCreation = msgspec.field(default_factory=_CacheCreation)
    output_tokens: int = 0


class _AnthropicBucket(msgspec.Struct, kw_only=True):
    starting_at: str
    ending_at: str
    results: list[_AnthropicResult]


class _Page(msgspec.Struct, kw_only=True):
    data: list[msgspec.Raw]
    has_more: bool = False


def read_export(content: bytes) -> tuple[ExportRow, ...]:
    """Reads an export: one page, or a JSON list of all pages; else CSV.

    Raises:
        InvalidInputError: `export-unreadable`: it is neither, is not whole, or does not tell models apart.
    """
    if len(content) > EXPORT_BYTES_MAX:
        raise _unreadable(f"it is over {EXPORT_BYTES_MAX} bytes")
    try:
        rows = tuple(_json(content) if content.lstrip()[:1] in (b"{", b"[") else _csv(content))
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise _unreadable(str(error)) from error
    if not 0 < len(rows) <= ROWS_MAX:
        raise _unreadable(f"expected 1 to {ROWS_MAX} rows, got {len(rows)}")
    return _summed(rows)


def _json(content: bytes) -> Iterator[ExportRow]:
    pages = msgspec.json.decode(content, type=_Page | list[_Page])
    pages = pages if isinstance(pages, list) else [pages]
    if pages and pages[-1].has_more:
        raise _unreadable("has_more says that pages are missing: fetch them all, and give them as one JSON list")
    for page in pages:
        for bucket in page.data:
            yield from _anthropic(bucket) if b'"starting_at"' in bytes(bucket) else _openai(bucket)


def _openai(data: msgspec.Raw) -> Iterator[ExportRow]:
    bucket = msgspec.json.decode(data, type=_OpenAIBucket)
    for one in bucket.results:
        yield ExportRow(
            model=_model(one.model),
            since=Instant(bucket.start_time * SECOND),
            until=Instant(bucket.end_time * SECOND),
            calls=one.num_model_requests,
            input_tokens=one.input_tokens,
            output_tokens=one.output_tokens or 0,
        )


def _anthropic(data: msgspec.Raw) -> Iterator[ExportRow]:
    bucket = msgspec.json.decode(data, type=_AnthropicBucket)
    for one in bucket.results:
        cached = one.cache_creation.ephemeral_5m_input_tokens + one.cache_creation.ephemeral_1h_input_tokens
        yield ExportRow(
            model=_model(one.model),
            since=parse_rfc3339(bucket.starting_at),
            until=parse_rfc3339(bucket.ending_at),
            calls=None,  # this report counts no requests
            input_tokens=one.uncached_input_tokens + one.cache_read_input_tokens + cached,
            output_tokens=one.output_tokens,
        )


def _csv(content: bytes) -> Iterator[ExportRow]:
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")), strict=True)
    if tuple(reader.fieldnames or ()) != CSV_COLUMNS:
        raise _unreadable(f"expected the columns {','.join(CSV_COLUMNS)}")
    for row in reader:
        if None in row or None in row.values():
            raise _unreadable("a row has more cells than there are columns, or fewer")
        yield ExportRow(
            model=_model(row["model"]),
            since=parse_rfc3339(row["since"]),
            until=parse_rfc3339(row["until"]),
            calls=int(row["calls"]) if row["calls"] else None,
            input_tokens=int(row["input_tokens"]),
            output_tokens=int(row["output_tokens"]) if row["output_tokens"] else None,
        )


def _summed(rows: tuple[ExportRow, ...]) -> tuple[ExportRow, ...]:
    """Exports split a bucket by key, project or tier; calls here do not."""
    found: dict[tuple[str, Instant, Instant], ExportRow] = {}
    for row in rows:
        if row.since >= row.until or min(row.input_tokens, row.calls or 0, row.output_tokens or 0) < 0:
            raise _unreadable("a row ends before it begins, or counts less than nothing")
        place = row.model, row.since, row.until
        found[place] = _sum(found[place], row) if place in found else row
    return tuple(found.values())


def _sum(one: ExportRow, other: ExportRow) -> ExportRow:
    return ExportRow(
        model=one.model,
        since=one.since,
        until=one.until,
        calls=None if one.calls is None or other.calls is None else one.calls + other.calls,
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=(one.output_tokens or 0) + (other.output_tokens or 0),
    )


def _model(name: str | None) -> str:
    if not name:
        raise _unreadable("a row names no model: export it grouped by model")
    return name


def _unreadable(what: str) -> InvalidInputError:
    return InvalidInputError(
        f"the export can't be used: {what}"[:300],
        code="export-unreadable",
        remedy="docs/spec/vendors.md section 5 says which forms are read",
    )
