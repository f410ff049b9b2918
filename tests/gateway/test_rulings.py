"""What was allowed is remembered, and nothing that was taken away since, or that is asked otherwise, passes by it."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from msgspec import structs

from safeconduct.access import records as kept
from safeconduct.access.admissions import Admission, AdmissionState, PathProof
from safeconduct.access.compiling import compile_standing
from safeconduct.access.data_handling import DataHandling
from safeconduct.access.lowering import Lowered
from safeconduct.access.model.changes import ModelUse
from safeconduct.access.model.grants import Conditions, Hours
from safeconduct.access.model.parties import OrganizationRole
from safeconduct.access.model.programs import Policies
from safeconduct.access.model.stops import Freeze, Restriction, RestrictionKind, Selector, SelectorKind
from safeconduct.access.model.windows import Window
from safeconduct.access.ownership import AuthorizationKind, Proven
from safeconduct.access.patching import patched
from safeconduct.access.rulings import TARGETS_KEPT_MAX, Rulings
from safeconduct.access.selectors import parse_selection
from safeconduct.access.target_rules import TargetRule
from safeconduct.access.targets import compile_targets
from safeconduct.gateway.arriving import Arrival
from safeconduct.gateway.prepare import prepare
from safeconduct.gateway.prepared import Prepared
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import parse_rfc3339, seconds
from safeconduct.policy import DecisionMemo, decide
from support.call_ends import configured, request
from support.immediate import START
from support.standing_changes import PROGRAM, WHERE, WHO, changed, drawn_changes

UPSTREAMS = configured()
STANDING = compile_standing(PROGRAM)
ANA, PATH = STANDING.principals["ana"], STANDING.paths["soc-triage"]
(GRANT,) = STANDING.grants["ana", "soc-triage"]
ENDS = GRANT.window.closes_at
SENT = ("text", "indicator", "mail", "internal-address")
ON_ANA = Selector(SelectorKind.PRINCIPAL, "ana")


def arrive(**changes):
    return structs.replace(Arrival(path="soc-triage", at=START, dialect="openai.chat", principal="ana"), **changes)


def told(found):
    """Returns a preparation as a value; of a refusal everything that its caller and its entry are told."""
    if isinstance(found, Prepared):
        return found
    error = found.error
    said = str(error), error.code, error.clause, error.remedy
    return said, {name: getattr(found, name) for name in found.__struct_fields__ if name != "error"}


def both(rulings, standing, arrival, body):
    remembered = prepare(standing, UPSTREAMS, arrival, body, decide=decide, rulings=rulings)
    anew = prepare(standing, UPSTREAMS, arrival, body, decide=decide)
    assert told(remembered) == told(anew)
    return remembered


def warm(standing, arrival=None, body=None):
    """Returns rulings that hold the one of this call, and have been used once."""
    rulings, called, said = Rulings(), arrival or arrive(), request() if body is None else body
    for _ in range(2):
        assert isinstance(both(rulings, standing, called, said), Prepared)
    assert len(rulings) == 1
    return rulings


def other(*rows, on=STANDING):
    """Returns a standing with these records put, or those without a value taken away."""
    found = {}
    for collection, key, value in rows:
        found.setdefault(collection.name, {})[key] = value
    return patched(on, found)


def test_what_is_asked_again_is_not_decided_again():
    asked = []

    def counting(*facts):
        asked.append(facts)
        return decide(*facts)

    rulings = Rulings()
    for _ in range(3):
        prepare(STANDING, UPSTREAMS, arrive(), request(), decide=counting, rulings=rulings)
        prepare(other(), UPSTREAMS, arrive(), request(), decide=counting, rulings=rulings)
    assert len(asked) == 1


def test_a_change_of_somebody_else_leaves_the_ruling_and_every_other_change_ends_it():
    elsewhere = other((kept.PRINCIPALS, "bo", replace(STANDING.principals["bo"], roles=())))
    asked = []
    rulings = warm(STANDING)
    both(rulings, elsewhere, arrive(), request())
    prepare(elsewhere, UPSTREAMS, arrive(), request(), decide=lambda *facts: asked.append(facts), rulings=rulings)
    assert not asked


FROZEN = Freeze(id="f", selector=parse_selection("principal:ana"), by="ops", reason="r", at=START)
ON_MODEL = replace(FROZEN, selector=parse_selection("model:smollm2-135m"))
LOWERED = Lowered(subject=ON_ANA, tier=0, obligation="drill", why="none", since=START)
STRONGER = replace(PATH, catalogue=(replace(PATH.catalogue[0], tier=1),), tier=1)
SUSPENDED = Restriction(
    id="r", selector=ON_ANA, kind=RestrictionKind.SUSPEND, slow_ms=0, by="ops", reason="r", at=START
)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([(kept.GRANTS, GRANT.id, None)], "path-unknown"),
        ([(kept.GRANTS, GRANT.id, replace(GRANT, window=replace(GRANT.window, closes_at=START)))], "window-closed"),
        ([(kept.GRANTS, GRANT.id, replace(GRANT, conditions=Conditions(session="s-1")))], "session-mismatch"),
        ([(kept.GRANTS, GRANT.id, replace(GRANT, conditions=Conditions(hours=Hours(opens=0, closes=1))))],
         "outside-hours"),
        ([(kept.GRANTS, "second", replace(GRANT, id="second"))], "grant-ambiguous"),
        ([(kept.PATHS, PATH.id, replace(PATH, purpose="other"))], "purpose-mismatch"),
        ([(kept.PATHS, PATH.id, STRONGER)], "model-tier"),
        ([(kept.FREEZES, "f", ON_MODEL)], "frozen"),
        ([(kept.FREEZES, "f", FROZEN)], "frozen"),
        ([(kept.RESTRICTIONS, "r", SUSPENDED)], "suspended"),
        ([(kept.VETTING, kept.VETTING_KEY, object())], "not-vetted"),
        ([(kept.POLICIES, kept.POLICIES_KEY, Policies(text=""))], "no-policy-permits"),
        ([(kept.AGREEMENTS, PATH.agreement, replace(STANDING.agreements[PATH.agreement], terminates_at=START))],
         "agreement-expired"),
    ],
)  # fmt: skip
def test_what_was_taken_away_since_is_refused(rows, code):
    rulings = warm(STANDING)
    refusal = both(rulings, other(*rows), arrive(), request())
    assert refusal.error.code == code
    assert isinstance(both(rulings, STANDING, arrive(), request()), Prepared)


def test_a_tier_that_was_lowered_counts_at_once():
    able = other((kept.PATHS, PATH.id, STRONGER), (kept.PRINCIPALS, "ana", replace(ANA, tier=1)))
    rulings = warm(able)
    for row, code in (((kept.PRINCIPALS, "ana", ANA), "model-tier"), ((kept.LOWERED, "l", LOWERED), "tier-lowered")):
        assert both(rulings, other(row, on=able), arrive(), request()).error.code == code


def test_a_withdrawn_approval_of_a_model_counts_at_once():
    path = replace(PATH, catalogue=(replace(PATH.catalogue[0], approval=True),))
    use = ModelUse(path=path.id, model=path.catalogue[0].name, version=path.catalogue[0].version)
    approved = other((kept.PATHS, path.id, path), (kept.MODEL_APPROVALS, use.key, use))
    rulings, withdrawn = warm(approved), replace(approved, approved=frozenset())
    assert both(rulings, withdrawn, arrive(), request()).error.code == "model-approval-needed"


def test_who_answers_for_a_caller_counts_at_once():
    rulings = warm(STANDING, arrive(principal="triage-service"))
    gone = replace(STANDING, principals=STANDING.principals.patched({"ana": None}))
    assert both(rulings, gone, arrive(principal="triage-service"), request()).error.code == "sponsor-missing"


def test_an_organization_that_moves_under_a_law_whose_calls_are_frozen():
    freeze = replace(FROZEN, selector=parse_selection("jurisdiction:fr&model:smollm2-135m"))
    before = other((kept.FREEZES, "f", freeze))
    abroad = replace(STANDING.organizations["northwind"], jurisdiction="fr")
    moved = other((kept.ORGANIZATIONS, "northwind", abroad), on=before)
    assert both(warm(before), moved, arrive(), request()).error.code == "frozen"


def test_an_entity_that_only_a_policy_looks_at():
    text = '@id("one") permit (principal, action, resource) when { resource.agreement.provider.role == "provider" };'
    looking = other((kept.POLICIES, kept.POLICIES_KEY, Policies(text=text)))
    provider = replace(STANDING.organizations["meridian"], role=OrganizationRole.CUSTOMER)
    changed_role = other((kept.ORGANIZATIONS, "meridian", provider), on=looking)
    assert both(warm(looking), changed_role, arrive(), request()).error.code == "no-policy-permits"


def test_an_agreement_that_was_terminated_ends_at_its_instant():
    agreement = replace(STANDING.agreements[PATH.agreement], terminates_at=START + 100)
    ending = other((kept.AGREEMENTS, agreement.id, agreement))
    rulings = warm(ending)
    assert isinstance(both(rulings, ending, arrive(at=START + 99), request()), Prepared)
    assert both(rulings, ending, arrive(at=START + 100), request()).error.code == "agreement-expired"


def test_the_edges_of_a_window():
    opens, closes = START - 50, START + 50
    narrow = other((kept.GRANTS, GRANT.id, replace(GRANT, window=Window(opens_at=opens, closes_at=closes))))
    rulings = warm(narrow)
    for at, allowed in ((closes - 1, True), (closes, False), (opens, True), (opens - 1, False), (START, True)):
        assert isinstance(both(rulings, narrow, arrive(at=at), request()), Prepared) is allowed


def test_a_second_grant_that_opens_makes_the_call_ambiguous_from_that_instant():
    opens = START + seconds(60)
    later = replace(GRANT, id="later", window=replace(GRANT.window, opens_at=opens))
    two = other((kept.GRANTS, "later", later))
    rulings = warm(two)
    assert isinstance(both(rulings, two, arrive(at=opens - 1), request()), Prepared)
    assert both(rulings, two, arrive(at=opens), request()).error.code == "grant-ambiguous"


def test_a_vetting_that_ends_and_a_proof_of_a_target_that_ends():
    facts = [
        Admission(subject=Selector(kind, name), state=AdmissionState.READY, tier=9, until=START + 100, case="c")
        for kind, name in ((SelectorKind.PRINCIPAL, "ana"), (SelectorKind.ORGANIZATION, "northwind"))
    ]
    proof = PathProof(principal="ana", path=PATH.id, digest=PATH.digest, call="c", at=START)
    vetted = other(
        (kept.VETTING, kept.VETTING_KEY, object()),
        (kept.PATH_PROOFS, proof.key, proof),
        *((kept.ADMISSIONS, str(fact.subject), fact) for fact in facts),
    )
    rulings = warm(vetted)
    assert isinstance(both(rulings, vetted, arrive(at=START + 99), request()), Prepared)
    assert both(rulings, vetted, arrive(at=START + 100), request()).error.code == "vetting-expired"

    kind = AuthorizationKind.DNS_TXT
    needing = other((kept.PATHS, PATH.id, replace(PATH, authorization=kind, target_rule=TargetRule.IN_SCOPE)))
    shown = Proven(strength=kind.strength, expires_at=START + 100, targets=compile_targets(PATH.targets))
    proven, body = replace(needing, proven={PATH.scope: (shown,)}), request(text="http://192.0.2.1/")
    rulings = warm(proven, body=body)
    assert isinstance(both(rulings, proven, arrive(at=START + 99), body), Prepared)
    assert both(rulings, proven, arrive(at=START + 100), body).error.code == "target-unproven"
    assert both(rulings, needing, arrive(), body).error.code == "target-unproven"


@pytest.mark.parametrize(
    ("changes", "body", "code"),
    [
        ({"purpose": "other"}, None, "purpose-mismatch"),
        ({"purpose": "probe"}, request(max_tokens=1), "purpose-mismatch"),
        ({"grant": "service-triage"}, None, "grant-unknown"),
        ({"path": "other"}, None, "path-unknown"),
        ({"principal": "bo"}, None, "path-unknown"),
        ({}, request(model="gpt"), "model-not-allowed"),
        ({}, request(text="http://evil.example/"), "target-outside-scope"),
    ],
)
def test_what_is_asked_otherwise_is_refused(changes, body, code):
    strict = other((kept.PATHS, PATH.id, replace(PATH, target_rule=TargetRule.IN_SCOPE)))
    rulings = warm(strict)
    assert both(rulings, strict, arrive(**changes), request() if body is None else body).error.code == code


def test_another_session_under_a_grant_for_one():
    narrowed = other((kept.GRANTS, GRANT.id, replace(GRANT, conditions=Conditions(session="s-1"))))
    rulings = Rulings()
    assert isinstance(both(rulings, narrowed, arrive(session="s-1"), request()), Prepared)
    for session in ("s-2", ""):
        assert both(rulings, narrowed, arrive(session=session), request()).error.code == "session-mismatch"
    assert not len(rulings)


def test_hours_that_end():
    hours = Conditions(hours=Hours(opens=8 * 60, closes=9 * 60))
    narrowed = other((kept.GRANTS, GRANT.id, replace(GRANT, conditions=hours)))
    rulings, nine = Rulings(), parse_rfc3339("2026-11-21T09:00:00Z")
    assert isinstance(both(rulings, narrowed, arrive(at=nine - 1), request()), Prepared)
    assert both(rulings, narrowed, arrive(at=nine), request()).error.code == "outside-hours"


def test_a_class_of_data_that_the_path_does_not_take():
    looked = replace(PATH, handling={"email": DataHandling.ALLOW}, data_classes=("text",))
    strict, rulings = other((kept.PATHS, PATH.id, looked)), Rulings()
    for _ in range(2):  # allowed, and then nobody is there who could make pseudonyms
        assert both(rulings, strict, arrive(), request()).error.code == "vault-unavailable"
    assert len(rulings) == 1
    mail = request(text="ask bo@northwind.example")
    assert both(rulings, strict, arrive(), mail).error.code == "data-class-not-allowed"
    unseen = other((kept.PATHS, PATH.id, replace(PATH, data_classes=("text",))))
    assert both(rulings, unseen, arrive(), request()).error.code == "data-class-not-allowed"


def ruled_by(condition, on=STANDING):
    """Returns a standing with one more policy, which forbids where this holds."""
    text = f'{on.policies.text}\n@id("own") forbid (principal, action, resource) when {{ {condition} }};'
    return other((kept.POLICIES, kept.POLICIES_KEY, Policies(text=text)), on=on)


TELLS_APART = ruled_by('context.targets_in_scope.contains("192.0.2.200")')


@pytest.mark.parametrize(
    ("standing", "size", "kept_as"),
    [(TELLS_APART, TARGETS_KEPT_MAX, 1), (TELLS_APART, TARGETS_KEPT_MAX + 1, 0), (STANDING, TARGETS_KEPT_MAX + 1, 1)],
)
def test_a_call_with_many_targets_is_not_remembered_where_policies_tell_them_apart(standing, size, kept_as):
    rulings, body = Rulings(), request(text=" ".join(f"192.0.2.{number}" for number in range(1, size + 1)))
    for _ in range(2):
        assert len(both(rulings, standing, arrive(), body).targets) == size
    assert len(rulings) == kept_as


def test_calls_that_the_policies_see_as_one_have_one_ruling_and_each_its_own_targets():
    rulings = Rulings()
    marking = other((kept.PATHS, PATH.id, replace(PATH, target_rule=TargetRule.MARK)))
    for text in ("192.0.2.1", "evil.example", "http://evil.example/", "192.0.2.7 evil.example", "hello"):
        both(rulings, marking, arrive(), request(text=text))
    assert len(rulings) == 2  # with something outside that stands for itself, and without


@pytest.mark.parametrize(
    ("condition", "passes", "refused"),
    [
        ('context.targets_in_scope.contains("192.0.2.7")', "192.0.2.1", "192.0.2.7"),
        ('context["targets_in_scope"] == ["192.0.2.7"]', "192.0.2.1", "192.0.2.7"),
        ('["192.0.2.7"].containsAll(context.targets_in_scope)', "192.0.2.1", "192.0.2.7"),
        ("!context.targets_mentioned.isEmpty()", "192.0.2.1", "evil.example"),
        ('context != context || context.targets_mentioned.contains("evil.example")', "192.0.2.1", "evil.example"),
        ('context.data_classes.contains("indicator")', "hello", "198.51.100.7"),
        ("!resource.tools.containsAll(context.data_classes)", "", "hello"),
    ],
)  # fmt: skip
def test_what_a_policy_tells_apart_is_ruled_apart(condition, passes, refused):
    looked = replace(PATH, handling={"email": DataHandling.ALLOW, "indicator": DataHandling.ALLOW}, data_classes=SENT)
    standing = ruled_by(condition, on=other((kept.PATHS, PATH.id, looked)))
    rulings = Rulings()
    for text, code in ((passes, "vault-unavailable"), (refused, "policy-forbids")) * 2:
        if text:  # allowed, and then nobody could make pseudonyms; or forbidden
            assert both(rulings, standing, arrive(), request(text=text)).error.code == code


def test_the_oldest_ruling_goes_first():
    rulings = Rulings(kept_max=2)
    for number in (1, 2, 3, 1):
        both(rulings, TELLS_APART, arrive(), request(text=f"192.0.2.{number}"))
    assert len(rulings) == 2


class Calling(RuleBasedStateMachine):
    """Whatever changes in between, and whatever is asked when: with rulings each answer is the one without them."""

    def __init__(self):
        super().__init__()
        self.state, self.standing, self.rulings = PROGRAM.copy(), STANDING, Rulings()
        self.decide = DecisionMemo().decide

    @rule(changes=drawn_changes(2))
    def change(self, changes):
        state = changed(self.state, changes)
        try:
            self.standing = compile_standing(state, self.standing)
        except InvalidInputError:  # a record would name what is not there: no program may make that
            return
        self.state = state

    @rule(
        at=st.sampled_from((START, START + 1, ENDS - 1, ENDS, GRANT.window.opens_at - 1)),
        purpose=st.sampled_from(("", "", "other", "probe")),
        grant=st.sampled_from(("", "", "ana-triage", "1")),
        text=st.sampled_from(("hello", "192.0.2.1", "evil.example", "http://evil.example/ 192.0.2.1")),
        model=st.sampled_from(("smollm2-135m", "smollm2-135m", "x")),
    )
    def everybody_calls(self, at, purpose, grant, text, model):
        for who in (*WHO, "triage-service"):
            for path in WHERE:
                arrival = arrive(principal=who, path=path, at=at, purpose=purpose, grant=grant)
                both(self.rulings, self.standing, arrival, request(model=model, text=text))


TestCalling = Calling.TestCase
TestCalling.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
