"""Spark over the segments, which its workers read under the paths they have here."""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from safeconduct.adapters.hunts.choosing import SparkOptions
from safeconduct.adapters.hunts.engines import Rows
from safeconduct.adapters.hunts.rows import SCHEMA

_TYPES = {"int64": "BIGINT", "string": "STRING", "map<string, array<string>>": "MAP<STRING, ARRAY<STRING>>"}
_EMPTY = "SELECT " + ", ".join(f"CAST(NULL AS {_TYPES[kind]}) AS `{name}`" for name, kind in SCHEMA.items())

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.ansi.enabled": "false",
    "spark.driver.memory": "1g",
    "spark.log.level": "ERROR",
}
"""A driver that shows nothing to anybody, and splits groups as far as some million rows need."""


class Spark:
    """`Engine`. Each folder has a session, and its view, of its own."""

    dialect = "pyspark"

    def __init__(self, options: SparkOptions) -> None:
        self._session = _session(options.master).newSession()

    def close(self) -> None:
        """Gives back what it holds."""
        self._session.catalog.dropTempView("events")

    def read(self, segments: Sequence[Path]) -> None:
        names = list(SCHEMA)
        found = self._session.read.parquet(*map(str, segments)) if segments else self._session.sql(_EMPTY).limit(0)
        found.select(*(f"`{name}`" for name in names)).createOrReplaceTempView("events")

    def rows(self, query: str) -> Rows:
        return [tuple(row) for row in self._session.sql(query).collect()]


@cache
def _session(master: str) -> Any:  # noqa: ANN401 - an optional package
    building = import_module("pyspark.sql").SparkSession.builder.master(master).appName("safeconduct-hunts")
    if master.startswith("local"):
        building = building.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    for name, value in SETTINGS.items():
        building = building.config(name, value)
    return building.getOrCreate()
