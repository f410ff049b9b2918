"""Claims: typed statements about an incident, each with the fields it rests on.

A claim holds no sentence. Its text is rendered by `wording` from the predicate, so that neither a model nor the text of
an event can say anything that the predicate does not say.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import msgspec

from safeconduct.kernel.canonical import JSONValue, digest
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import ClaimId, IncidentId
from safeconduct.soc.predicates import (
    Absence,
    Consequence,
    Count,
    Evidence,
    Form,
    InOrder,
    Observation,
    Predicate,
    Relation,
    Tally,
    Technique,
    Verdict,
    detail_of,
    evidence_of,
)

TIME_POINTER = "/ocsf/time"
"""Where a claim quotes when an event happened: OCSF time, whole milliseconds since 1970 UTC."""

CITED_MAX = 64
"""Pieces of evidence in one claim. A count over more cites the first and the last 32 and is recounted over all."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,63}")
"""What may name an author: never a sentence."""


class ClaimKind(StrEnum):
    """What a claim says."""

    OBSERVATION = "observation"
    COUNT = "count"
    SEQUENCE = "sequence"
    RELATION = "relation"
    CONSEQUENCE = "consequence"
    TECHNIQUE = "technique"
    NEGATIVE = "negative"
    TALLY = "tally"
    VERDICT = "verdict"


class AuthorKind(StrEnum):
    """Who says it. What an author may claim depends on this alone."""

    RULE = "rule"
    MODEL = "model"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who made a claim: the rule engine, a model (with the call that answered), or a person."""

    kind: AuthorKind
    name: str
    version: str
    call: str = ""


_KINDS: Mapping[type[Any], ClaimKind] = {
    Observation: ClaimKind.OBSERVATION,
    Count: ClaimKind.COUNT,
    InOrder: ClaimKind.SEQUENCE,
    Relation: ClaimKind.RELATION,
    Consequence: ClaimKind.CONSEQUENCE,
    Technique: ClaimKind.TECHNIQUE,
    Absence: ClaimKind.NEGATIVE,
    Tally: ClaimKind.TALLY,
    Verdict: ClaimKind.VERDICT,
}
_TYPES: Mapping[ClaimKind, type[Any]] = {kind: predicate for predicate, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One statement. `note` is free text and a person's alone; `make_claim` derives the id.

    The id covers everything but the quotes and the note: those are sealed in the log, and a hash of a short value would
    give it away. `serial` tells apart what one author says about the same fields more than once.
    """

    id: ClaimId
    incident: IncidentId
    author: Author
    predicate: Predicate
    serial: int = 0
    note: str = ""

    @property
    def kind(self) -> ClaimKind:
        """What the claim says."""
        return _KINDS[type(self.predicate)]

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Every cited field, in the predicate's order. A verdict cites claims, an absence a hunt, and no fields."""
        return evidence_of(self.predicate)


def make_claim(incident: IncidentId, author: Author, predicate: Predicate, *, serial: int = 0, note: str = "") -> Claim:
    """Returns the claim with its content-derived id."""
    content: dict[str, JSONValue] = {
        "incident": incident,
        "author": asdict(author),
        "kind": _KINDS[type(predicate)],
        "fields": [_place(piece) for piece in evidence_of(predicate)],
        "detail": detail_of(predicate),
        "serial": serial,
    }
    return Claim(
        id=ClaimId(digest(content)[:32]),
        incident=incident,
        author=author,
        predicate=predicate,
        serial=serial,
        note=note,
    )


def encode_claim(claim: Claim) -> dict[str, JSONValue]:
    """Returns the claim as JSON, quotes and all: sealed in the log, plain in an answer to who may read it."""
    encoded: dict[str, JSONValue] = msgspec.to_builtins(claim)
    return encoded | {"kind": claim.kind}


def decode_claim(encoded: Mapping[str, Any]) -> Claim:
    """Reads what `encode_claim` wrote.

    Raises:
        InvalidInputError: it is no claim, or its id is not the one its content gives.
    """
    try:
        claim = make_claim(
            IncidentId(msgspec.convert(encoded["incident"], str)),
            msgspec.convert(encoded["author"], Author),
            msgspec.convert(encoded["predicate"], _TYPES[ClaimKind(encoded["kind"])]),
            serial=msgspec.convert(encoded["serial"], int),
            note=msgspec.convert(encoded["note"], str),
        )
    except (KeyError, ValueError, msgspec.ValidationError) as error:
        raise InvalidInputError(f"expected a claim as this release writes it: {error}", code="no-claim") from error
    if claim.id != encoded.get("id"):
        raise InvalidInputError(f"claim {encoded.get('id')} does not have the id of its content", code="no-claim")
    return claim


def _place(piece: Evidence) -> JSONValue:
    return [piece.event, piece.pointer] if piece.form is Form.EXACT else [piece.event, piece.pointer, piece.form]
