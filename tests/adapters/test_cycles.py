"""The search for cycles waits while somebody asks, and goes on as it was."""

import gc

import pytest

from safeconduct.adapters.cycles import no_search_for_cycles


def test_the_search_waits_for_the_last_who_asked():
    with no_search_for_cycles():
        with no_search_for_cycles():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_a_failure():
    with pytest.raises(ValueError, match="x"), no_search_for_cycles():
        raise ValueError("x")
    assert gc.isenabled()


def test_where_it_is_off_it_stays_off():
    gc.disable()
    try:
        with no_search_for_cycles():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
