"""Who signed: acts of known people, fresh, used once, and only for what their roles allow."""

import re
from collections.abc import Mapping
from enum import StrEnum

from safeconduct.access import records as kept
from safeconduct.access.directory.model import DIRECTORY_LIFTS, directory_restriction
from safeconduct.access.humans import accounts_of
from safeconduct.access.model.changes import UsedAct
from safeconduct.access.model.parties import Principal, PrincipalKind, Role
from safeconduct.access.model.stops import Freeze, SelectorKind
from safeconduct.access.passkey_model import Passkey, unknown_passkey
from safeconduct.approvals.ports import Voter
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import RefusedError, UnauthenticatedError
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import MINUTE, Duration, Instant, parse_rfc3339, rfc3339
from safeconduct.kernel.ports import Records, State, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.keys import PublicKey
from safeconduct.ledger.passkeys import Assertion, PasskeyKey

ACT_AGE_MAX = Duration(5 * MINUTE)
"""How old an act may be: time to type a passphrase and to retry, and no more for whoever finds one lying about."""

ACT_AHEAD_MAX: Duration = MINUTE
"""How far ahead of ours the signer's clock may be."""

_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")


class Capability(StrEnum):
    """What an act can be for, beyond a person's own affairs."""

    APPLY_PROGRAM = "program.apply"
    END_AGREEMENT = "agreement.terminate"
    FREEZE = "freeze"
    UNFREEZE = "unfreeze"
    RESTRICT = "restrict"
    LIFT_RESTRICTION = "restriction.lift"
    APPROVE_MODEL = "model.approve"
    WITHDRAW_MODEL = "model.withdraw"
    ROTATE_LOG_KEY = "log.rotate-key"
    CLOSE_LOG = "log.close"
    ISSUE_TOKEN = "token.issue"  # noqa: S105 - an operation's name; for others of one's organization
    REVOKE_TOKEN = "token.revoke"  # noqa: S105 - an operation's name; for others
    INGEST = "telemetry.ingest"
    TRIAGE = "incident.triage"
    RAISE_AUTONOMY = "autonomy.raise"
    LOWER_AUTONOMY = "autonomy.lower"
    PROPOSE_RESPONSE = "response.propose"
    ROLL_BACK_RESPONSE = "response.roll-back"
    OPEN_FIELD = "field.open"
    PLACE_HOLD = "hold.place"
    RELEASE_HOLD = "hold.release"
    ORDER_DESTRUCTION = "destruction.order"
    CERTIFY_DESTRUCTION = "destruction.certify"
    RECONCILE_USAGE = "usage.reconcile"
    DECIDE_APPEAL = "appeal.decide"
    REVOKE_GRANT = "grant.revoke"
    REVIEW_BREAK_GLASS = "break-glass.review"
    ASSESS_SUBJECT = "vetting.assess"
    DECIDE_VETTING = "vetting.decide"
    PROVISION_SUBJECT = "vetting.provision"
    SUSPEND_SUBJECT = "vetting.suspend"
    VERIFY_SCOPE = "scope.verify"
    ACCEPT_EVIDENCE = "obligation.accept"
    RECERTIFY = "access.recertify"
    CONFIRM_PASSKEY = "passkey.confirm"
    REVOKE_PASSKEY = "passkey.revoke"
    TRY_NOTICE = "notice.try"
    REPORT_BREACH = "breach.report"
    RECHECK_DATA = "data.recheck"
    LAY_OUT_BAIT = "honeytoken.issue"
    DECIDE_CASE = "case.decide"


ROLES: Mapping[Capability, frozenset[Role]] = {
    Capability.APPLY_PROGRAM: frozenset({Role.ADMINISTRATOR}),
    Capability.END_AGREEMENT: frozenset({Role.ADMINISTRATOR}),
    # To stop is safe and must be quick; to start again is neither.
    Capability.FREEZE: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY, Role.RESPONDER}),
    Capability.UNFREEZE: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    Capability.RESTRICT: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY, Role.RESPONDER}),
    Capability.LIFT_RESTRICTION: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    # As with freezes: what widens access takes more than what narrows it.
    Capability.APPROVE_MODEL: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    Capability.WITHDRAW_MODEL: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY, Role.RESPONDER}),
    Capability.ROTATE_LOG_KEY: frozenset({Role.ADMINISTRATOR}),
    Capability.CLOSE_LOG: frozenset({Role.ADMINISTRATOR}),
    Capability.ISSUE_TOKEN: frozenset({Role.ADMINISTRATOR}),
    Capability.REVOKE_TOKEN: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    Capability.INGEST: frozenset({Role.ANALYST, Role.RESPONDER, Role.ADMINISTRATOR}),
    Capability.TRIAGE: frozenset({Role.ANALYST, Role.RESPONDER}),
    Capability.RAISE_AUTONOMY: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    Capability.LOWER_AUTONOMY: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY, Role.RESPONDER}),
    Capability.PROPOSE_RESPONSE: frozenset({Role.ANALYST, Role.RESPONDER}),
    Capability.ROLL_BACK_RESPONSE: frozenset({Role.RESPONDER, Role.ADMINISTRATOR}),
    Capability.OPEN_FIELD: frozenset(Role),
    Capability.REPORT_BREACH: frozenset(Role),
    Capability.RECHECK_DATA: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    # As with freezing: to keep what there is must be quick, to let it go again needs more thought.
    Capability.PLACE_HOLD: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY, Role.RESPONDER}),
    Capability.RELEASE_HOLD: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    Capability.ORDER_DESTRUCTION: frozenset({Role.ADMINISTRATOR}),
    Capability.CERTIFY_DESTRUCTION: frozenset({Role.ADMINISTRATOR, Role.READER}),
    Capability.VERIFY_SCOPE: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    Capability.TRY_NOTICE: frozenset({Role.ADMINISTRATOR}),
    Capability.LAY_OUT_BAIT: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    Capability.DECIDE_CASE: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    Capability.RECONCILE_USAGE: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY, Role.READER}),
    Capability.DECIDE_APPEAL: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    Capability.REVOKE_GRANT: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY, Role.RESPONDER}),
    Capability.REVIEW_BREAK_GLASS: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    Capability.ASSESS_SUBJECT: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    Capability.DECIDE_VETTING: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    Capability.PROVISION_SUBJECT: frozenset({Role.ADMINISTRATOR}),
    Capability.SUSPEND_SUBJECT: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY, Role.RESPONDER}),
    Capability.ACCEPT_EVIDENCE: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    Capability.RECERTIFY: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    Capability.CONFIRM_PASSKEY: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY}),
    Capability.REVOKE_PASSKEY: frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY, Role.RESPONDER}),
}
"""Which roles may do what, of either party. A person needs one of them."""


def authenticate_act(
    tx: Transaction, signed: SignedAct, *, operation: str, expected_content: str, capability: Capability
) -> Principal:
    """Returns the person who signed, if a role of theirs has the capability.

    The entry that the act causes must carry `signed.envelope()` and its projection call `record_act`: that is what
    makes the act single-use.

    Raises:
        UnauthenticatedError: see `authenticate`.
        RefusedError: `principal-frozen`, or `role-missing`.
    """
    return admit(tx, signed, operation=operation, content=expected_content, now=tx.now, capability=capability)


def admit(
    records: Records, signed: SignedAct, *, operation: str, content: str, now: Instant, capability: Capability
) -> Principal:
    """Returns the person who signed, if a role of theirs has the capability: for what is asked before a transaction.

    Raises:
        UnauthenticatedError: see `authenticate`.
        RefusedError: `principal-frozen`, or `role-missing`.
    """
    principal = authenticate(records, signed, operation=operation, content=content, now=now)
    if capability is not Capability.FREEZE:
        refuse_frozen(records, principal)
    require(principal, capability)
    return principal


def authenticate(records: Records, signed: SignedAct, *, operation: str, content: str, now: Instant) -> Principal:
    """Returns who signed exactly this operation on exactly this content.

    Raises:
        UnauthenticatedError: `signer-unknown`, `wrong-key`, `act-for-another-request`, `act-stale`, `act-used`; of a
            passkey `passkey-unknown`, `-unconfirmed`, `-revoked`, `-invalid` or `-cloned`.
        RefusedError: as `refuse_left`.
    """
    found = records.get(kept.PRINCIPALS, signed.act.actor)
    passkey = _passkey_of(records, signed)
    principal = check_signature(found, signed, operation=operation, content=content, now=now, passkey=passkey)
    if records.get(kept.USED_ACTS, _act_key(signed.act.actor, signed.act.nonce)) is not None:
        raise UnauthenticatedError("the act was used before", code="act-used", remedy="sign a new one")
    refuse_left(records, principal)
    return principal


def check_signature(
    principal: Principal | None,
    signed: SignedAct,
    *,
    operation: str,
    content: str,
    now: Instant,
    passkey: Passkey | None = None,
) -> Principal:
    """Returns the principal if there is one and its key, or this passkey of its own, signed exactly this, lately.

    Raises:
        UnauthenticatedError: as `authenticate`.
    """
    if principal is None or (principal.key is None and passkey is None):
        raise UnauthenticatedError(
            f"{signed.act.actor!r} is nobody with a key here",
            code="signer-unknown",
            remedy="act as a principal of the program in force that has a key",
        )
    signed.verify(_key_of(principal, signed, passkey))
    if (signed.act.operation, signed.act.content) != (operation, content):
        raise UnauthenticatedError(
            f"the act is for {signed.act.operation!r} on other content; this is {operation!r}",
            code="act-for-another-request",
        )
    if not _NONCE.fullmatch(signed.act.nonce):
        raise UnauthenticatedError("an act's nonce has 16 to 64 letters and digits", code="act-unreadable")
    _check_fresh(signed, now)
    return principal


def refuse_frozen(records: Records, principal: Principal) -> None:
    """Refuses a person who is frozen by name or by key: it may be in other hands.

    A freeze of an organization or of all stops calls only, or nobody could end it.

    Raises:
        RefusedError: `principal-frozen`.
    """
    freeze = frozen_by_name(records, principal)
    if freeze is not None:
        raise RefusedError(
            f"{principal.id} is frozen: {freeze.reason}", code="principal-frozen", clause=f"freeze:{freeze.id}"
        )


def frozen_by_name(records: Records, principal: Principal) -> Freeze | None:
    """Returns a freeze that names a person, or their key, and nothing else."""
    own = {f"{SelectorKind.PRINCIPAL}:{principal.id}", f"{SelectorKind.KEY}:{principal.key}"}
    return _freeze_of(records, own)


def frozen_with_organization(records: Records, principal: Principal, token: str = "") -> Freeze | None:
    """Returns a freeze that names a principal, its key, the token of this id or its organization, and nothing else.

    It stops what somebody has going on by themselves. A freeze of all or of an agreement stops calls alone.
    """
    own = {f"{SelectorKind.PRINCIPAL}:{principal.id}", f"{SelectorKind.ORGANIZATION}:{principal.organization}"}
    own |= {f"{SelectorKind.KEY}:{one}" for one in (principal.key, token) if one}
    return _freeze_of(records, own)


def refuse_left(records: Records, principal: Principal) -> None:
    """Refuses whom their organization's directory let go: who has left signs, reads and votes on nothing.

    Raises:
        RefusedError: `directory-suspended`.
    """
    found = records.get(kept.RESTRICTIONS, directory_restriction(principal.id))
    if found is not None:
        raise RefusedError(
            f"{principal.id} is suspended: {found.reason}",
            code="directory-suspended",
            clause=f"restriction:{found.id}",
            remedy=DIRECTORY_LIFTS,
        )


def require(principal: Principal, capability: Capability) -> None:
    """Returns if a role of the principal has the capability.

    Raises:
        RefusedError: `role-missing`.
    """
    allowed = ROLES[capability]
    if not allowed & set(principal.roles):
        raise RefusedError(
            f"{principal.id} needs one of the roles {', '.join(sorted(allowed))} for {capability}",
            code="role-missing",
            clause=f"principal:{principal.id}/roles",
        )


def record_act(state: State, entry: Entry) -> None:
    """Marks the entry's act as used. Every projection of an entry that carries an act calls it."""
    if entry.act is not None:
        key = _act_key(str(entry.act["actor"]), str(entry.act["nonce"]))
        state.insert(kept.USED_ACTS, key, UsedAct(entry=entry.id, at=entry.at))


def recused(records: Records, proposer: PrincipalId) -> tuple[PrincipalId, ...]:
    """Returns who may not vote on what a principal proposed, beside itself: a service's sponsor."""
    found = records.get(kept.PRINCIPALS, proposer)
    return (found.sponsor,) if found and found.sponsor else ()


class ProgramElectorate:
    """The `Electorate` of the program in force: its people, their keys and roles."""

    def authenticate(self, records: Records, signed: SignedAct, *, operation: str, content: str, now: Instant) -> Voter:
        """Returns who signed, as `approvals.ports.Electorate` promises."""
        principal = authenticate(records, signed, operation=operation, content=content, now=now)
        if principal.kind is not PrincipalKind.PERSON:
            raise RefusedError(f"{principal.id} is a service; only people vote", code="not-a-person")
        refuse_frozen(records, principal)
        roles = frozenset(role.value for role in principal.roles)
        accounts = accounts_of(records, principal.id)
        return Voter(principal=principal.id, organization=principal.organization, roles=roles, accounts=accounts)


def _freeze_of(records: Records, own: set[str]) -> Freeze | None:
    for _, freeze in records.scan(kept.FREEZES):
        if all(not term.barred and term.mark in own for term in freeze.selector.terms):
            return freeze
    return None


def _passkey_of(records: Records, signed: SignedAct) -> Passkey | None:
    if not isinstance(signed.signature, Assertion):
        return None
    return records.get(kept.PASSKEYS, signed.signature.credential)


def _key_of(principal: Principal, signed: SignedAct, passkey: Passkey | None) -> PublicKey | PasskeyKey:
    if isinstance(signed.signature, Assertion):
        if passkey is None:
            raise unknown_passkey()
        passkey.require_usable(principal.id)
        return passkey.key
    return PublicKey.parse(principal.key or "")


def _check_fresh(signed: SignedAct, now: Instant) -> None:
    at = parse_rfc3339(signed.act.at)
    if not now - ACT_AGE_MAX <= at <= now + ACT_AHEAD_MAX:
        raise UnauthenticatedError(
            f"the act was signed at {signed.act.at}; it is {rfc3339(now)} here",
            code="act-stale",
            remedy="sign it again; if that fails, compare the two clocks",
        )


def _act_key(actor: str, nonce: str) -> str:
    return f"{actor}/{nonce}"
