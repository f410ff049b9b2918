"""Where an installation's logs, control state and heads are: files in its folder, or PostgreSQL."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from safeconduct.adapters.files import FileHeads
from safeconduct.adapters.sqlite.control import SqliteStore
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.ledger.ports import Heads, Store
from safeconduct.settings import Databases

FILE = "safeconduct.db"
SCHEMES = ("postgresql://", "postgres://")
MARK = "database"
"""The file in the data folder that says that its logs are in PostgreSQL, so that nobody begins them a second time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What an installation writes to."""

    store: Store
    heads: Heads


@contextmanager
def open_stores(data: Path, databases: Databases) -> Iterator[Stores]:
    """Opens the stores of an installation to write.

    Raises:
        InvalidInputError: its logs are elsewhere than these databases say (`database-elsewhere`), or the driver is
            not installed.
        UnavailableError: a store can't be opened, or another process writes to it.
    """
    with ExitStack() as stack:
        if databases.log:
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
    """Returns if an installation's logs may be in PostgreSQL, and notes that they are.

    Raises:
        InvalidInputError: no database was named (`database-unnamed`) or not by a URL (`database-invalid`), there is a
            SQLite one (`database-elsewhere`), or the driver is not installed (`driver-missing`).
    """
    if not databases.log:
        raise InvalidInputError("this needs logs in PostgreSQL", code="database-unnamed", remedy="pass --database URL")
    if (data / FILE).exists():
        raise InvalidInputError(
            f"the logs of {data} are in its file {FILE}",
            code="database-elsewhere",
            remedy="unset SAFECONDUCT_DATABASE, or begin a new installation",
        )
    for url in filter(None, (databases.log, databases.heads)):
        if not url.startswith(SCHEMES):  # never shown: a driver's own complaint would show a password in it
            raise InvalidInputError(
                "expected the URL of a PostgreSQL database: postgresql://USER@HOST/DATABASE", code="database-invalid"
            )
    try:
        import psycopg  # noqa: F401, PLC0415 - an optional extra
    except ImportError as error:
        raise InvalidInputError(
            "logs in PostgreSQL need the package psycopg",
            code="driver-missing",
            remedy="pip install 'safeconduct[postgres]'",
        ) from error
    try:
        (data / MARK).write_text("postgresql\n", encoding="utf-8")
    except OSError as error:
        raise UnavailableError(f"cannot write {data / MARK}: {error.strerror}", code="store-failed") from error


def _postgres(data: Path, databases: Databases, stack: ExitStack) -> Stores:
    require_postgres(data, databases)
    from safeconduct.adapters.postgres.control import PostgresStore  # noqa: PLC0415 - an optional extra
    from safeconduct.adapters.postgres.heads import PostgresHeads  # noqa: PLC0415

    store = stack.enter_context(closing(PostgresStore(databases.log)))
    if not databases.heads:
        return Stores(store=store, heads=FileHeads(data / "heads"))
    return Stores(store=store, heads=stack.enter_context(closing(PostgresHeads(databases.heads))))
