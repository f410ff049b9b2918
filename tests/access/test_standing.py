from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.access import records as kept
from safeconduct.access.authorization import default_policies
from safeconduct.access.compiling import compile_standing
from safeconduct.access.freezes import call_facts
from safeconduct.access.marks import Freezes
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.model.grants import Grant
from safeconduct.access.model.paths import Scope
from safeconduct.access.model.stops import Freeze, Selection, Selector, SelectorKind
from safeconduct.access.model.tokens import Token
from safeconduct.access.model.windows import Window
from safeconduct.access.secrets import secret_hash
from safeconduct.access.target_rules import Place
from safeconduct.kernel.decisions import Effect
from safeconduct.kernel.errors import AbsentError, UnauthenticatedError
from safeconduct.kernel.instants import parse_rfc3339, seconds
from safeconduct.policy import DecisionMemo
from support.immediate import START, ImmediateWriter
from support.programs import bring_into_force, demo_program, in_force

SOURCE = demo_program().decode()
REQUEST = CallRequest(
    principal="ana", path="soc-triage", purpose="incident-triage", model="smollm2-135m", now=START
)  # fmt: skip
STANDING = compile_standing(in_force().state)


def standing(*edits):
    source = SOURCE
    for old, new in edits:
        assert source.count(old) == 1, (old, source.count(old))
        source = source.replace(old, new)
    return compile_standing(in_force(source.encode()).state)


def codes(decision):
    return {(reason.code, reason.clause) for reason in decision.reasons}


def refused(standing_, **other):
    decision, _ = standing_.authorize(replace(REQUEST, **other))
    assert decision.effect is Effect.DENY
    return decision


def test_a_call_that_a_grant_covers_is_allowed():
    decision, grant = STANDING.authorize(REQUEST)
    assert (decision.allowed, decision.reasons, decision.determining) == (True, (), ("grant-covers-call",))
    assert grant.id == "ana-triage"


def test_a_wrong_purpose_names_the_clauses():
    decision = refused(STANDING, purpose="threat-hunting")
    assert codes(decision) == {
        ("purpose-mismatch", "path:soc-triage/purpose"),
        ("purpose-mismatch", "grant:ana-triage/purpose"),
        ("policy-forbids", "policy:purpose-matches"),
    }
    assert "incident-triage" in decision.reasons[0].text


def test_a_request_selects_among_the_models_and_never_widens():
    assert codes(refused(STANDING, model="gpt-6-cyber")) == {
        ("model-not-allowed", "path:soc-triage/models"),
        ("policy-forbids", "policy:model-on-path"),
    }


@pytest.mark.parametrize("path", ["soc-triage", "no-such-path"])
def test_a_path_without_a_grant_is_as_absent_as_one_that_is_not_there(path):
    decision = refused(STANDING, principal="bo", path=path)
    assert codes(decision) == {("path-unknown", "path")}
    with pytest.raises(AbsentError) as caught:
        STANDING.resolve("bo", path)
    assert caught.value.code == "path-unknown"
    assert caught.value.message.replace(path, "P") == "no path 'P' is open to you"


def test_a_path_resolves_for_who_holds_a_grant():
    assert STANDING.resolve("ana", "soc-triage") is STANDING.path("soc-triage")


OPEN = "2026-01-01T00:00:00Z, until: 2027-12-31T00:00:00Z}\n  service-triage"


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2026-10-01T00:00:00Z", True),
        ("2026-09-30T23:59:59.999999Z", False),
        ("2026-10-31T23:59:59.999999Z", True),
        ("2026-11-01T00:00:00Z", False),
    ],
)
def test_a_window_opens_at_its_first_instant_and_closes_at_its_last(at, allowed):
    tight = standing((OPEN, OPEN.replace("2026-01-01", "2026-10-01").replace("2027-12-31", "2026-11-01")))
    decision, _ = tight.authorize(replace(REQUEST, now=parse_rfc3339(at)))
    assert decision.allowed is allowed
    if not allowed:
        assert codes(decision) == {("window-closed", "grant:ana-triage/window"), ("no-policy-permits", "policies")}


@pytest.mark.parametrize(
    ("at", "code"), [("2025-12-31T23:59:59Z", "agreement-not-begun"), ("2027-12-31T00:00:00Z", "agreement-expired")]
)
def test_outside_of_the_agreement_nothing_is_allowed(at, code):
    assert (code, "agreement:ag-2026-01/valid") in codes(refused(STANDING, now=parse_rfc3339(at)))


def second_grant(**other):
    """The standing with a second grant of ana's, which no program could hold."""
    writer = in_force()
    given = {
        "id": "second",
        "principal": "ana",
        "path": "soc-triage",
        "purpose": "incident-triage",
        "scope": "northwind-perimeter",
        "window": Window(opens_at=START - 1, closes_at=START + 1),
    }
    other_scope = Scope(id="other", targets=("192.0.2.1",), authorization="nobody")
    writer.state.put(kept.SCOPES, "other", other_scope)
    writer.state.put(kept.GRANTS, "second", Grant(**given | other))
    return compile_standing(writer.state)


def test_the_only_matching_grant_is_taken_and_two_must_be_told_apart():
    two = second_grant()
    assert codes(two.authorize(REQUEST)[0]) == {("grant-ambiguous", "path:soc-triage")}
    for name in ("ana-triage", "second"):
        decision, grant = two.authorize(replace(REQUEST, grant=name))
        assert (decision.allowed, grant.id) == (True, name)
    decision, grant = two.authorize(replace(REQUEST, now=START + 1))
    assert (decision.allowed, grant.id) == (True, "ana-triage")
    assert not two.authorize(replace(REQUEST, now=START + 1, grant="second"))[0].allowed


def test_a_grant_that_is_not_held_is_refused():
    assert ("grant-unknown", "grant:service-triage") in codes(refused(STANDING, grant="service-triage"))


def test_a_grant_for_another_scope_or_purpose_is_no_use():
    for field in ("scope", "purpose"):
        decision = refused(second_grant(**{field: "other"}), grant="second")
        assert (f"{field}-mismatch", f"grant:second/{field}") in codes(decision)


def test_targets_outside_of_the_scope_are_refused_where_the_path_says_so():
    named = ("192.0.2.10", "203.0.113.66", "www.northwind.example", "evil.example")
    targets = dict.fromkeys(named, Place.ARGUMENT)
    assert STANDING.authorize(replace(REQUEST, targets=targets))[0].allowed
    strict = standing(("    targets: any ", "    targets: in-scope "))
    assert strict.authorize(replace(REQUEST, targets=dict.fromkeys(named[::2], Place.ARGUMENT)))[0].allowed
    decision = refused(strict, targets=targets)
    assert codes(decision) == {
        ("target-outside-scope", "scope:northwind-perimeter/targets"),
        ("policy-forbids", "policy:stay-in-scope"),
    }
    assert decision.reasons[0].text == "not authorized: 203.0.113.66, evil.example"
    assert strict.authorize(replace(REQUEST, targets=dict.fromkeys(named, Place.PROSE)))[0].allowed


def test_data_of_another_class_is_refused_and_so_is_unlabeled_data_where_it_is_not_taken():
    assert codes(refused(STANDING, data_classes=("telemetry", "credentials"))) == {
        ("data-class-not-allowed", "path:soc-triage/data_classes"),
        ("policy-forbids", "policy:data-classes-on-path"),
    }
    labeled = standing(("[telemetry, unlabeled]", "[telemetry]"))
    assert not labeled.authorize(REQUEST)[0].allowed
    assert labeled.authorize(replace(REQUEST, data_classes=("telemetry",)))[0].allowed


PERMIT_ALL = '@id("all") permit (principal, action, resource);'


def with_policies(text):
    begin, end = SOURCE.index("policies: |"), SOURCE.index("approvals:")
    source = f"{SOURCE[:begin]}policies: |\n  {text or '// none'}\n{SOURCE[end:]}"
    return compile_standing(in_force(source.encode()).state)


@pytest.mark.parametrize(
    "other",
    [
        {"purpose": "hunting"},
        {"model": "x"},
        {"now": parse_rfc3339("2028-01-01T00:00:00Z")},
        {"grant": "x"},
        {"data_classes": ("x",)},
        {"path": "x"},
        {"principal": "bo"},
    ],
)
def test_no_policy_lifts_the_floor(other):
    widest = with_policies(PERMIT_ALL)
    assert widest.authorize(REQUEST)[0].allowed
    assert not widest.authorize(replace(REQUEST, **other))[0].allowed


def test_without_policies_or_without_a_program_nothing_is_allowed():
    assert codes(refused(with_policies(""))) == {("no-policy-permits", "policies")}
    nothing = compile_standing(ImmediateWriter({}).state)
    assert codes(refused(nothing)) == {("path-unknown", "path")}


def test_a_memo_decides_the_same_before_and_after_the_window_closes():
    memo = DecisionMemo()
    closing = parse_rfc3339("2027-12-31T00:00:00Z")
    for now, allowed in ((START, True), (closing - 1, True), (closing, False), (closing - 1, True)):
        decision, _ = STANDING.authorize(replace(REQUEST, now=now), memo.decide)
        assert decision == STANDING.authorize(replace(REQUEST, now=now))[0]
        assert decision.allowed is allowed


FACTS = call_facts(STANDING.principals["ana"], STANDING.paths["soc-triage"], "ana-triage")


@pytest.mark.parametrize(
    ("kind", "own", "other"),
    [
        (SelectorKind.PRINCIPAL, "ana", "bo"),
        (SelectorKind.PATH, "soc-triage", "other"),
        (SelectorKind.ORGANIZATION, "northwind", "meridian"),
        (SelectorKind.GRANT, "ana-triage", "service-triage"),
        (SelectorKind.AGREEMENT, "ag-2026-01", "other"),
        (SelectorKind.ALL, "", None),
    ],
)
def test_a_freeze_stops_and_cuts_exactly_what_it_selects(kind, own, other):
    for name, selected in ((own, True), (other, False)):
        if name is None:
            continue
        freeze = Freeze(id="01F", selector=Selection((Selector(kind, name),)), by="ops", reason="suspicion", at=START)
        frozen = replace(STANDING, freezes=Freezes((freeze,)))
        decision, _ = frozen.authorize(REQUEST)
        assert decision.allowed is not selected
        assert frozen.cut_by(FACTS, "") == (freeze if selected else None)
        if selected:
            assert codes(decision) == {("frozen", "freeze:01F"), ("policy-forbids", "policy:not-while-frozen")}
            assert "suspicion" in decision.reasons[0].text


def test_a_token_identifies_its_principal_until_it_expires():
    token = Token(id="01T", hash=secret_hash("sck_x"), principal="ana", issued_at=START, expires_at=START + seconds(60))
    holding = replace(STANDING, tokens={token.hash: token})
    assert holding.identify("sck_x", token.expires_at - 1).id == "ana"
    for secret, at, code in (("sck_x", token.expires_at, "token-expired"), ("sck_y", START, "token-unknown")):
        with pytest.raises(UnauthenticatedError) as caught:
            holding.identify(secret, at)
        assert caught.value.code == code
        assert secret not in caught.value.message


def test_a_token_of_somebody_who_left_is_unknown():
    token = Token(id="01T", hash=secret_hash("sck_x"), principal="gone", issued_at=START, expires_at=START + 1)
    with pytest.raises(UnauthenticatedError) as caught:
        replace(STANDING, tokens={token.hash: token}).identify("sck_x", START)
    assert caught.value.code == "token-unknown"


def test_the_default_policies_fit_the_schema_and_are_the_demo_s():
    assert STANDING.policies.text == default_policies()


def test_a_freeze_or_a_token_does_not_make_the_program_compile_again():
    writer = in_force()
    before = compile_standing(writer.state)
    selected = Selection((Selector(SelectorKind.ALL),))
    freeze = Freeze(id="01F", selector=selected, by="ops", reason="suspicion", at=START)
    writer.state.put(kept.FREEZES, freeze.id, freeze)
    kept.advance_epoch(writer.state, [(kept.FREEZES.name, freeze.id)])
    after = compile_standing(writer.state, before)
    assert after.entities is before.entities
    assert after.compiled is before.compiled
    assert after == compile_standing(writer.state)
    assert after.freezes == Freezes((freeze,))


def test_another_program_is_compiled_though_there_was_a_standing():
    writer = in_force()
    before = compile_standing(writer.state)
    bring_into_force(writer, SOURCE.replace("deadline_s: 120", "deadline_s: 60").encode())
    after = compile_standing(writer.state, before)
    assert after == compile_standing(writer.state)
    assert after.paths["soc-triage"].limits.deadline_s == 60


NOWS = [parse_rfc3339(f"{year}-06-01T00:00:00Z") for year in (2025, 2026, 2028)]


@given(
    principal=st.sampled_from(["ana", "bo", "triage-service", "nobody"]),
    path=st.sampled_from(["soc-triage", "none"]),
    purpose=st.sampled_from(["incident-triage", "hunting"]),
    model=st.sampled_from(["smollm2-135m", "other"]),
    now=st.sampled_from(NOWS),
    grant=st.sampled_from([None, "ana-triage", "service-triage", "none"]),
    data_classes=st.sets(st.sampled_from(["telemetry", "unlabeled", "secrets"])).map(tuple),
)
def test_a_call_is_allowed_exactly_if_every_part_fits(**asked):
    held = {"ana": "ana-triage", "triage-service": "service-triage"}.get(asked["principal"])
    expected = (
        held is not None
        and asked["path"] == "soc-triage"
        and asked["purpose"] == "incident-triage"
        and asked["model"] == "smollm2-135m"
        and asked["now"] == NOWS[1]
        and asked["grant"] in (None, held)
        and "secrets" not in asked["data_classes"]
    )
    decision, grant = STANDING.authorize(CallRequest(**asked))
    assert decision.allowed is expected
    assert bool(decision.reasons) is not expected
    assert not expected or grant.id == held


def test_who_needs_a_sponsor_and_has_none_does_not_call():
    asked = replace(REQUEST, principal="triage-service")
    assert STANDING.authorize(asked)[0].allowed
    gone = replace(STANDING, principals=STANDING.principals.patched({"ana": None}))
    decision, _ = gone.authorize(asked)
    assert ("sponsor-missing", "principal:triage-service/sponsor") in codes(decision)
    nobody = replace(STANDING.principals["triage-service"], sponsor=None)
    unnamed = replace(STANDING, principals=STANDING.principals.patched({nobody.id: nobody}))
    assert ("sponsor-missing", "principal:triage-service/sponsor") in codes(unnamed.authorize(asked)[0])
