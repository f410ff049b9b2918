"""What an action is against: one value in one spelling, and what no policy can allow it to be."""

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from safeconduct.access.model.rules import ResponseRule
from safeconduct.access.response_kinds import FORMS, Form, protects
from safeconduct.access.targets import compile_targets
from safeconduct.kernel.errors import InvalidInputError, RefusedError
from safeconduct.soc.entity_forms import SYSTEM_FOLDERS
from safeconduct.soc.joining import SHARED_ACCOUNTS

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

NEVER: Mapping[str, tuple[Network, ...]] = {
    reason: tuple(map(ip_network, networks))
    for reason, networks in {
        "this network (RFC 791)": ("0.0.0.0/8", "::/128"),
        "private use (RFC 1918, RFC 4193)": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
        "shared by carriers (RFC 6598)": ("100.64.0.0/10",),
        "loopback": ("127.0.0.0/8", "::1/128"),
        "link-local": ("169.254.0.0/16", "fe80::/10"),
        "protocol assignments (RFC 6890)": ("192.0.0.0/24",),
        "multicast": ("224.0.0.0/4", "ff00::/8"),
        "reserved (RFC 1112)": ("240.0.0.0/4",),
    }.items()
}
"""Addresses that no policy can allow to be blocked: a block there hits ourselves, or many others, or nobody."""

NEVER_ACCOUNTS = SHARED_ACCOUNTS | {"krbtgt", "guest", "localhost"}
"""Accounts of the system, on which others stand: without them nobody signs on, or no service runs."""

NEVER_FOLDERS = (*SYSTEM_FOLDERS, "/etc/", "/boot/", "/dev/", "/proc/", "/sys/", "/run/", "/root/.ssh/")
"""Folders of the system: what is missing there stops the machine, and its administrators with it."""

_CARRIES_IPV4 = (ip_network("64:ff9b::/96"), ip_network("::/96"))  # NAT64 (RFC 6052), IPv4-compatible (RFC 4291)
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?")
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9._$-]{0,127}")
_PATH = re.compile(r"/[^\x00-\x1f\x7f]{1,4095}")
_ENTITY = re.compile(r"(?:ip|host|user|domain|url|file):[^\x00-\x1f\x7f]{1,2048}")


def read_target(kind: str, text: str) -> str:
    """Returns the canonical form of the one target of an action of a kind.

    Raises:
        InvalidInputError: it is none, or more than one: a network, a pattern, an address with a zone.
    """
    return _READERS[FORMS[kind]](text)


def refuse_never(target: str, rule: ResponseRule) -> None:
    """Returns unless the target is one that must never be touched, by what it is or by policy.

    Raises:
        RefusedError: `never-act`, naming what protects it.
    """
    form, target = FORMS[rule.kind], read_target(rule.kind, target)
    reason = _NEVER[form](target) if form in _NEVER else ""
    if reason:
        raise RefusedError(f"{target} must never be touched: {reason}", code="never-act", clause=f"never:{reason}")
    for index, entry in enumerate(rule.never):
        if _covered(form, entry, target):
            raise RefusedError(
                f"{target} must never be touched: the program protects {entry}",
                code="never-act",
                clause=f"responses.{rule.kind}.never[{index}]",
                remedy="an administrator can change the program; the partner cosigns it",
            )


def _covered(form: Form, entry: str, target: str) -> bool:
    return compile_targets([entry]).covers(target) if form is Form.ADDRESS else protects(form, entry, target)


def read_address(text: str) -> str:
    """Returns an address in its one spelling.

    Raises:
        InvalidInputError: `not-an-address`.
    """
    try:
        address = ip_address(text)
    except ValueError as error:
        raise InvalidInputError(
            f"expected one IP address such as 203.0.113.66, got {text[:64]!r}",
            code="not-an-address",
            remedy="networks and names are not blocked",
        ) from error
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise InvalidInputError("an address with a zone means something on one machine only", code="not-an-address")
    return str(_embedded(address) or address)


def _read_account(text: str) -> str:
    return _matching(_ACCOUNT, text.lower(), "an account such as alice")


def _read_host(text: str) -> str:
    return _matching(_HOST, text.lower().rstrip("."), "a host such as web-01")


def _read_file(text: str) -> str:
    host, _, path = text.partition(":")
    _matching(_PATH, path, "a host and the whole path of a file on it, such as web-01:/tmp/x")
    if any(part in ("", ".", "..") for part in path[1:].split("/")):
        raise InvalidInputError(f"expected a path without //, . and .., got {path[:64]!r}", code="not-a-target")
    return f"{_read_host(host)}:{path}"


def _read_entity(text: str) -> str:
    return _matching(_ENTITY, text, "an entity with its kind, such as host:web-01")


def _matching(form: re.Pattern[str], text: str, expected: str) -> str:
    if form.fullmatch(text) is None:
        raise InvalidInputError(f"expected {expected}, got {text[:64]!r}", code="not-a-target")
    return text


def _never_address(target: str) -> str:
    address = ip_address(target)
    return next((why for why, networks in NEVER.items() if any(address in network for network in networks)), "")


def _never_account(target: str) -> str:
    if target.endswith("$"):
        return "a machine's own account"
    return "an account of the system" if target in NEVER_ACCOUNTS else ""


def _never_host(target: str) -> str:
    return "this machine" if target == "localhost" or target.startswith("localhost.") else ""


def _never_file(target: str) -> str:
    return "a folder of the system" if target.partition(":")[2].startswith(NEVER_FOLDERS) else ""


def _embedded(address: Address) -> IPv4Address | None:
    # Different spellings of one IPv4 address must not get around the list.
    if not isinstance(address, IPv6Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    low = int(address) & 0xFFFF_FFFF
    return IPv4Address(low) if low > 1 and any(address in network for network in _CARRIES_IPV4) else None


_READERS: Mapping[Form, Callable[[str], str]] = {
    Form.ADDRESS: read_address,
    Form.ACCOUNT: _read_account,
    Form.HOST: _read_host,
    Form.FILE: _read_file,
    Form.ENTITY: _read_entity,
}
_NEVER: Mapping[Form, Callable[[str], str]] = {
    Form.ADDRESS: _never_address,
    Form.ACCOUNT: _never_account,
    Form.HOST: _never_host,
    Form.FILE: _never_file,
}
