"""Addresses in networks: of many networks, those that an address is in, by one look for each length of prefix."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from safeconduct.soc.detection.ir import Predicate

NETWORKS_MAX = 65_536
"""Networks kept as they were read; more than any rule set we know of names."""


class Networks:
    """The predicates of one field that name networks."""

    def __init__(self, predicates: Mapping[int, Predicate]) -> None:
        """Takes predicates of the operator CIDR, by number."""
        found: dict[tuple[int, int], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, one in predicates.items():
            network = network_of(one.value)
            found[network.version, int(network.netmask)][int(network.network_address)].append(number)
        self._by_mask = {key: dict(networks) for key, networks in found.items()}

    def holding(self, text: str) -> Iterator[int]:
        """Yields the numbers of the networks that a text is an address in; none for any other text."""
        address = address_of(text) if self._by_mask else None
        if address is not None:
            value = int(address)
            for (version, mask), networks in self._by_mask.items():
                if version == address.version:
                    yield from networks.get(value & mask, ())


@lru_cache(maxsize=NETWORKS_MAX)
def network_of(text: str) -> IPv4Network | IPv6Network:
    """Returns the network that a rule names."""
    return ip_network(text)


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """Returns the address that a text is, or None if it is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None
