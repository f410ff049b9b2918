"""Targets: what a scope authorizes, and whether a name or address falls under it.

An address or network covers the addresses within it. A name covers itself; `*.name` covers every name beneath it and
not `name`. Nothing is looked up: a name is never in scope for the address it may resolve to.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from safeconduct.kernel.errors import InvalidInputError

Network = IPv4Network | IPv6Network

NAME_LENGTH_MAX = 253
"""Characters of a domain name without its final dot (RFC 1035)."""

TARGETS_KEPT_MAX = 16_384
"""Parsed targets that are kept, at some 300 bytes each: an incident's addresses come up in call after call."""

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_NUMBERS = re.compile(r"[0-9.]+")


@dataclass(frozen=True, slots=True)
class TargetSet:
    """A scope's targets, compiled."""

    networks: tuple[Network, ...]
    names: frozenset[str]
    _known: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)  # the same hosts come again

    def covers(self, target: str) -> bool:
        """Tells whether the target is authorized. What can't be read as a target is not."""
        known = self._known.get(target)
        if known is None:
            if len(self._known) >= TARGETS_KEPT_MAX:
                self._known.clear()
            known = self._known[target] = self._covers(target)
        return known

    def _covers(self, target: str) -> bool:
        read = _read(target)
        if read is None:
            return False
        if isinstance(read, str):
            return read in self.names or any(f"*.{parent}" in self.names for parent in _parents(read))
        return any(_within(read, network) for network in self.networks)


def compile_targets(targets: Iterable[str]) -> TargetSet:
    """Compiles targets.

    Raises:
        InvalidInputError: one of them is none.
    """
    read = [parse_target(target) for target in targets]
    return TargetSet(
        networks=tuple(item for item in read if not isinstance(item, str)),
        names=frozenset(item for item in read if isinstance(item, str)),
    )


def parse_target(text: str) -> Network | str:
    """Reads a network, an address (as the network of one) or a name in lower case.

    Raises:
        InvalidInputError: the text is none of them, or a network has bits set beyond its prefix.
    """
    lowered = text.strip().lower().removesuffix(".")
    try:
        return _unmapped(ip_network(lowered))
    except ValueError as error:
        if "host bits" in str(error):
            raise InvalidInputError(f"{text!r} has address bits set beyond its prefix") from error
    if len(lowered) > NAME_LENGTH_MAX or not _NAME.fullmatch(lowered) or _NUMBERS.fullmatch(lowered):
        raise InvalidInputError(f"{text!r} is no network, address or name such as 192.0.2.0/24 or example.com")
    return lowered


@lru_cache(maxsize=TARGETS_KEPT_MAX)
def _read(target: str) -> Network | str | None:
    try:
        return parse_target(target)
    except InvalidInputError:
        return None


def _unmapped(network: Network) -> Network:
    # ::ffff:192.0.2.1 reaches the same host as 192.0.2.1.
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= 96:  # noqa: PLR2004 - RFC 4291 2.5.5.2
        return IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network


def _within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)


def _parents(name: str) -> Iterable[str]:
    while "." in name:
        name = name.partition(".")[2]
        yield name
