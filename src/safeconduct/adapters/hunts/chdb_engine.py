"""chDB: ClickHouse as a library, which reads the segments where they lie."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

from safeconduct.adapters.hunts.clickhouse_sql import DIALECT, FORMAT, LIMITS, STRUCTURE, rows, text, view_of
from safeconduct.adapters.hunts.engines import Rows


class Chdb:
    """`Engine`. A process has one session, and in it each folder a database of its own."""

    dialect = DIALECT

    def __init__(self, folder: Path) -> None:
        self._database = "archive_" + sha256(str(folder).encode()).hexdigest()[:32]
        _session().query(f"CREATE DATABASE IF NOT EXISTS {self._database}", FORMAT)

    def close(self) -> None:
        """Gives back what it holds."""
        _session().query(f"DROP DATABASE IF EXISTS {self._database}", FORMAT)

    def read(self, segments: Sequence[Path]) -> None:
        self._ask(view_of([f"file({text(str(one))}, Parquet, {text(STRUCTURE)})" for one in segments]))

    def rows(self, query: str) -> Rows:
        return rows(self._ask, query)

    def _ask(self, statement: str) -> bytes:
        _session().query(f"USE {self._database}", FORMAT)
        return bytes(_session().query(statement, FORMAT).bytes() or b"")


@cache
def _session() -> Any:  # noqa: ANN401 - the library has no types
    made = import_module("chdb.session").Session()
    for name, value in LIMITS.items():
        made.query(f"SET {name} = {value}", FORMAT)
    return made
