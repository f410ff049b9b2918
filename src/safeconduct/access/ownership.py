"""Authorizations of a scope's assets, with evidence: by challenge, by rules of engagement, or by word alone.

docs/spec/scope.md section 2. An authorization covers what its evidence shows and no more, for a time that is stated.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

from safeconduct.access.assets import Asset, Name, parse_asset
from safeconduct.access.targets import TargetSet, compile_targets
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.ids import EntryId, PrincipalId
from safeconduct.kernel.instants import DAY, Duration, Instant

VALID = Duration(30 * DAY)
"""How long a challenge that was met shows that whoever met it has the asset: names change hands by the month."""

AGAIN_BEFORE = Duration(7 * DAY)
"""How long before its end an authorization is verified again, and from then on once a day: time to mend a record."""

RULES_VALID_MAX = Duration(366 * DAY)
"""The longest that rules of engagement hold. Agreements are of a year; nobody recalls what older ones meant."""

RULES_PREFIX = b"safeconduct/rules-of-engagement/1\n"
"""What the owner's signature covers before the rules, so that it is none over anything else."""


class AuthorizationKind(StrEnum):
    """How an authorization is shown, the weakest first."""

    OWNER_STATEMENT = "owner-statement"  # the program's text says so, and both parties have cosigned it
    HTTP_FILE = "http-file"  # a file under the asset's own address
    DNS_TXT = "dns-txt"  # a record in the asset's own zone
    RULES = "rules-of-engagement"  # signed with the owner's key, which the scope names

    @property
    def strength(self) -> int:
        """Its place among the kinds."""
        return tuple(AuthorizationKind).index(self)


CHALLENGES = (AuthorizationKind.HTTP_FILE, AuthorizationKind.DNS_TXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is looked up in the world, and the text that must be found there."""

    kind: AuthorizationKind
    asset: str
    scheme: str  # of an http-file: `https` or `http`
    token: str
    text: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found: `problem` is a code, empty where the text was there. `what` and `where` are for people."""

    problem: str
    what: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A text that whoever has the asset puts where only they can. `id` is its entry's.

    `looked_at` is when it was last looked for, None before; `problem` and `seen` are as in `Seen`.
    """

    id: EntryId
    scope: str
    kind: AuthorizationKind
    asset: str
    scheme: str
    token: str
    text: str
    by: PrincipalId
    at: Instant
    looked_at: Instant | None = None
    problem: str = ""
    seen: str = ""

    @property
    def key(self) -> str:
        """Where it stands in the records: one for each scope, kind and asset."""
        return f"{self.scope}/{self.kind}/{self.asset}"

    @property
    def question(self) -> Question:
        """What is looked up to see whether it was met."""
        return Question(kind=self.kind, asset=self.asset, scheme=self.scheme, token=self.token, text=self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """That someone may work on assets, as an entry showed it. `evidence` is what was seen, or the rules' digest.

    `again_at` is when it is verified again, None for rules, which are signed anew. `by` is empty for the timer's work.
    """

    id: EntryId
    scope: str
    kind: AuthorizationKind
    key: str
    assets: tuple[str, ...]
    evidence: str
    where: str
    by: str
    verified_at: Instant
    expires_at: Instant
    again_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Rules of engagement as the owner signs them: which document, for which targets of which scope, until when."""

    origin: str
    scope: str
    document: str  # SHA-256 in hexadecimal
    targets: tuple[str, ...]
    until: str  # RFC 3339

    @property
    def message(self) -> bytes:
        """The bytes that the owner signs."""
        members = {
            "document": self.document,
            "origin": self.origin,
            "scope": self.scope,
            "targets": self.targets,
            "until": self.until,
        }
        return RULES_PREFIX + canonical(members)


@dataclass(frozen=True, slots=True)
class Proven:
    """What an authorization covers, compiled."""

    strength: int
    expires_at: Instant
    targets: TargetSet


def challenge_text(origin: str, scope: str, token: str) -> str:
    """Returns the text to put up. It says for whom, so that who is asked to put it up knows what they allow."""
    return f"safeconduct-challenge origin={origin} scope={scope} token={token}"


def can_show(kind: AuthorizationKind, asset: Asset) -> bool:
    """Tells whether a challenge of a kind can be put to an asset: a domain, or for a file also one address."""
    if isinstance(asset, Name):
        return not asset.text.startswith("*.")
    return (
        kind is AuthorizationKind.HTTP_FILE
        and isinstance(asset, IPv4Network | IPv6Network)
        and asset.prefixlen == asset.max_prefixlen
    )


def shown_by(kind: AuthorizationKind, asset: str) -> tuple[str, ...]:
    """Returns what a challenge that was met shows: a zone's record also what is beneath it, a file that host alone."""
    return (asset, f"*.{asset}") if kind is AuthorizationKind.DNS_TXT else (asset,)


def concerns(kind: AuthorizationKind, asset: str, listed: Iterable[str]) -> bool:
    """Tells whether a challenge would show anything of what a scope lists."""
    listed = tuple(listed)
    shown = compile_targets(shown_by(kind, asset))
    return compile_targets(listed).covers(asset) or any(shown.covers(str(parse_asset(one))) for one in listed)


def proven(authorizations: Iterable[Authorization]) -> Mapping[str, tuple[Proven, ...]]:
    """Returns authorizations compiled, by scope."""
    found: dict[str, tuple[Proven, ...]] = {}
    for one in authorizations:
        compiled = Proven(one.kind.strength, one.expires_at, compile_targets(one.assets))
        found[one.scope] = (*found.get(one.scope, ()), compiled)
    return found


def shows(proofs: Iterable[Proven], needed: AuthorizationKind, target: str, now: Instant) -> bool:
    """Tells whether a target is authorized by the weakest kind that is accepted, or a stronger one."""
    if needed is AuthorizationKind.OWNER_STATEMENT:
        return True
    return any(
        one.strength >= needed.strength and now < one.expires_at and one.targets.covers(target) for one in proofs
    )
