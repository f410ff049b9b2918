"""What an agreement must settle is checked when its file is read: one case that passes, one that differs by a word."""

import pytest

from safeconduct.access.agreement import Trigger
from safeconduct.access.document import ProgramInvalidError
from safeconduct.bootstrap.forms import FORMS
from safeconduct.program.clocks import Unit, check_notices, regulatory_clocks
from safeconduct.program.duties import ACTIVITIES, CONTACT_ROLES
from safeconduct.program.file import read_program
from support.programs import demo_program

SOURCE = demo_program().decode()
NOTICE = "{by: provider, trigger: awareness, hours: 12, feeds: [dora-initial-after-awareness, nis2-early-warning]}"


def problems(source):
    with pytest.raises(ProgramInvalidError) as caught:
        read_program(source.encode(), entry_types=FORMS)
    return [(problem.code, problem.message) for problem in caught.value.problems]


def edited(old, new):
    assert SOURCE.count(old) == 1
    return SOURCE.replace(old, new)


def test_the_demos_agreement_settles_all_of_it():
    agreement = read_program(SOURCE.encode(), entry_types=FORMS).agreement
    assert set(ACTIVITIES) <= set(agreement.responsibilities)
    assert all(len(one.accountable) == 1 for one in agreement.responsibilities.values())
    assert set(CONTACT_ROLES) <= set(agreement.contacts)


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_each_activity_must_be_assigned_and_is_named(activity):
    (line,) = [line for line in SOURCE.splitlines() if line.startswith(f"    {activity}: ")]
    ((code, message),) = problems(edited(line + "\n", ""))
    assert code == "activity-unassigned"
    assert message.startswith(f"activity {activity} (")


@pytest.mark.parametrize(("shares", "count"), [("{provider: R, partner: C}", 0), ("{provider: A, partner: A}", 2)])
def test_exactly_one_party_is_accountable(shares, count):
    told = f"activity containment has {count} accountable parties, expected exactly one with A"
    assert problems(edited("containment: {provider: R, partner: A}", f"containment: {shares}")) == [
        ("accountable-not-one", told)
    ]


def test_it_may_assign_more_and_that_needs_one_too():
    assert read_program(edited("    admission:", "    lunch: {partner: A}\n    admission:").encode(), entry_types=FORMS)
    assert problems(edited("    admission:", "    lunch: {partner: R}\n    admission:"))[0][0] == "accountable-not-one"


@pytest.mark.parametrize("role", CONTACT_ROLES)
def test_both_must_be_reachable_in_each_role(role):
    (line,) = [line for line in SOURCE.splitlines() if line.startswith(f"    {role}: ")]
    ((code, message),) = problems(edited(line + "\n", ""))
    assert code == "contact-missing"
    assert f"contact {role} " in message


def test_a_liability_is_decided_by_entries_that_exist():
    ((code, message),) = problems(edited("[access.freeze.started, ", "[access.freeze.begun, "))
    assert code == "reference-unknown"
    assert "no entry has type 'access.freeze.begun'" in message


@pytest.mark.parametrize(
    ("notice", "shortest"),
    [
        ("{by: provider, trigger: awareness, hours: %d, feeds: [nis2-early-warning]}", 24),
        ("{by: provider, trigger: classification, hours: %d, feeds: [dora-initial-after-classification]}", 4),
        ("{by: provider, trigger: materiality, hours: %d, feeds: [sec-8k-item-1-05]}", 72),  # four business days
        ("{by: provider, trigger: awareness, hours: %d, feeds: [ai-act-critical-infrastructure]}", 48),  # two days
        ("{by: provider, trigger: notification, hours: %d, feeds: [cra-incident-final]}", 672),  # a month
    ],
)
def test_a_notice_is_shorter_than_the_clock_it_feeds_at_its_shortest(notice, shortest):
    assert read_program(edited(NOTICE, notice % (shortest - 1)).encode(), entry_types=FORMS)
    ((code, message),) = problems(edited(NOTICE, notice % shortest))
    assert code == "notice-too-long"
    assert f"expected fewer than {shortest} hours" in message


def test_with_another_trigger_nothing_is_compared():
    other = "{by: provider, trigger: determination, hours: 99, feeds: [nis2-early-warning]}"
    assert read_program(edited(NOTICE, other).encode(), entry_types=FORMS)


def test_a_clock_that_is_not_known_is_told_with_a_near_one():
    ((code, message),) = problems(edited("nis2-early-warning]", "nis2-early-warnin]"))
    assert code == "reference-unknown"
    assert "did you mean 'nis2-early-warning'" in message


def test_every_clock_names_its_source_and_no_check_passes_over_one():
    clocks = regulatory_clocks()
    assert {"NIS2", "DORA", "GDPR", "CRA", "SEC"} <= {clock.regime for clock in clocks.values()}
    assert {clock.trigger for clock in clocks.values()} == set(Trigger)
    assert {clock.unit for clock in clocks.values()} == set(Unit)
    for clock in clocks.values():
        assert clock.source
        assert clock.url.startswith("https://")
        assert clock.shortest_hours > 0
    assert check_notices({"agreement": {"notices": {}}}, None) is None
