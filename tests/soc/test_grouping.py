"""Which alerts stand together when people had their say, and that the last word counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.grouping import Change, Ruling, grouped, in_force
from safeconduct.soc.model import Alert, Edge, Entity, EntityKind

NAMES = "abcdefgh"


def alert(key):
    return Alert(
        id=key,
        rule="r",
        rule_digest="d",
        title="t",
        level="high",
        techniques=(),
        events=(EventId(key),),
        at=Instant(0),
        matches=(),
    )


def edge(pair):
    low, high = sorted(pair)
    return Edge(
        alerts=(low, high),
        events=(EventId(low), EventId(high)),
        pointers=("/x", "/x"),
        entity=Entity(EntityKind.USER, "ana@web-01"),
        seconds=0,
    )


def groups(pairs, *rulings):
    found = grouped([alert(key) for key in NAMES], [edge(pair) for pair in pairs], rulings)
    assert all(set(one.alerts) <= {a.id for a in alerts} for alerts, edges in found for one in edges)
    return {"".join(one.id for one in alerts) for alerts, _ in found if len(alerts) > 1}


def merged(alerts):
    return Ruling(change=Change.MERGE, alerts=frozenset(alerts))


def apart(alerts, rest):
    return Ruling(change=Change.SPLIT, alerts=frozenset(alerts), rest=frozenset(rest))


@pytest.mark.parametrize(
    ("pairs", "rulings", "expected"),
    [
        (["ab", "bc"], [], {"abc"}),
        (["ab", "cd"], [merged("abcd")], {"abcd"}),
        (["ab", "bc", "cd"], [apart("ab", "cd")], {"ab", "cd"}),
        (["ab", "be", "ce", "cd"], [apart("ab", "cd")], {"abe", "cd"}),  # what came later joins one side, never both
        (["ab", "bc"], [apart("a", "bc"), merged("abc")], {"abc"}),
        (["ab", "cd"], [merged("abcd"), apart("ab", "cd")], {"ab", "cd"}),
        (["ab"], [merged("abz")], {"ab"}),  # alerts that are there no more bind nobody
        (["ab"], [apart("z", "ab")], {"ab"}),
    ],
)
def test_people_have_the_last_word(pairs, rulings, expected):
    assert groups(pairs, *rulings) == expected


def test_a_merge_of_one_side_only_leaves_a_split_in_force():
    split = apart("ab", "cd")
    assert in_force([split, merged("ae")]) == [split, merged("ae")]
    assert in_force([split, merged("ac")]) == [merged("ac")]


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=12),
    st.sets(st.sampled_from(NAMES), min_size=1, max_size=4),
)
def test_no_edges_join_what_was_put_apart(pairs, moved):
    rest = set(NAMES) - moved
    found = groups([(a, b) for a, b in pairs if a != b], apart(moved, rest))
    assert all(set(group) <= moved or set(group) <= rest for group in found)
