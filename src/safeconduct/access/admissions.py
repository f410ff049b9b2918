"""Who is admitted to make calls, as vetting left it, and what of it stands against a call.

Facts that only the entries of vetting write (program/vetting/events.py). The floor asks them on each call: nothing here
reads a record. docs/spec/vetting.md section 5.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from safeconduct.access.model.parties import Principal
from safeconduct.access.model.paths import SealedPath
from safeconduct.access.model.stops import Selector
from safeconduct.kernel.decisions import Reason
from safeconduct.kernel.ids import EntryId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.kernel.maps import PersistentMap

PROBE = "probe"
"""The purpose of a call that proves a path. No path and no grant has it; vetting alone admits it."""


class AdmissionState(StrEnum):
    """How far a subject is. Only the first two admit anything."""

    PROVISIONED = "provisioned"  # its probes pass, and nothing else
    READY = "ready"  # its calls pass on paths that it has proven; an organization's people may call
    APPLIED = "applied"
    DENIED = "denied"
    APPROVED = "approved"
    SUSPENDED = "suspended"
    EXPIRED = "expired"


ADMITTED = frozenset({AdmissionState.PROVISIONED, AdmissionState.READY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What vetting says of an organization or a principal: up to which tier, until just before when, by which case.

    `reason` is the code of a denial or a suspension. `until` is 0 where nothing was approved yet.
    """

    subject: Selector
    state: AdmissionState
    tier: int
    until: Instant
    case: EntryId
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathProof:
    """That a principal's own probe went through one version of a path. `call` is the probe in the log."""

    principal: PrincipalId
    path: PathId
    digest: str
    call: EntryId
    at: Instant

    @property
    def key(self) -> str:
        """Where it stands in the records: one for each principal and path."""
        return proof_key(self.principal, self.path)


def proof_key(principal: PrincipalId, path: PathId) -> str:
    """Returns where the proof of a path by a principal stands."""
    return f"{principal}/{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedCall:
    """What the log says of a call that was made as a probe. `answered` tells whether an answer came back whole."""

    call: EntryId
    principal: PrincipalId
    path: PathId
    path_digest: str
    purpose: str
    answered: bool
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Admissions:
    """All of it, compiled. Where `required` is false no section `vetting` is in force, and nothing stands against."""

    required: bool = False
    facts: PersistentMap[str, Admission] = field(default_factory=PersistentMap)  # by the subject's text
    proofs: PersistentMap[str, PathProof] = field(default_factory=PersistentMap)  # by their key

    def against(
        self, principal: Principal, sponsor: Principal | None, path: SealedPath, now: Instant, *, tier: int, probe: bool
    ) -> tuple[Reason, ...]:
        """Returns what of it stands against a call that needs a tier. A probe needs no proof of its path."""
        if not self.required:
            return ()
        found: list[Reason] = []
        for subject in _answerable(principal, sponsor):
            found += self._of(subject, now)
        own = self.facts.get(_principal(principal.id))
        if not found and own is not None:
            found += _tier(own, tier)
            found += () if probe else self._path(principal, path)
        return tuple(found)

    def fallen(self, principal: Principal, sponsor: Principal | None, tier: int) -> str:
        """Returns the clause by which a call that runs, and needs a tier, has to end; empty where none has."""
        if not self.required:
            return ""
        out = (one for one in _answerable(principal, sponsor) if self._state(one) not in ADMITTED)
        own = self.facts.get(_principal(principal.id))
        lowered = f"{_clause(str(own.subject))}/tier" if own is not None and own.tier < tier else ""
        return next((_clause(one) for one in out), lowered)

    def ends(self, principal: Principal, sponsor: Principal | None) -> Iterator[Instant]:
        """Yields until just before when everybody whom a call rests on was vetted."""
        if self.required:
            found = (self.facts.get(one) for one in _answerable(principal, sponsor))
            yield from (one.until for one in found if one is not None)

    def _state(self, subject: str) -> AdmissionState | None:
        found = self.facts.get(subject)
        return found.state if found else None

    def _of(self, subject: str, now: Instant) -> Iterator[Reason]:
        found = self.facts.get(subject)
        if found is None:
            remedy = f"it is vetted first: safeconduct vetting open {subject}"
            yield Reason("not-vetted", _clause(subject), f"{subject} was not vetted", remedy)
        elif found.state in ADMITTED and now >= found.until:
            yield _expired(subject, found)
        elif found.state not in ADMITTED:
            yield _blocked(subject, found)

    def _path(self, principal: Principal, path: SealedPath) -> Iterator[Reason]:
        proof = self.proofs.get(proof_key(principal.id, path.id))
        if proof is None or proof.digest != path.digest:
            text = f"no probe of {principal.id} went through version {path.version} of path {path.id}"
            remedy = f"{principal.id} probes it: safeconduct path probe {path.id}"
            yield Reason("path-not-proven", f"vetting:principal:{principal.id}/paths/{path.id}", text, remedy)


def _answerable(principal: Principal, sponsor: Principal | None) -> tuple[str, ...]:
    """Returns whose vetting a call rests on: its principal's, its sponsor's, and their organizations', each once."""
    own = _organization(principal.organization), _principal(principal.id)
    if sponsor is None:  # who is gone was forgotten, too
        return own if not principal.sponsor else (*own, _principal(principal.sponsor))
    home = _organization(sponsor.organization)
    return (*own, *(() if home in own else (home,)), _principal(sponsor.id))


def _principal(name: str) -> str:
    return f"principal:{name}"  # as a selector says it, and without making one on each call


def _organization(name: str) -> str:
    return f"organization:{name}"


def _clause(subject: str) -> str:
    return f"vetting:{subject}"


def _tier(own: Admission, tier: int) -> Iterator[Reason]:
    if tier > own.tier:
        text = f"{own.subject} was vetted for tier {own.tier}, the call needs tier {tier}"
        remedy = f"it is vetted for that tier: safeconduct vetting open {own.subject} --tier {tier}"
        yield Reason("not-vetted", f"{_clause(str(own.subject))}/tier", text, remedy)


def _expired(subject: str, found: Admission) -> Reason:
    text = f"the vetting of {subject} ended at {rfc3339(found.until)}"
    remedy = f"it is vetted again: safeconduct vetting open {subject}"
    return Reason("vetting-expired", _clause(subject), text, remedy)


def _blocked(subject: str, found: Admission) -> Reason:
    if found.state is AdmissionState.EXPIRED:
        return _expired(subject, found)
    show = f"safeconduct vetting show {found.case} says what is missing"
    if found.state is AdmissionState.SUSPENDED:
        text = f"the vetting of {subject} is suspended: {found.reason}"
        remedy = f"another administrator provisions it again, or it is appealed; {show}"
        return Reason("vetting-suspended", _clause(subject), text, remedy)
    text, remedy = {
        AdmissionState.APPLIED: (f"case {found.case} of {subject} is not decided", show),
        AdmissionState.DENIED: (
            f"case {found.case} of {subject} was denied: {found.reason}",
            f"safeconduct vetting appeal {found.case}, or a new case; {show}",
        ),
        AdmissionState.APPROVED: (
            f"{subject} is approved and not provisioned",
            f"an administrator provisions it: safeconduct vetting provision {found.case}",
        ),
    }[found.state]
    return Reason("not-vetted", _clause(subject), text, remedy)
