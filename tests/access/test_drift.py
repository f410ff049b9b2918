"""What is in force beside the program is in the plan: each kind, until when, by whom, and whether applying ends it."""

import pytest

from safeconduct.access import records as kept
from safeconduct.access.admissions import Admission, AdmissionState
from safeconduct.access.changes import plan
from safeconduct.access.drift import drift, drift_text
from safeconduct.access.model.grants import Grant, GrantOrigin
from safeconduct.access.model.stops import Freeze
from safeconduct.access.model.windows import Window
from safeconduct.access.program import parse_program
from safeconduct.access.selectors import parse_selection, parse_selector
from safeconduct.kernel.ids import EntryId, FreezeId, GrantId, PrincipalId
from safeconduct.kernel.instants import Instant, seconds
from support.directories import PushedWorld, pushed_program
from support.programs import demo_program, in_force, signed_by_both
from support.restricting import setting

HOUR = seconds(3600)


def told(log, source=None, *, now=None):
    planned = plan(log.state, parse_program(signed_by_both(source or demo_program())))
    return [(one.kind, one.name, one.ends) for one in drift(log.state, planned.changes, now or log.now)]


@pytest.fixture
def log():
    return in_force()


def issued(log, origin, hours):
    window = Window(opens_at=log.now, closes_at=Instant(log.now + hours * HOUR))
    one = next(grant for _, grant in log.state.scan(kept.GRANTS) if grant.id == "ana-triage")
    grant = Grant(
        id=GrantId(f"g-{origin}"),
        principal=one.principal,
        path=one.path,
        purpose=one.purpose,
        scope=one.scope,
        window=window,
        origin=origin,
    )
    log.state.put(kept.ISSUED_GRANTS, grant.id, grant)


def test_a_program_that_says_all_has_no_drift(log):
    assert told(log) == []
    assert drift_text([]) == "nothing is in force beside the program\n"


def test_grants_that_were_issued_are_there_until_they_end(log):
    issued(log, GrantOrigin.REQUEST, 2)
    issued(log, GrantOrigin.BREAK_GLASS, 1)
    assert told(log) == [("break-glass", "g-break-glass", False), ("grant", "g-request", False)]
    assert told(log, now=Instant(log.now + HOUR)) == [("grant", "g-request", False)]
    assert told(log, now=Instant(log.now + 2 * HOUR)) == []


def test_freezes_and_restrictions_are_told_with_who_and_why(log):
    frozen = Freeze(
        id=FreezeId("f"), selector=parse_selection("principal:bo"), by=PrincipalId("ops"), reason="case 12", at=log.now
    )
    log.state.put(kept.FREEZES, "f", frozen)
    log.run(setting("path:soc-triage", "slow", slow_ms=5, now=log.now))
    assert told(log) == [("freeze", "principal:bo", False), ("restriction", "path:soc-triage", False)]
    rows = [one.document() for one in drift(log.state, (), log.now)]
    assert "freeze principal:bo since 2026-11-21T08:00:00" in drift_text(rows)
    assert "by ops; apply leaves it\n    case 12" in drift_text(rows)


def test_a_suspended_vetting_ends_where_the_name_becomes_somebody_else(log):
    admission = Admission(
        subject=parse_selector("principal:ana"),
        state=AdmissionState.SUSPENDED,
        tier=0,
        until=Instant(log.now + HOUR),
        case=EntryId("c"),
        reason="conduct",
    )
    log.state.put(kept.ADMISSIONS, "principal:ana", admission)
    assert told(log) == [("vetting", "principal:ana", False)]
    other = demo_program().replace(b"  ana: {", b"  ana: {human: Ana Two, ")
    assert told(log, other) == [("vetting", "principal:ana", True)]
    log.state.put(kept.ADMISSIONS, "principal:ana", Admission(**_ready(admission)))
    assert told(log) == []  # what vetting admits is what the program asked for


def _ready(admission):
    names = ("subject", "tier", "until", "case")
    return {name: getattr(admission, name) for name in names} | {"state": AdmissionState.READY}


def test_what_a_directory_suspended_ends_where_the_program_has_somebody_else():
    world = PushedWorld()
    try:
        world.add_ana(active=False)
        with world.store.snapshot() as records:
            now = world.clock.now()
            same = plan(records, parse_program(signed_by_both(pushed_program())))
            assert {(one.kind, one.name, one.ends) for one in drift(records, same.changes, now)} == {
                ("directory", "principal:ana", False),
                ("directory", "principal:triage-service", False),
            }
            other = signed_by_both(pushed_program().replace(b"00u1ana", b"00u-else"))
            changed = plan(records, parse_program(other))
            assert {one.ends for one in drift(records, changed.changes, now)} == {True}
            assert len(list(records.scan(kept.RESTRICTIONS))) == 2  # nothing was really changed
    finally:
        world.close()
