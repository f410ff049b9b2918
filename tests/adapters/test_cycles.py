"""Full searches for cycles wait while somebody asks, and go on as they were; young cycles are found all the same."""

import gc
import weakref

import pytest

from safeconduct.adapters.cycles import NEVER, no_full_search_for_cycles
from support.patience import until


def test_full_searches_wait_for_the_last_who_asked():
    former = gc.get_threshold()
    with no_full_search_for_cycles():
        with no_full_search_for_cycles():
            assert gc.get_threshold() == (*former[:2], NEVER)
        assert gc.get_threshold() == (*former[:2], NEVER)
    assert gc.get_threshold() == former


def test_they_go_on_after_a_failure():
    former = gc.get_threshold()
    with pytest.raises(ValueError, match="x"), no_full_search_for_cycles():
        raise ValueError("x")
    assert gc.get_threshold() == former


class Node:
    """Refers to itself."""

    def __init__(self):
        self.itself = self


def test_a_young_cycle_is_still_found():
    with no_full_search_for_cycles():
        found, made = weakref.ref(Node()), []
        until(lambda: made.extend([] for _ in range(1000)) or found() is None)
        assert gc.get_threshold()[2] == NEVER  # and it was no full search that found it
