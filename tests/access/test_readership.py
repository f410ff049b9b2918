"""Who reads a sealed field, by the agreement in force."""

import pytest

from safeconduct.access import records as kept
from safeconduct.access.model.agreements import Opening
from safeconduct.access.readership import ANSWERS_MAX, AgreementMatrix, opening_of, reader_of
from safeconduct.kernel.entries import Reader, Retention
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.log_events import SUCCESSORS, Successor
from safeconduct.ledger.sealing import HOUSE_ONLY
from support.immediate import START, ImmediateWriter
from support.programs import ACCESS, bring_into_force, in_force
from support.readers import AUDITOR_KEY, PROVIDER_KEY, with_readers

AGREEMENT = "safeconduct.example/demo/ag-2026-01"
INSTALLATION = "safeconduct.example/demo/installation"


@pytest.fixture
def state():
    return in_force(with_readers()).state


def test_the_row_of_a_field_says_who_reads_it(state):
    found = AgreementMatrix()(state, AGREEMENT, "gateway.call.intent/1", "request")
    assert found.readers == {Reader.PARTNER, Reader.PROVIDER}
    assert (found.house, found.wrap_for) == (True, {Reader.PROVIDER: PROVIDER_KEY})
    assert found.days == {Retention.CALL: 30, Retention.EXPLOIT: 30}


def test_the_row_of_a_type_says_it_for_fields_without_their_own(state):
    found = AgreementMatrix()(state, AGREEMENT, "gateway.call.outcome/2", "anything")
    assert (found.readers, found.wrap_for) == ({Reader.PARTNER, Reader.AUDITOR}, {Reader.AUDITOR: AUDITOR_KEY})


@pytest.mark.parametrize(
    ("origin", "entry_type", "name"),
    [
        (AGREEMENT, "gateway.call.intent/1", "sent"),
        (AGREEMENT, "gateway.call/1", "intent"),
        (INSTALLATION, "gateway.call.intent/1", "request"),
        (f"{AGREEMENT}x", "gateway.call.intent/1", "request"),
    ],
)
def test_what_has_no_row_is_the_houses_alone(state, origin, entry_type, name):
    found = AgreementMatrix()(state, origin, entry_type, name)
    assert (found.readers, found.house, found.wrap_for) == (HOUSE_ONLY.readers, True, {})


def test_without_a_program_everything_is_the_houses_alone():
    state = ImmediateWriter(ACCESS).state
    assert AgreementMatrix()(state, AGREEMENT, "gateway.call.intent/1", "request") == HOUSE_ONLY


def test_a_field_can_be_kept_from_the_house():
    source = with_readers().replace(b"{readers: [partner, provider]}", b"{readers: [provider]}")
    found = AgreementMatrix()(in_force(source).state, AGREEMENT, "gateway.call.intent/1", "request")
    assert (found.readers, found.house) == ({Reader.PROVIDER}, False)


def test_the_answer_changes_with_the_program_and_not_before():
    matrix, writer = AgreementMatrix(), in_force(with_readers())
    asked = writer.state, AGREEMENT, "gateway.call.intent/1", "request"
    assert matrix(*asked) is matrix(*asked)
    bring_into_force(writer, with_readers(keep=False))
    assert matrix(*asked).readers == HOUSE_ONLY.readers


def test_the_answers_kept_are_limited(state):
    matrix = AgreementMatrix()
    first = matrix(state, AGREEMENT, "gateway.call.intent/1", "request")
    for number in range(ANSWERS_MAX - 1):
        matrix(state, AGREEMENT, "a.b/1", f"f{number}")
    assert matrix(state, AGREEMENT, "gateway.call.intent/1", "request") is first
    matrix(state, AGREEMENT, "a.b/1", "one_more")
    again = matrix(state, AGREEMENT, "gateway.call.intent/1", "request")
    assert again == first
    assert again is not first


def test_each_party_reads_in_one_role(state):
    agreement = kept.agreement_in_force(state)
    named = {name: reader_of(agreement, name) for name in ("meridian", "northwind", "audit-office", "other")}
    assert named == {
        "meridian": Reader.PROVIDER,
        "northwind": Reader.PARTNER,
        "audit-office": Reader.AUDITOR,
        "other": None,
    }
    assert reader_of(None, "northwind") is None


def test_how_a_field_is_opened(state):
    assert opening_of(state, "gateway.call.outcome/1", "released") is Opening.TWO_PARTY
    assert opening_of(state, "gateway.call.intent/1", "request") is Opening.SINGLE
    assert opening_of(ImmediateWriter(ACCESS).state, "gateway.call.outcome/1", "released") is Opening.SINGLE


def test_the_log_that_goes_on_for_a_closed_one_is_the_agreement_s_too(state):
    asked = state, Origin(f"{AGREEMENT}/2"), "gateway.call.intent/1", "request"
    assert AgreementMatrix()(*asked) == HOUSE_ONLY
    state.insert(SUCCESSORS, AGREEMENT, Successor(origin=Origin(f"{AGREEMENT}/2"), at=START, reason="copied"))
    assert AgreementMatrix()(*asked).readers == {Reader.PARTNER, Reader.PROVIDER}
