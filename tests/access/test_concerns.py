"""What can't concern a call leaves everything about it as it was; what stops it, or may, always concerns it."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from safeconduct.access import records as kept
from safeconduct.access.compiling import compile_standing
from safeconduct.access.concerns import TOUCHED_MAX, concerned
from safeconduct.access.freezes import call_facts
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.model.programs import Policies
from safeconduct.access.model.stops import Freeze
from safeconduct.access.model.tokens import Token
from safeconduct.access.secrets import secret_hash
from safeconduct.access.selectors import parse_selection
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.runtime.freeze import fallen
from support.immediate import START
from support.standing_changes import ANA, GRANT, PROGRAM, changed, drawn_changes

REQUEST = CallRequest(principal="ana", path="soc-triage", purpose="incident-triage", model="smollm2-135m", now=START)
BEFORE = compile_standing(PROGRAM)
FACTS = call_facts(BEFORE.principals["ana"], BEFORE.paths["soc-triage"], "ana-triage")


def all_about(standing):
    """Returns all that a call is decided on, and by."""
    decision, grant = standing.authorize(REQUEST)
    principal, path = standing.principals["ana"], standing.paths["soc-triage"]
    return (
        decision,
        grant,
        principal,
        path,
        standing.restricted(principal, path, grant),
        standing.approves(FACTS.approval),
    )


@given(st.lists(drawn_changes(3), min_size=1, max_size=3), st.integers(0, 3))
@settings(max_examples=150)
def test_what_does_not_concern_a_call_changes_nothing_about_it(entries, known):
    """Whichever standing since then it is asked on."""
    state, standing = PROGRAM, BEFORE
    for number, changes in enumerate(entries):
        state = changed(state, changes)
        try:
            after = compile_standing(state)
        except InvalidInputError:
            assume(False)
        standing = after if number < known else standing
    if not concerned(state, BEFORE.epoch, standing, FACTS):
        assert all_about(after) == all_about(BEFORE)
        assert fallen(after, FACTS) is None


@pytest.mark.parametrize(
    ("collection", "key", "value", "told"),
    [
        (kept.GRANTS, "ana-triage", None, True),
        (kept.GRANTS, "other", replace(GRANT, id="other"), True),  # now it is unclear which is meant
        (kept.GRANTS, "other", replace(GRANT, id="other", principal="bo"), False),
        (kept.GRANTS, "service-triage", None, False),
        (kept.PRINCIPALS, "bo", replace(ANA, id="bo"), False),
        (kept.PRINCIPALS, "ana", replace(ANA, tier=1), True),
        (kept.FREEZES, "1", Freeze(id="1", selector=parse_selection("all"), by="o", reason="r", at=START), True),
        (kept.FREEZES, "1", None, False),
        (kept.RESTRICTIONS, "1", None, True),  # nobody knows any more whom it was for
        (kept.TOKENS, "1", None, True),
        (kept.ORGANIZATIONS, "northwind", PROGRAM.get(kept.ORGANIZATIONS, "northwind"), True),
        (kept.PROGRAMS, kept.PROGRAM_KEY, PROGRAM.get(kept.PROGRAMS, kept.PROGRAM_KEY), False),
    ],
)
def test_whom_a_change_concerns(collection, key, value, told):
    state = changed(PROGRAM, [((collection, key, value), value is None)])
    assert concerned(state, BEFORE.epoch, BEFORE, FACTS, "sck_x") is told


def test_a_token_that_was_issued_concerns_calls_that_came_with_it_alone():
    token = Token(id="1", hash=secret_hash("sck_x"), principal="ana", issued_at=START, expires_at=START + 1)
    state = changed(PROGRAM, [((kept.TOKENS, "1", token), False)])
    assert [concerned(state, BEFORE.epoch, BEFORE, FACTS, said) for said in ("sck_x", "sck_y", "")] == [
        True,
        False,
        False,
    ]


def test_an_entity_that_policies_name_concerns_everybody():
    text = '@id("one") permit (principal, action, resource) unless { principal == Principal::"bo" };'
    state = changed(PROGRAM, [((kept.POLICIES, kept.POLICIES_KEY, Policies(text=text)), False)])
    standing = compile_standing(state)
    state = changed(state, [((kept.PRINCIPALS, "bo", replace(ANA, id="bo")), False)])
    assert concerned(state, standing.epoch, standing, FACTS)


@pytest.mark.parametrize(("count", "told"), [(TOUCHED_MAX, False), (TOUCHED_MAX + 1, True)])
def test_of_a_large_change_it_is_not_asked_whom_it_concerns(count, told):
    others = [((kept.PRINCIPALS, f"p{number}", replace(ANA, id=f"p{number}")), False) for number in range(count)]
    assert concerned(changed(PROGRAM, others), BEFORE.epoch, BEFORE, FACTS) is told


def test_what_nobody_knows_the_changes_of_concerns_everybody():
    assert concerned(PROGRAM, BEFORE.epoch + 1, BEFORE, FACTS)
    assert concerned(PROGRAM, -1, BEFORE, FACTS)
    assert not concerned(PROGRAM, BEFORE.epoch, BEFORE, FACTS)
