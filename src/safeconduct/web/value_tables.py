"""The tables of the report on value: what each says, in words and numbers, whatever they are shown as."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from safeconduct.soc.value.costs import Costs
from safeconduct.soc.value.effect import Effect
from safeconduct.soc.value.mistakes import FalseNegatives
from safeconduct.soc.value.report import Balance, ValueReport
from safeconduct.soc.value.rows import Row
from safeconduct.soc.wording import number_of

_UNKNOWN = "not known"
_NOBODY = "nobody said yet"
_NONE_CLOSED = "a model closed none"
_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its title, and what a reader must know to read it."""

    title: str
    note: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(made: ValueReport) -> Iterator[Table]:
    """Yields the tables in their order."""
    yield _times(made)
    yield _costs(made.costs)
    yield _mistakes(made)
    yield _effect(made)
    yield _steps(made)
    yield _asks(made)
    yield _balances(made.balances)
    yield _by_week(made.rows)


def _times(made: ValueReport) -> Table:
    rows = [
        (one.start, one.finish, str(one.n), _took(one.median_s), _took(one.p90_s), str(one.waiting), str(one.left_out))
        for one in made.times
    ]
    note = "those that wait are in no median; left out is what was brought in as history, a day or more after its alert"
    return Table("How long it took", note, ("from", "to", "n", "median", "p90", "waiting", "left out"), rows)


def _costs(one: Costs) -> Table:
    done = ", ".join(f"{count} {work}" for work, count in one.pieces.items() if count) or "nothing"
    rows = [
        ("models", _spend(one), number_of(one.answers, "answer")),
        ("people", _known(one.people_micro_usd, sure=one.people_known), f"{one.minutes} min declared: {done}"),
        ("by incident", _known(one.per_incident, sure=one.complete), number_of(one.incidents, "incident")),
        (
            "by true positive",
            _known(one.per_true_positive, sure=one.complete),
            number_of(one.true_positives, "true positive"),
        ),
    ]
    missing = [f"value.minutes.{work}" for work in one.undeclared] + ([] if one.priced else ["value.hour_usd"])
    notes = [f"the program does not declare {', '.join(missing)}"] if missing else []
    if one.unmetered:
        notes.append(f"without a price or a count of tokens: {number_of(one.unmetered, 'answer')}")
    return Table("What it cost", "; ".join(notes), ("what", "how much", "for"), rows)


def _known(micro_usd: int | None, *, sure: bool) -> str:
    """Returns a sum; one of which a part is missing as the least that it is, and as not known if none is there."""
    if sure or not micro_usd:
        return _usd(micro_usd if sure else None)
    return f"at least {_usd(micro_usd)}"


def _mistakes(made: ValueReport) -> Table:
    false, missed = made.false_positives, made.false_negatives
    cost = missed.micro_usd
    rows = [
        ("false positives", _of(false.counted, false.of, false.share), _usd(false.micro_usd)),
        ("benign", f"{false.benign} of {false.of}" if false.of else _NOBODY, ""),
        ("attacks found after a closing as none", str(missed.reopened), ""),
        ("attacks that second looks found", f"{missed.missed} of {missed.looked} looks", ""),
        (
            "attacks among all that a model closed as none",
            f"{missed.least:.1f} to {_at_most(missed)}" if missed.closed_by_model else _NONE_CLOSED,
            f"{_usd(cost[0])} to {_usd(cost[1])}" if cost else _UNKNOWN,
        ),
    ]
    return Table("What errors cost", "", ("what", "how many", "cost"), rows)


def _at_most(missed: FalseNegatives) -> str:
    return f"{missed.most:.1f} of {missed.closed_by_model}"


def _effect(made: ValueReport) -> Table:
    rows = [
        ("rules alone right", *(_right(one, one.only_rules, one.rules_share) for one in (made.effect, made.unchecked))),
        ("rules and model", *(_right(one, one.only_model, one.model_share) for one in (made.effect, made.unchecked))),
        ("only the model was right", str(made.effect.only_model), str(made.unchecked.only_model)),
        ("only the rules were right", str(made.effect.only_rules), str(made.unchecked.only_rules)),
        ("the model gave a verdict", str(made.effect.spoke), str(made.unchecked.spoke)),
        ("by chance (McNemar)", _chance(made.effect), _chance(made.unchecked)),
    ]
    note = (
        "against what people found, who had seen both; rules alone call every incident an attack; "
        "the last column counts verdicts that the check rejected, too"
    )
    return Table("Rules alone, and with the model", note, ("", "verified verdicts", "all verdicts"), rows)


def _chance(one: Effect) -> str:
    return f"{one.by_chance:.3f}" if one.n else "-"


def _right(one: Effect, alone: int, share: tuple[float, float]) -> str:
    return _of(one.both_right + alone, one.n, share)


def _steps(made: ValueReport) -> Table:
    one = made.steps
    where = number_of(one.incidents, "incident")
    rows = [
        (
            "events in verified claims of a model that no alert holds",
            f"{one.events}, in {where}",
        ),
        ("techniques in verified claims of both", str(one.techniques_by_both)),
        ("of the rules alone", str(one.techniques_by_rules)),
        ("of a model alone", str(one.techniques_by_model)),
    ]
    return Table(
        "Steps of attacks", "a model's technique is verified only where an alert points to it", ("", "n"), rows
    )


def _asks(made: ValueReport) -> Table:
    one = made.asks
    a_day = f"median {_count(one.median)}, p90 {_count(one.p90)}, most {_count(one.most)}"
    rows = [
        ("asks answered", f"{one.asks} ({_kinds(one.by_kind)})"),
        (
            "by a person on a day",
            f"{a_day}, over {number_of(one.days, 'day')} of {number_of(one.people, 'person', 'people')}",
        ),
        (f"days above {one.bound}", str(one.over)),
        ("waiting for an answer now", _kinds(one.waiting)),
    ]
    return Table("What people were asked", "", ("", "n"), rows)


def _kinds(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "none"


_BALANCE_HEADS = (
    *("path", "incidents", "return: only model right", "events beyond alerts"),
    *("risk: only rules right", "claims rejected", "attacks missed, up to", "spend"),
)


def _balances(balances: Iterable[Balance]) -> Table:
    return Table("Return and risk, by path", "", _BALANCE_HEADS, [_balance(one) for one in balances])


def _balance(one: Balance) -> Sequence[str]:
    return (
        one.path,
        str(one.incidents),
        str(one.effect.only_model),
        str(one.steps.events),
        str(one.effect.only_rules),
        f"{one.rejected} of {one.claims}",
        _at_most(one.false_negatives) if one.false_negatives.closed_by_model else _NONE_CLOSED,
        _spend(one),
    )


def _spend(one: Balance | Costs | Row) -> str:
    """Returns what models cost, and how many answers are not in it."""
    if not one.unmetered:
        return _usd(one.model_micro_usd)
    unmetered = f"{number_of(one.unmetered, 'answer')} {_UNKNOWN}"
    return f"{_usd(one.model_micro_usd)}, {unmetered}" if one.unmetered < one.answers else _UNKNOWN


_WEEK_HEADS = (
    *("week", "path", "model", "prompt", "incidents", "answers", "verified"),
    *("accepted", "corrected", "rejected", "only model right", "only rules right", "spend"),
)
_PROMPT_CHARS = 16
"""Characters of a prompt's version that are shown: enough to tell a few apart."""


def _by_week(rows: Iterable[Row]) -> Table:
    note = "by the week that the incident was opened in"
    return Table("By week, path, model and prompt", note, _WEEK_HEADS, [_week(one) for one in rows])


def _week(one: Row) -> Sequence[str]:
    return (
        one.week,
        one.path,
        one.model or _UNKNOWN,
        one.prompt[:_PROMPT_CHARS] or _UNKNOWN,
        str(one.incidents),
        str(one.answers),
        f"{one.verified} of {one.claims}",
        str(one.accepted),
        str(one.corrected),
        str(one.rejected),
        str(one.effect.only_model),
        str(one.effect.only_rules),
        _spend(one),
    )


def _took(seconds: int | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def _usd(micro_usd: int | None) -> str:
    return _UNKNOWN if micro_usd is None else f"{micro_usd / _MICRO:,.2f} USD"


def _of(counted: int, of: int, share: tuple[float, float]) -> str:
    return f"{counted} of {of}, {share[0]:.3f} to {share[1]:.3f}" if of else _NOBODY


def _count(number: int | None) -> str:
    return "-" if number is None else str(number)
