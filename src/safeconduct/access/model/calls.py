"""A call, as access looks at it: what it asks for, and what is known of it while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from safeconduct.access.target_rules import Place
from safeconduct.kernel.ids import AgreementId, GrantId, OrganizationId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What of a running call a freeze can select, the tier that it needs of its principal, and its approval if any.

    `models` are the names of its model.
    """

    principal: PrincipalId
    organization: OrganizationId
    path: PathId
    grant: GrantId
    agreement: AgreementId
    tier: int = 0
    approval: str = ""
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """What a call asks for, after steps 1 to 5. `grant` is None where the request named none.

    `targets` are those found in it, each with the place where it stands, `data_classes` the labels of its blocks.
    On a path that nobody inspects the class is `unlabeled`, the most confidential there is. `token` is the id of
    the token that it came with, where a freeze may ask for it.
    """

    principal: PrincipalId
    path: PathId
    purpose: str
    model: str
    now: Instant
    grant: GrantId | None = None
    targets: Mapping[str, Place] = field(default_factory=dict)
    data_classes: tuple[str, ...] = ("unlabeled",)
    session: str = ""
    token: str = ""
