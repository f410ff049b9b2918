"""What upstreams were used for, from the records of ended calls: counts, notices, and bounds where nobody knows.

A call's id is the time it was asked, so a stretch of time is read by the beginnings of ids: never the whole log.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from safeconduct.gateway.events import ENDED_CALLS, EndedCall
from safeconduct.gateway.moves import End
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import ulid_instant, ulid_text
from safeconduct.kernel.instants import DAY, Duration, Instant
from safeconduct.kernel.ports import Records

WINDOW_MAX = Duration(32 * DAY)
"""The longest stretch that is read at once: a month, as vendors bill."""

_STEP_LETTERS = 5
"""Letters of an id's time that a reading step leaves open: 9.3 hours of milliseconds."""

_TIME_LETTERS = 10
_STEP_MS = 32**_STEP_LETTERS
_ENTROPY_BITS = 80


@dataclass(frozen=True, slots=True)
class UsedCall:
    """One ended call, when it was asked, and its id."""

    at: Instant
    call: EndedCall
    id: str = ""


def used(records: Records, since: Instant, until: Instant) -> Iterator[UsedCall]:
    """Yields the ended calls that were asked from `since` on and before `until`, by time.

    Raises:
        InvalidInputError: `window-invalid`: the stretch is empty or over WINDOW_MAX.
    """
    if not since < until <= since + WINDOW_MAX:
        raise InvalidInputError(f"expected a stretch of time of up to {WINDOW_MAX // DAY} days", code="window-invalid")
    first, last = since // 1000 // _STEP_MS, (until - 1) // 1000 // _STEP_MS
    for step in range(first, last + 1):
        prefix = ulid_text(step * _STEP_MS << _ENTROPY_BITS)[: _TIME_LETTERS - _STEP_LETTERS]
        for call_id, call in records.scan(ENDED_CALLS, prefix):
            at = ulid_instant(call_id)
            if since <= at < until:
                yield UsedCall(at, call, call_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How one vendor's model behaved towards us: calls, how they ended, and its notices by kind, reason and owner."""

    upstream: str
    model: str
    calls: int
    ends: Mapping[str, int]
    notices: Mapping[tuple[str, str, str], int]


def conduct(calls: Iterable[UsedCall]) -> list[Conduct]:
    """Returns what upstreams did besides answering, by the one that was asked last and the model."""
    found: dict[tuple[str, str], list[EndedCall]] = defaultdict(list)
    for one in calls:
        if one.call.asked:
            found[one.call.asked[-1], one.call.model].append(one.call)
    return [
        Conduct(
            upstream=upstream,
            model=model,
            calls=len(group),
            ends=Counter(call.end for call in group),
            notices=Counter((n.kind, n.reason, n.owner) for call in group for n in call.notices),
        )
        for (upstream, model), group in sorted(found.items())
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many there were at least, and at most; None where nobody knows the most."""

    least: int = 0
    most: int | None = 0

    def plus(self, least: int, most: int | None) -> "Bounds":
        """Returns the bounds of both together."""
        return Bounds(least=self.least + least, most=None if self.most is None or most is None else self.most + most)

    def hold(self, number: int, permille: int = 0) -> bool:
        """Tells whether a number lies within, give or take so many thousandths of the bounds."""
        most = None if self.most is None else self.most + self.most * permille // 1000
        return self.least - self.least * permille // 1000 <= number and (most is None or number <= most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Calls and tokens of one model in one stretch of time, as far as this side knows."""

    calls: Bounds = field(default_factory=Bounds)
    input_tokens: Bounds = field(default_factory=Bounds)
    output_tokens: Bounds = field(default_factory=Bounds)

    def with_call(self, call: EndedCall, upstream: str) -> "Spent":
        """Returns what was spent at an upstream with one call more.

        A completed call is one for the vendor, too. Of one that it refused, or that was cut, failed or abandoned,
        nobody here knows whether the vendor counted it; nor, of a stream without usage, how many tokens it took.
        """
        asked, last = call.asked.count(upstream), call.asked[-1:] == (upstream,)
        sure = last and call.end == End.COMPLETED
        exact = sure and asked == 1
        prompt, completion = (call.prompt_tokens, call.completion_tokens) if last else (None, None)
        return Spent(
            calls=self.calls.plus(int(sure), asked),
            input_tokens=self.input_tokens.plus(prompt or 0, prompt if exact else None),
            output_tokens=self.output_tokens.plus(completion or 0, completion if exact else None),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """What a vendor's export says of one model in one stretch of time. None where it does not say it."""

    model: str
    since: Instant
    until: Instant
    calls: int | None
    input_tokens: int
    output_tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One figure of an export that this side's calls can't make."""

    model: str
    since: Instant
    until: Instant
    what: str
    least: int
    most: int | None
    told: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose usage is compared: an upstream, and what it calls the versions of models that paths seal."""

    upstream: str
    names: Mapping[str, str]
    since: Instant
    until: Instant


Stretch = tuple[str, Instant, Instant]
"""A model, by the vendor's name, and a stretch of time."""


def compare(rows: Collection[ExportRow], calls: Iterable[UsedCall], asked: Asked, *, permille: int) -> list[Difference]:
    """Returns every difference between an export and our calls.

    Calls must fit exactly within what is known, tokens give or take `permille` thousandths. What the export does not
    mention, it says, is nothing.
    """
    ours = _spent(rows, calls, asked)
    told = {(row.model, row.since, row.until): row for row in rows}
    found: list[Difference] = []
    for model, start, end in sorted({*ours, *told}):
        row = told.get((model, start, end)) or ExportRow(
            model=model, since=start, until=end, calls=0, input_tokens=0, output_tokens=0
        )
        found += _differences(row, ours.get((model, start, end), Spent()), permille)
    return found


def _spent(rows: Collection[ExportRow], calls: Iterable[UsedCall], asked: Asked) -> dict[Stretch, Spent]:
    stretches: dict[str, list[tuple[Instant, Instant]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.since, row.until)):
        stretches[row.model].append((row.since, row.until))
    found: dict[Stretch, Spent] = defaultdict(Spent)
    for one in calls:
        if asked.upstream not in one.call.asked:
            continue
        model = asked.names.get(one.call.model, one.call.model)
        known = stretches[model]
        before = bisect_right(known, one.at, key=lambda stretch: stretch[0])
        inside = before and one.at < known[before - 1][1]
        place = (model, *(known[before - 1] if inside else (asked.since, asked.until)))
        found[place] = found[place].with_call(one.call, asked.upstream)
    return found


def _differences(row: ExportRow, spent: Spent, permille: int) -> Iterator[Difference]:
    figures = (
        ("calls", row.calls, spent.calls, 0),
        ("input-tokens", row.input_tokens, spent.input_tokens, permille),
        ("output-tokens", row.output_tokens, spent.output_tokens, permille),
    )
    for what, told, bounds, slack in figures:
        if told is not None and not bounds.hold(told, slack):
            yield Difference(
                model=row.model,
                since=row.since,
                until=row.until,
                what=what,
                least=bounds.least,
                most=bounds.most,
                told=told,
            )
