"""Where an installation's logs, control state, heads and data keys are: files in its folder, or PostgreSQL."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from safeconduct.adapters.files import FileHeads
from safeconduct.adapters.sqlite.control import SqliteStore
from safeconduct.adapters.sqlite.keys import SqliteKeys
from safeconduct.adapters.stored_keys import StoredKeys
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.kernel.ports import Entropy
from safeconduct.ledger.key_ports import WrappingKeys
from safeconduct.ledger.ports import Heads, Store
from safeconduct.settings import Databases

FILE = "safeconduct.db"
SCHEMES = ("postgresql://", "postgres://")
VARIABLES = {"log": "SAFECONDUCT_DATABASE", "heads": "SAFECONDUCT_HEADS", "keys": "SAFECONDUCT_KEYS"}
MARK = "databases"
"""The file in the data folder that says what is in PostgreSQL, so that nobody begins it a second time elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What an installation writes to."""

    store: Store
    heads: Heads


@contextmanager
def open_keys(data: Path, databases: Databases, entropy: Entropy, wrappers: WrappingKeys) -> Iterator[StoredKeys]:
    """Opens the data keys of an installation whose stores are open.

    Raises:
        UnavailableError: they can't be opened.
    """
    if not databases.keys:
        with closing(SqliteKeys(data / "keys.db", entropy, wrappers)) as keys:
            yield keys
        return
    from safeconduct.adapters.postgres.keys import PostgresKeys  # noqa: PLC0415 - an optional extra

    with closing(PostgresKeys(databases.keys, entropy, wrappers)) as keys:
        yield keys


@contextmanager
def open_stores(data: Path, databases: Databases) -> Iterator[Stores]:
    """Opens the stores of an installation to write.

    Raises:
        InvalidInputError: its logs are elsewhere than these databases say (`database-elsewhere`), or the driver is
            not installed.
        UnavailableError: a store can't be opened, or another process writes to it.
    """
    with ExitStack() as stack:
        if databases.log or databases.heads or databases.keys:
            yield _postgres(data, databases, stack)
        else:
            require_no_postgres(data)
            store = stack.enter_context(closing(SqliteStore(data / FILE)))
            yield Stores(store=store, heads=FileHeads(data / "heads"))


def require_no_postgres(data: Path) -> None:
    """Returns if an installation's logs are in its folder.

    Raises:
        InvalidInputError: `database-elsewhere`.
    """
    if (data / MARK).exists():
        raise InvalidInputError(
            f"the logs of {data} are in PostgreSQL, and no database was named",
            code="database-elsewhere",
            remedy="set SAFECONDUCT_DATABASE",
        )


def require_postgres(data: Path, databases: Databases) -> None:
    """Returns if an installation's stores may be in these databases, and notes which are.

    Raises:
        InvalidInputError: none was named for logs (`database-unnamed`), one not by a URL (`database-invalid`), others
            are in PostgreSQL than before (`database-elsewhere`), or the driver is not installed (`driver-missing`).
    """
    if not databases.log:
        raise InvalidInputError("this needs logs in PostgreSQL", code="database-unnamed", remedy="pass --database URL")
    for url in filter(None, (databases.log, databases.heads, databases.keys)):
        if not url.startswith(SCHEMES):  # never shown: a driver's own complaint would show a password in it
            raise InvalidInputError(
                "expected the URL of a PostgreSQL database: postgresql://USER@HOST/DATABASE", code="database-invalid"
            )
    _require_driver()
    _require_as_before(data, databases)


def _require_driver() -> None:
    try:
        import psycopg  # noqa: F401, PLC0415 - an optional extra
    except ImportError as error:
        raise InvalidInputError(
            "logs in PostgreSQL need the package psycopg",
            code="driver-missing",
            remedy="pip install 'safeconduct[postgres]'",
        ) from error


def _require_as_before(data: Path, databases: Databases) -> None:
    named = sorted(variable for name, variable in VARIABLES.items() if getattr(databases, name))
    mark = data / MARK
    try:
        before = mark.read_text(encoding="utf-8").split() if mark.exists() else None
        if before is None and not (data / FILE).exists():
            mark.write_text("\n".join(named) + "\n", encoding="utf-8")
            return
    except OSError as error:
        raise UnavailableError(f"cannot use {mark}: {error.strerror}", code="store-failed") from error
    if before != named:
        raise InvalidInputError(
            f"{data} was begun with {' and '.join(before or ['files'])}, and now it is {' and '.join(named)}",
            code="database-elsewhere",
            remedy="name the same databases, or begin a new installation",
        )


def _postgres(data: Path, databases: Databases, stack: ExitStack) -> Stores:
    require_postgres(data, databases)
    from safeconduct.adapters.postgres.control import PostgresStore  # noqa: PLC0415 - an optional extra
    from safeconduct.adapters.postgres.heads import PostgresHeads  # noqa: PLC0415

    store = stack.enter_context(closing(PostgresStore(databases.log)))
    if not databases.heads:
        return Stores(store=store, heads=FileHeads(data / "heads"))
    return Stores(store=store, heads=stack.enter_context(closing(PostgresHeads(databases.heads))))
