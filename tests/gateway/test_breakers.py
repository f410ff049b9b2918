"""A target that fails in a row is skipped for a while, and probed by one call at a time."""

from safeconduct.gateway.breakers import FAILURES_MAX, SKIP_S, Breakers


def failing(times, at=0.0):
    breakers = Breakers()
    for _ in range(times):
        breakers.failed("a", at)
    return breakers


def test_a_target_is_skipped_from_the_fifth_failure_in_a_row():
    assert FAILURES_MAX == 5
    assert not failing(FAILURES_MAX - 1).skips("a", 0.0)
    assert failing(FAILURES_MAX).skips("a", 0.0)


def test_an_answer_between_failures_ends_the_row():
    breakers = failing(FAILURES_MAX - 1)
    breakers.answered("a")
    breakers.failed("a", 0.0)
    assert not breakers.skips("a", 0.0)


def test_one_target_does_not_stand_for_another():
    assert not failing(FAILURES_MAX).skips("b", 0.0)


def test_after_its_time_one_call_probes_it():
    breakers = failing(FAILURES_MAX)
    assert breakers.skips("a", SKIP_S - 0.001)
    assert [breakers.skips("a", SKIP_S), breakers.skips("a", SKIP_S), breakers.skips("a", SKIP_S)] == [
        False,
        True,
        True,
    ]


def test_a_probe_that_fails_has_it_skipped_again_and_one_that_is_answered_ends_it():
    breakers = failing(FAILURES_MAX)
    assert not breakers.skips("a", SKIP_S)
    breakers.failed("a", SKIP_S + 1)
    assert breakers.skips("a", 2 * SKIP_S)
    assert not breakers.skips("a", 2 * SKIP_S + 1)
    breakers.answered("a")
    assert not breakers.skips("a", 2 * SKIP_S + 1)


def test_a_probe_of_which_nothing_is_heard_does_not_hold_the_target_for_ever():
    breakers = failing(FAILURES_MAX)
    assert not breakers.skips("a", SKIP_S)
    assert breakers.skips("a", 2 * SKIP_S - 0.001)
    assert not breakers.skips("a", 2 * SKIP_S)
