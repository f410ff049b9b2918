"""Puts tokens and marks in the place of what was found in a text.

The way back is exact: each token of the new text, once, replaced by its value gives the text as it came, where nothing
was redacted.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

import msgspec

from safeconduct.access.data_handling import STRICTEST, DataHandling
from safeconduct.boundary.lookalikes import JOINING
from safeconduct.boundary.model import Finding
from safeconduct.boundary.pseudonyms import Pseudonyms
from safeconduct.boundary.tokens import LIKE_TOKEN, TOKEN
from safeconduct.kernel.errors import RefusedError

Counts = Mapping[tuple[str, DataHandling], int]
"""How many findings there were, by data class and what was done with them."""

_PLACE = attrgetter("start", "end")
_LEAVE_OUT = "leave such data out, or use a path that takes it"
_joins = re.compile(rf"[{JOINING}]").match  # what a token may not stand next to


class Protected(msgspec.Struct, frozen=True):
    """A text as it may go on, and how many findings were handled in which way."""

    text: str
    counts: Counts = {}


class _Stretch(msgspec.Struct, frozen=True, gc=False):
    start: int
    end: int
    data_class: str
    handling: DataHandling


def redacted(data_class: str) -> str:
    """Returns the mark that stands where a value of a class was redacted."""
    return f"[redacted:{data_class}]"


def handling_of(data_class: str, rules: Mapping[str, DataHandling]) -> DataHandling:
    """Returns what is done with a class.

    Raises:
        RefusedError: `data-class-unhandled`: no rule speaks of it, or `data-class-refused`.
    """
    rule = rules.get(data_class)
    if rule is None:
        said = f"data of class {data_class} was found, and this path says nothing of it"
        raise RefusedError(said, code="data-class-unhandled", remedy=_LEAVE_OUT)
    if rule is DataHandling.REFUSE:
        said = f"data of class {data_class} was found, which this path refuses"
        raise RefusedError(said, code="data-class-refused", remedy=_LEAVE_OUT)
    return rule


def protect(
    text: str,
    findings: Sequence[Finding],
    rules: Mapping[str, DataHandling],
    pseudonyms: Pseudonyms,
    *,
    restored: bool,
) -> Protected:
    """Returns a text with its findings handled. `restored` says that the answer will be restored for its reader.

    Then what has a token's form in it gets a token itself, so that it is not taken for one on the way back.

    Raises:
        RefusedError: `data-class-unhandled`, `data-class-refused`. Neither shows the value.
        UnavailableError: `pseudonyms-exhausted`, `vault-unavailable`.
    """
    forged = restored and LIKE_TOKEN.search(text) is not None
    if not findings and not forged:
        return Protected(text)
    classes: dict[str, int] = {}
    for one in findings:
        classes[one.data_class] = classes.get(one.data_class, 0) + 1
    told = {data_class: handling_of(data_class, rules) for data_class in classes}
    counts = {(data_class, told[data_class]): count for data_class, count in classes.items()}
    goes = frozenset(data_class for data_class, rule in told.items() if rule is not DataHandling.ALLOW)
    stretches = _merged(text, [_stretch(one, told) for one in findings if one.data_class in goes]) if goes else []
    if not stretches and not forged:
        return Protected(text, counts)
    return Protected("".join(_parts(text, stretches, pseudonyms, forged=forged)), counts)


def _parts(text: str, stretches: Iterable[_Stretch], pseudonyms: Pseudonyms, *, forged: bool) -> Iterator[str]:
    at = 0
    for one in stretches:
        yield _plain(text, at, one.start, pseudonyms, forged=forged)
        value, at = text[one.start : one.end], one.end
        redact = one.handling is DataHandling.REDACT
        yield redacted(one.data_class) if redact else pseudonyms.of(one.data_class, value)
    yield _plain(text, at, len(text), pseudonyms, forged=forged)


def _plain(text: str, start: int, end: int, pseudonyms: Pseudonyms, *, forged: bool) -> str:
    between = text[start:end]
    if not forged:
        return between
    return TOKEN.sub(lambda found: pseudonyms.literal(found[0]), between)


def _stretch(finding: Finding, told: Mapping[str, DataHandling]) -> _Stretch:
    return _Stretch(finding.start, finding.end, finding.data_class, told[finding.data_class])


def _merged(text: str, handled: Iterable[_Stretch]) -> list[_Stretch]:
    """Returns them in order, those that overlap as one, which is handled as the strictest of them.

    A token stands alone, so the whole word goes that a value is part of.
    """
    found: list[_Stretch] = []
    for one in sorted(handled, key=_PLACE):
        joined = _joined(found.pop(), one) if found and _overlap(found[-1], one) else one
        found.append(_whole_word(text, joined, found[-1].end if found else 0))
    return found


def _overlap(last: _Stretch, one: _Stretch) -> bool:
    touch = one.start == last.end and last.handling is one.handling is DataHandling.PSEUDONYMIZE
    return touch or one.start < last.end


def _joined(last: _Stretch, one: _Stretch) -> _Stretch:
    strict = min(last, one, key=lambda stretch: STRICTEST.index(stretch.handling))
    return _Stretch(last.start, max(last.end, one.end), strict.data_class, strict.handling)


def _whole_word(text: str, one: _Stretch, begins: int) -> _Stretch:
    if one.handling is not DataHandling.PSEUDONYMIZE:
        return one
    start, end = one.start, one.end
    while start > begins and _joins(text, start - 1):
        start -= 1
    while end < len(text) and _joins(text, end):
        end += 1
    return _Stretch(start, end, one.data_class, one.handling)
