"""Facts that are missing, twice, late or far too many: nothing grows beyond its limit, and what can be read counts."""

import os

import pytest

from safeconduct.kernel.entries import Draft, Entry
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.ledger.envelope import NOTHING_SEALED, write_entry
from safeconduct.watch.facts import CALLS_MAX, Facts, is_wanted
from safeconduct.watch.folding import Watch
from safeconduct.watch.model import Fact, FactKind
from safeconduct.watch.windows import SUBJECTS_MAX, Windows
from support.watched import START, Script, dice_of, retry_attack

FACTS = 1_000_000 if os.environ.get("SAFECONDUCT_LONG") else 10_000


def fact(number, *, after=0.0):
    return Fact(entry=f"{number:026d}", at=Instant(START + seconds(after)), kind=FactKind.CALL)


def test_a_fact_that_comes_twice_counts_once_and_a_late_one_only_within_the_window():
    windows = Windows(seconds(60), facts_max=8)
    assert len(windows.add("a", fact(1))) == 1
    assert windows.add("a", fact(1)) == ()
    assert [one.entry[-1] for one in windows.add("a", fact(3, after=30))] == ["1", "3"]
    assert [one.entry[-1] for one in windows.add("a", fact(2, after=20))] == ["1", "3", "2"]
    assert [one.entry[-1] for one in windows.add("a", fact(4, after=60))] == ["3", "2", "4"]
    assert windows.add("a", fact(5, after=0)) == ()


@pytest.mark.parametrize(("more", "kept"), [(0, 8), (1, 8)])
def test_of_more_facts_than_the_limit_the_latest_stay(more, kept):
    windows = Windows(seconds(60), facts_max=8)
    for number in range(8 + more):
        found = windows.add("a", fact(number))
    assert (len(found), int(found[0].entry)) == (kept, more)


@pytest.mark.parametrize(("subjects", "kept"), [(SUBJECTS_MAX, True), (SUBJECTS_MAX + 1, False)])
def test_of_more_subjects_than_the_limit_those_that_were_quiet_longest_go(subjects, kept):
    windows = Windows(seconds(60), facts_max=2)
    for number in range(subjects):
        windows.add(str(number), fact(number))
    assert len(windows) == SUBJECTS_MAX
    assert len(windows.add("0", fact(9_999))) == 1 + kept


def test_whoever_opens_a_session_for_each_call_hides_behind_none_of_them():
    """Subjects are grants and tokens, which callers can't make: the attack is found among any number of sessions."""
    script = Script()
    retry_attack(script, dice_of(5), "eve")
    noise = [
        one._replace(body=one.body | {"traits": one.body["traits"] | {"session": f"{n:016x}"}})
        for n, one in enumerate(script.entries)
        if "traits" in one.body
    ]
    watch = Watch({})
    assert "refusal-retry" in {signal.kind for one in noise for signal in watch.take(one)}


@pytest.mark.parametrize(
    "body",
    [{}, {"principal": "ana"}, {"principal": "ana", "path": "p", "traits": "none"}, {"principal": "a", "path": 7}],
)
def test_an_entry_of_another_release_is_one_fact_less(body):
    watch = Watch({})
    assert watch.take(Entry(id="0" * 26, origin="o", at=START, type="gateway.call.intent/1", body=body)) == ()
    assert watch.take(Entry(id="1" * 26, origin="o", at=START, type="of.nobody/1", body={})) == ()


def test_an_outcome_without_its_intent_says_nothing_and_intents_are_remembered_up_to_a_limit():
    script, facts = Script(), Facts()
    first = script.call("the first")
    assert facts.of(first) is not None
    for number in range(CALLS_MAX):
        facts.of(first._replace(id=f"{number:026d}"))
    assert facts.of(script.ended(first, declined="cyber")) is None
    last = first._replace(id=f"{CALLS_MAX - 1:026d}")
    assert facts.of(script.ended(last, declined="cyber")) is not None


def test_very_many_facts_take_bounded_memory():
    watch, script = Watch({}), Script()
    call = script.call("one of very many")
    for number in range(FACTS):
        body = call.body | {"principal": f"p{number % 9_000}", "grant": f"g{number % 9_000}"}
        watch.take(call._replace(id=f"{number:026d}", at=Instant(START + number), body=body))
    assert len(watch) <= SUBJECTS_MAX * 64 * 2 + 384


def test_by_a_leaf_s_bytes_most_entries_need_not_be_read():
    script = Script()
    call = script.call("asked")
    quiet, declined = script.ended(call), script.ended(call, declined="cyber")
    other = call._replace(type="access.token.issued/1")

    def leaf(entry):
        draft = Draft(type=entry.type, body=entry.body)
        return write_entry(draft, entry.id, entry.origin, entry.at, NOTHING_SEALED)[0]

    assert [is_wanted(leaf(one)) for one in (call, quiet, declined, other)] == [True, False, True, False]
