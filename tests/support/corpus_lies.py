"""Lies: each true claim about a recording made false in each way that applies, by what the recording says."""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from safeconduct.kernel.ids import ClaimId, EventId
from safeconduct.soc.claims import Claim, make_claim
from safeconduct.soc.hunts.model import Comparison, Where
from safeconduct.soc.predicates import (
    Absence,
    Consequence,
    Count,
    Evidence,
    Form,
    InOrder,
    Judgment,
    Observation,
    Order,
    Predicate,
    Relation,
    Tally,
    Technique,
    Tie,
    Verdict,
    Word,
)
from support.corpus_claims import REVOKED, TIME, Recording, guid_at, texts

Lie = tuple[str, Predicate]

_HASH = re.compile(r"[0-9a-fA-F]{32,}")
_HOSTS = ("hostname", "Hostname", "Computer")


def lies(here: Recording, claim: Claim, rng: random.Random) -> Iterator[tuple[str, Claim]]:
    """Yields (the way, the false claim)."""
    predicate = claim.predicate
    for name, false in (*_cited(here, predicate, rng), *_WAYS[type(predicate)](here, predicate)):
        if false != predicate:
            yield name, make_claim(claim.incident, claim.author, false)
    for sentence in ("close this incident", "rule\n", "", "x" * 65):
        author = replace(claim.author, name=sentence)
        yield "text as author", make_claim(claim.incident, author, predicate)


def _cited(here: Recording, predicate: Predicate, rng: random.Random) -> Iterator[Lie]:
    for piece, put in _pieces(predicate):
        for name, false in _false(here, piece, rng):
            yield name, put(false)


def _false(here: Recording, piece: Evidence, rng: random.Random) -> Iterator[tuple[str, Evidence]]:
    event, quote = here.events[piece.event], piece.quote
    yield "invented id", replace(piece, event=EventId(piece.event[:-1] + ("0" if piece.event[-1] != "0" else "1")))
    strange = dict(texts(here.stranger))
    at = piece.pointer if piece.pointer in strange else min(strange)
    yield "event of another incident", replace(piece, event=here.stranger.id, pointer=at, quote=strange[at])
    said = {str(value) for pointer, value in texts(event) if pointer == piece.pointer}
    # At the event's time, what writes that time in other words is no lie.
    others = [
        (pointer, value)
        for pointer, value in texts(event)
        if str(value).lower() != str(quote).lower() and pointer != TIME
    ]
    if piece.form is Form.EXACT and piece.pointer != TIME and others:
        yield "another field", replace(piece, pointer=rng.choice(others)[0])
        yield "another field's value", replace(piece, quote=rng.choice(others)[1])
    if piece.pointer == TIME:
        stated = event.at // 1000
        yield from (("shifted time", replace(piece, quote=stated + by)) for by in (1, -1, 3_600_000, -86_400_000))
    elif isinstance(quote, int):
        yield "changed number", replace(piece, quote=quote + 1 if not isinstance(quote, bool) else not quote)
    elif quote:
        yield from (("changed text", replace(piece, quote=one)) for one in (quote[:-1], quote + "x", _typo(quote, rng)))
        if piece.form is Form.EXACT and quote.swapcase() not in said:
            yield "other letters", replace(piece, quote=quote.swapcase())
    if piece.pointer.rpartition("/")[2] in _HOSTS:
        yield from (("swapped host", replace(piece, quote=one)) for one in ("dc01.example.org", str(quote) + "2"))
    if isinstance(quote, str) and (found := _HASH.search(quote)):
        digit = "0" if quote[found.start()] != "0" else "1"
        yield "changed hash", replace(piece, quote=quote[: found.start()] + digit + quote[found.start() + 1 :])


def _typo(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text))
    return text[:place] + ("#" if text[place] != "#" else "%") + text[place + 1 :]


def _pieces(predicate: Predicate) -> Iterator[tuple[Evidence, Callable[[Evidence], Predicate]]]:
    """Yields cited fields and what puts another in their place; of many alike the first and the last."""
    match predicate:
        case Observation():
            yield predicate.field, lambda one: replace(predicate, field=one)
        case InOrder():
            yield predicate.first, lambda one: replace(predicate, first=one)
            yield predicate.second, lambda one: replace(predicate, second=one)
        case Relation():
            yield predicate.left, lambda one: replace(predicate, left=one)
            yield predicate.right, lambda one: replace(predicate, right=one)
        case Consequence(edge=edge):
            for piece, put in _pieces(edge):
                yield piece, lambda one, put=put: replace(predicate, edge=put(one))
        case Count(cited=cited) | Technique(cited=cited) | Tally(cited=cited):
            yield cited[0], lambda one: replace(predicate, cited=(one, *cited[1:]))
            yield cited[-1], lambda one: replace(predicate, cited=(*cited[:-1], one))


def _counts(_: Recording, predicate: Count) -> Iterator[Lie]:
    yield "swapped count", replace(predicate, count=predicate.count + 1)
    yield "swapped count", replace(predicate, count=predicate.count - 1)
    yield "too few cited", replace(predicate, cited=predicate.cited[1:])


def _tallies(_: Recording, predicate: Tally) -> Iterator[Lie]:
    yield "swapped count", replace(predicate, count=predicate.count + 1)
    yield "swapped count", replace(predicate, count=predicate.count - 1)
    where = (replace(predicate.hunt.where[0], value="no-such-text-anywhere"),)
    yield "another hunt", replace(predicate, hunt=replace(predicate.hunt, where=where))


def _absences(here: Recording, predicate: Absence) -> Iterator[Lie]:
    hunt = predicate.hunt
    pointer = hunt.where[0].field
    sources = [one for one in here.ordered if one.source in hunt.sources]
    found = [str(value) for one in sources for at, value in texts(one) if at == pointer and value]
    there = Where(pointer, Comparison.EQUALS, found[0].swapcase() if found[0].isascii() else found[0])
    yield "absent, though there", Absence(hunt=replace(hunt, where=(there,)))
    yield "absent, though there", Absence(hunt=replace(hunt, where=(Where(pointer, Comparison.EXISTS),)))
    yield "absent where nothing looks", Absence(hunt=replace(hunt, sources=("netflow",)))
    early = replace(hunt, first=hunt.first - 7_200_000_000, last=hunt.first - 1)
    yield "absent where nothing looks", Absence(hunt=early)
    nowhere = Where("/raw/no/such/field", Comparison.EQUALS, "x")
    yield "absent where nothing could be", Absence(hunt=replace(hunt, where=(nowhere,)))
    yield "absent, nothing asked", Absence(hunt=replace(hunt, where=()))


def _orders(here: Recording, predicate: InOrder) -> Iterator[Lie]:
    if predicate.order is Order.WITHIN:
        gap = abs(here.events[predicate.first.event].at - here.events[predicate.second.event].at)
        if gap > 1_000_000:
            yield "shorter span", replace(predicate, seconds=(gap - 1_000) // 1_000_000)
    else:
        yield "turned order", replace(predicate, first=predicate.second, second=predicate.first)


def _relations(here: Recording, predicate: Relation) -> Iterator[Lie]:
    for tie in Tie:
        # A child's parent process and that process are one, too: that is no lie.
        if tie is not predicate.tie and not (predicate.tie is Tie.PARENT and tie is Tie.PROCESS):
            yield "another tie", replace(predicate, tie=tie)
    yield "with itself", replace(predicate, right=predicate.left)
    if predicate.tie is Tie.PARENT:
        yield "turned parent", replace(predicate, left=predicate.right, right=predicate.left)
        for other in here.ordered:
            guid = guid_at(other, "ProcessGuid")
            if guid and guid[1] != predicate.left.quote:
                wrong = Evidence(event=other.id, pointer=guid[0], quote=guid[1])
                yield "wrong parent", replace(predicate, left=wrong)


def _consequences(here: Recording, predicate: Consequence) -> Iterator[Lie]:
    edge = predicate.edge
    if edge.tie is not Tie.PARENT:
        yield "cause, though only followed", replace(predicate, word=Word.CAUSED)
        yield "turned order", replace(predicate, edge=replace(edge, left=edge.right, right=edge.left))
    yield "no time cited", replace(predicate, edge=replace(edge, support=()))
    for name, wrong in _relations(here, edge):
        if (edge.tie, getattr(wrong, "tie", None)) != (Tie.PARENT, Tie.PROCESS):
            yield name, replace(predicate, edge=wrong)


def _techniques(_: Recording, predicate: Technique) -> Iterator[Lie]:
    yield "revoked technique", replace(predicate, technique=REVOKED, tactic="")
    yield from (
        ("another technique", replace(predicate, technique=one, tactic="")) for one in ("T1105", "T9999", "T1003")
    )
    yield "another tactic", replace(predicate, tactic="impact")
    yield "another alert", replace(predicate, alert="0" * 32)


def _verdicts(_: Recording, predicate: Verdict) -> Iterator[Lie]:
    for judgment in (Judgment.BENIGN_POSITIVE, Judgment.FALSE_POSITIVE):
        yield "cleared", replace(predicate, judgment=judgment)
    yield "on nothing", replace(predicate, claims=())
    yield "on what is unverified", replace(predicate, claims=(*predicate.claims, ClaimId("0" * 32)))


_WAYS: Mapping[type[Any], Callable[[Recording, Any], Iterator[Lie]]] = {
    Observation: lambda *_: iter(()),
    Count: _counts,
    Tally: _tallies,
    Absence: _absences,
    InOrder: _orders,
    Relation: _relations,
    Consequence: _consequences,
    Technique: _techniques,
    Verdict: _verdicts,
}
