"""Which of a path's providers may be asked: those that run, and run as the path was published with them.

The program says what each provider is; the operator's file says what runs. Neither can widen the other: where the two
differ, the provider is not asked (docs/spec/paths.md section 2).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from safeconduct.access.catalogue import UNSTATED, Provider
from safeconduct.access.model.paths import SealedPath
from safeconduct.gateway.ports import UpstreamFacts
from safeconduct.kernel.errors import RefusedError, UnavailableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """An upstream that runs. `names` is what it calls a version of a model, where it calls it otherwise.

    `safety_key` makes the identifiers of people at its vendor.
    """

    facts: UpstreamFacts
    names: Mapping[str, str]
    safety_key: bytes = field(default=b"", repr=False)


Upstreams = Mapping[str, Configured]


def askable(path: SealedPath, upstreams: Upstreams) -> tuple[Provider, ...]:
    """Returns the path's providers that may be asked now, in its order.

    Raises:
        UnavailableError: `upstream-unconfigured`: none of them runs here.
        RefusedError: `provider-outside-path`: those that run are not what the path was published with.
    """
    running = [provider for provider in path.providers if provider.upstream in upstreams]
    if not running:
        raise UnavailableError(
            "this path's model server is not configured here",
            code="upstream-unconfigured",
            remedy=f"the operator starts the gateway with an upstream that path {path.id} names",
        )
    inside = tuple([one for one in running if not outside(one, upstreams[one.upstream].facts)])
    if not inside:
        raise outside_path(path)
    return inside


def outside(provider: Provider, facts: UpstreamFacts) -> tuple[str, ...]:
    """Returns which of vendor, region and retention the running upstream has otherwise than the program states.

    Where the program states nothing there is nothing to be otherwise: such a provider stands alone on a path that
    demands nothing, or it could not have been published.
    """
    vendor, region, retention = provider.vendor, provider.region, provider.retention
    if (
        vendor in (UNSTATED, facts.vendor)
        and region in (UNSTATED, facts.region)
        and retention in (UNSTATED, facts.retention)
    ):
        return ()  # as nearly always
    compared = (
        ("vendor", vendor, facts.vendor),
        ("region", region, facts.region),
        ("retention", retention, facts.retention),
    )
    return tuple([kind for kind, stated, runs in compared if stated not in (UNSTATED, runs)])


def equal(one: Provider, other: Provider) -> bool:
    """Tells whether either may take the other's calls: same region, same retention, all stated."""
    stated = (one.region, one.retention)
    return one is other or (stated == (other.region, other.retention) and UNSTATED not in stated)


def outside_path(path: SealedPath) -> RefusedError:
    """Returns why a provider was not asked, without a word of what runs instead."""
    return RefusedError(
        "the model server that runs here is not the one that this path was published with",
        code="provider-outside-path",
        clause=f"path:{path.id}/providers",
        remedy="the operator compares `safeconduct path show` with the upstreams file; the caller can do nothing",
    )
