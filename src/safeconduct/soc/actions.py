"""Response actions: their states in one table, what they may never touch, what they promise before they are done."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from safeconduct.access.model import ResponseRule
from safeconduct.access.targets import compile_targets
from safeconduct.kernel.canonical import JSONValue, canonical, digest
from safeconduct.kernel.errors import ConflictError, InvalidInputError, RefusedError
from safeconduct.kernel.ids import ActionId, ApprovalId, ClaimId, IncidentId, Origin, PrincipalId
from safeconduct.kernel.instants import Instant

BLOCK_IP = "block-ip"
"""The one kind of response there is, and the name of the list that carries it out."""


class ActionState(StrEnum):
    """Where an action stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXECUTING = "executing"
    DONE = "done"
    VERIFIED = "verified"
    FAILED = "failed"
    ROLLED_BACK = "rolled-back"
    EXPIRED = "expired"


class Step(StrEnum):
    """What can happen to it."""

    APPROVE = "approve"  # the last vote needed
    REJECT = "reject"
    EXECUTE = "execute"  # the approval is used, the limits hold
    COMPLETE = "complete"  # the address stands on the list
    VERIFY = "verify"  # the list was fetched as a firewall does, and has it
    FAIL = "fail"  # the list could not be fetched, or lacks it
    ROLL_BACK = "roll-back"
    EXPIRE = "expire"  # time ran out: of the approval, or of the action


TRANSITIONS: Mapping[tuple[ActionState, Step], ActionState] = {
    (ActionState.PROPOSED, Step.APPROVE): ActionState.APPROVED,
    (ActionState.PROPOSED, Step.REJECT): ActionState.REJECTED,
    (ActionState.PROPOSED, Step.EXPIRE): ActionState.EXPIRED,
    (ActionState.APPROVED, Step.EXECUTE): ActionState.EXECUTING,
    (ActionState.APPROVED, Step.EXPIRE): ActionState.EXPIRED,
    (ActionState.EXECUTING, Step.COMPLETE): ActionState.DONE,
    (ActionState.DONE, Step.VERIFY): ActionState.VERIFIED,
    (ActionState.DONE, Step.FAIL): ActionState.FAILED,
    (ActionState.DONE, Step.ROLL_BACK): ActionState.ROLLED_BACK,
    (ActionState.DONE, Step.EXPIRE): ActionState.EXPIRED,
    (ActionState.VERIFIED, Step.ROLL_BACK): ActionState.ROLLED_BACK,
    (ActionState.VERIFIED, Step.EXPIRE): ActionState.EXPIRED,
    # A list that our probe could not read may still have reached a firewall: the way back stays open.
    (ActionState.FAILED, Step.ROLL_BACK): ActionState.ROLLED_BACK,
    (ActionState.FAILED, Step.EXPIRE): ActionState.EXPIRED,
}
"""Every step there is. What is not in here is refused."""

OPEN = frozenset({ActionState.PROPOSED, ActionState.APPROVED, ActionState.EXECUTING})
"""Proposed and not decided yet: a second proposal for the same target waits for these."""

LISTED = frozenset({ActionState.DONE, ActionState.VERIFIED, ActionState.FAILED})
"""The target stands on the list."""


class Presence(StrEnum):
    """What a probe of the list looks for."""

    PRESENT = "present"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inverse:
    """What undoes the action: the target leaves the list."""

    kind: str
    list: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Precondition:
    """How the world stood when the action was proposed or done: what undoing it must lead back to."""

    listed: bool
    active: int
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How the effect is seen from outside: the list, fetched over HTTP as a firewall does, has the target or not."""

    list: str
    target: str
    expect: Presence


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One response. `proposed_by` may not approve it; `expires_at` is the approval's until done, then its own."""

    id: ActionId
    origin: Origin
    kind: str
    target: str
    incident: IncidentId
    claims: tuple[ClaimId, ...]
    proposed_by: PrincipalId
    proposed_at: Instant
    approval: ApprovalId
    expires_s: int
    expires_at: Instant
    precondition: Precondition
    state: ActionState = ActionState.PROPOSED
    states: tuple[ActionState, ...] = (ActionState.PROPOSED,)
    absence: ActionState | None = None

    @property
    def text(self) -> str:
        """Exactly what is voted on; its SHA-256 is `content_of` the same."""
        return canonical(_voted_on(self.kind, self.target, self.incident, self.claims, self.expires_s)).decode()

    @property
    def inverse(self) -> Inverse:
        """What undoes it."""
        return inverse_of(self.kind, self.target)

    def step(self, step: Step) -> "Action":
        """Returns the action after a step.

        Raises:
            ConflictError: the state does not allow it.
        """
        state = TRANSITIONS.get((self.state, step))
        if state is None:
            raise ConflictError(
                f"action {self.id} is {self.state}: it can't {step}",
                code=f"action-{self.state}",
                remedy="safeconduct action list shows where each action stands",
            )
        return replace(self, state=state, states=(*self.states, state))


def inverse_of(name: str, target: str) -> Inverse:
    """Returns what takes a target off a list again."""
    return Inverse(kind="unblock-ip", list=name, target=target)


def content_of(kind: str, target: str, incident: IncidentId, claims: tuple[ClaimId, ...], expires_s: int) -> str:
    """Returns the digest of exactly what is put to the vote."""
    return digest(_voted_on(kind, target, incident, claims, expires_s))


def _voted_on(
    kind: str, target: str, incident: IncidentId, claims: tuple[ClaimId, ...], expires_s: int
) -> dict[str, JSONValue]:
    return {"kind": kind, "target": target, "incident": incident, "claims": sorted(claims), "expires_s": expires_s}


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
"""What no policy can allow to be blocked: a block there hits ourselves, or many others, or nobody."""

_CARRIES_IPV4 = (ip_network("64:ff9b::/96"), ip_network("::/96"))  # NAT64 (RFC 6052), IPv4-compatible (RFC 4291)


def read_target(text: str) -> str:
    """Returns the canonical form of the one address that is to be blocked.

    Raises:
        InvalidInputError: it is no single address: a name, a network, an address with a zone.
    """
    try:
        address = ip_address(text)
    except ValueError as error:
        raise InvalidInputError(
            f"expected one IP address such as 203.0.113.66, got {text[:64]!r}",
            code="not-an-address",
            remedy="networks and names are not blocked by this list",
        ) from error
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise InvalidInputError("an address with a zone means something on one machine only", code="not-an-address")
    return str(_embedded(address) or address)


def refuse_never(target: str, rule: ResponseRule) -> None:
    """Returns unless the address is one that must never be blocked, by its kind or by policy.

    Raises:
        RefusedError: `never-act`, naming what protects it.
    """
    address = ip_address(read_target(target))
    for reason, networks in NEVER.items():
        if any(address in network for network in networks):
            raise RefusedError(f"{target} must never be blocked: {reason}", code="never-act", clause=f"never:{reason}")
    for index, entry in enumerate(rule.never):
        if compile_targets([entry]).covers(str(address)):
            raise RefusedError(
                f"{target} must never be blocked: the program protects {entry}",
                code="never-act",
                clause=f"responses.{rule.kind}.never[{index}]",
                remedy="an administrator can change the program; the partner cosigns it",
            )


def _embedded(address: Address) -> IPv4Address | None:
    # Different spellings of one IPv4 address must not get around the list.
    if not isinstance(address, IPv6Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    low = int(address) & 0xFFFF_FFFF
    return IPv4Address(low) if low > 1 and any(address in network for network in _CARRIES_IPV4) else None
