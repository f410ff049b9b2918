"""ClickHouse's language over the table of segments: what its library and its server are asked alike."""

from collections.abc import Callable, Sequence

import msgspec

from safeconduct.adapters.hunts.engines import Rows
from safeconduct.adapters.hunts.rows import SCHEMA

DIALECT = "clickhouse"
FORMAT = "JSONCompactEachRow"

QUERY_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of one query: a hundred rules with their values have one or two."""

LIMITS = {
    "max_query_size": QUERY_BYTES_MAX,
    "max_ast_elements": 10_000_000,
    "max_expanded_ast_elements": 10_000_000,
    "max_ast_depth": 100_000,
    "max_parser_depth": 100_000,
    "max_memory_usage": 2 << 30,  # bytes
    "max_threads": 2,
    "output_format_json_quote_64bit_integers": 0,
}
"""Settings of each session. What rules compile to is larger than what people write."""

_TYPES = {"int64": "Int64", "string": "String"}
_ALWAYS = frozenset({"arrived", "at", "key", "source", "stream"})
_MAPS = {"fields": "Map(String, Array(String))", "places": "Map(String, Array(Nullable(String)))"}


def _type(name: str, kind: str) -> str:
    if name in _MAPS:
        return _MAPS[name]
    return _TYPES[kind] if name in _ALWAYS else f"Nullable({_TYPES[kind]})"


STRUCTURE = ", ".join(f"`{name}` {_type(name, kind)}" for name, kind in SCHEMA.items())
"""The columns of a segment as ClickHouse reads them."""

NAMES = ", ".join(f"`{name}`" for name in SCHEMA)


def view_of(tables: Sequence[str]) -> str:
    """Returns the statement that makes these the table `events`; of none, an empty one."""
    parts = [f"SELECT {NAMES} FROM {one}" for one in tables] or [f"SELECT {NAMES} FROM null({text(STRUCTURE)})"]  # noqa: S608
    return f"CREATE OR REPLACE VIEW events AS {' UNION ALL '.join(parts)}"


def rows(ask: Callable[[str], bytes], query: str) -> Rows:
    """Returns the rows of a query, which answers in FORMAT."""
    lines = ask(query).splitlines()
    return [tuple(msgspec.json.decode(line, type=list)) for line in lines]


def text(value: str) -> str:
    """Returns a text as a literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
