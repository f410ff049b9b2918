"""DuckDB: the engine that writes segments, and the one that reads them unless another is configured."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from safeconduct.adapters.hunts.engines import MemoryShortError, Rows
from safeconduct.adapters.hunts.rows import SCHEMA
from safeconduct.adapters.hunts.segments import SPILL

MEMORY = "2GB"
"""What DuckDB may hold; a hunt that needs more goes over its folder for temporary files, or fails."""

SPILL_MAX = "8GB"
"""What it may put there."""

THREADS = 2
"""Cores a hunt may use: it runs beside the server that answers calls."""

SAID_CHARS = 200
"""Characters of what it says of its memory that are passed on."""

ROW_GROUP = 65_536
"""Rows of one row group: what a window skips or reads at a time."""

ROW_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of one row as JSON: a line of telemetry has a megabyte at most, and its row what the line and its OCSF say."""

TYPES = {"int64": "BIGINT", "string": "VARCHAR", "map<string, array<string>>": "MAP(VARCHAR, VARCHAR[])"}
_COLUMNS = "{" + ", ".join(f"'{name}': '{TYPES[kind]}'" for name, kind in SCHEMA.items()) + "}"
_NAMES = ", ".join(f'"{name}"' for name in SCHEMA)
_EMPTY = "SELECT " + ", ".join(f'NULL::{TYPES[kind]} AS "{name}"' for name, kind in SCHEMA.items()) + " WHERE false"


class DuckDB:
    """`Engine`. It reads and writes below one folder and nothing else, and loads no extension."""

    dialect = "duckdb"

    def __init__(self, folder: Path) -> None:
        self._connection = duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY})
        for statement in (
            "SET autoinstall_known_extensions = false",
            "SET autoload_known_extensions = false",
            "SET preserve_insertion_order = true",
            f"SET temp_directory = {_text(folder / SPILL)}",
            f"SET max_temp_directory_size = '{SPILL_MAX}'",
            f"SET allowed_directories = [{_text(folder)}]",
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            self._connection.execute(statement)

    def close(self) -> None:
        """Gives back what it holds."""
        self._connection.close()

    def read(self, segments: Sequence[Path]) -> None:
        chosen = _rows_of(f"read_parquet({_list(segments)})") if segments else _EMPTY
        self._connection.execute(f"CREATE OR REPLACE VIEW events AS {chosen}")

    def rows(self, query: str) -> Rows:
        try:
            return self._connection.execute(query).fetchall()
        except duckdb.OutOfMemoryException as error:
            raise MemoryShortError(str(error)[:SAID_CHARS]) from error

    def write(self, lines: Path, absorbed: Sequence[Path], to: Path) -> None:
        """Writes a segment, sorted by time and id: rows from a file of JSON lines, and those of former segments."""
        manner = f"format = 'newline_delimited', columns = {_COLUMNS}, maximum_object_size = {ROW_BYTES_MAX}"
        parts = [_rows_of(f"read_json({_text(lines)}, {manner})")]
        parts += [_rows_of(f"read_parquet({_text(one)})") for one in absorbed]
        self._connection.execute(
            f"COPY ({' UNION ALL '.join(parts)} ORDER BY key) TO {_text(to)} "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
        )


def _rows_of(table: str) -> str:
    return f"SELECT {_NAMES} FROM {table}"  # noqa: S608 - of our own names and paths


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _list(paths: Sequence[Path]) -> str:
    return "[" + ", ".join(map(_text, paths)) + "]"
