"""What no single key can say of those who are vetted: who answers for whom, and that everybody can be vetted."""

from collections.abc import Iterator, Mapping
from typing import Any

from safeconduct.access.admissions import PROBE
from safeconduct.access.model.parties import OrganizationRole, PrincipalKind
from safeconduct.access.reading import Key, Log, near
from safeconduct.access.vetting import SecondReviewer, SubjectKind

Values = Mapping[str, Any]


def check_sponsor(name: str, values: Values, log: Log) -> None:
    """Notes a principal that nobody answers for, or somebody who can't; only employees answer for themselves."""
    principal = values["principals"][name]
    key: Key = ("principals", name, "sponsor")
    kind, sponsor = kind_in(principal, values), principal["sponsor"]
    if kind is SubjectKind.PERSON:
        if sponsor is not None:
            text = f"{name} is a person; only services, agents and people of subprocessors have sponsors"
            log.wrong_at(key, text)
    elif sponsor is None:
        log.wrong_at(key, f"{name} is a {kind} and needs a sponsor, a person who answers for it")
    elif sponsor not in values["principals"]:
        text = f"there is no principal {sponsor!r}{near(sponsor, values['principals'])}"
        log.wrong_at(key, text, "reference-unknown")
    else:
        _check_answers(key, principal, values["principals"][sponsor], values, log)


def check_vetting(values: Values, log: Log) -> None:
    """Notes one human with two accounts, a purpose that only probes have, and what could never be vetted."""
    _humans(values, log)
    for section in ("paths", "grants"):
        for name, one in values[section].items():
            if one["purpose"] == PROBE:
                log.wrong_at((section, name, "purpose"), f"{PROBE!r} is the purpose of probes alone")
    rules = values["vetting"]
    if rules is None:
        return
    answers = values["principals"].get(rules["escalate_to"])
    if answers is None or answers["kind"] != PrincipalKind.PERSON:
        text = f"there is no person {rules['escalate_to']!r} who could answer for what is overdue"
        log.wrong_at(("vetting", "escalate_to"), text, "reference-unknown")
    parties = rules["criteria"].get(SubjectKind.ORGANIZATION)
    if parties is not None and parties["second_reviewer"] == SecondReviewer.OTHER_ORGANIZATION:
        text = "nobody of a party judges that party, so one of the other must decide: expected another-person"
        log.wrong_at(("vetting", "criteria", SubjectKind.ORGANIZATION, "second_reviewer"), text)
    for kind, name in _kinds(values):
        if kind not in rules["criteria"]:
            text = f"nothing says what is demanded of a {kind}, and so {name} could never call"
            log.wrong_at(("vetting", "criteria"), text, "criteria-missing")
            return


def kind_in(principal: Values, values: Values) -> SubjectKind:
    """Returns what kind of subject a principal of a program file is."""
    if principal["kind"] != PrincipalKind.PERSON:
        return SubjectKind(principal["kind"])
    role = values["organizations"].get(principal["organization"], {}).get("role")
    return SubjectKind.CONTRACTOR if role == OrganizationRole.SUBPROCESSOR else SubjectKind.PERSON


def _check_answers(key: Key, principal: Values, sponsor: Values, values: Values, log: Log) -> None:
    organization = values["organizations"].get(principal["organization"], {})
    outside = organization.get("role") == OrganizationRole.SUBPROCESSOR
    home = values["agreement"]["partner"] if outside else principal["organization"]
    if sponsor["kind"] != PrincipalKind.PERSON or sponsor["organization"] != home:
        log.wrong_at(key, f"the sponsor of {key[1]} must be a person of {home}")


def _humans(values: Values, log: Log) -> None:
    # Whoever has two accounts would be two pairs of eyes, whatever keys they hold.
    owners: dict[str, str] = {}
    for name, principal in values["principals"].items():
        if not principal["human"]:
            continue
        key: Key = ("principals", name, "human")
        if principal["kind"] != PrincipalKind.PERSON:
            log.wrong_at(key, f"{name} is a {principal['kind']}; its sponsor is the person who answers for it")
        owner = owners.setdefault(principal["human"].casefold(), name)
        if owner != name:
            log.wrong_at(key, f"principals.{owner} is the same human; one person has one account", "human-twice")


def _kinds(values: Values) -> Iterator[tuple[SubjectKind, str]]:
    for name, organization in values["organizations"].items():
        if organization["role"] in (OrganizationRole.PROVIDER, OrganizationRole.PARTNER, OrganizationRole.SUBPROCESSOR):
            yield SubjectKind.ORGANIZATION, name
    for name, principal in values["principals"].items():
        yield kind_in(principal, values), name
