"""What in a word has a form of its own: addresses, repositories, cloud accounts, file hashes, hosts with shares."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address, ip_address, ip_network

from safeconduct.access.assets import Host, Repository, parse_asset
from safeconduct.access.targets import SHARED_FORGES
from safeconduct.kernel.errors import InvalidInputError

_NOT_OWNERS = frozenset(("advisories", "apps", "features", "marketplace", "orgs", "settings", "topics"))  # of a forge

HASH_MIN = 32
"""Hexadecimal digits of the shortest hash, MD5's."""

_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?(?!\w|\.\d)", re.ASCII)
_IPV6 = re.compile(
    r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{0,4})(?:/\d{1,3})?(?![\w:])",
    re.IGNORECASE,
)
_FORGED = re.compile(
    r"(?<![\w.@-])(?:[\w.-]{1,64}@)?((?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,63})(?::\d{1,5}(?=/))?[/:]((?:[\w.~-]{1,100}/){1,9}[\w.~-]{1,100})",
    re.IGNORECASE | re.ASCII,
)
_MIRRORS = dict.fromkeys(
    ("raw.githubusercontent.com", "ssh.github.com", "codeload.github.com", "api.github.com"), "github.com"
)
_SHARE = re.compile(r"\\\\([a-z0-9_][a-z0-9_-]{0,62})(?=\\|$)", re.IGNORECASE | re.ASCII)
_HASH = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9A-Za-z])", re.IGNORECASE)
_CLOUD = re.compile(
    r"arn:aws(?:-cn|-us-gov)?:[a-z0-9-]{1,64}:[a-z0-9-]{0,64}:\d{12}:[^\s\"',]{1,256}"
    r"|/subscriptions/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<![\w/])projects/[a-z][a-z0-9-]{4,28}[a-z0-9](?=/)"
    r"|(?<=@)[a-z][a-z0-9-]{4,28}[a-z0-9](?=\.iam\.gserviceaccount\.com)",
    re.IGNORECASE | re.ASCII,
)
_LEADING_ZERO = re.compile(r"^(?=[\d./]+$)(?:.*\.)?0\d", re.ASCII)
_NUMERIC = re.compile(
    r"(?:0x[0-9a-f]{1,8}|\d{1,10})(?:\.(?:0x[0-9a-f]{1,8}|\d{1,10})){0,3}\.?", re.IGNORECASE | re.ASCII
)


def forms(word: str) -> set[str]:
    """Returns what in a word has a form of its own, canonical where it can be."""
    found: set[str] = set()
    found.update(addresses(word))
    if "/" in word or "@" in word or word.count(":") > 1:
        found.update(_accounts(word))
        found.update(str(one) for one in repositories(word))
    if "\\\\" in word:
        found.update(str(Host(one.lower())) for one in _SHARE.findall(word))
    if len(word) >= HASH_MIN:
        found.update(str(parse_asset(one)) for one in _HASH.findall(word))
    return found


def addresses(word: str) -> Iterator[str]:
    """Yields the addresses and networks in a word, each in its one spelling."""
    if "." in word:
        yield from filter(None, map(_parsed, _IPV4.findall(word)))
    if word.count(":") > 1:
        yield from filter(None, map(_parsed, _IPV6.findall(word)))


def repositories(word: str) -> list[Repository]:
    """Returns the repositories that a word names: on shared forges by their paths, on others by `.git` or `git@`."""
    found = []
    for match in _FORGED.finditer(word):
        forge, parts = forge_of(match[1].lower()), match[2].split("/")
        parts = parts[1:] if forge == "github.com" and parts[0] == "repos" else parts  # its API's addresses
        if (
            len(parts) > 1
            and parts[0] not in _NOT_OWNERS
            and (forge in SHARED_FORGES or parts[-1].endswith(".git") or "git@" in match[0])
        ):
            found.append(_repository(forge, parts))
    return [one for one in found if isinstance(one, Repository)]


def _repository(forge: str, parts: list[str]) -> object:
    if forge == "gitlab.com" or forge not in SHARED_FORGES:  # these have groups within groups
        parts = parts[: parts.index("-")] if "-" in parts else parts
        owner, name = "/".join(parts[:-1]), parts[-1]
    else:
        owner, name = parts[0], parts[1]
    try:
        return parse_asset(f"repo:{forge}/{owner}/{name.rstrip('.')}")
    except InvalidInputError:
        return None


def forge_of(host: str) -> str:
    """Returns the forge whose repositories a host serves: itself, unless it is another of a forge's hosts."""
    return _MIRRORS.get(host.removeprefix("www."), host.removeprefix("www."))


def _accounts(word: str) -> Iterable[str]:
    for text in _CLOUD.findall(word):
        try:
            yield str(parse_asset(text if ":" in text or "/" in text else f"gcp:{text}"))
        except InvalidInputError:
            continue


def lone_host(host: str) -> Iterable[str]:
    """Yields a host without dots, or an address in one of the forms that inet_aton takes (WHATWG URL section 3.5)."""
    if _NUMERIC.fullmatch(host):
        yield _numeric(host.removesuffix(".").lower())
    elif re.fullmatch(r"[a-z0-9_][a-z0-9_-]{0,62}", host, re.IGNORECASE | re.ASCII):
        yield str(Host(host.lower()))


def _numeric(host: str) -> str:
    """Returns the address that numbers stand for. With a leading zero readers differ: it stands as it is."""
    parts = host.split(".")
    if any(part.startswith("0") and part != "0" and not part.startswith("0x") for part in parts):
        return host
    numbers = [int(part, 16) if part.startswith("0x") else int(part) for part in parts]
    room = 256 ** (5 - len(numbers))
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= room:  # noqa: PLR2004 - a byte
        return host
    return str(ip_address(sum(n << (24 - 8 * place) for place, n in enumerate(numbers[:-1])) + numbers[-1]))


def _parsed(text: str) -> str:
    """Returns an address or network in its one spelling. One that readers differ in stands as it is."""
    try:
        if "/" in text:
            network = ip_network(text, strict=False)
            return str(network.network_address if network.prefixlen == network.max_prefixlen else network)
        address = ip_address(text)
    except ValueError:
        return text if _LEADING_ZERO.search(text) else ""
    if text == "::":  # no host; what some languages write between names
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:  # ::ffff:192.0.2.7 reaches the host of 192.0.2.7
        return str(address.ipv4_mapped)
    return str(address)
