"""The operator's file of upstreams: TOML, with names of secrets in it and never a secret (docs/spec/vendors.md)."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from safeconduct.access.catalogue import UNSTATED
from safeconduct.kernel.errors import InvalidInputError

FILE = "upstreams.toml"
"""The file in the data folder, where `serve --upstreams` names no other."""

FILE_BYTES_MAX = 256 * 1024
"""Bytes of the file: a thousand upstreams have room."""

OPENAI_URL, ANTHROPIC_URL = "https://api.openai.com/v1", "https://api.anthropic.com"
LOCAL = "local"
"""The name of the local model, which nothing else may have."""

_LITERAL = frozenset(("key", "api-key", "token", "secret", "secret-key", "password", "session", "proxy-password"))


class _Upstream(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", tag_field="vendor", kw_only=True
):
    """What any upstream may say, with dashes in the file. `models` maps a path's name of a model to the vendor's.

    `safety-header` and `program-header` name the headers of those who take these there.
    """

    region: str = UNSTATED
    retention: str = UNSTATED
    models: dict[str, str] = {}
    dialects: tuple[str, ...] = ()
    key_env: str = ""
    key_file: str = ""
    safety_header: str = ""
    program_header: str = ""
    proxy: str = ""
    proxy_env: str = ""
    proxy_file: str = ""
    ca_file: str = ""
    client_certificate: str = ""
    client_key: str = ""


class OpenAIAdmin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", kw_only=True):
    """Who may delete keys of a project: an admin key, in a file, and the project's id."""

    key_file: str
    project: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$")]
    url: str = OPENAI_URL


class AnthropicAdmin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", kw_only=True):
    """Who may set keys inactive: an admin key, in a file."""

    key_file: str
    url: str = ANTHROPIC_URL


class OpenAI(_Upstream, frozen=True, tag="openai", kw_only=True):
    """OpenAI's own API; `url` where data residency gives another. With `admin` its key can be revoked from here."""

    url: str = OPENAI_URL
    admin: OpenAIAdmin | None = None


class Azure(_Upstream, frozen=True, tag="azure-openai", kw_only=True):
    """An Azure OpenAI resource. `auth` is `key` or `entra`."""

    url: str
    api_version: str = ""
    auth: str = "key"


class Anthropic(_Upstream, frozen=True, tag="anthropic", kw_only=True):
    """Anthropic's own API. `betas` are asked for with every request. With `admin` its key can be revoked from here."""

    url: str = ANTHROPIC_URL
    admin: AnthropicAdmin | None = None
    betas: tuple[str, ...] = ()


class Compatible(_Upstream, frozen=True, tag="compatible", kw_only=True):
    """Any server that speaks OpenAI's dialects."""

    url: str


class Bedrock(_Upstream, frozen=True, tag="bedrock", kw_only=True):
    """Amazon Bedrock. The key is the secret access key; `access_key` names it, `session_*` goes with temporary ones."""

    experimental: bool = False
    aws_region: str
    access_key: str
    session_env: str = ""
    session_file: str = ""
    url: str = ""


class Vertex(_Upstream, frozen=True, tag="vertex", kw_only=True):
    """Google Vertex AI. The key is a service account's key file."""

    experimental: bool = False
    project: str
    location: str
    url: str = ""


Described = OpenAI | Azure | Anthropic | Compatible | Bedrock | Vertex
_VENDORS = ("openai", "azure-openai", "anthropic", "compatible", "bedrock", "vertex")


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    upstreams: dict[str, Any]


def _described(name: str, table: Any) -> Described:  # noqa: ANN401 - what stands there
    try:
        found: Described = msgspec.convert(table, Described)
    except msgspec.ValidationError as error:
        vendor = table.get("vendor") if isinstance(table, dict) else None
        known = f"; vendor is one of {', '.join(_VENDORS)}" if vendor not in _VENDORS else ""
        raise msgspec.ValidationError(f"upstream {name!r}: {error}{known}") from error
    return found


def read_file(path: Path) -> Mapping[str, Described]:
    """Reads the file, and none of the secrets that it names.

    Raises:
        InvalidInputError: `upstreams-invalid`: it can't be read or is not of this form, with what was expected.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
        if len(data) > FILE_BYTES_MAX:
            raise wrong(f"{path} has more than {FILE_BYTES_MAX} bytes")
        document = tomllib.loads(data.decode())
        _refuse_literals(path, document)
        found = {name: _described(name, table) for name, table in msgspec.convert(document, _File).upstreams.items()}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise wrong(f"cannot use {path}: {error}") from error
    if LOCAL in found:
        raise wrong(f"{path}: {LOCAL!r} is the model that Safeconduct runs itself; give the upstream another name")
    return found


def _refuse_literals(path: Path, document: Mapping[str, Any]) -> None:
    tables = document.get("upstreams")
    for name, table in tables.items() if isinstance(tables, dict) else ():
        literal = sorted(_LITERAL & set(table)) if isinstance(table, dict) else []
        if literal:
            raise InvalidInputError(
                f"{path}: upstream {name!r} has {literal[0]!r}: a secret never stands in this file",
                code="upstreams-invalid",
                remedy="name the variable or the file that holds it: key-env or key-file",
            )


def wrong(what: str) -> InvalidInputError:
    """Returns the error of a file that can't be used."""
    return InvalidInputError(what, code="upstreams-invalid")
