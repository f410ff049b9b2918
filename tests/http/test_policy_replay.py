"""Replay over real calls on a real log: what would change, for whom, and that what it says can be relied on."""

import asyncio
import json
from dataclasses import fields

import msgspec
import pytest

from safeconduct.access.authorization import compile_policies, default_policies
from safeconduct.cli.replay_shown import refuse_mismatch, replayed, show_progress, show_replay
from safeconduct.gateway.replaying import decided_calls
from safeconduct.http.control import replays
from safeconduct.http.control.app import control_app
from safeconduct.http.control.context import Control
from safeconduct.http.inprocess import Ask, ask
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.instants import seconds
from safeconduct.policy import PolicySet
from safeconduct.policy.replaying import NotReplayed, Outcome, Replay, Why
from support.call_ends import request
from support.gateway_world import AGREEMENT
from support.programs import demo_program
from support.wire import ask as ask_wire
from support.wire import post, wire

DEFAULT = default_policies()
NO_SERVICES = (
    DEFAULT + '@id("people") forbid (principal, action, resource is Path) when { principal.kind == "service" };'
)
ANY_PURPOSE = DEFAULT.replace("unless { context.purpose == resource.purpose }", "when { false }")


class Rehearsals:
    """A gateway with calls in its log, and the route that replays them."""

    def __init__(self, gate):
        self.gate, world = gate, gate.world
        self.world = world
        given = {"log": world.reader, "snapshot": world.store.snapshot, "clock": world.clock}
        control = Control(**{one.name: None for one in fields(Control)} | given)
        self.app = control_app([replays.router], control=control, local_secret="s", check_reader=None, version="0")
        self.made = {
            "allowed": [self.call(), self.call(), self.call(by="triage-service")],
            "refused": [self.call("hunting"), self.call("hunting", by="triage-service")],
            "targets": [self.call(content="look at 203.0.113.9 and 198.51.100.7")],
        }

    def call(self, purpose="", *, by="ana", content="hello"):
        head = ["connection: close", *([f"safeconduct-purpose: {purpose}"] if purpose else [])]
        body = request(messages=[{"role": "user", "content": content}])
        raw = ask_wire(self.gate.port, post(self.world.tokens[by], body, headers=head))
        return raw.partition(b"\r\n\r\n")[0].decode().lower().partition("safeconduct-call: ")[2][:26].upper()

    def replay(self, text, days=1):
        reply = asyncio.run(
            ask(
                self.app,
                Ask(
                    method="POST",
                    path="/api/v1/policies/replay",
                    query=f"days={days}",
                    headers={"authorization": "Bearer s"},
                    body=text.encode(),
                ),
            )
        )
        return reply.status, [json.loads(line) for line in reply.body.splitlines()]

    def found(self, text, days=1):
        status, lines = self.replay(text, days)
        assert status == 200, lines
        return replayed(lines[-1])


@pytest.fixture(scope="module")
def calls():
    with wire() as gate:
        yield Rehearsals(gate)


def numbers(document):
    return {name: tally["calls"] for name, tally in document["changes"].items()}


def test_the_set_in_force_changes_nothing_and_every_call_comes_out_as_recorded(calls):
    found = calls.found(DEFAULT)
    assert numbers(found) == {"allow-to-deny": 0, "deny-to-allow": 0, "other-reasons": 0}
    assert (found["calls"], found["unchanged"]) == (6, 6)
    assert found["self_check"]["agreed"] == 6
    assert found["not_replayed"] == []
    refuse_mismatch(found)


def test_calls_that_would_be_refused_are_told_with_the_first_and_whose_they_are(calls):
    found = calls.found(NO_SERVICES)
    denied = found["changes"]["allow-to-deny"]
    assert (denied["calls"], denied["people"]) == (1, [{"principal": "triage-service", "calls": 1}])
    first = denied["first"]
    assert first["call"] == calls.made["allowed"][2]
    assert first["before"] == {"effect": "allow", "reasons": [], "determining": ["grant-covers-call"]}
    assert first["after"] == {"effect": "deny", "reasons": ["policy-forbids"], "determining": ["people"]}
    # The service's refused call stays refused, and one more policy forbids it.
    assert found["changes"]["other-reasons"]["first"]["call"] == calls.made["refused"][1]


def test_the_floor_still_refuses_what_a_proposed_set_would_permit(calls):
    found = calls.found('@id("all") permit (principal, action, resource);')
    assert numbers(found) == {"allow-to-deny": 0, "deny-to-allow": 0, "other-reasons": 6}
    assert calls.found(ANY_PURPOSE)["changes"]["deny-to-allow"]["calls"] == 0


def test_calls_that_only_a_policy_refused_would_be_allowed_without_it(calls):
    calls.world.apply(demo_program().replace(b"when { context.frozen };", b"when { context.model == context.model };"))
    refused = calls.call()
    calls.world.apply(demo_program())
    found = calls.found(DEFAULT)
    allowed = found["changes"]["deny-to-allow"]
    assert (allowed["calls"], allowed["first"]["call"]) == (1, refused)
    assert allowed["first"]["before"]["determining"] == ["not-while-frozen"]
    assert found["self_check"]["mismatched"]["calls"] == 0


def test_facts_are_those_of_the_day_and_not_today_s(calls):
    """A role that somebody has since: the call is judged by what they were, and the change after it is another fact."""
    without = '@id("a") permit (principal, action, resource) when { !principal.roles.contains("responder") };'
    before = calls.found(without)["changes"]["allow-to-deny"]["calls"]
    calls.world.apply(demo_program().replace(b"roles: [analyst]", b"roles: [analyst, responder]"))
    assert calls.found(without)["changes"]["allow-to-deny"]["calls"] == before
    calls.call()
    assert calls.found(without)["changes"]["allow-to-deny"]["calls"] == before + 1
    calls.world.apply(demo_program())


@pytest.mark.parametrize(
    "asks",
    [
        'context.targets_mentioned.contains("203.0.113.9")',
        'context.targets_mentioned == ["203.0.113.9"]',
        '[context].contains({"targets_mentioned": ["203.0.113.9"]})',
    ],
)
def test_nobody_learns_what_a_call_spoke_of_by_a_policy_that_asks_for_it(calls, asks):
    probing = PolicySet.compile(f'{DEFAULT} @id("probe") forbid (principal, action, resource) when {{ {asks} }};')
    with calls.world.store.snapshot() as records:
        past = replays.Past(calls.world.reader, records)
        decided = list(decided_calls(calls.world.reader.entries(AGREEMENT), past))
        told = list(Replay(probing, past).each(decided))
    (about,) = calls.made["targets"]
    assert [one for one in told if not isinstance(one, Outcome)] == [NotReplayed(call=about, why=Why.TARGETS)]
    assert len(told) == len(decided) > 1


def test_whether_there_are_targets_is_known_without_their_names(calls):
    found = calls.found(
        f'{DEFAULT} @id("none") forbid (principal, action, resource is Path) '
        "unless { context.targets_in_scope.isEmpty() && context.targets_outside.isEmpty() "
        "&& context.targets_mentioned.isEmpty() };"
    )
    assert found["changes"]["allow-to-deny"]["first"]["call"] == calls.made["targets"][0]
    assert found["changes"]["allow-to-deny"]["calls"] == 1


def test_what_is_no_policy_text_is_refused_before_anything_is_replayed(calls):
    for text in ("permit", DEFAULT.replace("context.frozen", "context.frozn")):
        status, (told,) = calls.replay(text)
        assert (status, told["code"]) == (400, "policy-invalid")
    assert calls.replay(DEFAULT, days=0)[0] == 400
    assert calls.replay(DEFAULT, days=93)[0] == 400


def test_calls_before_the_window_are_left_out(calls):
    now = calls.world.clock.at
    calls.world.clock.at = now + seconds(2 * 24 * 3600)
    try:
        assert calls.found(DEFAULT, days=1)["calls"] == 0
        assert calls.found(DEFAULT, days=3)["calls"] > 0
    finally:
        calls.world.clock.at = now


def test_people_are_shown_all_of_it(calls, capsys):
    show_progress(msgspec.json.encode({"progress": {"entries": 2000, "of": 9000, "calls": 700}}))
    show_replay(calls.found(NO_SERVICES))
    told = capsys.readouterr()
    assert "2000 of 9000 entries, 700 calls" in told.err
    assert "1 allowed, would be refused\n  of triage-service (1)" in told.out
    assert "calls come out as recorded under the policies of their day" in told.out


def test_a_call_that_comes_out_otherwise_is_an_error(calls, monkeypatch):
    """The text that is kept at a digest is another: what is replayed on it is not what was decided."""
    other = compile_policies(NO_SERVICES)
    monkeypatch.setattr(replays.StoredFacts, "policies", lambda _self, _digest: other)
    found = calls.found(DEFAULT)
    wrong = found["self_check"]["mismatched"]
    assert wrong["calls"] > 0
    assert wrong["first"]["call"] == calls.made["allowed"][2]
    with pytest.raises(UnavailableError) as caught:
        refuse_mismatch(found)
    assert caught.value.code == "replay-mismatch"
