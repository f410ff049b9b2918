"""Whose calls are taken where the program demands vetting: every state, every clause, both sides of each edge."""

from dataclasses import replace

import pytest

from safeconduct.access import records as kept
from safeconduct.access.admissions import PROBE, Admission, AdmissionState, PathProof
from safeconduct.access.compiling import compile_standing
from safeconduct.access.document import ProgramInvalidError
from safeconduct.access.freezes import call_facts
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.program import parse_program
from safeconduct.access.selectors import parse_selector
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.runtime.freeze import fallen
from support.immediate import START
from support.programs import bring_into_force, demo_program, in_force
from support.vetting import RULES, vetted_program

UNTIL = Instant(START + seconds(3600))
ANA = CallRequest(principal="ana", path="soc-triage", purpose="incident-triage", model="smollm2-135m", now=START)
SERVICE = replace(ANA, principal="triage-service")
OURS = ("organization:northwind", "principal:ana", "principal:triage-service")


def house(*subjects, proven=("ana", "triage-service"), **changed):
    """Returns a writer in whose state these are ready until UNTIL, and have proven the path."""
    writer = in_force(vetted_program())
    for subject in subjects:
        admit(writer, subject, **changed)
    digest = compile_standing(writer.state).paths["soc-triage"].digest
    for name in proven:
        proof = PathProof(principal=name, path="soc-triage", digest=digest, call="call", at=START)
        writer.state.put(kept.PATH_PROOFS, proof.key, proof)
    return writer


def admit(writer, subject, state=AdmissionState.READY, *, until=UNTIL, tier=0, reason=""):
    found = Admission(
        subject=parse_selector(subject), state=state, tier=tier, until=until, case="the-case", reason=reason
    )
    writer.state.put(kept.ADMISSIONS, subject, found)


def against(writer, request=ANA):
    """Returns what stands against a call. Policies are asked too, and have nothing to say."""
    decision, _ = compile_standing(writer.state).authorize(request)
    assert decision.allowed != bool(decision.reasons)
    assert all(reason.remedy for reason in decision.reasons)
    return [(reason.code, reason.clause) for reason in decision.reasons]


def test_whoever_is_ready_calls_a_path_that_they_proved():
    writer = house(*OURS)
    assert against(writer) == against(writer, SERVICE) == []


def test_without_the_section_the_program_is_what_admits():
    writer = in_force(demo_program())
    assert not compile_standing(writer.state).admissions.required
    assert against(writer) == []
    assert against(writer, replace(ANA, purpose=PROBE))[0][0] == "purpose-mismatch"


@pytest.mark.parametrize("missing", OURS)
def test_everybody_is_vetted_whom_a_call_rests_on(missing):
    writer = house(*(set(OURS) - {missing}))
    assert against(writer, SERVICE) == [("not-vetted", f"vetting:{missing}")]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (AdmissionState.APPLIED, "not-vetted"),
        (AdmissionState.DENIED, "not-vetted"),
        (AdmissionState.APPROVED, "not-vetted"),
        (AdmissionState.SUSPENDED, "vetting-suspended"),
        (AdmissionState.EXPIRED, "vetting-expired"),
    ],
)
@pytest.mark.parametrize("purpose", ["incident-triage", PROBE])
def test_every_other_state_is_refused_by_its_name(state, code, purpose):
    writer = house(*OURS)
    admit(writer, "principal:ana", state)
    assert against(writer, replace(ANA, purpose=purpose)) == [(code, "vetting:principal:ana")]
    # and so is what ana answers for
    assert against(writer, replace(SERVICE, purpose=purpose)) == [(code, "vetting:principal:ana")]


def test_what_was_provisioned_makes_probes_and_nothing_else():
    writer = house("organization:northwind", proven=())
    admit(writer, "principal:ana", AdmissionState.PROVISIONED)
    assert against(writer) == [("path-not-proven", "vetting:principal:ana/paths/soc-triage")]
    assert against(writer, replace(ANA, purpose=PROBE)) == []
    assert against(writer, replace(ANA, purpose=PROBE, model="another"))[0][0] == "model-not-allowed"


def test_a_proof_is_of_one_version_of_a_path_and_one_principal():
    writer = house(*OURS, proven=("ana",))
    assert against(writer) == []
    assert against(writer, SERVICE) == [("path-not-proven", "vetting:principal:triage-service/paths/soc-triage")]
    bring_into_force(writer, vetted_program(RULES, ("deadline_s: 120", "deadline_s: 119")))
    assert against(writer) == [("path-not-proven", "vetting:principal:ana/paths/soc-triage")]


def test_the_last_microsecond_is_in_and_the_instant_itself_is_out():
    writer = house(*OURS)
    assert against(writer, replace(ANA, now=Instant(UNTIL - 1))) == []
    late = against(writer, replace(ANA, now=UNTIL))
    assert late == [("vetting-expired", "vetting:organization:northwind"), ("vetting-expired", "vetting:principal:ana")]


def test_a_call_needs_the_tier_that_was_vetted():
    low = "ana: {organization: northwind, kind: person,"
    edits = [(low, f"{low} tier: 1,"), ("role: partner,", "role: partner, tier: 1,")]
    edits.append(("\npaths:\n", "\nmodels:\n  smollm2-135m: {version: '1', tier: 1}\n\npaths:\n"))
    edits.append(("    purpose: incident-triage\n    models", "    purpose: incident-triage\n    tier: 1\n    models"))
    writer = house(*OURS)
    bring_into_force(writer, vetted_program(RULES, *edits))
    digest = compile_standing(writer.state).paths["soc-triage"].digest
    writer.state.put(
        kept.PATH_PROOFS, "ana/soc-triage", replace(writer.state.get(kept.PATH_PROOFS, "ana/soc-triage"), digest=digest)
    )
    assert against(writer) == [("not-vetted", "vetting:principal:ana/tier")]
    admit(writer, "principal:ana", tier=1)
    assert against(writer) == []
    standing = compile_standing(writer.state)
    runs = replace(call_facts(standing.principals["ana"], standing.paths["soc-triage"], "ana-triage"), tier=1)
    assert fallen(standing, runs) is None
    admit(writer, "principal:ana", tier=0)  # vetted anew, for less: what runs above that is cut
    assert fallen(compile_standing(writer.state), runs)[1] == "vetting:principal:ana/tier"


def test_a_call_that_runs_is_cut_when_somebody_it_rests_on_falls():
    writer = house(*OURS)
    standing = compile_standing(writer.state)
    service = call_facts(standing.principals["triage-service"], standing.paths["soc-triage"], "service-triage")
    assert fallen(standing, service) is None
    admit(writer, "principal:ana", AdmissionState.SUSPENDED, reason="conduct")
    assert fallen(compile_standing(writer.state), service)[1] == "vetting:principal:ana"


@pytest.mark.parametrize(
    ("old", "new", "kept_facts", "kept_proofs"),
    [
        ("sponsor: ana}", "sponsor: bo}", False, False),
        ("kind: service, sponsor: ana}", "kind: agent, sponsor: ana}", False, False),
        ("triage-service: {organization", "triage-service: {tier: 0, organization", True, True),
    ],
)
def test_a_name_that_means_another_was_not_vetted(old, new, kept_facts, kept_proofs):
    writer = house(*OURS)
    bring_into_force(writer, vetted_program(RULES, (old, new)))
    assert (writer.state.get(kept.ADMISSIONS, "principal:triage-service") is not None) == kept_facts
    assert (writer.state.get(kept.PATH_PROOFS, "triage-service/soc-triage") is not None) == kept_proofs


def test_another_key_has_to_probe_again_and_a_name_that_is_gone_is_forgotten():
    writer = house(*OURS)
    source = vetted_program().decode()
    key = source.split("ana: {organization: northwind, kind: person, key: ")[1].split(",")[0]
    other = source.split("cyd: {organization: cleaners, kind: person, key: ")[1].split(",")[0]
    cyd = next(line for line in source.splitlines(keepends=True) if line.startswith("  cyd:"))
    bring_into_force(writer, source.replace(cyd, "").replace(key, other).encode())
    assert writer.state.get(kept.ADMISSIONS, "principal:ana") is not None
    assert writer.state.get(kept.PATH_PROOFS, "ana/soc-triage") is None
    admit(writer, "principal:cyd")
    bring_into_force(writer, source.encode())
    admit(writer, "principal:cyd")
    bring_into_force(writer, source.replace(cyd, "").encode())
    assert writer.state.get(kept.ADMISSIONS, "principal:cyd") is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sponsor: bo}\n\nscopes", "}\n\nscopes", "hunter is a agent and needs a sponsor"),
        ("hunter: {organization: northwind", "hunter: {organization: meridian", "must be a person of meridian"),
        ("roles: [], sponsor: bo", "roles: []", "cyd is a contractor and needs a sponsor"),
        ("roles: [], sponsor: bo", "roles: [], sponsor: mia", "must be a person of northwind"),
        ("roles: [], sponsor: bo", "roles: [], sponsor: nobody", "there is no principal 'nobody'"),
        ("roles: [], sponsor: bo", "roles: [analyst], sponsor: bo", "its people only read"),
        ("escalate_to: max", "escalate_to: hunter", "there is no person 'hunter'"),
        ("    agent: {valid", "    robot: {valid", "expected one of organization, person"),
        ("holidays: [2026-12-25]", "holidays: [2026-02-30]", "there is no day '2026-02-30'"),
        ("valid_days: 180", "valid_days: 1096", "1 to 1095"),
        (
            "valid_days: 365, second_reviewer: another-person",
            "valid_days: 365, second_reviewer: other-organization",
            "nobody of a party judges",
        ),
        ("decide_within_days: 5", "decide_within_days: 61", "1 to 60"),
    ],
)
def test_a_program_that_nobody_could_be_vetted_by_is_not_taken(old, new, said):
    with pytest.raises(ProgramInvalidError, match=said):
        parse_program(vetted_program(RULES, (old, new)))


def test_one_human_has_one_account():
    ana = "roles: [analyst]}"
    first = vetted_program(RULES, (ana, 'roles: [analyst], human: "N-17"}')).decode()
    parse_program(first.encode())
    with pytest.raises(ProgramInvalidError, match="same human") as caught:
        parse_program(first.replace("roles: [responder]}", 'roles: [responder], human: "n-17"}').encode())
    assert caught.value.code == "human-twice"


def test_each_kind_in_the_program_has_criteria():
    line = next(one for one in RULES.splitlines(keepends=True) if one.startswith("    agent:"))
    with pytest.raises(ProgramInvalidError, match="hunter could never call") as caught:
        parse_program(vetted_program(RULES.replace(line, "")))
    assert caught.value.code == "criteria-missing"


def test_the_purpose_of_probes_is_no_paths():
    source = demo_program().decode().replace("purpose: incident-triage", f"purpose: {PROBE}")
    with pytest.raises(ProgramInvalidError, match="purpose of probes alone"):
        parse_program(source.encode())
