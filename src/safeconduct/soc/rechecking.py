"""Checking claims again, as the log sealed them, against the events as they are stored now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import ClaimId, EventId
from safeconduct.soc.claims import AuthorKind, Claim, decode_claim
from safeconduct.soc.grounding import CheckedClaim, Context, Shown, TechniqueTable, check_all
from safeconduct.soc.model import Event, Incident
from safeconduct.soc.summary import rule_context


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedClaims:
    """The opened fields of one `soc.claims.checked/1` entry."""

    claims: Sequence[Mapping[str, Any]]
    shown: Mapping[EventId, Sequence[str] | None] | None


def read_sealed(claims: object, shown: object) -> SealedClaims:
    """Reads opened fields.

    Raises:
        InvalidInputError: they are not what this release seals.
    """
    try:
        return SealedClaims(
            claims=msgspec.convert(claims, list[dict[str, Any]]),
            shown=msgspec.convert(shown, dict[EventId, list[str] | None] | None),
        )
    except msgspec.ValidationError as error:
        raise InvalidInputError(f"the sealed claims of an entry can't be read: {error}", code="no-claim") from error


def recheck(
    parts: Sequence[SealedClaims], incident: Incident, events: Mapping[EventId, Event], techniques: TechniqueTable
) -> tuple[CheckedClaim, ...]:
    """Returns every claim with what the checker finds now, each in the view its author had. Later entries win.

    Raises:
        InvalidInputError: a sealed claim can't be read.
    """
    found: dict[ClaimId, CheckedClaim] = {}
    for claims, context in _views(parts, incident, events, techniques):
        found |= {checked.claim.id: checked for checked in check_all(claims, context)}
    return tuple(found.values())


def _views(
    parts: Sequence[SealedClaims], incident: Incident, events: Mapping[EventId, Event], techniques: TechniqueTable
) -> Iterator[tuple[list[Claim], Context]]:
    # The entries of one triage share a view; a verdict in the last may rest on claims in the first.
    views: dict[bytes, tuple[list[Claim], Context]] = {}
    for part in parts:
        for claim in map(decode_claim, part.claims):
            by_rule = claim.author.kind is AuthorKind.RULE
            fields = None if by_rule or part.shown is None else part.shown
            key = msgspec.json.encode([claim.author, fields], order="sorted")
            if key not in views:
                views[key] = ([], _context(incident, events, techniques, fields))
            views[key][0].append(claim)
    yield from views.values()


def _context(
    incident: Incident,
    events: Mapping[EventId, Event],
    techniques: TechniqueTable,
    fields: Mapping[EventId, Sequence[str] | None] | None,
) -> Context:
    if fields is None:
        return rule_context(incident, events, techniques)
    shown = Shown({event: frozenset(pointers) if pointers is not None else None for event, pointers in fields.items()})
    return Context(incident=incident, events=events, shown=shown, techniques=techniques)
