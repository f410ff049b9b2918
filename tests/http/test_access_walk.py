"""Random steps of access over HTTP against a plain model, the process dying between commits and their effects."""

import os
import sys

import pytest

from support.access_walk import Walk

LONG = bool(os.environ.get("SAFECONDUCT_LONG"))
STEPS, CRASH_EVERY, LOOK_EVERY = (10_000, 1, 250) if LONG else (250, 5, 25)
SEED = os.environ.get("SAFECONDUCT_WALK_SEED", "7")


def test_routes_and_model_agree_at_every_step_and_each_effect_is_carried_out_once():
    walk = Walk(SEED)
    for number in range(1, STEPS + 1):
        try:
            walk.step(crash=number % CRASH_EVERY == 0)
            if number % LOOK_EVERY == 0:
                walk.agree()
        except AssertionError as error:
            raise AssertionError(f"seed {SEED}, step {number}: {error}") from error
    walk.agree()
    enforced, opened = walk.carried_out()
    assert min(walk.crashes, enforced, opened) > 0
    told = f"seed {SEED}: {walk.crashes} crashes, {enforced} in force, {opened} opened, {walk.counts}"
    sys.stdout.write(f"{told}\n")  # shown by -s
    assert set(walk.counts) == {kind.__name__ for kind in walk.kinds}


def test_the_model_notices_a_route_that_says_yes_where_it_says_no():
    walk = Walk(SEED)
    with pytest.raises(AssertionError):
        walk.post("ana", "tokens/issue", {"principal": "ana", "expires_at": "2026-11-21T08:30:00Z"}, {403})
