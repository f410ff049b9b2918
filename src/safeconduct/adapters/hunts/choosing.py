"""Which engine answers hunts: what the operator's file says. Nothing of an engine is imported for it.

`hunts.toml` in the data folder; without it DuckDB answers. It names secrets and holds none.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import msgspec

from safeconduct.adapters.destinations import Secrets
from safeconduct.adapters.toml_files import read_toml
from safeconduct.kernel.errors import InvalidInputError

FILE = "hunts.toml"

FILE_BYTES_MAX = 16 * 1024
"""Bytes of the file: a handful of lines, and their comments."""


class _Engine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", tag_field="engine"):
    pass


class DuckDBOptions(_Engine, frozen=True, tag="duckdb"):
    """DuckDB over the segments, in the hunting process."""


class ChdbOptions(_Engine, frozen=True, tag="chdb"):
    """ClickHouse as a library over the segments, in the hunting process."""


class ClickHouseOptions(_Engine, frozen=True, tag="clickhouse", kw_only=True):
    """A ClickHouse server, which gets a copy of each segment. Databases there begin with `database`."""

    url: str
    user: str = "default"
    database: str = "safeconduct"
    password_file: str = ""
    password_env: str = ""
    ca_file: str = ""


class SparkOptions(_Engine, frozen=True, tag="spark", kw_only=True):
    """A Spark cluster whose workers see the data folder under its own path, or `local[N]`, N cores of this machine."""

    master: str


Options = DuckDBOptions | ChdbOptions | ClickHouseOptions | SparkOptions


class Chosen(msgspec.Struct, frozen=True):
    """An engine, and the secret it is asked with, if it takes one: the hunting process's first line."""

    options: Options = DuckDBOptions()
    secret: str = ""


DUCKDB = Chosen()
"""What answers unless the file says otherwise."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hunts: Options


_NEEDS: Mapping[type[_Engine], tuple[str, str]] = {
    DuckDBOptions: ("duckdb", "safeconduct[hunts]"),
    ChdbOptions: ("chdb", "safeconduct[hunts,hunts-chdb]"),
    ClickHouseOptions: ("duckdb", "safeconduct[hunts]"),
    SparkOptions: ("pyspark", "safeconduct[hunts]' 'pyspark>=4.3,<5"),
}
"""By engine the module that shows that it is installed, and what installs it."""


def chosen(path: Path, secret: Secrets) -> Chosen:
    """Returns the engine that the file names.

    Raises:
        InvalidInputError: the file or a secret is not of its form, or the engine is not installed
            (`hunts-file-invalid`).
    """
    if not path.exists():
        return DUCKDB
    options = read_toml(path, _File, FILE_BYTES_MAX, _wrong).hunts
    module, packages = _NEEDS[type(options)]
    if not installed() or find_spec(module) is None:
        raise _wrong(path, f"the engine is not installed: pip install '{packages}'")
    if isinstance(options, ClickHouseOptions) and (options.password_env or options.password_file):
        return Chosen(options, secret(options.password_env, options.password_file))
    return Chosen(options)


def installed() -> bool:
    """Tells whether the extra `hunts` is installed: without it hunts read the event index from end to end."""
    return all(find_spec(name) is not None for name in ("duckdb", "ibis"))


def _wrong(path: Path, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path} names no engine for hunts: {what}",
        code="hunts-file-invalid",
        remedy='write [hunts] and engine = "duckdb", "chdb", "clickhouse" or "spark"; docs/spec/hunts.md has each',
    )
