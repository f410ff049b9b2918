"""The entries of access, and how each changes the records."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec

from safeconduct.access import records as kept
from safeconduct.access.activation_events import PROJECTIONS as ACTIVATION
from safeconduct.access.acts import record_act
from safeconduct.access.agreement_versions import take_version
from safeconduct.access.appeal_events import PROJECTIONS as APPEALS
from safeconduct.access.approval_events import PROJECTIONS as APPROVED_MODELS
from safeconduct.access.changes import AGREEMENT, OBLIGATION, RECERTIFICATION, enforce
from safeconduct.access.credential_events import PROJECTIONS as CREDENTIALS
from safeconduct.access.destruction_events import PROJECTIONS as DESTRUCTION
from safeconduct.access.destruction_events import begin_destruction
from safeconduct.access.directory.projections import PROJECTIONS as DIRECTORIES
from safeconduct.access.directory.suspending import settle_all
from safeconduct.access.freeze_events import PROJECTIONS as FREEZES
from safeconduct.access.freeze_events import end_freeze
from safeconduct.access.grant_events import PROJECTIONS as GRANTS
from safeconduct.access.grant_events import elevate
from safeconduct.access.holds_events import PROJECTIONS as HOLDS
from safeconduct.access.holds_events import end_hold
from safeconduct.access.honeytoken_events import PROJECTIONS as HONEYTOKENS
from safeconduct.access.log_events import PROJECTIONS as LOGS
from safeconduct.access.model.agreements import Agreement, Witness
from safeconduct.access.model.changes import Change, Part, Pending, RequestKind, UsedAct
from safeconduct.access.model.programs import ProgramRecord
from safeconduct.access.model.tokens import Token
from safeconduct.access.noting import noted
from safeconduct.access.obligations import follow_obligation
from safeconduct.access.opening_events import PROJECTIONS as OPENING
from safeconduct.access.ownership_events import PROJECTIONS as OWNERSHIP
from safeconduct.access.passkey_events import PROJECTIONS as PASSKEYS
from safeconduct.access.recertifications import follow_recertification
from safeconduct.access.restriction_events import PROJECTIONS as RESTRICTIONS
from safeconduct.access.retention_events import PROJECTIONS as RETENTION
from safeconduct.access.retention_events import begin_retention
from safeconduct.access.upstream_key_events import PROJECTIONS as UPSTREAM_KEYS
from safeconduct.access.waiting import forget, wait
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import AgreementId, EntryId, Origin, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Projection, State
from safeconduct.ledger.events import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramPart:
    """Some changes of the program request that follows in the same transaction and names this entry."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRequested:
    """A person asks for a program to come into force. Its changes stand in the entries named by `parts`.

    `changes_digest` covers them all in that order. `witness` must cosign a checkpoint that covers this entry.
    """

    program: str
    origin: Origin
    agreement: AgreementId
    agreement_origin: Origin
    by: PrincipalId
    parts: tuple[EntryId, ...]
    changes_digest: str
    witness: Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforced:
    """What was requested is in force: `checkpoint` covers the request and carries the witness's cosignature."""

    request: EntryId
    kind: RequestKind
    checkpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """How the holder of a token signed in: where, in which authentication contexts, and what that counts for.

    `nonce` is the SHA-256 of the ID token's, which is used once.
    """

    provider: str
    contexts: tuple[str, ...]
    tier: int
    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssued:
    """An API token exists. Only the hash of its secret is anywhere. `signed_in` says so where no key signed for it."""

    id: str
    hash: str
    principal: PrincipalId
    by: PrincipalId
    expires_at: Instant
    signed_in: SignedIn | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked:
    """An API token is worth nothing from here on."""

    id: str
    by: PrincipalId


PROGRAM_PART = EventType("access.program.part/1", ProgramPart)
PROGRAM_REQUESTED = EventType("access.program.requested/1", ProgramRequested)
ENFORCED = EventType("access.request.enforced/1", Enforced)
TOKEN_ISSUED = EventType("access.token.issued/1", TokenIssued)
TOKEN_REVOKED = EventType("access.token.revoked/1", TokenRevoked)


def _program_part(state: State, entry: Entry) -> None:
    state.insert(kept.PARTS, entry.id, Part(changes=PROGRAM_PART.read(entry).changes))


def _program_requested(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = PROGRAM_REQUESTED.read(entry)
    changes = tuple(change for part in event.parts for change in _take_part(state, part))
    program = ProgramRecord(digest=event.program, origin=event.origin, agreement=event.agreement, request=entry.id)
    _supersede(state)
    wait(
        state,
        entry,
        Pending(
            request=entry.id,
            kind=RequestKind.PROGRAM,
            origin=entry.origin,
            witness=event.witness,
            by=event.by,
            at=entry.at,
            agreement_origin=event.agreement_origin,
            program=program,
            changes=changes,
        ),
    )


def _take_part(state: State, entry_id: EntryId) -> tuple[Change, ...]:
    part = state.get(kept.PARTS, entry_id)
    if part is None:
        raise UnavailableError(f"a request names part {entry_id}, which is not there", code="log-damaged")
    state.delete(kept.PARTS, entry_id)
    return part.changes


def _enforced(state: State, entry: Entry) -> None:
    event = ENFORCED.read(entry)
    pending = state.get(kept.PENDING, event.request)
    if pending is None:
        raise UnavailableError(
            f"entry {entry.id} enforces {event.request}, which does not wait for anything", code="log-damaged"
        )
    if pending.program is not None:
        _program_enforced(state, entry, pending.program, pending.changes)
    if pending.freeze is not None:
        end_freeze(state, pending.freeze)
    if pending.hold is not None:
        end_hold(state, pending.hold)
    if pending.use is not None:
        state.put(kept.MODEL_APPROVALS, pending.use.key, pending.use)
    if pending.grant is not None:
        elevate(state, pending.grant, entry.id)
    if pending.kind is RequestKind.DESTRUCTION:
        begin_destruction(state, entry, pending.request)
    begin_retention(state, entry.at)
    forget(state, pending.request)


def _program_enforced(state: State, entry: Entry, program: ProgramRecord, changes: tuple[Change, ...]) -> None:
    present = kept.program_in_force(state)
    version = present.agreement_version if present else 0
    state.put(kept.PROGRAMS, kept.PROGRAM_KEY, replace(program, agreement_version=version))
    for change in changes:
        if change.noun == AGREEMENT and change.after is not None:
            take_version(state, entry, program, msgspec.convert(change.after, Agreement))
        else:
            enforce(state, change)
        if change.noun == OBLIGATION:
            follow_obligation(state, entry.at, change.name)
        if change.noun == RECERTIFICATION:
            follow_recertification(state, entry.at, change.name)
    settle_all(state)


def _token_issued(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = TOKEN_ISSUED.read(entry)
    signed_in = event.signed_in
    token = Token(
        id=event.id,
        hash=event.hash,
        principal=event.principal,
        issued_at=entry.at,
        expires_at=event.expires_at,
        provider=signed_in.provider if signed_in else "",
        tier=signed_in.tier if signed_in else None,
    )
    state.insert(kept.TOKENS, event.id, token)
    if signed_in:
        state.insert(kept.SIGN_INS, f"{signed_in.provider}/{signed_in.nonce}", UsedAct(entry=entry.id, at=entry.at))


def _token_revoked(state: State, entry: Entry) -> None:
    record_act(state, entry)
    state.delete(kept.TOKENS, TOKEN_REVOKED.read(entry).id)


def _supersede(state: State) -> None:
    """A newer program request takes the place of one that still waits: two could not both be what was meant."""
    for request, pending in list(state.scan(kept.PENDING)):
        if pending.kind is RequestKind.PROGRAM:
            forget(state, EntryId(request))


PROJECTIONS: Mapping[str, Projection] = noted(
    {
        **APPEALS,
        **APPROVED_MODELS,
        **CREDENTIALS,
        **DESTRUCTION,
        **DIRECTORIES,
        **FREEZES,
        **GRANTS,
        **HOLDS,
        **HONEYTOKENS,
        **OPENING,
        **OWNERSHIP,
        **ACTIVATION,
        **PASSKEYS,
        **RESTRICTIONS,
        **RETENTION,
        **LOGS,
        **UPSTREAM_KEYS,
        PROGRAM_PART.name: _program_part,
        PROGRAM_REQUESTED.name: _program_requested,
        ENFORCED.name: _enforced,
        TOKEN_ISSUED.name: _token_issued,
        TOKEN_REVOKED.name: _token_revoked,
    }
)
