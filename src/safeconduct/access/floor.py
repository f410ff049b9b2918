"""The floor: what refuses a call whatever the policies say, each finding with the clause that decided.

Policies can refuse more; they can't lift any of this. Its texts are what the caller reads.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from safeconduct.access.catalogue import SealedModel
from safeconduct.access.compiled import CompiledPath
from safeconduct.access.directory.model import DIRECTORY_LIFTS, set_by_directory
from safeconduct.access.grant_conditions import hours_text, within
from safeconduct.access.lowering import Lowered
from safeconduct.access.model.agreements import Agreement
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.model.grants import Grant
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.paths import SealedPath
from safeconduct.access.model.stops import Freeze, Restriction
from safeconduct.access.prohibited import PROHIBITED_USES, prohibited
from safeconduct.access.target_rules import Handling, Place, handled
from safeconduct.kernel.decisions import Reason
from safeconduct.kernel.ids import GrantId
from safeconduct.kernel.instants import rfc3339

UNFREEZING = "it passes once the freeze has ended: safeconduct unfreeze, cosigned by the partner"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A call and all it is judged by. `matching` are the grants that match; `grant` is the one, or the nearest.

    `tier` is what the principal reaches under the grant, `lowered` what holds it below that, if anything does. `model`
    is what the request means by its name, None where there is no such model for this caller; `approved` is whether it
    may be used here, as far as it needs an approval. `unvetted` is what stands against the caller itself.
    """

    request: CallRequest
    principal: Principal
    tier: int
    compiled: CompiledPath
    model: SealedModel | None
    approved: bool
    lowered: Lowered | None
    agreement: Agreement
    held: tuple[Grant, ...]
    grant: Grant
    matching: tuple[GrantId, ...]
    unvetted: tuple[Reason, ...]
    freeze: Freeze | None
    suspended: Restriction | None
    outside: Mapping[str, Place]

    @property
    def path(self) -> SealedPath:
        """The version of the path that judges."""
        return self.compiled.sealed


def floor(case: Case) -> tuple[Reason, ...]:
    """Returns everything that stands against the call; nothing if nothing does."""
    return (*_use(case), *_standing(case), *_purpose(case), *_grant(case), *_model(case), *_content(case))


def _use(case: Case) -> Iterator[Reason]:
    """First, so that it is what the caller is told: nothing that anybody changes makes such a call pass."""
    purposes = case.request.purpose, case.path.purpose, case.grant.purpose
    if not any(map(prohibited, purposes)):  # as nearly always: then no clause is written
        return
    clauses = "request/purpose", f"path:{case.path.id}/purpose", f"grant:{case.grant.id}/purpose"
    for clause, purpose in zip(clauses, purposes, strict=True):
        use = prohibited(purpose)
        if use is not None:
            text = f"{use} is a prohibited use: {PROHIBITED_USES[use]}"
            yield Reason("prohibited-use", clause, text, "nothing lifts this: no program, no tier and no grant")


def _standing(case: Case) -> Iterator[Reason]:
    if case.freeze is not None:
        clause = f"freeze:{case.freeze.id}"
        yield Reason("frozen", clause, f"{case.freeze.selector} is frozen: {case.freeze.reason}", UNFREEZING)
    if case.suspended is not None:
        told = f"{case.suspended.selector} is suspended: {case.suspended.reason}"
        remedy = f"it passes once another person has lifted it: safeconduct unrestrict {case.suspended.id}"
        remedy = DIRECTORY_LIFTS if set_by_directory(case.suspended) else remedy
        yield Reason("suspended", f"restriction:{case.suspended.id}", told, remedy)
    yield from case.unvetted
    agreement, now = case.agreement, case.request.now
    if case.path.gate is not None:
        # Attestations come with the assurance of models: until then there is none, and so no such call.
        text = f"the path must pass gate {case.path.gate}, and no attestation of it is on record"
        remedy = f"use a path without a gate, until gate {case.path.gate} can be attested"
        yield Reason("gate-unattested", f"path:{case.path.id}/gate", text, remedy)
    if now < agreement.valid.opens_at:
        opens = rfc3339(agreement.valid.opens_at)
        told, remedy = f"the agreement begins at {opens}", f"ask again from {opens} on"
        yield Reason("agreement-not-begun", f"agreement:{agreement.id}/valid", told, remedy)
    elif not agreement.holds(now):
        remedy = "the parties prolong it: both sign its next version, and an administrator applies it"
        told = f"the agreement ended at {rfc3339(agreement.ends_at())}"
        yield Reason("agreement-expired", f"agreement:{agreement.id}/valid", told, remedy)


def _purpose(case: Case) -> Iterator[Reason]:
    asked = case.request.purpose
    if asked == case.path.purpose == case.grant.purpose:
        return
    for clause, allowed in (
        (f"path:{case.path.id}/purpose", case.path.purpose),
        (f"grant:{case.grant.id}/purpose", case.grant.purpose),
    ):
        if asked != allowed:
            text = f"it allows purpose {allowed!r}; the request says {asked!r}"
            remedy = f"leave out safeconduct-purpose or say {allowed}, and ask under a grant and path for that purpose"
            yield Reason("purpose-mismatch", clause, text, remedy)


def _grant(case: Case) -> Iterator[Reason]:
    request, grant = case.request, case.grant
    if request.grant is not None and all(held.id != request.grant for held in case.held):
        text = f"{request.principal} holds no grant {request.grant!r} on this path"
        remedy = f"name one of {', '.join(held.id for held in case.held)}, or none, in safeconduct-grant"
        yield Reason("grant-unknown", f"grant:{request.grant}", text, remedy)
    elif len(case.matching) > 1:
        remedy = f"name one of {', '.join(case.matching)} in safeconduct-grant"
        yield Reason("grant-ambiguous", f"path:{case.path.id}", f"{len(case.matching)} grants match", remedy)
    elif not grant.window.holds(request.now):
        text = f"the grant is open from {grant.window}"
        remedy = "ask within that window, or an administrator applies a program with another"
        yield Reason("window-closed", f"grant:{grant.id}/window", text, remedy)
    yield from _conditions(case)
    if grant.scope != case.path.scope:
        text = f"the grant is for scope {grant.scope!r}, the path for {case.path.scope!r}"
        remedy = f"an administrator applies a program in which the grant has scope {case.path.scope}"
        yield Reason("scope-mismatch", f"grant:{grant.id}/scope", text, remedy)


def _conditions(case: Case) -> Iterator[Reason]:
    stated = case.grant.conditions
    if stated.hours is None and not stated.session:
        return
    clause = f"grant:{case.grant.id}/conditions"
    if stated.hours is not None and not within(stated.hours, case.request.now):
        text = f"the grant is for calls between {hours_text(stated.hours)} UTC"
        yield Reason("outside-hours", f"{clause}/hours", text, "ask within these hours, or under another grant")
    if stated.session not in ("", case.request.session):
        text = f"the grant is for session {stated.session!r}; the request says {case.request.session!r}"
        yield Reason("session-mismatch", f"{clause}/session", text, f"send safeconduct-session: {stated.session}")


def _model(case: Case) -> Iterator[Reason]:
    model, principal = case.model, case.principal
    if model is None:
        allowed = ", ".join(one.name for one in case.compiled.there_for(case.tier))
        text = f"the path allows {allowed or 'none'}; the request asks for {case.request.model!r}"
        remedy = f"ask for {allowed}" if allowed else "an administrator applies a program that lists a model here"
        yield Reason("model-not-allowed", f"path:{case.path.id}/models", text, remedy)
    elif model.tier > case.tier:
        text = f"{model.name} needs tier {model.tier}, {principal.id} was approved for tier {case.tier}"
        remedy = (
            f"it passes once the program in force, or a grant that is issued, gives {principal.id} tier {model.tier}"
        )
        yield Reason("model-tier", f"principal:{principal.id}/tier", text, remedy)
    elif case.lowered is not None and model.tier > case.lowered.tier:
        yield case.lowered.reason(model.name, model.tier)
    elif not case.approved:
        text = f"{model.version} needs an approval on path {case.path.id}, and none is on record"
        remedy = f"an administrator asks for it with safeconduct path approve-model {case.path.id} {model.name}"
        yield Reason("model-approval-needed", f"path:{case.path.id}/models/{model.name}", text, remedy)


def refused_content(
    path: SealedPath, data_classes: Iterable[str], outside: Mapping[str, Place]
) -> tuple[tuple[str, ...], list[str]]:
    """Returns what a path refuses of what a request holds: targets outside its scope, and classes of data."""
    targets = handled(path.target_rule, outside, Handling.REFUSE) if outside else ()
    return targets, sorted({one for one in data_classes if one not in path.data_classes})


def _content(case: Case) -> Iterator[Reason]:
    path = case.path
    refused, foreign = refused_content(path, case.request.data_classes, case.outside)
    if refused:
        yield from _refused_targets(case, refused)
    if foreign:
        text = f"the path takes no data of class {', '.join(foreign)}"
        remedy = (
            f"send only data of class {', '.join(path.data_classes) or 'none'}, or use a path that takes the others"
        )
        yield Reason("data-class-not-allowed", f"path:{path.id}/data_classes", text, remedy)


def _refused_targets(case: Case, refused: tuple[str, ...]) -> Iterator[Reason]:
    path = case.path
    unlisted = [target for target in refused if not case.compiled.targets.covers(target)]
    unproven = [target for target in refused if target not in unlisted]
    if unlisted:
        remedy = f"name only targets of scope {path.scope}, or have these authorized in it"
        text = f"not authorized: {', '.join(unlisted)}"
        yield Reason("target-outside-scope", f"scope:{path.scope}/targets", text, remedy)
    if unproven:
        text = f"no authorization by {path.authorization} or better is in force for {', '.join(unproven)}"
        remedy = f"have it shown: safeconduct scope challenge {path.scope}, then safeconduct scope verify"
        yield Reason("target-unproven", f"path:{path.id}/authorization", text, remedy)
