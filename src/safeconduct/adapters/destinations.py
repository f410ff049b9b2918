"""The file that says where entries and tiles go: YAML or JSON, with names of secrets in it and never a secret."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from safeconduct.adapters.publish.folder import PublishedFolder
from safeconduct.adapters.publish.s3 import S3Store
from safeconduct.adapters.siem.elastic import Elastic, ElasticOptions
from safeconduct.adapters.siem.files import Files, FilesOptions
from safeconduct.adapters.siem.logs_ingestion import LogsIngestion, LogsIngestionOptions
from safeconduct.adapters.siem.splunk import Splunk, SplunkOptions
from safeconduct.adapters.siem.syslog import Syslog, SyslogOptions
from safeconduct.adapters.sigv4 import Credentials
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.publishing import PublishedStore
from safeconduct.ledger.shipping import Destination

Secrets = Callable[[str, str], str]
"""Returns a secret by the variable or the file that holds it. Raises InvalidInputError."""

FILE_BYTES_MAX = 256 * 1024
"""Bytes of the file: a thousand destinations have room."""

_MAKERS: dict[str, tuple[Any, Callable[[Any, str], Destination], bool]] = {
    "splunk-hec": (SplunkOptions, Splunk, True),
    "logs-ingestion": (LogsIngestionOptions, LogsIngestion, True),
    "elastic": (ElasticOptions, Elastic, True),
    "syslog": (SyslogOptions, lambda options, _secret: Syslog(options), False),
    "files": (FilesOptions, lambda options, _secret: Files(options), False),
}
"""Destinations of rows by kind: what it needs, how it is made, and whether it takes a secret."""


class FolderOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`folder` is where the files of one log go."""

    folder: str


class S3Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`url` has bucket and prefix; `key` is the access key's id, whose secret is the entry's."""

    url: str
    region: str
    key: str
    ca: str = ""


STORES: dict[str, tuple[Any, bool]] = {"tiles-folder": (FolderOptions, False), "tiles-s3": (S3Options, True)}
"""Places that a log's tiles are published to by kind: what it needs, and whether it takes a secret."""


class Secret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a secret is: the name of an environment variable or a file that only its owner may read."""

    env: str = ""
    file: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One destination. `origins` names the logs that go there; none named, all do."""

    name: str
    kind: str
    options: dict[str, Any] = {}
    secret: Secret | None = None
    origins: tuple[Origin, ...] = ()


class Destinations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    destinations: tuple[Entry, ...]


def read_destinations(path: Path) -> tuple[Entry, ...]:
    """Reads the file.

    Raises:
        InvalidInputError: it can't be read, is not of this form, or two destinations have one name.
    """
    if path.exists() and not path.is_file():
        raise _wrong(path, "it is no regular file")  # a pipe may never end
    try:
        with path.open("rb") as file:
            text = file.read(FILE_BYTES_MAX + 1)
        if len(text) > FILE_BYTES_MAX:
            raise _wrong(path, f"it has more than {FILE_BYTES_MAX} bytes")
        found = msgspec.convert(yaml.safe_load(text), Destinations).destinations
    except OSError as error:
        raise _wrong(path, str(error.strerror)) from error
    except (msgspec.ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise _wrong(path, str(error)) from error
    names = [entry.name for entry in found]
    for entry in found:
        if not entry.name or names.count(entry.name) > 1:
            raise _wrong(path, f"each destination needs a name of its own; {entry.name!r} is not")
        if entry.kind not in {*_MAKERS, *STORES}:
            raise _wrong(path, f"{entry.name} has kind {entry.kind!r}; there are {', '.join((*_MAKERS, *STORES))}")
        if entry.kind in STORES and len(entry.origins) != 1:
            raise _wrong(path, f"{entry.name} publishes one log: `origins` must name it")
    return found


def make_destination(entry: Entry, secret: Secrets) -> Destination:
    """Returns the destination of an entry.

    Raises:
        InvalidInputError: an option is unknown, missing or not of its form; or a secret is missing, or one too many.
    """
    kind, maker, is_secret = _MAKERS[entry.kind]
    options, found = _options(entry, kind, secret, is_secret=is_secret)
    return maker(options, found)


def make_store(entry: Entry, secret: Secrets, now: Callable[[], Instant]) -> PublishedStore:
    """Returns the store of an entry. Raises as `make_destination`."""
    kind, is_secret = STORES[entry.kind]
    options, found = _options(entry, kind, secret, is_secret=is_secret)
    if isinstance(options, S3Options):
        return S3Store(options.url, options.region, Credentials(key=options.key, secret=found), now, ca=options.ca)
    return PublishedFolder(Path(options.folder))


def _options(entry: Entry, kind: Any, secret: Secrets, *, is_secret: bool) -> tuple[Any, str]:  # noqa: ANN401 - a type
    if is_secret != (entry.secret is not None):
        raise InvalidInputError(
            f"{entry.name}: {entry.kind} needs {'a' if is_secret else 'no'} secret", code="destinations-invalid"
        )
    try:
        options = msgspec.convert(entry.options, kind)
    except msgspec.ValidationError as error:
        raise InvalidInputError(f"{entry.name}: {error}", code="destinations-invalid") from error
    return options, secret(entry.secret.env, entry.secret.file) if entry.secret else ""


def _wrong(path: Path, what: str) -> InvalidInputError:
    return InvalidInputError(f"{path} names no destinations: {what}", code="destinations-invalid")
