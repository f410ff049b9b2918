"""Checking claims again, as the log sealed them, against the events as they are stored now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import ClaimId, EventId
from safeconduct.soc.claims import AuthorKind, Claim, decode_claim
from safeconduct.soc.grounding import CheckedClaim, Context, Shown, check_all
from safeconduct.soc.hunts.model import Hunt


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedClaims:
    """The opened fields of one `soc.claims.checked/1` entry. `shown` is None where the authors saw everything."""

    claims: Sequence[Mapping[str, Any]]
    shown: Shown | None

    @property
    def events(self) -> frozenset[EventId]:
        """The events that the authors had in view, also those beside the incident."""
        return frozenset(self.shown.fields) if self.shown else frozenset()


class _View(msgspec.Struct):
    fields: dict[EventId, frozenset[str] | None]
    hunts: tuple[Hunt, ...] = ()
    clears: bool = False


def read_sealed(claims: object, shown: object) -> SealedClaims:
    """Reads opened fields. Before there were hunts, what was shown were the fields alone.

    Raises:
        InvalidInputError: they are not what this release seals.
    """
    view = {"fields": shown} if isinstance(shown, Mapping) and "fields" not in shown else shown
    try:
        read = msgspec.convert(view, _View | None)
        listed = msgspec.convert(claims, list[dict[str, Any]])
    except msgspec.ValidationError as error:
        raise InvalidInputError(f"the sealed claims of an entry can't be read: {error}", code="no-claim") from error
    return SealedClaims(claims=listed, shown=Shown(read.fields, read.hunts, read.clears) if read else None)


def recheck(parts: Sequence[SealedClaims], whole: Context) -> tuple[CheckedClaim, ...]:
    """Returns every claim with what the checker finds now, each in the view its author had. Later entries win.

    `whole` is the view of rules, with the events that any part had in view.

    Raises:
        InvalidInputError: a sealed claim can't be read.
    """
    found: dict[ClaimId, CheckedClaim] = {}
    for claims, context in _views(parts, whole):
        found |= {checked.claim.id: checked for checked in check_all(claims, context)}
    return tuple(found.values())


def _views(parts: Sequence[SealedClaims], whole: Context) -> Iterator[tuple[list[Claim], Context]]:
    # The entries of one triage share a view; a verdict in the last may rest on claims in the first.
    views: dict[bytes, tuple[list[Claim], Context]] = {}
    for part in parts:
        for claim in map(decode_claim, part.claims):
            shown = None if claim.author.kind is AuthorKind.RULE else part.shown
            seen = None if shown is None else [sorted(shown.fields), shown.hunts, shown.clears]
            key = msgspec.json.encode([claim.author, seen, shown and _pointers(shown)], order="sorted")
            if key not in views:
                views[key] = ([], whole if shown is None else replace(whole, shown=shown))
            views[key][0].append(claim)
    yield from views.values()


def _pointers(shown: Shown) -> list[list[str] | None]:
    return [None if one is None else sorted(one) for _, one in sorted(shown.fields.items())]
