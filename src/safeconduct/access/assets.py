"""Assets: the things a scope can authorize, each kind one value with one spelling (docs/spec/scope.md section 1).

`str` of an asset is its canonical form, and `parse_asset` of that is the asset again. Two spellings of one thing are
equal; what could be read as two things is no asset, so that nothing covers it.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from safeconduct.access.domain_names import canonical_name
from safeconduct.kernel.errors import InvalidInputError

Network = IPv4Network | IPv6Network

MAPPED_BITS = 96
"""Bits before the address in ::ffff:0:0/96, which reaches the host of the IPv4 address (RFC 4291 section 2.5.5.2)."""

HASHES = {32: "md5", 40: "sha1", 64: "sha256"}
"""Algorithms of file hashes by their hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Name:
    """A domain name, or with `*.` every name beneath it and not the name itself."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Host:
    """A machine by a name without dots, as it has within one network."""

    label: str

    def __str__(self) -> str:
        return f"host:{self.label}"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on a forge; its name is `*` for every repository of the owner."""

    forge: str
    owner: str
    name: str

    def __str__(self) -> str:
        return f"repo:{self.forge}/{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class CloudAccount:
    """An AWS account (by partition), an Azure subscription or a GCP project."""

    cloud: str
    account: str

    def __str__(self) -> str:
        return f"{self.cloud}:{self.account}"


@dataclass(frozen=True, slots=True)
class FileHash:
    """A file by the hash of its bytes. Hashes of one file by other algorithms are other assets."""

    algorithm: str
    digest: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digest}"


Asset = Network | Name | Host | Repository | CloudAccount | FileHash

_HEX = re.compile(r"(?:(md5|sha-?1|sha-?256):)?([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})", re.IGNORECASE | re.ASCII)
_HOST = re.compile(r"(?:host:)?([a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)", re.IGNORECASE | re.ASCII)
_NUMBERS = re.compile(r"[0-9.]+|0x[0-9a-f]*", re.ASCII)
_OWNER = r"[A-Za-z0-9_][A-Za-z0-9_.~-]{0,99}"
_REPOSITORY = re.compile(
    r"(?:repo:|(?:https?|ssh|git)://(?:[^@/\s]{0,64}@)?|git@)"
    rf"(?P<forge>[A-Za-z0-9.-]{{1,253}})(?::[0-9]{{1,5}}(?=/))?[/:]"
    rf"(?P<owner>{_OWNER}(?:/{_OWNER}){{0,8}})/(?P<name>\*|{_OWNER})/?"
)
_AWS = re.compile(r"(aws(?:-cn|-us-gov)?):(\d{12})", re.ASCII)
_ARN = re.compile(r"arn:(aws(?:-cn|-us-gov)?):[a-z0-9-]{1,64}:[a-z0-9-]{0,64}:(\d{12}):.{1,1024}", re.ASCII)
_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_AZURE = re.compile(rf"(?:azure:|/subscriptions/)\{{?({_GUID})\}}?", re.IGNORECASE | re.ASCII)
_GCP = re.compile(r"(?:gcp:|projects/)((?:[a-z0-9.-]{1,63}:)?[a-z][a-z0-9-]{4,28}[a-z0-9])", re.ASCII)


def parse_asset(text: str) -> Asset:
    """Reads an asset: an address is the network of one.

    Raises:
        InvalidInputError: the text is none, could be read as several, or is a network with bits beyond its prefix.
    """
    stripped = text.strip()
    found = _typed(stripped) or _network(stripped.lower()) or _named(stripped)
    if found is None:
        raise InvalidInputError(
            f"{text[:300]!r} is no network, address, domain, host, repo:, aws:, azure:, gcp: or file hash,"
            " such as 192.0.2.0/24, *.example.com or repo:github.com/owner/name"
        )
    return found


def _typed(text: str) -> Asset | None:
    if found := _HEX.fullmatch(text):
        algorithm = HASHES[len(found[2])]
        said = (found[1] or algorithm).lower().replace("-", "")
        return FileHash(algorithm, found[2].lower()) if said == algorithm else None
    if (found := _AWS.fullmatch(text)) or (found := _ARN.fullmatch(text)):
        return CloudAccount(found[1], found[2])
    if found := _AZURE.fullmatch(text):
        return CloudAccount("azure", found[1].lower())
    if found := _GCP.fullmatch(text):
        return CloudAccount("gcp", found[1])
    return _repository(text)


def _repository(text: str) -> Repository | None:
    found = _REPOSITORY.fullmatch(text)
    forge = canonical_name(found["forge"]) if found else None
    name = found["name"].lower().removesuffix(".git") if found else ""
    if found is None or forge is None or not name or name in (".", ".."):
        return None
    # Forges compare these without case; where one does not, two repositories are one asset and both are named by it.
    return Repository(forge.removeprefix("www."), found["owner"].lower(), name)


def _network(text: str) -> Network | None:
    if "%" in text:  # a zone means something on one machine alone (RFC 4007)
        return None
    try:
        return unmapped(ip_network(text))
    except ValueError as error:
        if "host bits" in str(error):
            raise InvalidInputError(f"{text!r} has address bits set beyond its prefix") from error
    return None


def _named(text: str) -> Asset | None:
    name = canonical_name(text)
    if name is not None and "." in name:
        return Name(name)
    found = _HOST.fullmatch(text.removesuffix("."))
    return Host(found[1].lower()) if found and not _NUMBERS.fullmatch(found[1].lower()) else None


def unmapped(network: Network) -> Network:
    """Returns the IPv4 network that an IPv4-mapped one reaches; any other as it is."""
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= MAPPED_BITS:
        return IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - MAPPED_BITS))
    return network
