"""What incidents were worth, over histories that are small enough to count by hand."""

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.access.unit_costs import ASKS_PER_DAY, UnitCosts, Work
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import seconds
from safeconduct.kernel.shares import wilson
from safeconduct.soc.autonomy.review_events import Decision
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.value.asks import Ask, Asks, load
from safeconduct.soc.value.costs import costs
from safeconduct.soc.value.effect import effect, unchecked_effect
from safeconduct.soc.value.mistakes import false_negatives, false_positives
from safeconduct.soc.value.report import STRETCH_MAX, Stretch, report
from safeconduct.soc.value.steps import steps
from safeconduct.soc.value.times import BACKFILL, Finish, Start, spreads
from safeconduct.web.value_report import render_html, render_text
from support.courses import ATTACK, BENIGN, FALSE, PATH, answer, at, closed, course, look
from support.immediate import START

TRUE, NONE = Judgment.TRUE_POSITIVE, Judgment.FALSE_POSITIVE
DECLARED = UnitCosts(
    hour_micro_usd=60_000_000,
    minutes={Work.TRIAGE: 10, Work.REVIEW: 5, Work.CLOSE: 3, Work.LOOK: 20, Work.VOTE: 2},
    false_positive_micro_usd=7_000_000,
    false_negative_micro_usd=100_000_000,
)


def clock(courses, start, finish):
    (found,) = [one for one in spreads(courses) if (one.start, one.finish) == (start, finish)]
    return found


def test_times_are_told_with_who_waits():
    courses = [course(str(n), opened=n, triaged=n + 2 * n) for n in range(1, 11)] + [course("waits", opened=1)]
    found = clock(courses, Start.OPENED, Finish.TRIAGE)
    assert (found.n, found.median_s, found.p90_s, found.waiting, found.left_out) == (10, 600, 1080, 1, 0)
    found = clock(courses, Start.ALERT, Finish.TRIAGE)
    assert (found.n, found.median_s) == (10, 600 + 10 * 60)  # each alert is 5 minutes before minute 0, opening at n


@pytest.mark.parametrize(("early", "n"), [(BACKFILL, 1), (BACKFILL + 1, 0)])
def test_history_that_was_brought_in_says_nothing_of_speed(early, n):
    one = course("old", opened=0, triaged=4)
    one = type(one)(incident="old", alert_at=one.opened_at - early, opened_at=one.opened_at, triaged_at=one.triaged_at)
    found = clock([one], Start.ALERT, Finish.TRIAGE)
    assert (found.n, found.left_out) == (n, 1 - n)
    assert clock([one], Start.OPENED, Finish.TRIAGE).n == 1


def test_review_and_closing_have_clocks_of_their_own():
    reviewed = answer("a", decision=Decision.ACCEPTED, reviewed_at=at(30))
    one = course("i", triaged=4, answers=(reviewed,), closings=(closed("i", FALSE, 50),))
    assert clock([one], Start.OPENED, Finish.REVIEW).median_s == 30 * 60
    assert clock([one], Start.ALERT, Finish.CLOSE).median_s == 55 * 60
    opened_again = course("i", closings=(closed("i", FALSE, 50, reopened=55),))
    assert clock([opened_again], Start.OPENED, Finish.CLOSE).waiting == 1


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=40))
def test_a_median_is_one_of_the_times_and_half_are_not_above(minutes):
    courses = [course(str(n), triaged=taken) for n, taken in enumerate(minutes)]
    found = clock(courses, Start.OPENED, Finish.TRIAGE)
    assert found.median_s // 60 in minutes
    assert found.median_s / 60 <= median(minutes) <= max(minutes)
    assert found.median_s <= found.p90_s <= 60 * max(minutes)


def history():
    """An attack that the model saw, a false alarm that it saw through, an attack that it cleared, and one open."""
    wrong = closed("c", FALSE, 40, path=PATH, reopened=90)
    return [
        course(
            "a", triaged=5, votes=2, techniques=frozenset({"T1003.001", "T1059"}),
            answers=(
                answer("a1", judgment=TRUE, said=TRUE, decision=Decision.ACCEPTED, reviewed_at=at(20), micro_usd=1500,
                       techniques=frozenset({"T1003.001"}), beyond=frozenset({"e1", "e2"})),
                answer("a2", 12, micro_usd=500, beyond=frozenset({"e2"})),
            ),
            closings=(closed("a", ATTACK),),
        ),
        course(
            "b", triaged=6, closings=(closed("b", FALSE),),
            answers=(
                answer("b1", said=NONE, judgment=NONE, decision=Decision.CORRECTED, reviewed_at=at(30), micro_usd=1000),
            ),
        ),
        course(
            "c", triaged=7, closings=(wrong,), looks=(look(wrong, ATTACK),),
            answers=(answer("c1", said=NONE, judgment=NONE, verified=1, micro_usd=None),),
        ),
        course("d"),
    ]  # fmt: skip


def test_costs_are_what_was_metered_and_declared():
    found = costs(history(), DECLARED)
    # 3 triages, 2 reviews, 2 closings by people, 1 look, 2 votes: 30 + 10 + 6 + 20 + 4 minutes at a dollar each.
    assert (found.minutes, found.people_micro_usd, found.model_micro_usd) == (70, 70_000_000, 3_000)
    assert (found.answers, found.unmetered, found.complete) == (4, 1, False)
    assert (found.per_incident, found.per_true_positive) == (70_003_000 // 4, 70_003_000 // 2)


def test_a_sum_is_complete_only_if_nothing_is_missing():
    sound = history()[:2]
    assert costs(sound, DECLARED).complete
    without_votes = UnitCosts(hour_micro_usd=1, minutes={w: m for w, m in DECLARED.minutes.items() if w != Work.VOTE})
    assert costs(sound, without_votes).undeclared == (Work.VOTE,)
    assert not costs(sound, without_votes).complete
    assert costs(sound[1:], without_votes).complete  # nobody voted there
    assert not costs(sound, UnitCosts(minutes=DECLARED.minutes)).complete
    assert costs([], DECLARED).per_incident is None


def test_the_model_is_held_against_the_rules_alone():
    found = effect(history())
    # a: both right; b: only the model, which saw that it is none; c: only the rules; d: nobody judged it.
    assert (found.n, found.spoke) == (3, 3)
    assert (found.both_right, found.only_rules, found.only_model, found.neither) == (1, 1, 1, 0)
    assert (found.rules_share, found.model_share, found.by_chance) == (wilson(2, 3), wilson(2, 3), 1.0)


@given(
    st.lists(st.tuples(st.sampled_from([None, ATTACK, BENIGN, FALSE]), st.sampled_from([None, *Judgment])), max_size=12)
)
def test_whoever_counts_again_gets_the_same(drawn):
    courses = [
        course(str(n), answers=(answer(str(n), judgment=said),), closings=(closed(str(n), was),) if was else ())
        for n, (was, said) in enumerate(drawn)
    ]
    judged = [(was is ATTACK, said in (None, TRUE)) for was, said in drawn if was]
    found = effect(courses)
    assert found.n == len(judged)
    assert found.both_right + found.only_rules == sum(attack for attack, _ in judged)  # rules call all of them attacks
    assert found.both_right + found.only_model == sum(attack is called for attack, called in judged)
    assert false_positives(courses, DECLARED).counted == [was for was, _ in drawn].count(FALSE)


def test_a_rejected_verdict_counts_only_where_it_is_said_so():
    spoken = answer("x", said=NONE)
    one = course("x", answers=(spoken,), closings=(closed("x", ATTACK),))
    assert (effect([one]).both_right, effect([one]).spoke) == (1, 0)
    assert (unchecked_effect([one]).only_rules, unchecked_effect([one]).spoke) == (1, 1)


@pytest.mark.parametrize(("when", "right"), [(60, 0), (61, 1)])
def test_what_a_model_said_after_the_closing_changed_nothing(when, right):
    answers = (answer("early", 10, judgment=TRUE), answer("late", when, judgment=NONE))
    one = course("x", answers=answers, closings=(closed("x", ATTACK, 60),))
    assert effect([one]).both_right == right


def test_a_model_s_own_closing_is_not_what_people_found():
    own = closed("x", BENIGN, path=PATH)
    one = course("x", answers=(answer("x", judgment=Judgment.BENIGN_POSITIVE),), closings=(own,))
    assert (one.found, effect([one]).n) == (None, 0)
    seen = course("x", answers=one.answers, closings=(own,), looks=(look(own), look(own, BENIGN)))
    assert (seen.found, effect([seen]).only_model) == (BENIGN, 1)


def test_false_positives_are_those_that_people_found():
    found = false_positives([*history(), course("e", closings=(closed("e", BENIGN),))], DECLARED)
    assert (found.counted, found.benign, found.of, found.micro_usd) == (1, 1, 4, 7_000_000)
    assert found.share == wilson(1, 4)
    assert false_positives(history(), UnitCosts()).micro_usd is None


def cleared(name, seen=None):
    closing = closed(name, FALSE, path=PATH)
    return course(name, closings=(closing,), looks=(look(closing, seen),) if seen else ())


def test_missed_attacks_are_estimated_from_second_looks():
    courses = [cleared(f"unseen {n}") for n in range(80)]
    courses += [cleared(f"seen {n}", FALSE) for n in range(18)] + [cleared(f"missed {n}", ATTACK) for n in range(2)]
    found = false_negatives(courses, DECLARED)
    low, high = wilson(2, 20)
    assert (found.closed_by_model, found.looked, found.missed) == (100, 20, 2)
    assert (found.least, found.most) == (max(2, 100 * low), 100 * high)
    assert found.micro_usd == (round(found.least * 100_000_000), round(found.most * 100_000_000))


def test_where_nobody_looked_all_may_have_been_missed():
    found = false_negatives([cleared("x")], DECLARED)
    assert (found.least, found.most) == (0, 1)
    assert false_negatives([cleared("x")], UnitCosts()).micro_usd is None


def test_an_attack_that_people_closed_as_none_is_counted_once_it_is_known():
    again = (closed("x", FALSE, 10, reopened=20), closed("x", ATTACK, 30))
    assert false_negatives([course("x", closings=again)], DECLARED).reopened == 1
    assert false_negatives([course("x", closings=again[:1])], DECLARED).reopened == 0
    assert false_negatives([course("x", closings=again)], DECLARED, PATH).reopened == 0


def test_steps_are_events_that_no_alert_holds():
    found = steps(history())
    assert (found.events, found.incidents) == (2, 1)
    assert (found.techniques_by_both, found.techniques_by_rules, found.techniques_by_model) == (1, 1, 0)


def asked(count, by="ana", day=0):
    return [Ask(kind="review", by=by, at=at(24 * 60 * day + n)) for n in range(count)]


def loaded(*answered, waiting=None):
    return load(Asks(answered=answered, waiting=waiting or {}), UnitCosts(), at(0), at(48 * 60))


def test_asks_are_counted_by_person_and_day():
    found = loaded(*asked(3), *asked(1, "bo"), *asked(5, day=1), *asked(9, day=2), waiting={"review": 4})
    assert (found.asks, found.people, found.days, found.median, found.p90, found.most) == (9, 2, 3, 3, 5, 5)
    assert found.waiting == {"review": 4}


@pytest.mark.parametrize(("count", "over"), [(ASKS_PER_DAY, 0), (ASKS_PER_DAY + 1, 1)])
def test_above_the_bound_the_report_warns(count, over):
    found = loaded(*asked(count))
    assert (found.over, bool(found.warning)) == (over, bool(over))
    made = report([], Asks(answered=tuple(asked(count))), UnitCosts(), Stretch(since=at(0), until=at(2000)))
    assert made.warnings == ((found.warning,) if over else ())
    assert found.warning in render_html(made)
    assert ("WARNING" in render_text(made)) is bool(over)


def test_the_report_puts_return_and_risk_side_by_side():
    made = report(history(), Asks(), DECLARED, Stretch(since=at(0), until=at(1)))
    (one,) = made.balances
    assert (one.path, one.incidents, one.claims, one.rejected) == (PATH, 3, 16, 6)
    assert (one.effect.only_model, one.effect.only_rules, one.steps.events) == (1, 1, 2)
    assert (one.false_negatives.closed_by_model, one.false_negatives.missed) == (1, 1)
    (row,) = made.rows
    assert (row.week, row.model, row.answers, row.verified) == ("2026-W47", "m-1", 4, 10)
    assert (row.incidents, row.effect, row.beyond) == (3, effect(history()[:3]), 2)
    assert (row.accepted, row.corrected, row.rejected, row.model_micro_usd, row.unmetered) == (1, 1, 0, 3000, 1)


def test_rows_tell_weeks_models_and_prompts_apart():
    answers = (answer("1"), answer("2", prompt="p2"), answer("3", model="m-2"))
    week = 7 * 24 * 60
    known = [course("a", answers=answers), course("b", opened=week, answers=(answer("4", week + 1),))]
    made = report(known, Asks(), DECLARED, Stretch(since=at(0), until=at(week + 1)))
    assert [(one.week, one.model, one.prompt) for one in made.rows] == [
        ("2026-W47", "m-1", ""), ("2026-W47", "m-1", "p2"), ("2026-W47", "m-2", ""), ("2026-W48", "m-1", ""),
    ]  # fmt: skip


def test_one_path_is_told_apart():
    other = course("o", answers=(answer("o1", path="soc-hunt", micro_usd=9), answer("o2", micro_usd=1)))
    made = report([other, course("none")], Asks(), DECLARED, Stretch(since=at(0), until=at(1), path="soc-hunt"))
    assert (made.costs.incidents, made.costs.model_micro_usd, [one.path for one in made.balances]) == (
        1,
        9,
        ["soc-hunt"],
    )


@pytest.mark.parametrize(("length", "fails"), [(0, True), (1, False), (STRETCH_MAX, False), (STRETCH_MAX + 1, True)])
def test_a_stretch_has_a_length(length, fails):
    if fails:
        with pytest.raises(InvalidInputError):
            Stretch(since=START, until=START + length)
    else:
        assert Stretch(since=START, until=START + length).holds(START)


def test_one_of_anything_is_told_as_one():
    one = course("i", triaged=4, answers=(answer("c1", micro_usd=None),))
    made = report([one], Asks(answered=tuple(asked(1))), UnitCosts(), Stretch(since=at(0), until=at(2000)))
    shown = render_text(made)
    for said in ("1 answer\n", "over 1 day of 1 person\n", "without a price or a count of tokens: 1 answer)"):
        assert said in shown, said
    many = report(history(), Asks(answered=(*asked(3), *asked(1, "bo"))), DECLARED, made.stretch)
    assert "over 2 days of 2 people" in render_text(many)
    assert "4 answers" in render_text(many)


def test_shares_of_what_no_model_closed_are_no_figures():
    one = course("i", answers=(answer("c1"),))
    shown = render_text(report([one], Asks(), UnitCosts(), Stretch(since=at(0), until=at(2000))))
    assert shown.count("a model closed none") == 2, "among what it closed, and by path"
    assert "0.0 of 0" not in shown
    assert "benign                                         nobody said yet" in shown


def test_what_is_not_known_is_said():
    shown = render_text(report(history(), Asks(), UnitCosts(), Stretch(since=at(0), until=at(0) + seconds(1))))
    assert "not known" in shown
    assert "value.hour_usd" in shown
    assert "value.minutes.triage" in shown
    assert "at least" in shown
