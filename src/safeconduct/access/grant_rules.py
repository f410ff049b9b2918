"""What a grant by request must meet, whoever approves it: asked when it is requested, and again before it is issued."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from safeconduct.access import records as kept
from safeconduct.access.grant_model import GrantDraft, GrantsPolicy
from safeconduct.access.model.grants import GrantOrigin
from safeconduct.access.model.parties import Principal, PrincipalKind, Role
from safeconduct.access.model.paths import SealedPath
from safeconduct.approvals import Group
from safeconduct.approvals.model import seated
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError, RefusedError
from safeconduct.kernel.ids import PathId, PrincipalId
from safeconduct.kernel.instants import DAY, HOUR, Duration, Instant, rfc3339
from safeconduct.kernel.ports import Records

if TYPE_CHECKING:
    from safeconduct.access.model.rules import ApprovalRule

START_AHEAD_MAX = Duration(30 * DAY)
"""How far ahead a grant may begin: a month. Who approves it must be able to say what will be so by then."""

SUBJECT = "grant"
"""The key of the program's approvals for grants; `grant-tier-N` is for those of a tier, where it stands."""


def policy(records: Records) -> GrantsPolicy:
    """Returns how far the program lets grants by request go: not at all where it says nothing."""
    return records.get(kept.GRANTS_POLICY, kept.GRANTS_POLICY_KEY) or GrantsPolicy()


def check_asker(signer: Principal, principal: Principal) -> None:
    """Returns if a signer may ask for a principal: for itself, as its sponsor, or as its administrator.

    Raises:
        RefusedError: `not-yours-to-request`.
    """
    administers = Role.ADMINISTRATOR in signer.roles and signer.organization == principal.organization
    if signer.id not in (principal.id, principal.sponsor) and not administers:
        raise RefusedError(
            f"{signer.id} is neither {principal.id}, nor its sponsor, nor an administrator of {principal.organization}",
            code="not-yours-to-request",
            clause=f"principal:{principal.id}",
            remedy=f"ask {principal.id}, its sponsor or an administrator of {principal.organization} to request it",
        )


def principal_of(records: Records, name: PrincipalId) -> Principal:
    """Returns a principal of the program in force.

    Raises:
        AbsentError: `principal-unknown`.
    """
    found = records.get(kept.PRINCIPALS, name)
    if found is None:
        raise AbsentError(f"no principal {name[:64]!r} is in the program", code="principal-unknown")
    return found


def path_of(records: Records, name: PathId) -> SealedPath:
    """Returns a path of the program in force.

    Raises:
        AbsentError: `path-unknown`.
    """
    found = records.get(kept.PATHS, name)
    if found is None:
        raise AbsentError(f"no path {name[:64]!r} is in force", code="path-unknown")
    return found


def check_draft(records: Records, draft: GrantDraft, now: Instant) -> None:
    """Returns if exactly this may be granted now, as far as records can tell.

    Raises:
        AbsentError: `principal-unknown`, `path-unknown`.
        RefusedError: `purpose-mismatch`, `scope-mismatch`, `tier-over-path`, `tier-over-ceiling`,
            `tier-not-grantable`, `lifetime-over-limit`.
        ConflictError: `draft-stale`: what it was drafted on has changed since.
        InvalidInputError: `window-past`, `window-far`, `budget-empty`.
    """
    principal, path = principal_of(records, draft.principal), path_of(records, draft.path)
    _check_path(draft, path)
    _check_tier(records, draft, principal, path)
    _check_window(draft, now)
    if draft.origin is GrantOrigin.REQUEST:
        _check_lifetime(policy(records), draft)
    if draft.budget is not None and draft.budget.tokens is None and draft.budget.micro_usd is None:
        raise InvalidInputError("a budget of nothing: expected tokens, micro_usd or both", code="budget-empty")


def _check_path(draft: GrantDraft, path: SealedPath) -> None:
    if draft.path_digest != path.digest:
        raise _stale(f"path {path.id} has another version since: {path.version}")
    for field, asked, own in (("purpose", draft.purpose, path.purpose), ("scope", draft.scope, path.scope)):
        if asked != own:
            raise RefusedError(
                f"path {path.id} has {field} {own!r}, so a grant for {asked!r} could never be used",
                code=f"{field}-mismatch",
                clause=f"path:{path.id}/{field}",
            )


def _check_tier(records: Records, draft: GrantDraft, principal: Principal, path: SealedPath) -> None:
    if draft.tier > path.tier:
        raise RefusedError(
            f"path {path.id} has models up to tier {path.tier}, so tier {draft.tier} could never be used",
            code="tier-over-path",
            clause=f"path:{path.id}/tier",
        )
    organization = records.get(kept.ORGANIZATIONS, principal.organization)
    ceiling = organization.tier if organization else 0
    if draft.tier > ceiling:
        raise RefusedError(
            f"{principal.organization} was approved for tier {ceiling}, the request is for tier {draft.tier}",
            code="tier-over-ceiling",
            clause=f"organization:{principal.organization}/tier",
        )
    if draft.elevated != (draft.tier > principal.tier):
        raise _stale(f"{principal.id} has tier {principal.tier} since")


def _check_window(draft: GrantDraft, now: Instant) -> None:
    window = draft.window
    if window.closes_at <= max(now, window.opens_at):
        raise InvalidInputError(
            f"expected a window that ends after it begins and after {rfc3339(now)}, got {window}", code="window-past"
        )
    if window.opens_at > now + START_AHEAD_MAX:
        raise InvalidInputError(
            f"a grant begins within {START_AHEAD_MAX // HOUR} h, not at {rfc3339(window.opens_at)}", code="window-far"
        )


def _check_lifetime(stated: GrantsPolicy, draft: GrantDraft) -> None:
    clause = f"grants_policy.lifetimes.{draft.tier}"
    hours = stated.lifetimes.get(str(draft.tier))
    if hours is None:
        raise RefusedError(
            f"the program says of no lifetime for grants of tier {draft.tier}, so there are none by request",
            code="tier-not-grantable",
            clause=clause,
            remedy=f"an administrator applies a program with {clause}",
        )
    length = draft.window.closes_at - draft.window.opens_at
    if length > hours * HOUR:
        raise RefusedError(
            f"a grant of tier {draft.tier} lasts {hours} h at most, this one {length / HOUR:g} h",
            code="lifetime-over-limit",
            clause=clause,
            remedy=f"ask for {hours} h or less; it can be re-issued by another request",
        )


def _stale(why: str) -> ConflictError:
    return ConflictError(
        f"this is not what can be granted now: {why}",
        code="draft-stale",
        remedy="request it again and have that approved",
    )


def groups_for(records: Records, tier: int) -> tuple[str, tuple[Group, ...]]:
    """Returns the key of the rule that approves grants of a tier, and its groups: none where the program has none."""
    subjects = (f"{SUBJECT}-tier-{tier}", SUBJECT)
    rules: Iterator[ApprovalRule | None] = (records.get(kept.APPROVAL_RULES, subject) for subject in subjects)
    rule = next((one for one in rules if one is not None), None)
    return (rule.subject, rule.groups) if rule else (SUBJECT, ())


def check_electable(records: Records, subject: str, groups: Iterable[Group], without: Iterable[PrincipalId]) -> None:
    """Returns if the groups can be filled without those who may not vote: who waits for nobody should know it now.

    Raises:
        RefusedError: `approval-lockout`.
    """
    wanted, barred = tuple(groups), set(without)
    people = [one for _, one in records.scan(kept.PRINCIPALS) if one.kind is PrincipalKind.PERSON]
    if wanted and not seated(seats_of((one for one in people if one.id not in barred), wanted), wanted):
        raise RefusedError(
            f"approvals.{subject} can't be met without {', '.join(sorted(barred))}, who may not vote on it",
            code="approval-lockout",
            clause=f"approvals.{subject}",
            remedy="another person requests it, or an administrator applies a program with more people in these groups",
        )


def seats_of(people: Iterable[Principal], groups: tuple[Group, ...]) -> list[tuple[int, ...]]:
    """Returns for each person the groups in which they could sit."""
    return [
        tuple(
            index
            for index, group in enumerate(groups)
            if group.organization == one.organization and group.role in one.roles
        )
        for one in people
    ]
