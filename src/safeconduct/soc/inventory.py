"""What the defender knows to be its own: hosts, networks, domains, accounts.

An own host is in nearly every event of its own logs, so it never joins two alerts by itself, and is never acted on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import msgspec

from safeconduct.kernel.errors import InvalidInputError, TooLargeError

HOSTS_MAX = 100_000
"""Hosts or users in an inventory; read into memory, about 100 bytes each."""

CLOCK_MS_MAX = 86_400_000
"""Milliseconds that a clock may be declared to be off: a day. One that is off by more is to be set, not declared."""

PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)
"""Taken as own where an inventory names no networks: RFC 1918, 3927, 4193, 4291 and loopback."""


@dataclass(frozen=True)
class Host:
    """One own machine. Its clock is `clock_ahead_ms` ahead of true time, give or take `clock_within_ms`."""

    name: str
    address: str = ""
    role: str = ""
    clock_ahead_ms: int = 0
    clock_within_ms: int = 0


@dataclass(frozen=True, slots=True)
class Clock:
    """How far a host's clock is ahead of true time (behind: negative), and within which milliseconds that is known."""

    ahead_ms: int = 0
    within_ms: int = 0


@dataclass(frozen=True)
class Account:
    """One own account. `uid` is what audit records carry instead of the name."""

    name: str
    uid: int
    role: str = ""


@dataclass(frozen=True)
class Inventory:
    """An inventory file: `{organisation, domains, networks: {name: [cidr]}, dns_servers, hosts, users}`."""

    organisation: str = ""
    domains: Sequence[str] = ()
    networks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    dns_servers: Sequence[str] = ()
    hosts: Sequence[Host] = ()
    users: Sequence[Account] = ()

    def user(self, uid: str) -> str | None:
        """Returns the account name of a numeric id; 0 is root on every Unix."""
        return self._names.get(uid)

    def owns_address(self, text: str) -> bool:
        """Tells whether an address in canonical form is the defender's. Text that is no address is not."""
        try:
            address = ip_address(text)
        except ValueError:
            return False
        return address in self._addresses or any(
            address.version == network.version and address in network for network in self._networks
        )

    def owns_domain(self, name: str) -> bool:
        """Tells whether a lower-case name is an own domain, lies below one, or is an own host's."""
        return name in self._host_names or any(name == own or name.endswith("." + own) for own in self._domains)

    def clock(self, host: str) -> Clock:
        """Returns what is declared of a host's clock; one of which nothing is counts as right."""
        return self._clocks.get(host, Clock())

    @cached_property
    def _clocks(self) -> Mapping[str, Clock]:
        found = {host.name.lower(): Clock(host.clock_ahead_ms, host.clock_within_ms) for host in self.hosts}
        for name, clock in found.items():
            if abs(clock.ahead_ms) > CLOCK_MS_MAX or not 0 <= clock.within_ms <= CLOCK_MS_MAX:
                raise ValueError(f"the clock of {name} can be off by {CLOCK_MS_MAX} ms at most")
        return found

    @cached_property
    def _names(self) -> dict[str, str]:
        return {"0": "root"} | {str(account.uid): account.name for account in self.users}

    @cached_property
    def _networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        named = [network for group in self.networks.values() for network in group]
        return tuple(ip_network(network) for network in named or PRIVATE)

    @cached_property
    def _addresses(self) -> frozenset[IPv4Address | IPv6Address]:
        return frozenset(ip_address(text) for text in (*(h.address for h in self.hosts), *self.dns_servers) if text)

    @cached_property
    def _domains(self) -> tuple[str, ...]:
        return tuple(domain.lower().rstrip(".") for domain in self.domains)

    @cached_property
    def _host_names(self) -> frozenset[str]:
        return frozenset(host.name.lower() for host in self.hosts)


NOTHING = Inventory()
"""No inventory: private ranges are own, no account has a name but root."""


def is_inventory(content: bytes) -> bool:
    """Tells whether a file is meant as an inventory: one JSON object that lists hosts and networks or users."""
    try:
        members = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError):
        return False
    return "hosts" in members and ("networks" in members or "users" in members)


def parse_inventory(content: bytes | Mapping[str, Any]) -> Inventory:
    """Reads an inventory file.

    Raises:
        InvalidInputError: not JSON of that form, or a wrong address or network.
        TooLargeError: more than HOSTS_MAX hosts or users.
    """
    try:
        if isinstance(content, bytes):
            inventory = msgspec.json.decode(content, type=Inventory)
        else:
            inventory = msgspec.convert(content, Inventory)
        _ = inventory._networks, inventory._addresses, inventory._clocks  # noqa: SLF001 - a wrong network is told now, not at first use
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidInputError(
            f"the inventory does not fit: {error}",
            code="inventory-invalid",
            remedy='expected {"domains": [...], "networks": {NAME: ["192.0.2.0/24"]}, "hosts": [...], "users": [...]}',
        ) from error
    if max(len(inventory.hosts), len(inventory.users)) > HOSTS_MAX:
        raise TooLargeError(f"the inventory holds more than {HOSTS_MAX} hosts or users")
    return inventory
