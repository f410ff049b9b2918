"""What is told of trials."""

from dataclasses import asdict
from typing import Any

from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.soc.trials.judging import Comparison, Side, compare, right_between, shortfalls
from safeconduct.soc.trials.model import Case, Pair, Trial


def trial_row(trial: Trial, now: Instant) -> dict[str, Any]:
    """Returns what a trial compares and how far it is."""
    plan = trial.plan
    return {
        "trial": trial.id,
        "kind": plan.kind,
        "candidate": plan.candidate,
        "baseline": plan.baseline,
        "path": plan.path,
        "model": plan.model,
        "principal": plan.principal,
        "by": trial.by,
        "at": rfc3339(trial.at),
        "over": len(trial.over(now)),
        "of": len(plan.cases),
        "tokens": trial.tokens,
        "tokens_max": plan.tokens_max,
        "complete": trial.complete(now),
    }


def trial_document(trial: Trial, now: Instant) -> dict[str, Any]:
    """Returns what a trial found, and what stands against a promotion."""
    over = trial.over(now)
    found = compare(over)
    short = shortfalls(trial.plan.kind, found, planned=len(trial.plan.cases))
    return trial_row(trial, now) | {
        "comparison": _compared(found),
        "against": [asdict(one) for one in short],
        "pairs": [pair_document(case, pair) for case, pair in over],
    }


def _compared(found: Comparison) -> dict[str, Any]:
    return asdict(found) | {
        "candidate": _side(found.candidate, found.pairs),
        "baseline": _side(found.baseline, found.pairs),
        "verdicts_uneven": _rounded(found.verdicts_uneven),
        "lower": _rounded(found.lower),
        "uneven": _rounded(found.uneven),
    }


def _side(side: Side, pairs: int) -> dict[str, Any]:
    return asdict(side) | {"right_share": [_rounded(one) for one in right_between(side, pairs)]}


def pair_document(case: Case, pair: Pair) -> dict[str, Any]:
    """Returns what both versions brought about an incident, and what people found it to be."""
    return {"incident": case.incident, "disposition": case.disposition, **asdict(pair)}


def _rounded(share: float) -> float:
    return round(share, 3)
