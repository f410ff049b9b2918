"""Challenging and verifying who may work on what a scope lists."""

import base64
import binascii
from collections.abc import Iterator

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.assets import parse_asset
from safeconduct.access.due import Due, principal_owner
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.paths import Scope
from safeconduct.access.ownership import (
    CHALLENGES,
    RULES_VALID_MAX,
    VALID,
    Authorization,
    AuthorizationKind,
    Challenge,
    Rules,
    Seen,
    can_show,
    challenge_text,
    concerns,
)
from safeconduct.access.ownership_events import (
    CHALLENGED,
    NOT_VERIFIED,
    ORDERED,
    RULES_ACCEPTED,
    VERIFIED,
    VERIFY_SCOPE,
    RulesAccepted,
    ScopeChallenged,
    ScopeNotVerified,
    ScopeVerified,
    VerificationOrdered,
)
from safeconduct.access.targets import compile_targets
from safeconduct.kernel.effects import OUTBOX, Timer
from safeconduct.kernel.errors import AbsentError, InvalidInputError, RefusedError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import Instant, parse_rfc3339
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.keys import PublicKey

SEEN_SHOWN_MAX = 512
"""Characters kept of what was seen: the text of a challenge takes some 300, and others' bytes are not ours to keep."""

SCHEMES = ("https", "http")


def challenge(
    tx: Transaction,
    signed: SignedAct,
    *,
    operation: str,
    content: str,
    scope: str,
    kind: AuthorizationKind,
    asset: str,
    scheme: str,
    token: str,
) -> Challenge:
    """Makes the text that whoever has an asset puts up. `token` is 16 unpredictable bytes or more, as text.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        AbsentError: `scope-unknown`.
        InvalidInputError: `challenge-invalid`: the kind can't show the asset, or nothing that the scope lists.
    """
    signer = _signer(tx, signed, operation, content)
    found = find_scope(tx, scope)
    parsed, name = parse_asset(asset), spelled(asset)
    if kind not in CHALLENGES or scheme not in SCHEMES or not can_show(kind, parsed):
        text = f"{kind} can't be put to {asset!r}: dns-txt takes a domain, http-file a domain or an address"
        raise InvalidInputError(text, code="challenge-invalid")
    if not concerns(kind, name, found.targets):
        text = f"{name} shows nothing of what scope {scope} lists"
        raise InvalidInputError(text, code="challenge-invalid", remedy=f"safeconduct scope show {scope}")
    origin = kept.require_agreement(tx).origin
    event = ScopeChallenged(
        scope=scope,
        kind=kind,
        asset=name,
        scheme=scheme,
        token=token,
        text=challenge_text(origin, scope, token),
        by=signer.id,
    )
    tx.append(origin, CHALLENGED.draft(event, act=signed.envelope()))
    return find_challenge(tx, scope, kind, name)


def order_verification(
    tx: Transaction,
    signed: SignedAct,
    *,
    operation: str,
    content: str,
    scope: str,
    kind: AuthorizationKind,
    asset: str,
) -> EntryId:
    """Orders that it is looked whether a challenge was met; returns the order, whose effect ends in an entry.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        AbsentError: `challenge-unknown`.
    """
    signer = _signer(tx, signed, operation, content)
    found = find_challenge(tx, scope, kind, asset)
    event = VerificationOrdered(challenge=found.id, key=found.key, by=signer.id)
    return tx.append(kept.require_agreement(tx).origin, ORDERED.draft(event, act=signed.envelope())).id


def verify_again(tx: Transaction, timer: Timer) -> EntryId:
    """Orders that it is looked once more, because the time has come."""
    found = tx.get(kept.SCOPE_CHALLENGES, timer.key)
    if found is None:
        raise AbsentError(f"a timer names challenge {timer.key}, which is not there", code="challenge-unknown")
    event = VerificationOrdered(challenge=found.id, key=found.key, by="")
    return tx.append(kept.require_agreement(tx).origin, ORDERED.draft(event)).id


def record_seen(tx: Transaction, order: EntryId, looked_for: Challenge, by: str, seen: Seen) -> None:
    """Ends an order with what was seen. Of several looks for one order the first counts.

    A challenge that was made anew meanwhile was not looked for, and so was not met.
    """
    if tx.get(OUTBOX, f"{order}/{VERIFY_SCOPE}") is None:
        return
    origin, key, what = kept.require_agreement(tx).origin, looked_for.key, seen.what[:SEEN_SHOWN_MAX]
    current = tx.get(kept.SCOPE_CHALLENGES, key)
    problem = seen.problem or ("" if current and current.id == looked_for.id else "challenge-replaced")
    if problem:
        missed = ScopeNotVerified(
            order=order, challenge=looked_for.id, key=key, problem=problem, seen=what, where=seen.where
        )
        tx.append(origin, NOT_VERIFIED.draft(missed))
        return
    event = ScopeVerified(
        order=order,
        challenge=looked_for.id,
        key=key,
        seen=what,
        where=seen.where,
        by=by,
        expires_at=Instant(tx.now + VALID),
    )
    tx.append(origin, VERIFIED.draft(event))


def accept_rules(
    tx: Transaction, signed: SignedAct, *, operation: str, content: str, rules: Rules, signature: str
) -> Authorization:
    """Puts rules of engagement on record, which the key that the scope names as its owner's has signed.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `rules-unsigned`: the owner's key did not sign these.
        AbsentError: `scope-unknown`.
        InvalidInputError: `rules-invalid`: another log's, of no owner, ended, for too long or beyond the scope.
    """
    signer = _signer(tx, signed, operation, content)
    scope, origin = find_scope(tx, rules.scope), kept.require_agreement(tx).origin
    until = parse_rfc3339(rules.until)
    problem = _problem(rules, scope, origin, tx.now, until)
    if problem:
        raise InvalidInputError(problem, code="rules-invalid")
    if not PublicKey.parse(scope.owner or "").verifies(_decoded(signature), rules.message):
        text = f"the owner's key of scope {scope.id} has not signed these rules"
        raise RefusedError(text, code="rules-unsigned", clause=f"scope:{scope.id}/owner")
    event = RulesAccepted(
        scope=scope.id,
        document=rules.document,
        targets=rules.targets,
        until=until,
        owner=scope.owner or "",
        signature=signature,
        by=signer.id,
    )
    entry = tx.append(origin, RULES_ACCEPTED.draft(event, act=signed.envelope()))
    return next(one for one in authorizations(tx, scope.id) if one.id == entry.id)


def _problem(rules: Rules, scope: Scope, origin: str, now: Instant, until: Instant) -> str:
    covered = compile_targets(scope.targets)
    beyond = [one for one in rules.targets if not covered.covers(one)]
    if scope.owner is None:
        return f"scope {scope.id} names no owner's key: the program says it as scopes.{scope.id}.owner"
    if rules.origin != origin:
        return f"they are for {rules.origin}, this is {origin}"
    if not now < until <= now + RULES_VALID_MAX:
        return f"expected an end from now on and within 366 days, got {rules.until}"
    if not rules.targets or beyond:
        return f"expected targets that scope {scope.id} lists, got {', '.join(beyond) or 'none'}"
    if len(rules.document) != 64 or not all(one in "0123456789abcdef" for one in rules.document):  # noqa: PLR2004
        return "expected the document's SHA-256 as 64 hexadecimal digits"
    return ""


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature, validate=True)
    except binascii.Error as error:
        raise InvalidInputError("expected a signature as base64", code="rules-invalid") from error


def _signer(tx: Transaction, signed: SignedAct, operation: str, content: str) -> Principal:
    return authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.VERIFY_SCOPE
    )


def find_scope(records: Records, scope: str) -> Scope:
    """Returns a scope of the program in force.

    Raises:
        AbsentError: `scope-unknown`.
    """
    found = records.get(kept.SCOPES, scope)
    if found is None:
        raise unknown_scope(scope)
    return found


def unknown_scope(scope: str) -> AbsentError:
    """Returns the one answer about a scope that is not there, and about one that is not the reader's."""
    return AbsentError(f"the program has no scope {scope[:64]!r}", code="scope-unknown")


def find_challenge(records: Records, scope: str, kind: AuthorizationKind, asset: str) -> Challenge:
    """Returns the challenge of a kind that stands for an asset of a scope.

    Raises:
        AbsentError: `challenge-unknown`.
    """
    found = records.get(kept.SCOPE_CHALLENGES, f"{scope}/{kind}/{spelled(asset)}")
    if found is None:
        text = f"nobody has challenged {asset[:64]!r} by {kind} for scope {scope[:64]}"
        remedy = f"safeconduct scope challenge {scope[:64]} {asset[:64]} --kind {kind}"
        raise AbsentError(text, code="challenge-unknown", remedy=remedy)
    return found


def spelled(asset: str) -> str:
    """Returns an asset in its one spelling, a single address without its prefix.

    Raises:
        InvalidInputError: it is none.
    """
    return str(parse_asset(asset)).removesuffix("/32").removesuffix("/128")


def authorizations(records: Records, scope: str) -> list[Authorization]:
    """Returns what was shown of a scope, ended ones too."""
    return [one for _, one in records.scan(kept.AUTHORIZATIONS, f"{scope}/")]


def challenges(records: Records, scope: str) -> list[Challenge]:
    """Returns the challenges that stand for a scope."""
    return [one for _, one in records.scan(kept.SCOPE_CHALLENGES, f"{scope}/")]


def due(records: Records, now: Instant) -> Iterator[Due]:
    """Yields the ends of the authorizations that hold: of challenges unless they are met again, of rules for good."""
    for _, one in records.scan(kept.AUTHORIZATIONS):
        challenge = records.get(kept.SCOPE_CHALLENGES, one.key)
        if now < one.expires_at:
            consequence = "its targets are outside the scope where a path demands what it shows"
            yield Due(
                kind="scope-authorization",
                name=one.key,
                at=one.expires_at,
                owner=principal_owner(one.by or (challenge.by if challenge else "")),
                since=one.verified_at,
                consequence=consequence,
                look=f"safeconduct scope show {one.scope}",
            )
