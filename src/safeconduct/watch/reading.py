"""What people are told of cases: those who review, those who are concerned, and how often signals were wrong."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from safeconduct.access import records as kept
from safeconduct.access.reading_rights import Reader
from safeconduct.kernel.instants import DAY, SECOND, Duration, Instant, rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.kernel.shares import wilson
from safeconduct.watch.case_model import CASES, Case, CaseState
from safeconduct.watch.cases import stopped
from safeconduct.watch.signals import DETECTORS

SHOWN = Duration(365 * DAY)
"""How long a decided case is shown: a year, for rates. Its entries stay in the log, as all do."""


def cases_for(records: Records, reader: Reader, now: Instant) -> list[Case]:
    """Returns the cases that a reader may read, oldest first: overseers all, others those that stopped them."""
    return [case for _, case in records.scan(CASES) if reads_case(records, reader, case, now)]


def reads_case(records: Records, reader: Reader, case: Case, now: Instant) -> bool:
    """Tells whether somebody may read a case: overseers, and whoever it stopped, or answers for them.

    Who is only noted isn't told: a review that warns whom it is about reviews nothing. One that was decided longer
    than SHOWN ago is shown to nobody.
    """
    if case.decision is not None and now >= case.decision.at + SHOWN:
        return False
    return reader.oversees or (stopped(case) and _is_own(records, reader, case.principal))


def _is_own(records: Records, reader: Reader, principal: str) -> bool:
    found = records.get(kept.PRINCIPALS, principal)
    return bool(reader.principal) and reader.principal in (principal, found.sponsor if found else None)


def case_document(case: Case) -> dict[str, Any]:
    """Returns a case for people and machines."""
    appeal, decision = case.appeal, case.decision
    return asdict(case) | {
        "at": rfc3339(case.at),
        "selector": str(case.selector) if case.selector else None,
        "window": case.window // SECOND,
        "steps": [asdict(one) | {"at": rfc3339(one.at), "due_at": rfc3339(one.due_at)} for one in case.steps],
        "appeal": asdict(appeal) | {"at": rfc3339(appeal.at)} if appeal else None,
        "decision": asdict(decision) | {"at": rfc3339(decision.at)} if decision else None,
    }


def signals_document() -> list[dict[str, Any]]:
    """Returns what is looked for: what counts, in which window of seconds, from how many on."""
    rules = (one.rule for one in DETECTORS)
    return [
        {"signal": one.kind, "counts": one.counts, "window": one.window // SECOND, "threshold": one.threshold}
        for one in rules
    ]


def rates(records: Records) -> list[dict[str, Any]]:
    """Returns, by signal, how many cases there were, and of the decided ones how many were false alarms."""
    found = Counter((case.signal, case.state) for _, case in records.scan(CASES))
    return [one | _rate(one["signal"], found) for one in signals_document()]


def _rate(signal: str, found: Counter[tuple[Any, CaseState]]) -> dict[str, Any]:
    confirmed, dismissed = found[signal, CaseState.CONFIRMED], found[signal, CaseState.DISMISSED]
    decided = confirmed + dismissed
    return {
        "open": found[signal, CaseState.OPEN],
        "confirmed": confirmed,
        "dismissed": dismissed,
        "false_alarms": dismissed / decided if decided else None,
        "interval": wilson(dismissed, decided),
    }
