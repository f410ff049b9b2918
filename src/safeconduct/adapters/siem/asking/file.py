"""The file of SIEMs: which are joined, which tables of them may be asked, within what limits, by which secrets.

It stands in the data folder as `siems.yaml`, names secrets and never holds one, and is read anew for each question.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from safeconduct.adapters.destinations import FILE_BYTES_MAX, Secret, Secrets
from safeconduct.adapters.siem.asking.elastic import ElasticSearch, ElasticSearchOptions
from safeconduct.adapters.siem.asking.microsoft import Microsoft, MicrosoftOptions
from safeconduct.adapters.siem.asking.splunk import SplunkSearch, SplunkSearchOptions
from safeconduct.kernel.errors import AbsentError, InvalidInputError
from safeconduct.kernel.instants import HOUR, Duration
from safeconduct.soc.hunts.model import Hunt
from safeconduct.soc.siem import esql, kql, spl
from safeconduct.soc.siem.model import Platform, Scope, Search, Table
from safeconduct.soc.siem.ports import Siem

FILE = "siems.yaml"

_MAKERS: Mapping[Platform, tuple[Any, Callable[[Any, str], Siem]]] = {
    Platform.MICROSOFT: (MicrosoftOptions, Microsoft),
    Platform.SPLUNK: (SplunkSearchOptions, SplunkSearch),
    Platform.ELASTIC: (ElasticSearchOptions, ElasticSearch),
}
_LANGUAGES: Mapping[Platform, Callable[[Hunt, Table, Scope], Search]] = {
    Platform.MICROSOFT: kql.search,
    Platform.SPLUNK: spl.search,
    Platform.ELASTIC: esql.search,
}


class TableOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table that may be asked: its field of the event's time, its names for common columns, and what its rows are."""

    name: str
    time: str
    columns: dict[str, str] = {}
    class_uid: int = 0
    activity_id: int = 0


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One SIEM. `options` are its platform's; `window_hours`, `rows` and `searches_per_hour` bound what it is asked."""

    name: str
    platform: Platform
    options: dict[str, Any]
    secret: Secret
    tables: tuple[TableOf, ...]
    window_hours: int = 24
    rows: int = 1_000
    searches_per_hour: int = 60


class Siems(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    siems: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """A SIEM that is joined: what it is, what may be asked of it, and the way to it."""

    name: str
    platform: Platform
    scope: Scope
    make: Callable[[], Siem]

    def search(self, hunt: Hunt, table: str) -> Search:
        """Returns a hunt in its language. Raises as `kql.search` and `Scope.table`."""
        return _LANGUAGES[self.platform](hunt, self.scope.table(table), self.scope)


class SiemsFile:
    """The file as it stands now. `secret` returns a secret by the variable or the file that holds it."""

    def __init__(self, path: Path, secret: Secrets) -> None:
        self._path = path
        self._secret = secret

    def all(self) -> tuple[Joined, ...]:
        """Returns the SIEMs of the file; none where there is no file.

        Raises:
            InvalidInputError: it can't be read, is not of this form, or two have one name (`siems-invalid`); a table or
                limit is none (`siem-table-invalid`).
        """
        if not self._path.exists():
            return ()
        try:
            with self._path.open("rb") as file:
                text = file.read(FILE_BYTES_MAX + 1)
            if len(text) > FILE_BYTES_MAX:
                raise self._wrong(f"it has more than {FILE_BYTES_MAX} bytes")
            found = msgspec.convert(yaml.safe_load(text), Siems).siems
        except OSError as error:
            raise self._wrong(str(error.strerror)) from error
        except (msgspec.ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise self._wrong(str(error)) from error
        if len({one.name for one in found}) < len(found):
            raise self._wrong("two SIEMs have one name")
        return tuple(self._joined(one) for one in found)

    def of(self, name: str) -> Joined:
        """Returns the SIEM of a name.

        Raises:
            AbsentError: there is none (`siem-unknown`).
            InvalidInputError: as `all`.
        """
        found = next((one for one in self.all() if one.name == name), None)
        if found is None:
            raise AbsentError(f"no SIEM {name[:64]!r}", code="siem-unknown", remedy="safeconduct siem list")
        return found

    def _joined(self, entry: Entry) -> Joined:
        form, maker = _MAKERS[entry.platform]
        try:
            options = msgspec.convert(entry.options, form)
        except msgspec.ValidationError as error:
            raise self._wrong(f"{entry.name}: {error}") from error
        tables = tuple(Table(**msgspec.structs.asdict(one)) for one in entry.tables)
        scope = Scope(
            tables=tables,
            window=Duration(entry.window_hours * HOUR),
            rows=entry.rows,
            searches_per_hour=entry.searches_per_hour,
        )

        def make() -> Siem:
            return maker(options, self._secret(entry.secret.env, entry.secret.file))

        return Joined(entry.name, entry.platform, scope, make)

    def _wrong(self, what: str) -> InvalidInputError:
        return InvalidInputError(
            f"{self._path.name} joins no SIEM: {what}", code="siems-invalid", remedy="docs/spec/siem.md section 1"
        )
