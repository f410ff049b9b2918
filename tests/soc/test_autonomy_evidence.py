"""Which level the evidence carries, at its edges."""

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
)
from safeconduct.soc.autonomy.model import Autonomy, lower

FINE = ((10, 10),) * WINDOW


def reviews(good, bad=0):
    return Evidence(reviews=(True,) * good + (False,) * bad, claims=FINE)


@pytest.mark.parametrize(
    ("level", "least", "most_bad"), [(Autonomy.TRIAGE, 10, 1), (Autonomy.HUNT, 20, 1), (Autonomy.ACT, 50, 2)]
)
def test_a_level_takes_so_many_reviews_and_so_few_bad_ones(level, least, most_bad):
    assert BARS[level].reviewed == least
    assert list(lacking(level, reviews(least - most_bad, most_bad))) == []
    (why,) = lacking(level, reviews(least - most_bad - 1, most_bad + 1))
    assert "share accepted" in why
    assert f"{least - 1} of {least} answers reviewed" in list(lacking(level, reviews(least - 1)))


@pytest.mark.parametrize(
    ("level", "carried", "one_less"), [(Autonomy.HUNT, (16, 50), (15, 50)), (Autonomy.ACT, (42, 50), (41, 50))]
)
def test_a_level_takes_claims_that_hold(level, carried, one_less):
    good = (True,) * WINDOW
    assert list(lacking(level, Evidence(reviews=good, claims=(carried,)))) == []
    (why,) = lacking(level, Evidence(reviews=good, claims=(one_less,)))
    assert "claims verified" in why
    assert f"0 of {CLAIMS_MIN} claims checked" in list(lacking(level, Evidence(reviews=good)))


def test_every_level_is_lost_below_its_bar_and_not_before_enough_were_judged():
    for level in list(Autonomy)[1:]:
        assert lost(level, Evidence(reviews=(False,) * (JUDGED_MIN - 1))) is None
        assert lost(level, Evidence(reviews=(False,) * JUDGED_MIN)) is Loss.REVIEWS
    assert lost(Autonomy.ADVISE, Evidence(reviews=(False,) * WINDOW, claims=((0, 50),))) is None


def test_claims_that_do_not_hold_cost_hunt_and_act():
    for level, why in ((Autonomy.TRIAGE, None), (Autonomy.HUNT, Loss.CLAIMS), (Autonomy.ACT, Loss.CLAIMS)):
        assert lost(level, Evidence(claims=((0, CLAIMS_MIN),))) is why
        assert lost(level, Evidence(claims=((0, CLAIMS_MIN - 1),))) is None


def test_second_looks_that_overturn_cost_act_alone():
    for level, why in ((Autonomy.HUNT, None), (Autonomy.ACT, Loss.LOOKS)):
        assert lost(level, Evidence(looks=(True,) * 3 + (False,) * 3)) is why
    assert wilson(3, 6)[1] < CONFIRMED_MIN < wilson(4, 6)[1]
    assert lost(Autonomy.ACT, Evidence(looks=(True,) * 4 + (False,) * 2)) is None


@given(st.lists(st.booleans(), max_size=120))
def test_the_last_ones_count(found):
    evidence = Evidence()
    for one in found:
        evidence = evidence.reviewed(accepted=one).looked(confirmed=one).answered(int(one), 1)
    kept = found[-WINDOW:]
    for share in (evidence.accepted, evidence.confirmed, evidence.verified):
        assert (share.found, share.of) == (sum(kept), len(kept))


@given(st.integers(0, WINDOW), st.integers(0, WINDOW), st.sampled_from(Autonomy))
def test_what_carries_a_level_does_not_lose_it(good, bad, level):
    evidence = Evidence(reviews=((True,) * good + (False,) * bad)[-WINDOW:], claims=FINE)
    assert list(lacking(level, evidence)) or lost(level, evidence) is None


@given(st.sampled_from(Autonomy), st.sampled_from(Autonomy))
def test_the_lower_of_two_levels(one, other):
    assert lower(one, other).rank == min(one.rank, other.rank)
    assert one.below.rank == max(one.rank - 1, 0)
