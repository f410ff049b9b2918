"""Which hosts, users, addresses, domains and processes an event speaks of, and where it says so."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any

from safeconduct.kernel.errors import AbsentError
from safeconduct.soc.inventory import Inventory
from safeconduct.soc.model import Entity, EntityKind, Event
from safeconduct.soc.pointers import resolve

Normalizer = Callable[[str, str], tuple[EntityKind, str] | None]
"""(value, host of the event) -> kind and normal form, or None where the value names nothing."""


@dataclass(frozen=True, slots=True, order=True)
class Mention:
    """An entity and the JSON pointer, into the event's document, of the value it was read from."""

    entity: Entity
    pointer: str


SHARED_ACCOUNTS = frozenset({"root", "nobody", "www-data", "daemon", "system", "local service", "network service"})
"""Accounts that many unrelated programs run under: too common to join two alerts by themselves."""

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

COMMON_PARENTS = frozenset({"0", "1", "2"})
"""The kernel, init and the threads' parent: what they started has nothing else in common."""

AUTHENTICATION, FAILED = 3002, 2
"""OCSF's Authentication class, and its status of a failure."""

HOST_PLACES = ("/ocsf/device/hostname", "/ocsf/device/name")


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


def _address(value: str, _host: str) -> tuple[EntityKind, str] | None:
    found = normal_address(value)
    return (EntityKind.IP, found) if found else None


def _domain(value: str, _host: str) -> tuple[EntityKind, str] | None:
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


def _process(value: str, host: str) -> tuple[EntityKind, str] | None:
    return (EntityKind.PROCESS, f"{value}@{host}") if host and value not in COMMON_PARENTS else None


def _file(value: str, _host: str) -> tuple[EntityKind, str] | None:
    return (EntityKind.FILE, value) if value and not value.lower().startswith(SYSTEM_FOLDERS) else None


def _url(value: str, _host: str) -> tuple[EntityKind, str] | None:
    return (EntityKind.URL, value) if "://" in value else None


PLACES: Mapping[str, Normalizer] = {
    "/ocsf/src_endpoint/ip": _address,
    "/ocsf/dst_endpoint/ip": _address,
    "/ocsf/device/ip": _address,
    "/ocsf/device/hostname": _host,
    "/ocsf/user/name": _user,
    "/ocsf/actor/user/name": _user,
    "/ocsf/process/user/name": _user,
    "/ocsf/job/user/name": _user,
    "/ocsf/process/pid": _process,
    "/ocsf/process/parent_process/pid": _process,
    "/ocsf/process/file/path": _file,
    "/ocsf/query/hostname": _domain,
    "/ocsf/http_request/url/hostname": _domain,
    "/ocsf/http_request/url/url_string": _url,
}
"""Where OCSF objects name entities, and how each is brought to its normal form."""


def mentions(event: Event) -> tuple[Mention, ...]:
    """Returns the entities of an event with the places that name them, sorted."""
    document = event.document()
    host = next((normal_host(value) for value in _values(document, HOST_PLACES)), "")
    found = set(_mentioned(document, host))
    return tuple(sorted(found))


def joiners(event: Event, inventory: Inventory) -> tuple[Mention, ...]:
    """Returns those mentions that, shared with another alert's event, say that both belong together.

    The account of a failed logon is whom somebody wished to be: a guesser who tries every name has not become them.
    """
    refused = event.ocsf.get("class_uid") == AUTHENTICATION and event.ocsf.get("status_id") == FAILED
    target = "/ocsf/user/name" if refused else None
    return tuple(found for found in mentions(event) if found.pointer != target and joins(found.entity, inventory))


def joins(entity: Entity, inventory: Inventory) -> bool:
    """Tells whether sharing this entity, and nothing else, says that two alerts belong together.

    Own hosts, addresses and domains, shared accounts, and URLs (their domain does) never do.
    """
    match entity.kind:
        case EntityKind.IP:
            return not inventory.owns_address(entity.value)
        case EntityKind.DOMAIN:
            return not inventory.owns_domain(entity.value)
        case EntityKind.USER:
            return entity.value.partition("@")[0] not in SHARED_ACCOUNTS
        case EntityKind.PROCESS | EntityKind.FILE:
            return True
        case EntityKind.HOST | EntityKind.URL:
            return False


def _mentioned(document: dict[str, Any], host: str) -> Iterator[Mention]:
    for place, normalize in PLACES.items():
        for value in _values(document, (place,)):
            found = normalize(value, host)
            if found:
                yield Mention(Entity(*found), place)


def _values(document: dict[str, Any], places: tuple[str, ...]) -> Iterator[str]:
    for place in places:
        try:
            value = resolve(document, place)
        except AbsentError:
            continue
        if isinstance(value, str | int) and not isinstance(value, bool):
            yield str(value)
