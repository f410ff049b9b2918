"""What becomes of an agreement in force: its versions, one that follows without a gap, an end by one party."""

import pytest

from safeconduct.access import records as kept
from safeconduct.access.agreement_versions import SUCCESSION_TIMER
from safeconduct.access.changes import plan
from safeconduct.access.compiling import compile_standing
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.program import parse_program
from safeconduct.access.readership import AgreementMatrix
from safeconduct.kernel.effects import TIMERS
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError, RefusedError
from safeconduct.kernel.instants import Instant, parse_rfc3339, seconds
from safeconduct.program.agreements import history, shown, succeed, terminate, warnings
from support.programs import amending, bring_into_force, demo_program, in_force, signed, signed_by_both

SOURCE = demo_program()
ID = "ag-2026-01"
END = parse_rfc3339("2027-12-31T00:00:00Z")
DAY = seconds(24 * 3600)
VALID = b"valid: {from: 2026-01-01T00:00:00Z, until: 2027-12-31T00:00:00Z}"
RENEWED = SOURCE.replace(VALID, b"valid: {from: 2027-12-31T00:00:00Z, until: 2028-12-31T00:00:00Z}")
NOTICE = SOURCE.replace(b"  tier_ceiling: 9\n", b"  tier_ceiling: 9\n  termination_days: 30\n")


def codes(writer, at):
    standing = compile_standing(writer.state)
    call = CallRequest(
        principal="ana", path="soc-triage", purpose="incident-triage", model="smollm2-135m", now=Instant(at)
    )
    reasons = standing.authorize(call)[0].reasons
    return [reason.code for reason in reasons if reason.code not in ("window-closed", "no-policy-permits")]


def ended(writer, *, by="ops", reason="we part"):
    operation = "POST /api/v1/agreement/terminate"
    act = signed(by, operation, reason.encode(), writer.now)
    return writer.run(lambda tx: terminate(tx, act, operation=operation, content=act.act.content, reason=reason))


def timers(writer):
    return [timer for _, timer in writer.state.scan(TIMERS) if timer.kind == SUCCESSION_TIMER]


def versions(writer):
    return [(one["version"], set(one["signed"])) for one in history(writer.state)]


def test_each_version_stays_on_record_with_who_signed_and_what_brought_it():
    writer = in_force()
    bring_into_force(writer, SOURCE.replace(b"deadline_s: 120", b"deadline_s: 60"))  # no part of the agreement
    bring_into_force(writer, SOURCE.replace(b"tier_ceiling: 9", b"tier_ceiling: 8"))
    assert versions(writer) == [(1, {"provider", "partner"}), (2, {"provider", "partner"})]
    first, second = history(writer.state)
    assert first["digest"] != second["digest"]
    brought = {entry.id: entry.type for entry in writer.entries}
    assert [brought[one["entry"]] for one in (first, second)] == ["access.request.enforced/1"] * 2
    assert [brought[one["request"]] for one in (first, second)] == ["access.program.requested/1"] * 2
    assert shown(writer.state, writer.now)["agreement"]["digest"] == second["digest"]


def test_a_version_that_begins_later_waits_for_its_day_and_follows():
    writer = in_force()
    bring_into_force(writer, RENEWED)
    assert kept.agreement_in_force(writer.state).version == 1
    assert shown(writer.state, writer.now)["next"]["version"] == 2
    assert [timer.due_at for timer in timers(writer)] == [END]
    assert codes(writer, END - 1) == []
    assert codes(writer, END) == ["agreement-expired"]
    writer.now = END
    writer.run(lambda tx: succeed(tx, ID))
    assert (kept.agreement_in_force(writer.state).version, timers(writer)) == (2, [])
    assert codes(writer, END) == []
    assert codes(writer, END - 1) == ["agreement-not-begun"]
    with pytest.raises(AbsentError):
        writer.run(lambda tx: succeed(tx, ID))


def test_what_waits_is_what_a_file_is_held_against():
    writer = in_force()
    renewed = amending(writer.state, RENEWED)
    bring_into_force(writer, RENEWED)
    assert plan(writer.state, parse_program(renewed)).changes == ()
    with pytest.raises(ConflictError) as caught:
        plan(writer.state, parse_program(SOURCE))
    assert caught.value.code == "agreement-version"


def test_a_newer_version_takes_the_place_of_one_that_waits():
    writer = in_force()
    bring_into_force(writer, RENEWED)
    bring_into_force(
        writer, SOURCE.replace(b"until: 2027-12-31T00:00:00Z}\n  witness", b"until: 2029-01-01T00:00:00Z}\n  witness")
    )
    assert (kept.agreement_in_force(writer.state).version, timers(writer)) == (3, [])
    assert codes(writer, END) == []


def test_who_reads_changes_on_that_day_too():
    writer, matrix = in_force(), AgreementMatrix()
    asked = "safeconduct.example/demo/ag-2026-01", "gateway.call.intent/1", "request"
    bring_into_force(
        writer, RENEWED.replace(b"intent/*: {readers: [partner, provider]}", b"intent/*: {readers: [partner]}")
    )
    assert matrix(writer.state, *asked).readers == {Reader.PARTNER, Reader.PROVIDER}
    writer.now = END
    writer.run(lambda tx: succeed(tx, ID))
    assert matrix(writer.state, *asked).readers == {Reader.PARTNER}


def test_one_party_ends_it_with_the_notice_that_was_agreed_and_no_more():
    writer = in_force(NOTICE)
    end = writer.now + 30 * DAY
    assert ended(writer).terminates_at == end
    assert codes(writer, end - 1) == []
    assert codes(writer, end) == ["agreement-expired"]
    assert writer.entries[-1].type == "program.agreement.terminated/1"
    assert plan(writer.state, parse_program(signed_by_both(NOTICE))).changes == ()
    bring_into_force(writer, NOTICE.replace(b"deadline_s: 120", b"deadline_s: 60"))
    assert codes(writer, end) == ["agreement-expired"]  # another program is no other agreement
    with pytest.raises(ConflictError) as caught:
        ended(writer)
    assert caught.value.code == "agreement-ended"


def test_a_version_to_follow_falls_with_it_and_both_signing_another_takes_it_back():
    writer = in_force(NOTICE)
    bring_into_force(writer, RENEWED)
    ended(writer)
    assert (shown(writer.state, writer.now)["next"], timers(writer)) == (None, [])
    bring_into_force(writer, NOTICE.replace(b"tier_ceiling: 9", b"tier_ceiling: 8"))
    assert codes(writer, writer.now + 31 * DAY) == []


@pytest.mark.parametrize(
    ("source", "by", "reason", "error", "code"),
    [
        (SOURCE, "ops", "we part", RefusedError, "termination-not-agreed"),
        (NOTICE, "ana", "we part", RefusedError, "role-missing"),
        (NOTICE, "ops", " ", InvalidInputError, "reason-missing"),
    ],
)
def test_nobody_else_ends_it(source, by, reason, error, code):
    writer = in_force(source)
    before = len(writer.entries)
    with pytest.raises(error) as caught:
        ended(writer, by=by, reason=reason)
    assert (caught.value.code, len(writer.entries)) == (code, before)


@pytest.mark.parametrize(
    ("before", "said"),
    [(31, None), (30, "within 30 days"), (7, "within 7 days"), (1, "within 1 days"), (0, "ended, at")],
)
def test_its_end_is_warned_of_at_thirty_seven_and_one_day(before, said):
    found = warnings(in_force().state, Instant(END - before * DAY))
    assert [one["state"] for one in found] == ([] if said is None else ["bad" if before == 0 else "warn"])
    assert said is None or said in found[0]["said"]


def test_what_is_followed_without_a_gap_is_not_warned_of():
    writer = in_force()
    bring_into_force(writer, RENEWED)
    assert warnings(writer.state, Instant(END - DAY)) == []
    late = in_force()
    bring_into_force(
        late, RENEWED.replace(b"valid: {from: 2027-12-31T00:00:00Z", b"valid: {from: 2027-12-31T00:00:01Z")
    )
    assert warnings(late.state, Instant(END - DAY))
