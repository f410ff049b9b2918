"""The engines that one suite of hunts is run with."""

import contextlib
import os
from importlib.util import find_spec

import pytest

from safeconduct.adapters.hunts.chdb_engine import Chdb
from safeconduct.adapters.hunts.child import Archive
from safeconduct.adapters.hunts.choosing import ChdbOptions, Chosen, ClickHouseOptions, SparkOptions
from safeconduct.adapters.hunts.duckdb_engine import DuckDB
from safeconduct.adapters.hunts.runner import HuntChild
from safeconduct.adapters.hunts.segments import FOLDER, SUFFIX
from support.clickhouse import PASSWORD, USER, clickhouse

ENGINES = ("duckdb", "chdb", "clickhouse", "spark")


def need(name):
    """Skips where an engine is not installed; Spark takes a minute and is for `make test-all`."""
    if name in {"chdb", "clickhouse"} and find_spec("chdb") is None:
        pytest.skip("chdb-core is not installed")
    if name == "spark" and (find_spec("pyspark") is None or not os.environ.get("SAFECONDUCT_LONG")):
        pytest.skip("pyspark is not installed, or SAFECONDUCT_LONG is not set")


@contextlib.contextmanager
def child_with(name):
    """Yields a hunting process that answers by an engine."""
    need(name)
    with contextlib.ExitStack() as stack:
        if name == "clickhouse":
            url = stack.enter_context(clickhouse()).url
            chosen = Chosen(ClickHouseOptions(url=url, user=USER), PASSWORD)
        else:
            options = {"chdb": ChdbOptions(), "spark": SparkOptions(master="local[2]")}
            chosen = Chosen(options[name]) if name in options else Chosen()
        child = HuntChild(chosen)
        stack.callback(child.close)
        yield child


@contextlib.contextmanager
def over_segments(name, folder):
    """Yields an engine of this process over an archive's folder, whose segments are brought up to its events."""
    with contextlib.closing(Archive(folder, Chosen())) as archive:
        while not archive.catch_up().done:
            pass
    segments = folder / FOLDER
    with contextlib.closing({"duckdb": DuckDB, "chdb": Chdb}[name](segments)) as engine:
        engine.read(sorted(path.resolve() for path in segments.glob(f"*{SUFFIX}")))
        yield engine
