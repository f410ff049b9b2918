"""The file that says where rows go: one document in YAML or JSON, with names of secrets in it and never a secret."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from safeconduct.adapters.siem.elastic import Elastic, ElasticOptions
from safeconduct.adapters.siem.files import Files, FilesOptions
from safeconduct.adapters.siem.logs_ingestion import LogsIngestion, LogsIngestionOptions
from safeconduct.adapters.siem.splunk import Splunk, SplunkOptions
from safeconduct.adapters.siem.syslog import Syslog, SyslogOptions
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.shipping import Destination

FILE_BYTES_MAX = 256 * 1024
"""Bytes of the file: a thousand destinations have room."""

_MAKERS: dict[str, tuple[Any, Callable[[Any, str], Destination], bool]] = {
    "splunk-hec": (SplunkOptions, Splunk, True),
    "logs-ingestion": (LogsIngestionOptions, LogsIngestion, True),
    "elastic": (ElasticOptions, Elastic, True),
    "syslog": (SyslogOptions, lambda options, _secret: Syslog(options), False),
    "files": (FilesOptions, lambda options, _secret: Files(options), False),
}
"""By kind: what it needs, how it is made, and whether it takes a secret."""


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
        if entry.kind not in _MAKERS:
            raise _wrong(path, f"{entry.name} has kind {entry.kind!r}; there are {', '.join(_MAKERS)}")
    return found


def make(entry: Entry, secret: Callable[[str, str], str]) -> Destination:
    """Returns the destination of an entry. `secret` returns a secret by variable or file.

    Raises:
        InvalidInputError: an option is unknown, missing or not of its form; or a secret is missing, or one too many.
    """
    kind, maker, is_secret = _MAKERS[entry.kind]
    if is_secret != (entry.secret is not None):
        raise InvalidInputError(
            f"{entry.name}: {entry.kind} needs {'a' if is_secret else 'no'} secret", code="destinations-invalid"
        )
    try:
        options = msgspec.convert(entry.options, kind)
    except msgspec.ValidationError as error:
        raise InvalidInputError(f"{entry.name}: {error}", code="destinations-invalid") from error
    return maker(options, secret(entry.secret.env, entry.secret.file) if entry.secret else "")


def _wrong(path: Path, what: str) -> InvalidInputError:
    return InvalidInputError(f"{path} names no destinations: {what}", code="destinations-invalid")
