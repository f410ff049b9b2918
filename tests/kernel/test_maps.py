"""A mapping that never changes, and how another one that was patched from it tells that keys were left alone."""

from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.maps import PersistentMap

KEYS = st.integers(0, 2000)
CHANGES = st.dictionaries(KEYS, st.none() | st.integers(0, 2), max_size=6)


@given(st.lists(CHANGES, max_size=6), st.lists(CHANGES, max_size=3), st.sets(KEYS, max_size=9))
def test_places_are_unchanged_only_where_every_key_has_the_very_value_that_it_had(before, after, keys):
    mapping = PersistentMap()
    for changes in before:
        mapping = mapping.patched(changes)
    places, later = mapping.places(keys), mapping
    for changes in after:
        later = later.patched(changes)
    touched = keys.intersection(*[{key for changes in after for key in changes}])
    assert mapping.unchanged(places)
    assert not (later.unchanged(places) and touched)
    if later.unchanged(places):
        assert all(later.get(key) is mapping.get(key) for key in keys)


def test_a_key_that_comes_back_with_an_equal_value_counts_as_changed_and_another_key_does_not():
    mapping = PersistentMap().patched({1: 1, 2: 2})  # numbers: they are their own hashes, and stand apart
    places = mapping.places([1, 3])
    assert mapping.patched({2: 1, 4: 1}).unchanged(places)
    assert not mapping.patched({1: None}).patched({1: 1}).unchanged(places)
    assert not mapping.patched({3: 1}).unchanged(places)


def test_one_that_nothing_was_ever_put_into_has_nothing_at_any_place():
    assert PersistentMap().unchanged(PersistentMap().places([1]))
    assert not PersistentMap().patched({1: 1}).unchanged(PersistentMap().places([1]))
