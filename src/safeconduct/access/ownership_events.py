"""The entries of scopes' authorizations, and what they leave in the records."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from safeconduct.access.acts import record_act
from safeconduct.access.model.paths import Scope
from safeconduct.access.ownership import AGAIN_BEFORE, Authorization, AuthorizationKind, Challenge, shown_by
from safeconduct.access.records import AUTHORIZATIONS, SCOPE_CHALLENGES
from safeconduct.kernel.effects import Timer, clear_timer, finish_effect, order_effect, set_timer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EntryId, PrincipalId
from safeconduct.kernel.instants import DAY, Instant
from safeconduct.kernel.ports import Projection, State
from safeconduct.ledger.events import EventType

VERIFY_SCOPE = "scope.verify"
"""The effect that looks whether a challenge was met, and the timer that orders it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeChallenged:
    """A text was made that whoever has the asset puts up. The former one of this scope, kind and asset is void."""

    scope: str
    kind: AuthorizationKind
    asset: str
    scheme: str
    token: str
    text: str
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationOrdered:
    """It is looked whether a challenge was met. `by` is empty where the time has come to look again."""

    challenge: EntryId
    key: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeVerified:
    """The text of a challenge was found: `seen` as it stood there, `where` who said so. Counts until `expires_at`."""

    order: EntryId
    challenge: EntryId
    key: str
    seen: str
    where: str
    by: str
    expires_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeNotVerified:
    """The text of a challenge was not found. What was shown before counts until its end."""

    order: EntryId
    challenge: EntryId
    key: str
    problem: str
    seen: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesAccepted:
    """Rules of engagement were put on record: the owner's key signed their document's digest and these assets."""

    scope: str
    document: str
    targets: tuple[str, ...]
    until: Instant
    owner: str
    signature: str
    by: PrincipalId


CHALLENGED = EventType("access.scope.challenged/1", ScopeChallenged)
ORDERED = EventType("access.scope.verification-ordered/1", VerificationOrdered)
VERIFIED = EventType("access.scope.verified/1", ScopeVerified)
NOT_VERIFIED = EventType("access.scope.not-verified/1", ScopeNotVerified)
RULES_ACCEPTED = EventType("access.scope.rules-accepted/1", RulesAccepted)


def _challenged(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = CHALLENGED.read(entry)
    challenge = Challenge(
        id=entry.id,
        scope=event.scope,
        kind=event.kind,
        asset=event.asset,
        scheme=event.scheme,
        token=event.token,
        text=event.text,
        by=event.by,
        at=entry.at,
    )
    state.put(SCOPE_CHALLENGES, challenge.key, challenge)


def _ordered(state: State, entry: Entry) -> None:
    event = ORDERED.read(entry)
    if event.by:
        record_act(state, entry)
    found = state.get(AUTHORIZATIONS, event.key)
    if found is not None:
        _set_timer(state, found, None)
    challenge = state.get(SCOPE_CHALLENGES, event.key)
    if challenge is None:
        raise UnavailableError(f"entry {entry.id} orders a look at {event.key}, which is not there", code="log-damaged")
    order_effect(state, entry, VERIFY_SCOPE, {"ordered_by": event.by, **asdict(challenge)})


def _verified(state: State, entry: Entry) -> None:
    event = VERIFIED.read(entry)
    finish_effect(state, event.order, VERIFY_SCOPE)
    challenge = state.get(SCOPE_CHALLENGES, event.key)
    if challenge is None:
        raise UnavailableError(f"entry {entry.id} verifies {event.key}, which nobody challenged", code="log-damaged")
    _looked(state, entry, event, "")
    former = state.get(AUTHORIZATIONS, event.key)
    if former is not None:
        _set_timer(state, former, None)
    found = Authorization(
        id=entry.id,
        scope=challenge.scope,
        kind=challenge.kind,
        key=event.key,
        assets=shown_by(challenge.kind, challenge.asset),
        evidence=event.seen,
        where=event.where,
        by=event.by,
        verified_at=entry.at,
        expires_at=event.expires_at,
    )
    _set_timer(state, found, Instant(event.expires_at - AGAIN_BEFORE))


def _not_verified(state: State, entry: Entry) -> None:
    event = NOT_VERIFIED.read(entry)
    finish_effect(state, event.order, VERIFY_SCOPE)
    _looked(state, entry, event, event.problem)
    found = state.get(AUTHORIZATIONS, event.key)
    if found is not None:
        again = Instant(max(entry.at + DAY, found.expires_at - AGAIN_BEFORE))
        _set_timer(state, found, again if again < found.expires_at else None)


def _looked(state: State, entry: Entry, event: ScopeVerified | ScopeNotVerified, problem: str) -> None:
    found = state.get(SCOPE_CHALLENGES, event.key)
    if found is not None and found.id == event.challenge:
        state.put(SCOPE_CHALLENGES, event.key, replace(found, looked_at=entry.at, problem=problem, seen=event.seen))


def _rules_accepted(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = RULES_ACCEPTED.read(entry)
    key = f"{event.scope}/{AuthorizationKind.RULES}/{event.document}"
    found = Authorization(
        id=entry.id,
        scope=event.scope,
        kind=AuthorizationKind.RULES,
        key=key,
        assets=event.targets,
        evidence=event.document,
        where=event.owner,
        by=event.by,
        verified_at=entry.at,
        expires_at=event.until,
    )
    state.put(AUTHORIZATIONS, key, found)


def _set_timer(state: State, found: Authorization, at: Instant | None) -> None:
    """Writes an authorization with the one timer that it has, or none."""
    if found.again_at is not None:
        clear_timer(state, Timer(kind=VERIFY_SCOPE, key=found.key, due_at=found.again_at))
    if at is not None:
        set_timer(state, Timer(kind=VERIFY_SCOPE, key=found.key, due_at=at))
    state.put(AUTHORIZATIONS, found.key, replace(found, again_at=at))


def forget_scope(state: State, scope: str) -> None:
    """Removes what was shown of a scope that is gone: one of the same name is another."""
    for found in [found for _, found in state.scan(AUTHORIZATIONS, f"{scope}/")]:
        _forget(state, found)
    for key in [key for key, _ in state.scan(SCOPE_CHALLENGES, f"{scope}/")]:
        state.delete(SCOPE_CHALLENGES, key)


def forget_rules(state: State, scope: Scope) -> None:
    """Removes the rules of a scope that another key signed than its owner's of now."""
    for found in [found for _, found in state.scan(AUTHORIZATIONS, f"{scope.id}/{AuthorizationKind.RULES}/")]:
        if found.where != scope.owner:
            _forget(state, found)


def _forget(state: State, found: Authorization) -> None:
    _set_timer(state, found, None)
    state.delete(AUTHORIZATIONS, found.key)


PROJECTIONS: Mapping[str, Projection] = {
    CHALLENGED.name: _challenged,
    ORDERED.name: _ordered,
    VERIFIED.name: _verified,
    NOT_VERIFIED.name: _not_verified,
    RULES_ACCEPTED.name: _rules_accepted,
}
