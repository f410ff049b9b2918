"""Targets: the assets that a scope lists, and whether another asset falls under them.

A network covers the networks within it. A name covers itself; `*.name` covers every name beneath it and not `name`.
`repo:forge/owner/*` covers the owner's repositories, and a forge of one's own, listed as a name, those on it; the name
of a forge that strangers share covers none. Nothing is looked up: a name is never in scope for its address.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network

from safeconduct.access.assets import Asset, Name, Network, Repository, parse_asset
from safeconduct.access.domain_names import parents
from safeconduct.kernel.errors import InvalidInputError

TARGETS_KEPT_MAX = 16_384
"""Parsed targets that are kept, at some 300 bytes each: an incident's addresses come up in call after call."""

SHARED_FORGES = frozenset(("github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "gitee.com", "git.sr.ht"))
"""Forges on which strangers' repositories lie beside each other: who may work on one may not work on all."""


@dataclass(frozen=True, slots=True)
class TargetSet:
    """A scope's targets, compiled."""

    networks: tuple[Network, ...]
    names: frozenset[str]
    _known: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)  # the same hosts come again

    def covers(self, target: str) -> bool:
        """Tells whether the target is authorized. What can't be read as an asset is not."""
        known = self._known.get(target)
        if known is None:
            if len(self._known) >= TARGETS_KEPT_MAX:
                self._known.clear()
            known = self._known[target] = self._covers(target)
        return known

    def _covers(self, target: str) -> bool:
        asset = _read(target)
        if asset is None:
            return False
        if isinstance(asset, IPv4Network | IPv6Network):
            return any(_within(asset, network) for network in self.networks)
        return str(asset) in self.names or any(wider in self.names for wider in _wider(asset))


def compile_targets(targets: Iterable[str]) -> TargetSet:
    """Compiles targets.

    Raises:
        InvalidInputError: one of them is no asset.
    """
    read = [parse_asset(target) for target in targets]
    return TargetSet(
        networks=tuple(item for item in read if isinstance(item, IPv4Network | IPv6Network)),
        names=frozenset(str(item) for item in read if not isinstance(item, IPv4Network | IPv6Network)),
    )


@lru_cache(maxsize=TARGETS_KEPT_MAX)
def _read(target: str) -> Asset | None:
    try:
        return parse_asset(target)
    except InvalidInputError:
        return None


def _wider(asset: Asset) -> Iterable[str]:
    """Returns what else would cover an asset, in canonical form."""
    if isinstance(asset, Name):
        return (f"*.{parent}" for parent in parents(asset.text.removeprefix("*.")))
    if not isinstance(asset, Repository):
        return ()
    owner = asset.owner.split("/")
    groups = (f"repo:{asset.forge}/{'/'.join(owner[:end])}/*" for end in range(len(owner), 0, -1))
    if asset.forge in SHARED_FORGES:
        return groups
    return (*groups, asset.forge, *(f"*.{parent}" for parent in parents(asset.forge)))


def _within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)
