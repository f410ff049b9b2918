"""After any sequence of changes the patched standing is the one built from nothing; what is not touched is not made."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from safeconduct.access import records as kept
from safeconduct.access.compiling import compile_standing
from safeconduct.access.freezes import freeze, freezes
from safeconduct.access.model.programs import Epoch, Policies
from safeconduct.access.patching import all_rows
from safeconduct.access.unfreezing import request_unfreeze
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.maps import PersistentMap
from safeconduct.policy import EntityUid
from support.freezing import ordered
from support.programs import APPLY, in_force, signed
from support.standing_changes import ANA, GRANT, PROGRAM, changed, drawn_changes


class Changing(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.state = PROGRAM.copy()
        self.standing = compile_standing(self.state)

    @rule(changes=drawn_changes(), taken=st.booleans())
    def change(self, changes, taken):
        self.take_in(changed(self.state, changes), taken)

    @rule(name=st.sampled_from("ab"), taken=st.booleans())
    def other_policies(self, name, taken):
        state = self.state.copy()
        state.put(
            kept.POLICIES, kept.POLICIES_KEY, Policies(text=f'@id("{name}") permit (principal, action, resource);')
        )
        kept.advance_epoch(state, {(kept.POLICIES.name, kept.POLICIES_KEY)})
        self.take_in(state, taken)

    def take_in(self, state, taken):
        """What is not taken in at once is patched together with what comes after it."""
        try:
            rebuilt = compile_standing(state)
        except InvalidInputError:  # a record would name what is not there: no program may make that
            with pytest.raises(InvalidInputError):
                compile_standing(state, self.standing)
            return
        patched = compile_standing(state, self.standing)
        assert patched == rebuilt
        self.state = state
        if taken:
            self.standing = patched


TestChanging = Changing.TestCase
TestChanging.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)


def test_every_collection_that_is_noted_can_be_patched_and_no_other():
    assert all_rows(PROGRAM).keys() == kept.STANDING


def test_what_no_change_touched_is_the_same_object():
    state = PROGRAM.copy()
    before = compile_standing(state)
    part = before.entities.part(frozenset((EntityUid("Principal", "ana"), EntityUid("Path", "soc-triage"))))
    state.put(kept.GRANTS, "another", replace(GRANT, id="another", principal="triage-service"))
    kept.advance_epoch(state, {(kept.GRANTS.name, "another")})
    after = compile_standing(state, before)
    assert after.entities.part(frozenset(part.members)).digest == part.digest
    for name in ("compiled", "principals", "tokens", "policies"):
        assert getattr(after, name) is getattr(before, name)
    assert after.grants["ana", "soc-triage"] is before.grants["ana", "soc-triage"]


@pytest.mark.parametrize(("missed", "known"), [(0, True), (kept.CHANGES_KEPT, True), (kept.CHANGES_KEPT + 1, False)])
def test_what_changes_touched_is_known_of_the_last_ones(missed, known):
    state = PROGRAM.copy()
    before = kept.epoch(state)
    state.put(kept.PRINCIPALS, "ana", replace(ANA, tier=1))
    for _ in range(missed):
        kept.advance_epoch(state, {(kept.PRINCIPALS.name, "ana")})
    touched = kept.touched_since(state, before)
    assert touched == ((frozenset({("principals", "ana")}) if missed else frozenset()) if known else None)
    assert sum(1 for _ in state.scan(kept.STANDING_CHANGES)) <= kept.CHANGES_KEPT


def test_a_standing_that_missed_too_much_or_comes_from_later_is_compiled_anew():
    state = PROGRAM.copy()
    before = compile_standing(state)
    state.put(kept.PRINCIPALS, "ana", replace(ANA, tier=1))
    for number in (before.epoch + kept.CHANGES_KEPT + 1, before.epoch - 1):
        state.put(kept.EPOCHS, kept.EPOCH_KEY, Epoch(number=number))
        after = compile_standing(state, before)
        assert (after.principals["ana"].tier, after.epoch) == (1, number)


def test_an_entry_that_changes_nothing_that_calls_are_judged_by_leaves_the_standing():
    writer = in_force()
    before = kept.epoch(writer.state)
    act = signed("ops", APPLY, b"the same", writer.now)
    writer.run(lambda tx: freeze(tx, act, ordered("all"), operation=APPLY, content=act.act.content))
    found = next(iter(freezes(writer.state)))
    assert kept.touched_since(writer.state, before) == {("freezes", found.id)}
    again = signed("ops", APPLY, b"its end", writer.now)
    writer.run(lambda tx: request_unfreeze(tx, again, operation=APPLY, content=again.act.content, freeze_id=found.id))
    assert kept.epoch(writer.state) == before + 1


@given(st.lists(st.dictionaries(st.integers(0, 2000), st.none() | st.integers(), max_size=30)))
def test_a_persistent_map_is_what_a_dict_would_be_and_the_former_stays(changes):
    model, made = {}, PersistentMap()
    for items in changes:
        former, was = made, dict(model)
        made = made.patched(items)
        model = {key: value for key, value in (model | items).items() if value is not None}
        assert made == model == dict(made)
        assert former == was
        assert len(made) == len(model)
        assert all(made.get(key) == model.get(key) and (key in made) == (key in model) for key in items)
