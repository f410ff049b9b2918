"""The operator's file of points: TOML, with the places of secrets in it and never a secret (docs/responses.md)."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from safeconduct.access.reading import NAME
from safeconduct.adapters.notifiers.web import signing_secret
from safeconduct.adapters.outbound import is_loopback
from safeconduct.adapters.responses.asking import Site
from safeconduct.adapters.responses.edr import EdrBridge
from safeconduct.adapters.responses.nftables import Nftables
from safeconduct.adapters.responses.quarantine import Quarantine
from safeconduct.adapters.responses.tickets import Jira
from safeconduct.adapters.responses.webhook import ResponseWebhook
from safeconduct.adapters.toml_files import read_toml
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ports import Clock
from safeconduct.soc.actions.ports import Point

FILE = "responses.toml"
"""The file in the data folder. Without it no response takes effect at points, and each says so."""

FILE_BYTES_MAX = 64 * 1024
"""Bytes of the file: all points that may be named have room."""

POINTS_MAX = 256
"""Points of a file: eight kinds, and as many points of each as a program may name."""

Secrets = Callable[[str, str], str]
"""Returns a secret by the variable or the file that holds it. Raises InvalidInputError."""

_SERVER = re.compile(r"(ldaps?)://([A-Za-z0-9.-]{1,253}):([0-9]{1,5})")
_BridgedKind = Literal["drop-ip", "disable-user", "end-sessions", "quarantine-file", "isolate-host", "call-webhook"]


class _Described(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", tag_field="kind", kw_only=True
):
    """What any point may say."""


class NftablesPoint(_Described, frozen=True, tag="nftables", kw_only=True):
    """The command that runs nft, such as `["ip", "netns", "exec", "edge", "nft"]`."""

    command: tuple[str, ...] = ("nft",)


class QuarantinePoint(_Described, frozen=True, tag="quarantine", kw_only=True):
    """Whose files, below which folders, and the folder on the same disk where they go."""

    host: str
    roots: tuple[str, ...]
    vault: str


class LdapPoint(_Described, frozen=True, tag="ldap", kw_only=True):
    """A directory: where, as whom, and where accounts are; and sessions, if it keeps them."""

    url: str
    bind: str
    base: str
    account: str = "uid"
    sessions_base: str = ""
    sessions_account: str = "uid"
    password_file: str = ""
    password_env: str = ""
    ca_file: str = ""


class WebhookPoint(_Described, frozen=True, tag="webhook", kw_only=True):
    """One's own automation, for the kinds that it stands for."""

    url: str
    kinds: tuple[_BridgedKind, ...] = ("call-webhook",)
    secret_file: str = ""
    secret_env: str = ""
    ca_file: str = ""


class EdrPoint(_Described, frozen=True, tag="edr", kw_only=True):
    """A bridge to an EDR."""

    url: str
    token_file: str = ""
    token_env: str = ""
    ca_file: str = ""


class JiraPoint(EdrPoint, frozen=True, tag="jira", kw_only=True):
    """A project in Jira, and the type of issue that is opened there."""

    project: str
    issue_type: str = "Task"


Described = NftablesPoint | QuarantinePoint | LdapPoint | WebhookPoint | EdrPoint | JiraPoint


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    points: dict[str, Described]


def read_points(path: Path) -> Mapping[str, Described]:
    """Reads the file, and none of the secrets that it names. No file is no points.

    Raises:
        InvalidInputError: `points-invalid`: it can't be read or is not of this form, with what was expected.
    """
    if not path.exists():
        return {}
    found = read_toml(path, _File, FILE_BYTES_MAX, _wrong).points
    wrong = [name for name in found if not re.fullmatch(NAME, name)]
    if wrong or len(found) > POINTS_MAX:
        raise _wrong(path, f"expected up to {POINTS_MAX} points with names of small letters, got {wrong[:3]!r}")
    return found


def make_points(path: Path, secret: Secrets, clock: Clock) -> Mapping[tuple[str, str], Point]:
    """Returns the points of a file, by name and kind of response.

    Raises:
        InvalidInputError: `points-invalid`, or a secret is missing, or an address not of its form or not private.
    """
    return {
        (name, kind): point
        for name, described in read_points(path).items()
        for kind, point in _made(described, secret, clock).items()
    }


def _made(described: Described, secret: Secrets, clock: Clock) -> Mapping[str, Point]:
    match described:
        case NftablesPoint():
            return {"drop-ip": Nftables(described.command, clock)}
        case QuarantinePoint():
            roots = [_folder(root) for root in described.roots]
            return {"quarantine-file": Quarantine(described.host, roots, _folder(described.vault))}
        case LdapPoint():
            return _directory(described, secret)
        case WebhookPoint():
            key = signing_secret(secret(described.secret_env, described.secret_file))
            webhook = ResponseWebhook(Site(described.url, ca_file=described.ca_file), key, clock)
            return dict.fromkeys(described.kinds, webhook)
        case JiraPoint():
            return {"open-ticket": Jira(_site(described, secret), described.project, described.issue_type)}
        case _:
            return {"isolate-host": EdrBridge(_site(described, secret))}


def _directory(described: LdapPoint, secret: Secrets) -> Mapping[str, Point]:
    # Imported here: ldap3 is an extra, and takes a while.
    from safeconduct.adapters.responses.ldap import AccountLock, Directory, SessionEnd  # noqa: PLC0415

    server = _SERVER.fullmatch(described.url)
    if server is None or (server[1] == "ldap" and not is_loopback(server[2])):
        raise InvalidInputError(
            f"expected ldaps://host:port, or ldap:// on this machine, got {described.url!r}", code="points-invalid"
        )
    directory = Directory(
        host=server[2],
        port=int(server[3]),
        tls=server[1] == "ldaps",
        bind=described.bind,
        password=secret(described.password_env, described.password_file),
        base=described.base,
        account=described.account,
        ca_file=described.ca_file,
    )
    found: dict[str, Point] = {"disable-user": AccountLock(directory)}
    if described.sessions_base:
        ends = SessionEnd(directory, described.sessions_base, described.sessions_account)
        found["end-sessions"] = ends
    return found


def _site(described: EdrPoint | JiraPoint, secret: Secrets) -> Site:
    token = secret(described.token_env, described.token_file)
    return Site(described.url, {"authorization": f"Bearer {token}"}, described.ca_file)


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute() or ".." in path.parts:
        raise InvalidInputError(f"expected a whole path, got {text!r}", code="points-invalid")
    return path


def _wrong(path: Path, what: str) -> InvalidInputError:
    return InvalidInputError(f"{path} names no points: {what}", code="points-invalid")
