"""Addresses: the tenant's own are found, all others kept. Own are the private ranges and the inventory's networks."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from safeconduct.access.inventory import Inventory
from safeconduct.boundary.kept_shapes import INDICATOR
from safeconduct.boundary.model import Finding
from safeconduct.boundary.patterns import Hit, Shape

INTERNAL = "internal-address"

PRIVATE = tuple(
    ip_network(one)
    for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
)
"""RFC 1918, 3927, 4193 and 4291: nobody else can mean an address of these by the same number."""

ADDRESSES_KEPT_MAX = 8_192
"""Addresses that are remembered with what they are: the same few come again and again."""


@lru_cache(maxsize=ADDRESSES_KEPT_MAX)
def address_class(text: str, inventory: Inventory) -> tuple[str, str] | None:
    """Returns the kind and class of an address; None where the text is none."""
    try:
        address = _unmapped(ip_address(text))
    except ValueError:
        return None
    if any(address in one for one in (*inventory.networks, *PRIVATE) if one.version == address.version):
        return "internal-address", INTERNAL
    return ("loopback" if address.is_loopback or address.is_unspecified else "public-address"), INDICATOR


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _address(hit: Hit, inventory: Inventory) -> Finding | None:
    data, start, end = hit.data, hit.start, hit.end
    if data[end : end + 1] == b"." and data[end + 1 : end + 2].isdigit():
        return None  # a longer number with dots: a version, an object identifier
    if start > 1 and data[start - 1 : start] == b"." and data[start - 2 : start - 1].isalnum():
        return None
    value = data[start:end].decode("latin-1")
    found = address_class(value.strip(":") if value.count(":") == 1 else value, inventory)
    return Finding(*found, start, end) if found else None


SHAPES = (
    Shape(form=r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", judge=_address),
    # Of the others only those that can be own begin rarely enough; times of day would be hits of a wider pattern.
    Shape(form=r"\bf(?:[cd][0-9a-f]{2}|e[89ab][0-9a-f])(?::[0-9a-f]{0,4}){2,7}", judge=_address),
)


def own_address_shapes(inventory: Inventory) -> tuple[Shape, ...]:
    """Returns the shapes of an inventory's own networks of IPv6: by the first group of their addresses."""
    groups = sorted({f"{int(one.network_address) >> 112:x}" for one in inventory.networks if one.version == 6})  # noqa: PLR2004
    if not groups:
        return ()
    pattern = rf"\b(?:{'|'.join(groups)})(?::[0-9a-f]{{0,4}}){{2,7}}"
    return (Shape(form=pattern, judge=_address),)
