"""The report for machines: plain values, money in micro-USD, times in whole seconds, shares as 95 % intervals."""

from typing import Any

from safeconduct.access.unit_costs import UnitCosts
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.value.asks import Load
from safeconduct.soc.value.costs import Costs
from safeconduct.soc.value.effect import Effect
from safeconduct.soc.value.mistakes import FalseNegatives, FalsePositives
from safeconduct.soc.value.report import Balance, ValueReport
from safeconduct.soc.value.rows import Row
from safeconduct.soc.value.steps import Steps
from safeconduct.soc.value.times import Spread


def document(made: ValueReport) -> dict[str, Any]:
    """Returns the report as JSON has it."""
    return {
        "from": rfc3339(made.stretch.since),
        "to": rfc3339(made.stretch.until),
        "path": made.stretch.path,
        "warnings": list(made.warnings),
        "declared": _declared(made.declared),
        "incidents": made.costs.incidents,
        "open": made.open,
        "times": [_spread(one) for one in made.times],
        "costs": _costs(made.costs),
        "false_positives": _false_positives(made.false_positives),
        "false_negatives": _false_negatives(made.false_negatives),
        "effect": _effect(made.effect),
        "effect_unchecked": _effect(made.unchecked),
        "steps": _steps(made.steps),
        "asks": _load(made.asks),
        "paths": [_balance(one) for one in made.balances],
        "rows": [_row(one) for one in made.rows],
    }


def _declared(one: UnitCosts) -> dict[str, Any]:
    return {
        "hour_micro_usd": one.hour_micro_usd,
        "minutes": {work.value: minutes for work, minutes in one.minutes.items()},
        "false_positive_micro_usd": one.false_positive_micro_usd,
        "false_negative_micro_usd": one.false_negative_micro_usd,
        "asks_per_day": one.asks_per_day,
    }


def _spread(one: Spread) -> dict[str, Any]:
    return {
        "from": one.start,
        "to": one.finish,
        "n": one.n,
        "median_s": one.median_s,
        "p90_s": one.p90_s,
        "waiting": one.waiting,
        "left_out": one.left_out,
    }


def _costs(one: Costs) -> dict[str, Any]:
    return {
        "complete": one.complete,
        "micro_usd": one.micro_usd,
        "model_micro_usd": one.model_micro_usd,
        "people_micro_usd": one.people_micro_usd,
        "answers": one.answers,
        "unmetered": one.unmetered,
        "pieces": {work.value: count for work, count in one.pieces.items()},
        "minutes": one.minutes,
        "undeclared": one.undeclared,
        "hour_declared": one.priced,
        "true_positives": one.true_positives,
        "per_incident_micro_usd": one.per_incident,
        "per_true_positive_micro_usd": one.per_true_positive,
    }


def _false_positives(one: FalsePositives) -> dict[str, Any]:
    return {
        "counted": one.counted,
        "benign": one.benign,
        "of": one.of,
        "share": _interval(one.share),
        "micro_usd": one.micro_usd,
    }


def _false_negatives(one: FalseNegatives) -> dict[str, Any]:
    return {
        "reopened": one.reopened,
        "closed_by_model": one.closed_by_model,
        "looked": one.looked,
        "missed": one.missed,
        "among_all": [round(one.least, 2), round(one.most, 2)],
        "micro_usd": one.micro_usd,
    }


def _effect(one: Effect) -> dict[str, Any]:
    return {
        "n": one.n,
        "model_spoke": one.spoke,
        "both_right": one.both_right,
        "only_rules_right": one.only_rules,
        "only_model_right": one.only_model,
        "neither_right": one.neither,
        "rules_share": _interval(one.rules_share),
        "model_share": _interval(one.model_share),
        "by_chance": round(one.by_chance, 4),
    }


def _steps(one: Steps) -> dict[str, Any]:
    return {
        "events_beyond_alerts": one.events,
        "incidents": one.incidents,
        "techniques": {
            "both": one.techniques_by_both,
            "rules": one.techniques_by_rules,
            "model": one.techniques_by_model,
        },
    }


def _load(one: Load) -> dict[str, Any]:
    return {
        "asks": one.asks,
        "people": one.people,
        "days_of_people": one.days,
        "by_kind": dict(sorted(one.by_kind.items())),
        "median": one.median,
        "p90": one.p90,
        "most": one.most,
        "bound": one.bound,
        "over": one.over,
        "waiting": dict(sorted(one.waiting.items())),
    }


def _balance(one: Balance) -> dict[str, Any]:
    return {
        "path": one.path,
        "incidents": one.incidents,
        "answers": one.answers,
        "effect": _effect(one.effect),
        "steps": _steps(one.steps),
        "claims": one.claims,
        "claims_rejected": one.rejected,
        "false_negatives": _false_negatives(one.false_negatives),
        "model_micro_usd": one.model_micro_usd,
        "unmetered": one.unmetered,
    }


def _row(one: Row) -> dict[str, Any]:
    return {
        "path": one.path,
        "model": one.model,
        "prompt": one.prompt,
        "week": one.week,
        "incidents": one.incidents,
        "answers": one.answers,
        "claims": one.claims,
        "verified": one.verified,
        "accepted": one.accepted,
        "corrected": one.corrected,
        "rejected": one.rejected,
        "effect": _effect(one.effect),
        "events_beyond_alerts": one.beyond,
        "model_micro_usd": one.model_micro_usd,
        "unmetered": one.unmetered,
    }


def _interval(share: tuple[float, float]) -> list[float]:
    return [round(bound, 3) for bound in share]
