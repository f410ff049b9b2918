"""How events name entities: where, and what is the one normal form of each."""

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_address

from safeconduct.soc.model import EntityKind

Normalizer = Callable[[str, str], tuple[EntityKind, str] | None]
"""(value, host of the event) -> kind and normal form, or None where the value names nothing."""


SYSTEM_FOLDERS = (
    "/usr/",
    "/bin/",
    "/sbin/",
    "/lib/",
    "/lib64/",
    "/opt/",
    "/snap/",
    "c:\\windows\\",
    "c:\\program files",
)
"""Programs in these are on every machine: that two alerts name /usr/bin/curl says nothing about them."""

COMMON_PARENTS = frozenset({"0", "1", "2", "4"})
"""The kernel, init and the threads' parent, Windows' System: what they started has nothing else in common."""

NO_SESSION = frozenset({"0", "0x0", "-1", "4294967295"})
"""What stands in a logon session's place where there is none."""

CONNECTION_ID_CHARS_MIN = 12
"""Characters of an id that is a connection's alone: Zeek's have 17 or 18, Suricata's 14 to 16; a counter has fewer."""

EACH = "*"
"""In a place: each element of a list."""

_GUID = re.compile(r"\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?", re.IGNORECASE)
_HASH = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})", re.IGNORECASE)


def normal_address(text: str) -> str | None:
    """Returns an IP address in its one canonical form (IPv4 in IPv6 as IPv4), or None if it is none."""
    try:
        address = ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def normal_host(text: str) -> str:
    """Returns a host or domain name in lower case, without the root's dot."""
    return text.strip().lower().rstrip(".")


def in_system_folder(path: str) -> bool:
    """Tells whether a program lies where every machine of its kind has it."""
    return path.lower().startswith(SYSTEM_FOLDERS)


def as_address(value: str, _host: str) -> tuple[EntityKind, str] | None:
    """Returns an address."""
    found = normal_address(value)
    return (EntityKind.IP, found) if found else None


def as_domain(value: str, _host: str) -> tuple[EntityKind, str] | None:
    """Returns a domain, or the address that stands in its place; a name without a dot is none."""
    name = normal_host(value)
    found = normal_address(name)
    if found:
        return EntityKind.IP, found
    return (EntityKind.DOMAIN, name) if "." in name else None


def _host(value: str, _host: str) -> tuple[EntityKind, str] | None:
    return (EntityKind.HOST, normal_host(value)) if value else None


def _user(value: str, host: str) -> tuple[EntityKind, str] | None:
    # The same name on two machines may be two people, so an account belongs to its host.
    return (EntityKind.USER, f"{value.lower()}@{host}" if host else value.lower()) if value else None


def as_account(value: str, _host: str) -> tuple[EntityKind, str] | None:
    """Returns an account by what it is everywhere: a Windows SID or an ARN. A Unix number is one on its machine."""
    if value[:4].upper() == "S-1-":
        return EntityKind.USER, value.upper()
    return (EntityKind.USER, value) if value.startswith("arn:") else None


def _anyone(value: str, _host: str) -> tuple[EntityKind, str] | None:
    return as_account(value, _host) or ((EntityKind.USER, value.lower()) if _GUID.fullmatch(value) else None)


def _mailbox(value: str, _host: str) -> tuple[EntityKind, str] | None:
    return (EntityKind.USER, value.lower()) if "@" in value else None


def as_pid(value: str, host: str) -> tuple[EntityKind, str] | None:
    """Returns a process by its number on its machine."""
    return (EntityKind.PROCESS, f"{value}@{host}") if host and value not in COMMON_PARENTS else None


def as_process(value: str, host: str) -> tuple[EntityKind, str] | None:
    """Returns a process by its GUID, which is its own everywhere, or by another id on its machine."""
    guid = _GUID.fullmatch(value)
    if guid is None:
        return (EntityKind.PROCESS, f"{value}@{host}") if host and value else None
    return (EntityKind.PROCESS, guid[1].lower()) if guid[1].strip("0-") else None


def as_session(value: str, host: str) -> tuple[EntityKind, str] | None:
    """Returns a logon session on its machine."""
    named = value.lower()
    return (EntityKind.SESSION, f"{named}@{host}") if host and named and named not in NO_SESSION else None


def _credential(value: str, _host: str) -> tuple[EntityKind, str] | None:
    return (EntityKind.CREDENTIAL, value) if value else None


def _connection(value: str, _host: str) -> tuple[EntityKind, str] | None:
    return (EntityKind.CONNECTION, value) if len(value) >= CONNECTION_ID_CHARS_MIN else None


def as_file(value: str, _host: str) -> tuple[EntityKind, str] | None:
    """Returns a file that not every machine has."""
    return (EntityKind.FILE, value) if value and not in_system_folder(value) else None


def as_hash(value: str, _host: str) -> tuple[EntityKind, str] | None:
    """Returns an MD5, SHA-1 or SHA-256."""
    return (EntityKind.HASH, value.lower()) if _HASH.fullmatch(value) else None


def _url(value: str, _host: str) -> tuple[EntityKind, str] | None:
    return (EntityKind.URL, value) if "://" in value else None


PLACES: Mapping[str, Normalizer] = {
    "/ocsf/src_endpoint/ip": as_address,
    "/ocsf/dst_endpoint/ip": as_address,
    "/ocsf/device/ip": as_address,
    "/ocsf/device/hostname": _host,
    "/ocsf/user/name": _user,
    "/ocsf/user/uid": as_account,
    "/ocsf/user/credential_uid": _credential,
    "/ocsf/actor/user/name": _user,
    "/ocsf/actor/user/uid": as_account,
    "/ocsf/actor/user/credential_uid": _credential,
    "/ocsf/actor/session/uid": as_session,
    "/ocsf/actor/process/uid": as_process,
    "/ocsf/session/uid": as_session,
    "/ocsf/job/user/name": _user,
    "/ocsf/process/user/name": _user,
    "/ocsf/process/user/uid": as_account,
    "/ocsf/process/pid": as_pid,
    "/ocsf/process/uid": as_process,
    "/ocsf/process/parent_process/pid": as_pid,
    "/ocsf/process/parent_process/uid": as_process,
    "/ocsf/process/file/path": as_file,
    "/ocsf/process/file/hashes/*/value": as_hash,
    "/ocsf/file/path": as_file,
    "/ocsf/file/hashes/*/value": as_hash,
    "/ocsf/query/hostname": as_domain,
    "/ocsf/http_request/url/hostname": as_domain,
    "/ocsf/http_request/url/url_string": _url,
    "/ocsf/connection_info/uid": _connection,
    "/ocsf/metadata/correlation_uid": _connection,
    "/raw/responseElements/credentials/accessKeyId": _credential,
    "/raw/responseElements/accessKey/accessKeyId": _credential,
}
"""Where events name entities, and how each is brought to its normal form; `*` stands for each element of a list.

The two of CloudTrail's responses are keys that a call handed out: what they were then used for is theirs.
"""

OBSERVABLES: Mapping[int, Normalizer] = {
    1: _host,
    2: as_address,
    4: _user,
    5: _mailbox,
    6: _url,
    8: as_hash,
    15: as_pid,
    19: _credential,
    23: _url,
    31: _anyone,
    39: as_process,
    45: as_file,
}
"""OCSF's types of observables, by which findings name their entities."""
