"""Which level the evidence carries, at its edges."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.shares import wilson
from safeconduct.soc.autonomy.evidence import (
    BARS,
    CLAIMS_MIN,
    CONFIRMED_MIN,
    JUDGED_MIN,
    WINDOW,
    Evidence,
    Loss,
    lacking,
    lost,
    too_few,
)
from safeconduct.soc.autonomy.findings import Checked, Judged
from safeconduct.soc.autonomy.model import Autonomy, lower


def judged(good, bad=0):
    """So many incidents of which a person accepted the answer, and so many of which not."""
    return tuple(
        Judged(incident=f"i{number}", good=int(number < good), bad=int(number >= good), by=("ana",))
        for number in range(good + bad)
    )


def checked(*held):
    """An incident each with so many of so many claims verified."""
    return tuple(
        Checked(incident=f"i{number}", answers=1, verified=verified, claims=claims)
        for number, (verified, claims) in enumerate(held)
    )


FINE = checked(*((10, 10),) * WINDOW)


def reviews(good, bad=0):
    return Evidence(by_review=judged(good, bad), by_claims=FINE)


@pytest.mark.parametrize(
    ("level", "least", "most_bad"), [(Autonomy.TRIAGE, 10, 1), (Autonomy.HUNT, 20, 1), (Autonomy.ACT, 50, 2)]
)
def test_a_level_takes_so_many_reviews_and_so_few_bad_ones(level, least, most_bad):
    assert BARS[level].reviewed == least
    assert list(lacking(level, reviews(least - most_bad, most_bad))) == []
    (why,) = lacking(level, reviews(least - most_bad - 1, most_bad + 1))
    assert "share of incidents accepted" in why
    assert f"{least - 1} of {least} distinct incidents reviewed, by {least - 1} answers" in list(
        lacking(level, reviews(least - 1))
    )
    assert (too_few(level, reviews(least)), too_few(level, reviews(least - 1)) != "") == ("", True)


@pytest.mark.parametrize(("level", "carried", "one_less"), [(Autonomy.HUNT, 16, 15), (Autonomy.ACT, 42, 41)])
def test_a_level_takes_claims_that_hold(level, carried, one_less):
    def of(good):
        held = ((1, 1),) * good + ((0, 1),) * (WINDOW - good)
        return list(lacking(level, Evidence(by_review=judged(WINDOW), by_claims=checked(*held))))

    assert of(carried) == []
    (why,) = of(one_less)
    assert "claims verified" in why
    assert f"0 of {CLAIMS_MIN} claims checked" in list(lacking(level, Evidence(by_review=judged(WINDOW))))


def test_many_claims_about_few_incidents_carry_no_level():
    def of(incidents):
        held = checked(*((CLAIMS_MIN, CLAIMS_MIN),) * incidents)
        return list(lacking(Autonomy.HUNT, Evidence(by_review=judged(WINDOW), by_claims=held)))

    assert of(JUDGED_MIN - 1) == [f"claims about {JUDGED_MIN - 1} of {JUDGED_MIN} incidents checked"]
    assert of(JUDGED_MIN) == []
    one_talks = checked((90, 90), *((0, 1),) * 9)
    (why,) = lacking(Autonomy.HUNT, Evidence(by_review=judged(WINDOW), by_claims=one_talks))
    assert "claims verified" in why  # 90 of 99 claims, of one incident in ten


def test_every_level_is_lost_below_its_bar_and_not_before_enough_were_judged():
    for level in list(Autonomy)[1:]:
        assert lost(level, Evidence(by_review=judged(0, JUDGED_MIN - 1))) is None
        assert lost(level, Evidence(by_review=judged(0, JUDGED_MIN))) is Loss.REVIEWS
    assert lost(Autonomy.ADVISE, Evidence(by_review=judged(0, WINDOW), by_claims=checked((0, 50)))) is None


def test_claims_that_do_not_hold_cost_hunt_and_act():
    for level, why in ((Autonomy.TRIAGE, None), (Autonomy.HUNT, Loss.CLAIMS), (Autonomy.ACT, Loss.CLAIMS)):
        assert lost(level, Evidence(by_claims=checked((0, CLAIMS_MIN)))) is why
        assert lost(level, Evidence(by_claims=checked((0, CLAIMS_MIN - 1)))) is None


def test_second_looks_that_overturn_cost_act_alone():
    for level, why in ((Autonomy.HUNT, None), (Autonomy.ACT, Loss.LOOKS)):
        assert lost(level, Evidence(by_look=judged(3, 3))) is why
    assert wilson(3, 6)[1] < CONFIRMED_MIN < wilson(4, 6)[1]
    assert lost(Autonomy.ACT, Evidence(by_look=judged(4, 2))) is None


ONE = Judged(incident="i", good=1, bad=0, by=("ana",))


@given(st.lists(st.booleans(), max_size=120))
def test_the_last_incidents_count(found):
    evidence = Evidence()
    for number, good in enumerate(found):
        one = Judged(incident=f"i{number}", good=int(good), bad=int(not good), by=("ana",))
        evidence = evidence.reviewed(one).looked(one)
        evidence = evidence.answered(Checked(incident=one.incident, answers=1, verified=int(good), claims=1))
    kept = found[-WINDOW:]
    for share in (evidence.accepted, evidence.answers, evidence.confirmed, evidence.looks, evidence.verified):
        assert (share.found, share.of) == (sum(kept), len(kept))
    assert (evidence.grounded.found, evidence.grounded.of) == (sum(kept), len(kept))


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60))
def test_an_incident_counts_once_by_the_worst_that_was_said_of_it(said):
    evidence = Evidence()
    for incident, good in said:
        evidence = evidence.reviewed(replace(ONE, incident=incident, good=int(good), bad=int(not good)))
    incidents = {incident for incident, _ in said}
    wrong = {incident for incident, good in said if not good}
    assert (evidence.accepted.found, evidence.accepted.of) == (len(incidents - wrong), len(incidents))
    assert (evidence.answers.found, evidence.answers.of) == (sum(good for _, good in said), len(said))


def test_asking_again_does_not_better_the_claims_of_an_incident_and_worse_ones_count():
    evidence = Evidence()
    for verified, claims in ((3, 4), (50, 50), (1, 2), (9, 10)):
        evidence = evidence.answered(Checked(incident="i", answers=1, verified=verified, claims=claims))
    assert evidence.by_claims == (Checked(incident="i", answers=4, verified=1, claims=2),)
    assert (evidence.grounded.found, evidence.grounded.of) == (0, 1)


def test_what_turned_bad_is_the_latest_and_is_not_pushed_out_by_older_ones():
    evidence = Evidence(by_review=judged(WINDOW)).reviewed(replace(ONE, incident="i0", good=0, bad=1))
    evidence = evidence.reviewed(replace(ONE, incident="new"))
    assert [one.incident for one in evidence.by_review if not one.holds] == ["i0"]
    assert (len(evidence.by_review), evidence.accepted.found) == (WINDOW, WINDOW - 1)


def test_incidents_that_became_one_count_as_one():
    evidence = Evidence(by_review=judged(3, 1), by_look=judged(2), by_claims=checked((4, 4), (1, 4))).renamed(
        lambda _: "all"
    )
    assert evidence.by_review == (Judged(incident="all", good=3, bad=1, by=("ana",)),)
    assert (evidence.accepted.found, evidence.accepted.of) == (0, 1)
    assert (evidence.confirmed.found, evidence.confirmed.of, evidence.looks.of) == (1, 1, 2)
    assert evidence.by_claims == (Checked(incident="all", answers=2, verified=1, claims=4),)


@given(st.integers(0, WINDOW), st.integers(0, WINDOW), st.sampled_from(Autonomy))
def test_what_carries_a_level_does_not_lose_it(good, bad, level):
    evidence = Evidence(by_review=judged(good, bad)[-WINDOW:], by_claims=FINE)
    assert list(lacking(level, evidence)) or lost(level, evidence) is None


@given(st.sampled_from(Autonomy), st.sampled_from(Autonomy))
def test_the_lower_of_two_levels(one, other):
    assert lower(one, other).rank == min(one.rank, other.rank)
    assert one.below.rank == max(one.rank - 1, 0)
