"""What a model's verified word may cause, by the level of the path that it was asked on."""

from dataclasses import replace

import pytest

from safeconduct.access import records as kept
from safeconduct.access.model.rules import ResponsePlaybook
from safeconduct.kernel.errors import RefusedError
from safeconduct.soc.actions.grounds import candidates
from safeconduct.soc.actions.states import ActionState
from safeconduct.soc.autonomy.levels import STANDINGS, Standing, level_of, may, refuse_beyond
from safeconduct.soc.autonomy.model import Autonomy
from safeconduct.soc.claim_events import claims_of
from safeconduct.soc.incidents.events import PROJECTIONS as INCIDENTS
from safeconduct.soc.incidents.opening import record_incident
from support.responses import ATTACKER, desk, observed

PATH = "soc-triage"


def refusal(call, *arguments):
    with pytest.raises(RefusedError) as caught:
        call(*arguments)
    return caught.value.code


def level(here, autonomy):
    """Has the program allow this much, and the path's models have earned it."""
    sealed = replace(here.writer.state.get(kept.PATHS, PATH), autonomy=autonomy)
    here.writer.state.put(kept.PATHS, PATH, sealed)
    earned = Standing(path=PATH, models=sealed.models, level=Autonomy(autonomy))
    here.writer.state.put(STANDINGS, PATH, earned)


@pytest.fixture
def here():
    """A desk with one login and one claim of a model about it, and a playbook for what rules say of it."""
    made = desk()
    made.writer.projections = {**made.writer.projections, **INCIDENTS}
    made.writer.run(lambda tx: record_incident(tx, made.writer.entries[-1].origin, made.world.incident))
    rule = made.writer.state.get(kept.RESPONSE_RULES, "block-ip")
    playbook = ResponsePlaybook(techniques=("T1110.001",), per_hour=2)
    made.writer.state.put(kept.RESPONSE_RULES, "block-ip", replace(rule, playbook=playbook))
    return made


@pytest.mark.parametrize("program", list(Autonomy))
def test_each_level_allows_what_those_before_it_allow(here, program):
    level(here, program)
    allowed = [wanted for wanted in Autonomy if may(here.writer.state, PATH, wanted)]
    assert allowed == list(Autonomy)[: program.rank + 1]


@pytest.mark.parametrize("path", ["", "no-such-path"])
def test_a_path_that_is_gone_or_untold_advises(here, path):
    assert level_of(here.writer.state, path) is Autonomy.ADVISE
    with pytest.raises(RefusedError) as caught:
        refuse_beyond(here.writer.state, path, Autonomy.TRIAGE)
    assert (caught.value.code, caught.value.clause) == ("autonomy-exceeded", f"path:{path or 'unknown'}/autonomy")


def offered(here):
    claims = [one for one in claims_of(here.writer.state, here.world.incident.id) if one.path]
    return [one.target for one in candidates(here.writer.state, here.world.incident.id, claims, here.world.events)]


def test_advice_is_recorded_and_is_no_grounds(here):
    level(here, "advise")
    claim = observed(here.writer, here.world, model=True)[0].id
    assert refusal(here.propose, ATTACKER, claim) == "autonomy-exceeded"
    assert offered(here) == []
    level(here, "triage")
    assert offered(here) == [ATTACKER]
    assert here.propose(ATTACKER, claim).state is ActionState.PROPOSED


def test_a_path_that_was_lowered_since_the_vote_stops_the_action(here):
    level(here, "triage")
    action = here.propose(ATTACKER, observed(here.writer, here.world, model=True)[0].id)
    here.vote(action.id)
    level(here, "advise")
    assert refusal(here.run, action.id) == "autonomy-exceeded"
    level(here, "triage")
    assert here.run(action.id).state is ActionState.DONE


@pytest.mark.parametrize(("program", "state"), [("hunt", ActionState.PROPOSED), ("act", ActionState.APPROVED)])
def test_a_playbook_stands_for_the_vote_on_a_path_that_acts_and_on_none_below(here, program, state):
    level(here, program)
    claim = observed(here.writer, here.world, model=True)[0].id
    assert here.propose(ATTACKER, claim).state is state


def test_what_rules_say_needs_no_level(here):
    level(here, "advise")
    assert here.propose().state is ActionState.APPROVED


def test_what_a_playbook_allowed_is_not_run_once_the_path_may_no_longer_act(here):
    level(here, "act")
    action = here.propose(ATTACKER, observed(here.writer, here.world, model=True)[0].id)
    level(here, "hunt")
    assert refusal(here.run, action.id) == "autonomy-exceeded"
    level(here, "act")
    assert here.run(action.id).state is ActionState.DONE


def test_a_stopped_path_stops_what_was_proposed_and_voted_on_before(here):
    level(here, "triage")
    claim = observed(here.writer, here.world, model=True)[0].id
    action = here.propose(ATTACKER, claim)
    here.vote(action.id)
    standing = here.writer.state.get(STANDINGS, PATH)
    here.writer.state.put(STANDINGS, PATH, replace(standing, stopped_by="e"))
    assert (level_of(here.writer.state, PATH), offered(here)) == (Autonomy.ADVISE, [])
    assert refusal(here.run, action.id) == "autonomy-stopped"
    here.writer.state.put(STANDINGS, PATH, standing)
    assert here.run(action.id).state is ActionState.DONE
