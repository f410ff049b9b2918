"""What every agreement must settle: who answers for which activity, what is owed under it, what decides a liability."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from safeconduct.access.acts import ROLES, Capability
from safeconduct.access.agreement import Involvement, Side
from safeconduct.access.model.parties import PrincipalKind
from safeconduct.access.reading import Key, Log, near

ACCESS_REVIEW = "access-review"
"""The activity whose accountable party says whether access is still needed."""

ACTIVITIES: Mapping[str, str] = {
    "admission": "who is let into the program: vetting of organizations, people and services, and their appeals",
    "granting": "who gets which grant",
    ACCESS_REVIEW: "whether people, services and their grants are still needed",
    "offboarding": "access is gone as soon as somebody leaves or changes work",
    "key-custody": "keys of organizations, logs and data, and where they are kept",
    "log-keeping": "the joint log runs, is cosigned, mirrored and backed up",
    "monitoring": "calls are watched for misuse",
    "misuse-review": "cases of suspected misuse are judged, and appeals against that",
    "model-changes": "new models and versions are announced, assessed and approved",
    "containment": "freezing, and deciding together when a freeze may end",
    "incident-response": "incidents in the shared environment are led from triage to closure",
    "authority-contact": "authorities hear one story of an incident that both must report",
    "vulnerability-disclosure": "vulnerabilities that the program finds are fixed and published",
    "data-destruction": "data keys are destroyed when their time is over, and certificates given",
    "evidence": "legal holds, exports and what auditors are shown",
}
"""The activities that every agreement assigns, by the name that its file uses. It may assign more."""

CONTACT_ROLES: Mapping[str, str] = {
    "security": "day and night, for incidents",
    "administration": "for people, grants and the program file",
    "legal": "for the agreement itself and for notices under it",
}
"""The roles in which both parties must be reachable."""


def check_responsibilities(values: Mapping[str, Any], log: Log) -> None:
    """Notes each activity that is not assigned, or has not exactly one accountable party."""
    assigned = values["agreement"]["responsibilities"]
    for activity, about in ACTIVITIES.items():
        if activity not in assigned:
            text = f"activity {activity} ({about}) is not assigned: write {activity}: {{provider: A, partner: C}} or so"
            log.wrong_at(("agreement", "responsibilities"), text, "activity-unassigned")
    for activity, shares in assigned.items():
        accountable = [side for side in Side if shares[side] == Involvement.ACCOUNTABLE]
        if len(accountable) != 1:
            text = f"activity {activity} has {len(accountable)} accountable parties, expected exactly one with A"
            log.wrong_at(("agreement", "responsibilities", activity), text, "accountable-not-one")


def check_contacts(values: Mapping[str, Any], log: Log) -> None:
    """Notes each role in which the parties must be reachable and are not."""
    for role, about in CONTACT_ROLES.items():
        if role not in values["agreement"]["contacts"]:
            text = f"there is no contact {role} ({about}): both parties need one"
            log.wrong_at(("agreement", "contacts"), text, "contact-missing")


def check_liability(values: Mapping[str, Any], log: Log, entry_types: Collection[str]) -> None:
    """Notes evidence that no log could ever hold: types of entry, without version, that don't exist."""
    for name, liability in values["agreement"]["liability"].items():
        for index, one in enumerate(liability["evidence"]):
            if one not in entry_types:
                key: Key = ("agreement", "liability", name, "evidence", index)
                text = f"no entry has type {one!r}{near(one, entry_types)}, so the log could never decide this"
                log.wrong_at(key, text, "reference-unknown")


def check_obligations(values: Mapping[str, Any], log: Log) -> None:
    """Notes each obligation that its owner can't owe, that nobody could accept, or whose steps lower nothing."""
    for name, one in values["obligations"].items():
        key: Key = ("obligations", name)
        _check_steps(key, one["steps"], values["agreement"]["tier_ceiling"], log)
        owner = values["principals"].get(one["owner"])
        if owner is None:
            continue  # told as a reference to nothing
        sides = {values["agreement"][side]: side for side in Side}
        side = sides.get(owner["organization"])
        if owner["kind"] != PrincipalKind.PERSON or side is None:
            log.wrong_at((*key, "owner"), f"{one['owner']} is no person of a party of the agreement")
            continue
        _check_activity(key, one["activity"], side, values, log)
        others = {party for party in sides if party != owner["organization"]}
        if not any(_accepts(person, others) for person in values["principals"].values()):
            roles = " or ".join(sorted(ROLES[Capability.ACCEPT_EVIDENCE]))
            text = f"nobody of {', '.join(others)} could accept its evidence: that takes a {roles}"
            log.wrong_at((*key, "owner"), text, "no-approvers")


def check_recertifications(values: Mapping[str, Any], log: Log) -> None:
    """Notes each recertification whose time to answer outlasts its period, or whose owner's party does not answer."""
    agreement = values["agreement"]
    shares = agreement["responsibilities"].get(ACCESS_REVIEW, {})
    answering = {agreement[side] for side in Side if shares.get(side) == Involvement.ACCOUNTABLE}
    for name, one in values["recertifications"].items():
        key: Key = ("recertifications", name)
        if one["answer_days"] > one["days"]:
            text = f"expected at most {one['days']} days, its period: else two of its campaigns are open at once"
            log.wrong_at((*key, "answer_days"), text)
        owner = values["principals"].get(one["owner"], {})
        if owner and owner["organization"] not in answering:
            text = f"{one['owner']} is not of the party accountable for {ACCESS_REVIEW}, which answers"
            log.wrong_at((*key, "owner"), text, "obligation-not-theirs")


def _check_steps(key: Key, steps: Iterable[Mapping[str, int]], ceiling: int, log: Log) -> None:
    days, tier = -1, ceiling
    for index, step in enumerate(steps):
        if step["overdue_days"] <= days or step["tier"] >= tier:
            text = f"expected more than {days} days and a tier below {tier}: steps' days rise and their tiers fall"
            log.wrong_at((*key, "steps", index), text, "steps-invalid")
        days, tier = step["overdue_days"], step["tier"]


def _check_activity(key: Key, activity: str, side: Side, values: Mapping[str, Any], log: Log) -> None:
    assigned = values["agreement"]["responsibilities"]
    if activity not in assigned:
        text = f"agreement.responsibilities has no activity {activity!r}{near(activity, assigned)}"
        log.wrong_at((*key, "activity"), text, "reference-unknown")
    elif assigned[activity][side] not in (Involvement.RESPONSIBLE, Involvement.ACCOUNTABLE):
        text = f"the {side} is neither responsible nor accountable for {activity}, and so owes nothing of it"
        log.wrong_at((*key, "owner"), text, "obligation-not-theirs")


def _accepts(person: Mapping[str, Any], organizations: Collection[str]) -> bool:
    return person["organization"] in organizations and bool(ROLES[Capability.ACCEPT_EVIDENCE] & set(person["roles"]))
