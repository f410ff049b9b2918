"""Steps 1 to 6: one passing request, and each minimally different one that must not pass."""

import json
from dataclasses import replace

import pytest
from msgspec import structs

from safeconduct.access.compiling import compile_standing
from safeconduct.access.target_rules import Place
from safeconduct.gateway.arriving import Arrival, admit
from safeconduct.gateway.entries import intent_draft, refused_draft
from safeconduct.gateway.limits import HEADER_VALUE_BYTES_MAX
from safeconduct.gateway.ports import UpstreamFacts
from safeconduct.gateway.prepare import prepare
from safeconduct.gateway.prepared import Prepared, Refusal
from safeconduct.gateway.providers import Configured
from safeconduct.gateway.request_checks import too_large
from safeconduct.gateway.vendors import safety_id
from safeconduct.kernel.errors import AbsentError, Kind
from safeconduct.kernel.instants import seconds
from safeconduct.policy import decide
from support.call_ends import configured, request
from support.immediate import START
from support.programs import demo_program, in_force

UPSTREAMS = configured()


@pytest.fixture(scope="module")
def standing():
    return compile_standing(in_force().state)


def arrive(**changes):
    return structs.replace(Arrival(path="soc-triage", at=START, dialect="openai.chat", principal="ana"), **changes)


def judge(standing, body=None, *, upstreams=None, **changes):
    chosen = UPSTREAMS if upstreams is None else upstreams
    return prepare(standing, chosen, arrive(**changes), request() if body is None else body, decide=decide)


def test_an_allowed_call(standing):
    prepared = judge(standing, request(text="192.0.2.1 evil.example", max_tokens=5))
    assert isinstance(prepared, Prepared)
    assert (prepared.principal.id, prepared.grant.id, prepared.purpose) == ("ana", "ana-triage", "incident-triage")
    assert prepared.targets == dict.fromkeys(("192.0.2.1", "evil.example"), Place.PROSE)
    assert (prepared.outside, prepared.marked) == ({"evil.example": Place.PROSE}, ())
    assert (prepared.output_tokens_max, prepared.sent) == (5, prepared.asked.body)
    assert prepared.deadline_at == START + seconds(120)
    assert prepared.facts.organization == "northwind"
    assert judge(standing, request(text="192.0.2.1 evil.example", max_tokens=5)) == prepared


def test_what_headers_came_to_holds_on_its_own_standing_alone(standing):
    """Else what was taken away between the headers of a request and its body would still hold."""
    admitted = admit(standing, arrive())
    assert prepare(standing, UPSTREAMS, arrive(), request(), decide=decide, admitted=admitted) == judge(standing)
    frozen = replace(standing, grants=standing.grants.patched({("ana", "soc-triage"): None}))
    refused = prepare(frozen, UPSTREAMS, arrive(), request(), decide=decide, admitted=admitted)
    assert (refused.step, refused.error.code) == (2, "path-unknown")


@pytest.mark.parametrize(
    ("changes", "body", "step", "code", "clause"),
    [
        ({"principal": None}, None, 1, "token-missing", ""),
        ({"principal": None, "token": "x"}, None, 1, "token-unknown", ""),
        ({"principal": "nobody"}, None, 1, "principal-unknown", ""),
        ({"path": "other"}, None, 2, "path-unknown", ""),
        ({"principal": "bo"}, None, 2, "path-unknown", ""),
        ({"content_type": ""}, None, 3, "wrong-content-type", ""),
        ({"content_type": "application/json; charset=latin-1"}, None, 3, "wrong-content-type", ""),
        ({"content_encoding": "br"}, None, 3, "content-encoding-not-taken", ""),
        ({"purpose": "p" * (HEADER_VALUE_BYTES_MAX + 1)}, None, 3, "header-invalid", ""),
        ({"session": "s\n"}, None, 3, "header-invalid", ""),
        ({"session": "\u00e9"}, None, 3, "header-invalid", ""),
        ({"dialect": ""}, None, 3, "dialect-unknown", ""),
        ({"dialect": "openai.chats"}, None, 3, "dialect-unknown", ""),
        ({}, b"{", 3, "body-not-json", ""),
        ({}, request() + b" " * 262144, 3, "request-too-large", "path:soc-triage/limits"),
        ({}, request(max_tokens=1025), 3, "output-tokens-over-limit", "path:soc-triage/limits"),
        ({}, request(min_tokens=1025), 3, "output-tokens-over-limit", "path:soc-triage/limits"),
        (
            {},
            request(tools=[{"type": "function", "function": {"name": "f"}}]),
            3,
            "tools-not-allowed",
            "path:soc-triage/tools",
        ),
        ({"purpose": "other"}, None, 6, "purpose-mismatch", "path:soc-triage/purpose"),
        ({"purpose": "p" * HEADER_VALUE_BYTES_MAX}, None, 6, "purpose-mismatch", "path:soc-triage/purpose"),
        ({"grant": "service-triage"}, None, 6, "grant-unknown", "grant:service-triage"),
        ({"at": START + seconds(500 * 86400)}, None, 6, "agreement-expired", "agreement:ag-2026-01/valid"),
        ({}, request(model="gpt"), 6, "model-not-allowed", "path:soc-triage/models"),
    ],
)
def test_what_is_refused_and_by_which_step(standing, changes, body, step, code, clause):  # noqa: PLR0917
    refusal = judge(standing, body, **changes)
    assert isinstance(refusal, Refusal)
    assert (refusal.step, refusal.error.code, refusal.error.clause) == (step, code, clause)
    assert (refusal.principal is None) == (step == 1)
    assert (refusal.path is None) == (step <= 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"content_type": "application/json; charset=UTF-8"},
        {"content_type": "Application/JSON"},
        {"content_encoding": "identity"},
        {"purpose": "incident-triage", "grant": "ana-triage", "session": "inc:2026/11-21_a.b"},
        {"session": "s" * HEADER_VALUE_BYTES_MAX},
    ],
)
def test_headers_that_narrow_and_pass(standing, changes):
    assert isinstance(judge(standing, **changes), Prepared)


def test_a_path_whose_upstream_is_not_here(standing):
    refusal = judge(standing, upstreams={})
    assert (refusal.error.code, refusal.error.kind) == ("upstream-unconfigured", Kind.UNAVAILABLE)


def test_a_models_other_name_at_the_upstream_is_set_and_not_shown(standing):
    prepared = judge(standing, upstreams=configured(names={"smollm2-135m": "org/real-name"}))
    assert b'"model":"org/real-name"' in prepared.sent
    body = intent_draft(prepared, "w").body
    assert body["model"] == "smollm2-135m"
    assert body["sent_sha256"] != body["request_sha256"]
    assert "real-name" not in str(body)


def test_a_path_is_closed_to_dialects_that_it_does_not_name(standing):
    path = replace(standing.paths["soc-triage"], dialects=("anthropic.messages",))
    closed = replace(standing, paths={path.id: path})
    refusal = judge(closed)
    assert (refusal.step, refusal.error.code) == (3, "dialect-not-allowed")
    assert refusal.error.clause == "path:soc-triage/dialects"


def test_a_path_that_stays_in_scope_refuses_other_targets():
    program = demo_program().replace(b"targets: any ", b"targets: in-scope ")
    standing = compile_standing(in_force(program).state)
    assert isinstance(judge(standing, request(text="192.0.2.9 and a.northwind.example")), Prepared)
    refusal = judge(standing, request(text="now hxxp://203[.]0[.]113[.]66/"))
    assert refusal.error.code == "target-outside-scope"
    assert "203.0.113.66" in refusal.error.message


@pytest.mark.parametrize(
    ("rule", "text", "marked", "held"),
    [
        ("in-scope", "what of 192.0.2.9?", (), False),
        ("in-scope", "what of evil.example and 192.0.2.9?", ("evil.example",), False),
        ("ask", "what of 192.0.2.9?", (), False),
        ("ask", "what of evil.example?", (), True),
        ("ask", "fetch https://evil.example/", (), True),
        ("mark", "fetch https://evil.example/", ("evil.example",), False),
        ("any", "fetch https://evil.example/", (), False),
    ],
)
def test_what_prose_mentions_is_marked_or_held_as_the_rule_of_the_path_says(rule, text, marked, held):
    program = demo_program().replace(b"targets: any ", f"targets: {rule} ".encode())
    prepared = judge(compile_standing(in_force(program).state), request(text=text))
    assert (prepared.marked, prepared.hold is not None) == (marked, held)
    draft = intent_draft(prepared, "worker")
    assert draft.body["targets_marked"] == len(marked)
    assert draft.sealed.get("marked", ()) == marked


def test_nothing_of_prompt_or_targets_stands_clear_in_an_entry(standing):
    prepared = judge(standing, request(text="the secret plan for 192.0.2.9", user="mallory"), session="s-1")
    draft = intent_draft(prepared, "worker")
    clear = str(draft.body)
    for word in ("secret", "192.0.2.9", "mallory", "s-1"):
        assert word not in clear
    assert set(draft.sealed) == {"request", "sent", "targets", "session"}
    assert "sent" not in intent_draft(judge(standing, request(max_tokens=5)), "worker").sealed
    assert draft.subject == "ana"


def test_nothing_secret_shows_in_a_repr(standing):
    shown = repr(judge(standing, request(text="the secret plan"))) + repr(arrive(token="sck_secret"))
    assert "secret" not in shown


def test_a_refusal_without_a_principal_has_no_entry(standing):
    refusal = judge(standing, principal=None)
    with pytest.raises(ValueError, match="without a principal"):
        refused_draft(refusal, arrive(), b"", 0)


def test_a_refusal_keeps_only_the_beginning_of_a_made_up_path(standing):
    arrival = arrive(path="x" * 9999)
    draft = refused_draft(prepare(standing, UPSTREAMS, arrival, b"", decide=decide), arrival, b"", 3)
    assert draft.body["path"] == "x" * 64
    assert draft.body["unrecorded"] == 3


def test_admission_is_steps_one_and_two(standing):
    admitted = admit(standing, arrive())
    assert (admitted.principal.id, admitted.path.id) == ("ana", "soc-triage")
    assert too_large(admitted).error.kind is Kind.TOO_LARGE
    with pytest.raises(AbsentError):
        admit(standing, arrive(principal="bo"))


def test_a_vendor_is_told_who_asks_and_the_intent_has_both_hashes(standing):
    facts = UpstreamFacts(vendor="openai", dialects=frozenset(("openai.chat",)))
    upstreams = {"local": Configured(facts=facts, names={}, safety_key=b"k" * 32)}
    prepared = judge(standing, request(user="somebody-else"), upstreams=upstreams)
    told = json.loads(prepared.sent)["safety_identifier"]
    assert told == prepared.ask.safety_id == safety_id(b"k" * 32, "ana")
    assert b"somebody-else" not in prepared.sent
    assert prepared.sent_sha256 != prepared.request_sha256
