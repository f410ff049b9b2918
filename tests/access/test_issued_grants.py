"""Grants that are issued stand beside the program's, in one standing."""

from dataclasses import replace

import pytest

from safeconduct.access import records as kept
from safeconduct.access.compiling import compile_standing
from safeconduct.access.freeze_preview import preview
from safeconduct.access.freezes import call_facts
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.model.grants import Grant, GrantOrigin
from safeconduct.access.model.windows import Window
from safeconduct.access.selectors import parse_selection
from safeconduct.runtime.freeze import fallen
from support.immediate import START
from support.programs import bring_into_force, demo_program, in_force

REQUEST = CallRequest(principal="bo", path="soc-triage", purpose="incident-triage", model="smollm2-135m", now=START)
GRANT = Grant(
    id="01K00000000000000000000000",
    principal="bo",
    path="soc-triage",
    purpose="incident-triage",
    scope="northwind-perimeter",
    window=Window(opens_at=START - 1, closes_at=START + 1),
    origin=GrantOrigin.REQUEST,
)


def issue(state, grant):
    state.put(kept.ISSUED_GRANTS, grant.id, grant)
    kept.advance_epoch(state, {(kept.ISSUED_GRANTS.name, grant.id)})


def test_an_issued_grant_counts_like_one_of_the_program_and_outlives_its_next_version():
    writer = in_force()
    before = compile_standing(writer.state)
    assert not before.authorize(REQUEST)[0].allowed
    issue(writer.state, GRANT)
    after = compile_standing(writer.state, before)
    assert after.authorize(REQUEST)[0].allowed
    bring_into_force(writer, demo_program().replace(b"Northwind Defense", b"Northwind Ltd"))
    assert compile_standing(writer.state, after).authorize(REQUEST)[0].allowed


def test_a_revoked_grant_ends_what_runs_under_it():
    writer = in_force()
    issue(writer.state, GRANT)
    standing = compile_standing(writer.state)
    bo, path = standing.principals["bo"], standing.paths["soc-triage"]
    facts = call_facts(bo, path, GRANT.id)
    assert fallen(standing, facts) is None
    writer.state.delete(kept.ISSUED_GRANTS, GRANT.id)
    kept.advance_epoch(writer.state, {(kept.ISSUED_GRANTS.name, GRANT.id)})
    why, clause = fallen(compile_standing(writer.state, standing), facts)
    assert (why, clause) == ("revoked", f"grant:{GRANT.id}")


def test_a_freeze_selects_an_issued_grant():
    writer = in_force()
    issue(writer.state, GRANT)
    assert preview(writer.state, parse_selection(f"grant:{GRANT.id}")).cut.principals == ("bo",)


@pytest.mark.parametrize(
    ("own", "ceiling", "tier", "elevated", "reached"),
    [
        (1, 3, 2, True, 2),  # above its own, as both parties and the partner's witness had it
        (1, 1, 2, True, 1),  # the organization was lowered since
        (1, 3, 2, False, 1),  # what was within its own tier rises with no one's vote
        (2, 3, 1, False, 1),  # what was issued, and no more
    ],
)
def test_an_issued_grant_reaches_what_was_issued(own, ceiling, tier, elevated, reached):
    bo = replace(compile_standing(in_force().state).principals["bo"], tier=own)
    assert replace(GRANT, tier=tier, elevated=elevated).reach(bo, ceiling) == reached
    assert replace(GRANT, tier=tier, origin=GrantOrigin.PROGRAM).reach(bo, ceiling) == own
