"""What a trial shows is counted by hand here, and a promotion takes what the numbers say."""

from dataclasses import replace

import pytest

from safeconduct.access.data_handling import DataHandling
from safeconduct.access.records import PATHS, PRINCIPALS
from safeconduct.kernel.errors import RefusedError
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.prompts.model import PromptKind
from safeconduct.soc.trials.judging import MARGIN, PAIRS_MIN, SIDE_MIN, compare, shortfalls
from safeconduct.soc.trials.model import Answer, Case, Pair
from safeconduct.soc.trials.paths import check_path
from support.past_incidents import protecting
from support.programs import in_force

RIGHT, WRONG = Judgment.TRUE_POSITIVE, Judgment.FALSE_POSITIVE
JUDGED = {Judgment.TRUE_POSITIVE: RIGHT, Judgment.FALSE_POSITIVE: WRONG}
GOOD = Answer(claims=4, verified=3, judgment=RIGHT, tokens=10, micro_usd=2)


def pairs(*of, sides=tuple(JUDGED)):
    """Returns so many pairs of each candidate and baseline, of attacks and others in turn; RIGHT is right of both."""
    made = [Pair(candidate=new, baseline=old) for new, old, count in of for _ in range(count)]
    return [case(number, sides[number % len(sides)], pair) for number, pair in enumerate(made)]


def case(number, side, pair):
    said = {RIGHT: JUDGED[side], WRONG: next(one for other, one in JUDGED.items() if other is not side)}
    new, old = (replace(one, judgment=said.get(one.judgment)) for one in (pair.candidate, pair.baseline))
    return Case(incident=f"{number}", disposition=side), Pair(candidate=new, baseline=old)


def codes(found, kind=PromptKind.TRIAGE, planned=None):
    return [one.code for one in shortfalls(kind, compare(found), planned=planned or len(found))]


def test_a_comparison_by_hand():
    worse = replace(GOOD, verified=1, judgment=WRONG, unreadable=1)
    found = compare(pairs((GOOD, GOOD, 3), (GOOD, worse, 2), (worse, GOOD, 1)))
    assert (found.pairs, found.only_candidate, found.only_baseline) == (6, 2, 1)
    assert (found.better, found.worse) == (2, 1)
    assert (found.candidate.verified, found.candidate.claims, found.candidate.unreadable) == (16, 24, 1)
    assert (found.candidate.right, found.baseline.right) == (5, 4)
    assert (found.candidate.tokens, found.candidate.micro_usd) == (60, 12)


def test_what_one_call_cost_is_not_known_so_the_sum_is_not():
    assert compare(pairs((replace(GOOD, micro_usd=None), GOOD, 1), (GOOD, GOOD, 1))).candidate.micro_usd is None


@pytest.mark.parametrize(
    ("count", "expected"), [(PAIRS_MIN, []), (PAIRS_MIN - 1, ["trial-too-small", "verdicts-worse"])]
)
def test_two_that_always_agree_are_alike_from_so_many_on(count, expected):
    assert codes(pairs((GOOD, GOOD, count))) == expected


def test_a_trial_that_is_not_finished_promotes_nothing():
    found = pairs((GOOD, GOOD, PAIRS_MIN))
    assert codes(found, planned=PAIRS_MIN + 1) == ["trial-unfinished"]


@pytest.mark.parametrize(("lost", "expected"), [(0, []), (3, ["verdicts-worse"])])
def test_verdicts_may_not_be_worse_by_more_than_the_margin(lost, expected):
    found = pairs((GOOD, GOOD, 40 - lost), (replace(GOOD, judgment=WRONG), GOOD, lost))
    assert codes(found) == expected
    assert codes(found, PromptKind.EXPLAIN) == [], "what does not judge is not judged by verdicts"


@pytest.mark.parametrize(("verified", "worse"), [(36, False), (35, True)])
def test_claims_may_not_hold_less_often_by_more_than_the_margin(verified, worse):
    old = replace(GOOD, claims=100, verified=46)
    found = pairs((replace(old, verified=verified), old, 1))
    assert ("claims-worse" in codes(found)) is worse
    assert MARGIN == 0.10


def test_always_yes_is_not_promoted_by_a_past_of_attacks():
    yes = pairs((GOOD, replace(GOOD, judgment=WRONG), 40), sides=(Judgment.TRUE_POSITIVE,))
    assert codes(yes) == ["trial-one-sided"]
    attacks = pairs((GOOD, replace(GOOD, judgment=WRONG), 40), sides=(Judgment.TRUE_POSITIVE,))
    others = pairs((replace(GOOD, judgment=WRONG), GOOD, SIDE_MIN), sides=(Judgment.FALSE_POSITIVE,))
    assert codes(attacks + others) == ["verdicts-worse"], "of the others none is told any more"
    alike = pairs((GOOD, GOOD, SIDE_MIN), sides=(Judgment.FALSE_POSITIVE,))
    assert codes(attacks + alike) == []
    assert codes(attacks + alike[:-1]) == ["trial-one-sided"]


def test_incidents_that_mostly_got_worse_count_although_the_sum_hardly_changed():
    slightly = replace(GOOD, claims=100, verified=74)
    assert codes(pairs((slightly, GOOD, 6), (GOOD, GOOD, 30))) == ["claims-worse"]
    assert codes(pairs((slightly, GOOD, 5), (GOOD, GOOD, 30))) == []


def test_a_failed_pair_counts_as_if_the_baseline_alone_had_been_right():
    failed = Answer(failed="frozen")
    found = compare(pairs((failed, failed, 2), (GOOD, failed, 1)))
    assert (found.only_candidate, found.only_baseline) == (0, 3)


def test_two_of_no_use_are_alike_and_neither_is_promoted():
    nothing = Answer(unreadable=1)
    assert codes(pairs((nothing, nothing, PAIRS_MIN))) == ["nothing-shown"]


@pytest.fixture(scope="module")
def path():
    state = in_force(protecting()).state
    return state.get(PATHS, "soc-triage"), state.get(PRINCIPALS, "triage-service")


def test_a_path_that_protects_and_restores_is_for_trials(path):
    check_path(*path)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"handling": {}}, "trial-unprotected"), ({"restore": ()}, "trial-unrestored"),
        ({"data_classes": ("text", "unlabeled")}, "trial-unprotected"),
        ({"data_classes": ("text", "telemetry")}, "trial-unprotected"),
        ({"restore": ("principal:ana",)}, "trial-unrestored"),
    ],
)  # fmt: skip
def test_a_path_that_does_not_is_not(path, change, code):
    with pytest.raises(RefusedError) as refused:
        check_path(replace(path[0], **change), path[1])
    assert refused.value.code == code


@pytest.mark.parametrize("name", ["account", "host", "internal-address", "mail", "secret"])
def test_one_class_that_goes_through_as_it_is_is_one_too_many(path, name):
    handling = {**path[0].handling, name: DataHandling.ALLOW}
    with pytest.raises(RefusedError, match=name):
        check_path(replace(path[0], handling=handling), path[1])
