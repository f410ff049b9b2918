"""A ClickHouse server over its HTTP interface. It gets each segment once, as a table that bears the segment's name."""

import ssl
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlencode

from safeconduct.adapters.hunts.choosing import ClickHouseOptions
from safeconduct.adapters.hunts.clickhouse_sql import DIALECT, FORMAT, LIMITS, STRUCTURE, rows, text, view_of
from safeconduct.adapters.hunts.engines import Rows
from safeconduct.adapters.outbound import exchange, http_address, require_private
from safeconduct.kernel.errors import UnavailableError

TIMEOUT_S = 300.0
"""Seconds of one request: as long as a hunt may take. Who asked has the hunting process killed before, or then."""

ANSWER_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of an answer: 200,000 sort keys have 12 MB."""

TOLD_CHARS = 300
"""Characters of what the server says of an error that are passed on."""

OK = 200


class ClickHouse:
    """`Engine`. A folder has a database of its own; what is sent leaves the machine over TLS or not at all."""

    dialect = DIALECT

    def __init__(self, options: ClickHouseOptions, password: str, folder: Path) -> None:
        self._where = http_address(options.url, "ClickHouse's address such as https://host:8443")
        require_private(self._where)
        secure = self._where.scheme == "https"
        self._context = ssl.create_default_context(cafile=options.ca_file or None) if secure else None
        self._headers = {"x-clickhouse-user": options.user, "x-clickhouse-key": password}
        self._database = f"{options.database}_{sha256(str(folder).encode()).hexdigest()[:32]}"
        self._ask(f"CREATE DATABASE IF NOT EXISTS {self._database}", database="default")

    def close(self) -> None:
        """Leaves the server's copies: they are named by their content and used again."""

    def read(self, segments: Sequence[Path]) -> None:
        wanted = {f"segment_{one.stem}": one for one in segments}
        there = {row.strip().strip('"') for row in self._tables().splitlines()}
        for name in wanted.keys() - there:
            self._send(name, wanted[name])
        self._ask(view_of(list(wanted)))
        for name in there - wanted.keys():
            self._ask(f"DROP TABLE IF EXISTS {name}")

    def rows(self, query: str) -> Rows:
        return rows(self._ask, query)

    def _tables(self) -> str:
        like = "name LIKE 'segment\\\\_%' OR name LIKE 'incoming\\\\_%'"
        found = self._ask(f"SELECT name FROM system.tables WHERE database = {text(self._database)} AND ({like})")  # noqa: S608
        return found.decode().replace("[", "").replace("]", "")

    def _send(self, name: str, segment: Path) -> None:
        """Fills a table under another name, so that one under the segment's is whole."""
        incoming = name.replace("segment", "incoming")
        self._ask(f"CREATE OR REPLACE TABLE {incoming} ({STRUCTURE}) ENGINE = MergeTree ORDER BY key")
        self._ask(f"INSERT INTO {incoming} FORMAT Parquet", segment.read_bytes())
        self._ask(f"RENAME TABLE {incoming} TO {name}")

    def _ask(self, statement: str, body: bytes | None = None, *, database: str = "") -> bytes:
        asked: Mapping[str, object] = {
            **LIMITS,
            "database": database or self._database,
            "default_format": FORMAT,
            "wait_end_of_query": 1,  # an error is a status then, and no line of the answer
            **({} if body is None else {"query": statement}),
        }
        try:
            said = exchange(
                self._where,
                "POST",
                f"{self._where.path.rstrip('/')}/?{urlencode(asked)}",
                body=statement.encode() if body is None else body,
                headers=self._headers,
                timeout_s=TIMEOUT_S,
                answer_bytes_max=ANSWER_BYTES_MAX,
                context=self._context,
            )
        except OSError as error:
            raise UnavailableError(f"ClickHouse does not answer: {error}", code="hunts-unavailable") from error
        if said.status != OK:
            told = said.body[:TOLD_CHARS].decode("utf-8", "replace")
            raise UnavailableError(f"ClickHouse answered {said.status} {told!a}", code="hunts-unavailable")
        return said.body
