"""What was allowed, remembered by everything that it depends on: most calls repeat one that was decided before.

Time is no part of what a ruling is looked up by: each has the instants between which nothing it rests on begins or
ends. Refusals are decided anew each time, and so is what hours or a session narrow.
"""

from collections.abc import Hashable, Iterator, Mapping
from operator import is_

import msgspec

from safeconduct.access.authorization import TARGETS, content
from safeconduct.access.budgets import StatedBudget
from safeconduct.access.catalogue import SealedModel
from safeconduct.access.floor import refused_content
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.model.grants import Grant
from safeconduct.access.model.stops import Restriction
from safeconduct.access.standing import Standing
from safeconduct.access.target_rules import Place
from safeconduct.kernel.decisions import Decision
from safeconduct.kernel.ids import GrantId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.policy import EntityUid, Part, reached

RULINGS_KEPT_MAX = 8192
"""Rulings that are kept, at about 1 KB each: a hot set of 200 principals on 20 paths fits twice."""

TARGETS_KEPT_MAX = 8
"""Targets of a call whose ruling is kept, where policies tell them apart: more would take the memory."""


class Asked(msgspec.Struct, frozen=True):
    """What a call asks for, as `CallRequest` has it, but for when and for the session, which no kept ruling heeds.

    `seen` is what the policies can tell apart of what the request holds.
    """

    principal: PrincipalId
    path: PathId
    purpose: str
    model: str
    grant: GrantId | None
    token: str
    seen: tuple[Hashable, ...]


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """An allowed call: the decision, the grant that it falls under, and what follows from both on its standing.

    `approval` is the key of the one that its model needs, if any; `budgets` are those that it counts against.
    """

    decision: Decision
    grant: Grant
    model: SealedModel
    approval: str
    restrictions: tuple[Restriction, ...]
    budgets: tuple[StatedBudget, ...]


class _Kept(msgspec.Struct):
    """A ruling, and where it holds: on these very records and entities, from one instant until just before another."""

    ruling: Ruling
    rests: tuple[object, ...]
    part: Part
    since: Instant
    until: Instant
    standing: object  # of the last standing that it was found to hold on


class Rulings:
    """Keeps what was allowed. It can't be stale: a ruling is used only where everything it rests on is the same.

    Made and used on one thread, with one `decide`.
    """

    def __init__(self, kept_max: int = RULINGS_KEPT_MAX) -> None:
        self._kept: dict[Asked, _Kept] = {}
        self._kept_max = kept_max
        self._standing: Standing | None = None
        self._mark = object()  # of that standing, so that no ruling keeps an old one in memory

    def find(self, standing: Standing, asked: Asked, now: Instant) -> Ruling | None:
        """Returns what was ruled of such a call, if it would be ruled again on this standing at this instant."""
        kept = self._kept.get(asked)
        if kept is None or not kept.since <= now < kept.until:
            return None
        if standing is not self._standing:
            self._standing, self._mark = standing, object()
        if kept.standing is not self._mark:
            if not _holds(kept, asked, standing):
                return None
            kept.standing = self._mark
        return kept.ruling

    def keep(self, standing: Standing, asked: Asked, request: CallRequest, ruling: Ruling) -> None:
        """Keeps what was ruled of a call, unless hours or a session narrow it, or policies see its many targets."""
        if len(request.targets) > TARGETS_KEPT_MAX and standing.policies.views.tell_apart(TARGETS):
            return
        if _narrowed(standing, asked):
            return
        question = standing.asked(request)
        if question is None:
            return
        rests, part = _rests(standing, asked), reached(standing.policies, question, standing.entities)
        since, until = _between(request.now, _turns(standing, asked))
        self._kept[asked] = _Kept(ruling, rests, part, since, until, None)
        if len(self._kept) > self._kept_max:
            del self._kept[next(iter(self._kept))]  # the oldest

    def __len__(self) -> int:
        return len(self._kept)


def asked_of(standing: Standing, request: CallRequest, outside: Mapping[str, Place]) -> Asked | None:
    """Returns what a ruling is looked up by. None where the path refuses what the request holds: no ruling allows it.

    `outside` are the targets that are out of scope now. That, and what the floor says of it, is found for each call:
    in a ruling enters of targets and classes what the policies can tell apart, and no more.
    """
    path = standing.paths.get(request.path)
    if path is None or any(refused_content(path, request.data_classes, outside)):
        return None
    told = content(request.data_classes, request.targets, outside)
    seen = standing.policies.views.seen(told, standing.entities.attributes(EntityUid("Path", path.id)))
    return Asked(request.principal, path.id, request.purpose, request.model, request.grant, request.token, seen)


def ruled(standing: Standing, request: CallRequest, decision: Decision, grant: Grant | None) -> Ruling:
    """Returns the ruling of a call that was allowed."""
    if grant is None:
        raise RuntimeError("an allowed call falls under a grant")
    principal, path, compiled = (
        standing.principals[request.principal],
        standing.paths[request.path],
        standing.compiled[request.path],
    )
    model = compiled.model(request.model, standing.reach(principal, grant))
    if model is None:
        raise RuntimeError("an allowed call is for a model")
    return Ruling(
        decision=decision,
        grant=grant,
        model=model,
        approval=compiled.approval(model),
        restrictions=standing.restricted(principal, path, grant),
        budgets=standing.budgets_of(principal, path, grant),
    )


def _holds(kept: _Kept, asked: Asked, standing: Standing) -> bool:
    return all(map(is_, kept.rests, _rests(standing, asked))) and standing.entities.has(kept.part)


def _rests(standing: Standing, asked: Asked) -> tuple[object, ...]:
    """Returns everything of a standing that a ruling depends on, but for the entities that its policies look at.

    What is not there is None. All are compared as objects: an equal one that was made anew counts as another.
    """
    principal, path = standing.principals.get(asked.principal), standing.paths.get(asked.path)
    program = standing.program
    return (
        standing.policies,
        standing.freezes,
        standing.restrictions,
        standing.lowered,
        standing.approved,
        standing.admissions,
        standing.proven,
        principal,
        standing.compiled.get(asked.path),
        standing.grants.get((asked.principal, asked.path)),
        standing.organizations.get(principal.organization) if principal else None,
        standing.principals.get(principal.sponsor) if principal and principal.sponsor else None,
        standing.agreements.get(path.agreement) if path else None,
        standing.agreements.get(program.agreement) if program else None,
    )


def _narrowed(standing: Standing, asked: Asked) -> bool:
    held = standing.grants.get((asked.principal, asked.path), ())
    return any(one.conditions.hours is not None or one.conditions.session for one in held)


def _turns(standing: Standing, asked: Asked) -> Iterator[Instant]:
    """Yields every instant at which something that a ruling rests on begins to hold, or no longer holds."""
    principal, path = standing.principals[asked.principal], standing.paths[asked.path]
    for grant in standing.grants[asked.principal, asked.path]:
        yield from (grant.window.opens_at, grant.window.closes_at)
    agreement = standing.agreements[path.agreement]
    yield from (agreement.valid.opens_at, agreement.ends_at())
    yield from standing.admissions.ends(principal, standing.sponsor(principal))
    yield from (one.expires_at for one in standing.proven.get(path.scope, ()))


def _between(now: Instant, turns: Iterator[Instant]) -> tuple[Instant, Instant]:
    """Returns the last of the instants that has come by now, and the first that has not."""
    found = sorted(turns)
    since = max((one for one in found if one <= now), default=now)
    return since, min((one for one in found if one > now), default=now)
