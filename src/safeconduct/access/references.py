"""What no single key of a program can say: that names refer to something, and that the parts fit together."""

from collections.abc import Iterable, Mapping
from typing import Any

from safeconduct.access.escalation import Act
from safeconduct.access.identity_schema import check_identities
from safeconduct.access.model.agreements import Opening
from safeconduct.access.model.parties import OrganizationRole, PrincipalKind, Role
from safeconduct.access.prohibited import PROHIBITED_USES, prohibited
from safeconduct.access.reading import Key, Log, near
from safeconduct.access.vetting_checks import check_sponsor, check_vetting
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.keys import PublicKey
from safeconduct.ledger.notes import VerifierKey
from safeconduct.ledger.quorums import parse_policy, single

Values = Mapping[str, Any]

_UNKNOWN = "reference-unknown"
_PARTIES = (OrganizationRole.PROVIDER, OrganizationRole.PARTNER)
_SIDES = (*_PARTIES, OrganizationRole.CUSTOMER, OrganizationRole.AUDITOR)


def check_references(values: Values, log: Log) -> None:
    """Notes every reference to nothing and every combination that can't be meant."""
    _agreement(values, log)
    _ceiling(values, log)
    for name, principal in values["principals"].items():
        _principal(name, principal, values, log)
    check_vetting(values, log)
    check_identities(values, log)
    _operators(values, log)
    for name, path in values["paths"].items():
        _path(name, path, values, log)
    for name, grant in values["grants"].items():
        _grant(name, grant, values, log)
    _owners(values, log)
    _custodians(values, log)
    _uses(values, log)
    for section in ("organizations", "paths", "grants"):
        for name, owner in values[section].items():
            _budget((section, name, "budget"), owner["budget"], log)
    for subject, rule in values["approvals"].items():
        for index, group in enumerate(rule["groups"]):
            _group(("approvals", subject, "groups", index), group, values, log)
    _both_vote(values, log)
    _unique_keys(values, log)
    if not any(Role.ADMINISTRATOR in principal["roles"] for principal in values["principals"].values()):
        log.wrong_at(("principals",), "nobody has role administrator, so nobody could change the program again")


def _restored(name: str, path: Values, values: Values, log: Log) -> None:
    known = {"organization": values["organizations"], "principal": values["principals"], "role": tuple(Role)}
    for index, term in enumerate(path["restore"]):
        noun, _, named = term.partition(":")
        _known(log, ("paths", name, "restore", index), named, known[noun], noun)


def _path(name: str, path: Values, values: Values, log: Log) -> None:
    _known(log, ("paths", name, "scope"), path["scope"], values["scopes"], "scope")
    if path["telemetry_of"]:
        _known(log, ("paths", name, "telemetry_of"), path["telemetry_of"], values["organizations"], "organization")
    for data_class in path["handling"]:
        _known(log, ("paths", name, "handling", data_class), data_class, path["data_classes"], "data class")
    _restored(name, path, values, log)


def _owners(values: Values, log: Log) -> None:
    for section in ("obligations", "recertifications"):
        for name, one in values[section].items():
            _known(log, (section, name, "owner"), one["owner"], values["principals"], "principal")
    for signal, ladder in values["escalation"].items():
        _acts(log, ("escalation", signal, "by"), ladder["by"], values, PrincipalKind.SERVICE)
        for index, step in enumerate(ladder["steps"]):
            _acts(log, ("escalation", signal, "steps", index, "owner"), step["owner"], values, PrincipalKind.PERSON)
            if (step["action"] == Act.SLOW) != bool(step["slow_ms"]):
                log.wrong_at(("escalation", signal, "steps", index), "slow_ms is of the action slow, which needs it")


def _acts(log: Log, key: Key, name: str, values: Values, kind: PrincipalKind) -> None:
    _known(log, key, name, values["principals"], "principal")
    found = values["principals"].get(name)
    if found is not None and found["kind"] != kind:
        log.wrong_at(key, f"expected a {kind}, and {name} is a {found['kind']}")


def _custodians(values: Values, log: Log) -> None:
    for name, asset in values["model_assets"].items():
        key: Key = ("model_assets", name)
        _known(log, (*key, "organization"), asset["organization"], values["organizations"], "organization")
        if _known(log, (*key, "custodian"), asset["custodian"], values["principals"], "principal"):
            custodian = values["principals"][asset["custodian"]]
            ours = custodian["organization"] == asset["organization"]
            if not ours or custodian["kind"] != PrincipalKind.PERSON:
                text = f"{asset['custodian']} is no person of {asset['organization']}, whose asset this is"
                log.wrong_at((*key, "custodian"), text)


def _uses(values: Values, log: Log) -> None:
    for section in ("paths", "grants"):
        for name, stated in values[section].items():
            use = prohibited(stated["purpose"])
            if use is not None:
                told = f"{use} is a prohibited use ({PROHIBITED_USES[use]}), and no program lifts that"
                log.wrong_at((section, name, "purpose"), told, "prohibited-use")


def _budget(key: Key, budget: Values | None, log: Log) -> None:
    if budget is not None and budget["tokens"] is None and budget["micro_usd"] is None:
        log.wrong_at(key, "a budget of nothing: expected tokens, usd or both")


def _agreement(values: Values, log: Log) -> None:
    agreement = values["agreement"]
    for side in _SIDES:
        key, name = ("agreement", side.value), agreement[side.value]
        if name is not None and _known(log, key, name, values["organizations"], "organization"):
            role = values["organizations"][name]["role"]
            if role != side:
                log.wrong_at(key, f"{name} has role {role}, expected {side.value}")
    if agreement["id"] == "installation":
        log.wrong_at(("agreement", "id"), "'installation' is the name of the installation's own log")
    if agreement["witness"]:
        _witness(agreement["witness"], log)
    if agreement["witness"] and agreement["policy"]:
        log.wrong_at(("agreement", "policy"), "a witness is the short form of a policy: expected one of the two")
    _window(log, ("agreement", "valid"), agreement["valid"])
    for role in agreement["readers"]:
        if agreement[role] is None:
            log.wrong_at(("agreement", "readers", role), f"agreement.{role} names no organization whose key this is")
    for name, rule in agreement["fields"].items():
        _field(("agreement", "fields", name), rule, values, log)


def _ceiling(values: Values, log: Log) -> None:
    most = values["agreement"]["tier_ceiling"]
    for section in ("organizations", "principals", "paths"):
        for name, value in values[section].items():
            if value["tier"] > most:
                text = f"{name} has tier {value['tier']}, and the agreement's tier_ceiling is {most}"
                log.wrong_at((section, name, "tier"), text, "tier-ceiling")


def _both_vote(values: Values, log: Log) -> None:
    rule = values["approvals"].get("policy")
    missing = _without_group(rule["groups"], values) if rule else ()
    if missing:
        text = f"both parties vote on policies, and here is no group of {', '.join(sorted(missing))}"
        log.wrong_at(("approvals", "policy"), text, "no-approvers")


def _without_group(groups: Iterable[Values], values: Values) -> set[str]:
    return {values["agreement"][side] for side in _PARTIES} - {group["organization"] for group in groups}


def _field(key: Key, rule: Values, values: Values, log: Log) -> None:
    for index, role in enumerate(rule["readers"]):
        if role != Reader.PARTNER and role not in values["agreement"]["readers"]:
            text = f"there is no key to wrap for {role}: write agreement.readers.{role}"
            log.wrong_at((*key, "readers", index), text, "reader-without-key")
    if rule["opening"] == Opening.TWO_PARTY:
        groups = values["approvals"].get("opening", {"groups": ()})["groups"]
        missing = _without_group(groups, values)
        if missing:
            text = f"both parties must approve it, and approvals.opening has no group of {', '.join(sorted(missing))}"
            log.wrong_at((*key, "opening"), text, "no-approvers")


def _witness(witness: Values, log: Log) -> None:
    if not witness["key"].startswith(witness["name"] + "+"):
        log.wrong_at(("agreement", "witness", "key"), f"the key is not named {witness['name']!r}")
        return
    # What is not one line of a policy, such as an address with a space, could otherwise never be asked.
    try:
        parse_policy(single(witness["name"], VerifierKey.parse(witness["key"]), witness["url"]))
    except InvalidInputError as error:
        log.wrong_at(("agreement", "witness"), error.message)


def _principal(name: str, principal: Values, values: Values, log: Log) -> None:
    key: Key = ("principals", name)
    _known(log, (*key, "organization"), principal["organization"], values["organizations"], "organization")
    for index, employer in enumerate(principal["employers"]):
        _subprocessor((*key, "employers", index), employer, values, log)
    _roles(name, principal, values, log)
    _tier(name, principal, values, log)
    if principal["kind"] == PrincipalKind.PERSON:
        if principal["key"] is None and principal["identity"] is None:
            text = f"{name} is a person and needs a key (safeconduct keys new {name} --out FILE) or an identity"
            log.wrong_at(key, text)
    elif principal["roles"]:
        log.wrong_at((*key, "roles"), f"{name} is a {principal['kind']}; roles are for people")
    if principal["ships"] and principal["kind"] != PrincipalKind.SERVICE:
        log.wrong_at((*key, "ships"), f"{name} is of kind {principal['kind']}; only services send telemetry by a token")
    check_sponsor(name, values, log)


def _operators(values: Values, log: Log) -> None:
    for name, upstream in values["upstreams"].items():
        if upstream["operator"]:
            _subprocessor(("upstreams", name, "operator"), upstream["operator"], values, log)


def _subprocessor(key: Key, name: str, values: Values, log: Log) -> None:
    if _known(log, key, name, values["organizations"], "organization"):
        role = values["organizations"][name]["role"]
        if role != OrganizationRole.SUBPROCESSOR:
            log.wrong_at(key, f"{name} has role {role}, expected subprocessor")


def _roles(name: str, principal: Values, values: Values, log: Log) -> None:
    organization = values["organizations"].get(principal["organization"])
    if organization is None or organization["role"] in _PARTIES:
        return
    for index, role in enumerate(principal["roles"]):
        if role != Role.READER:
            text = f"{name} belongs to an organization with role {organization['role']}: its people only read"
            log.wrong_at(("principals", name, "roles", index), text)


def _tier(name: str, principal: Values, values: Values, log: Log) -> None:
    organization = values["organizations"].get(principal["organization"])
    if organization is not None and principal["tier"] > organization["tier"]:
        text = f"{name} has tier {principal['tier']}, its organization has tier {organization['tier']}"
        log.wrong_at(("principals", name, "tier"), text)


def _grant(name: str, grant: Values, values: Values, log: Log) -> None:
    key: Key = ("grants", name)
    holder = grant["principal"]
    if (
        _known(log, (*key, "principal"), holder, values["principals"], "principal")
        and values["principals"][holder]["ships"]
    ):
        text = f"{grant['principal']} sends telemetry in and makes no calls, so this grant could never be used"
        log.wrong_at((*key, "principal"), text)
    _known(log, (*key, "scope"), grant["scope"], values["scopes"], "scope")
    _window(log, (*key, "window"), grant["window"])
    if _known(log, (*key, "path"), grant["path"], values["paths"], "path"):
        path = values["paths"][grant["path"]]
        for field in ("purpose", "scope"):
            if grant[field] != path[field]:
                text = f"path {grant['path']} has {field} {path[field]!r}, so this grant could never be used"
                log.wrong_at((*key, field), text)


def _group(key: Key, group: Values, values: Values, log: Log) -> None:
    if not _known(log, (*key, "organization"), group["organization"], values["organizations"], "organization"):
        return
    able = [
        principal
        for principal in values["principals"].values()
        if principal["organization"] == group["organization"] and group["role"] in principal["roles"]
    ]
    if len(able) < group["count"]:
        text = f"{group['count']} must approve, but {group['organization']} has {len(able)} with role {group['role']}"
        log.wrong_at((*key, "count"), text, "no-approvers")


def _unique_keys(values: Values, log: Log) -> None:
    # One key on two names would let one person be two pairs of eyes.
    owners: dict[bytes, str] = {}
    for section in ("organizations", "principals"):
        for name, value in values[section].items():
            if value.get("key") is None:
                continue
            owner = owners.setdefault(PublicKey.parse(value["key"]).raw, f"{section}.{name}")
            if owner != f"{section}.{name}":
                log.wrong_at((section, name, "key"), f"{owner} has the same key; each needs its own")


def _window(log: Log, key: Key, window: Values) -> None:
    if window["opens_at"] >= window["closes_at"]:
        log.wrong_at((*key, "until"), "this is not after its beginning")


def _known(log: Log, key: Key, name: str, names: Iterable[str], noun: str) -> bool:
    if name in names:
        return True
    log.wrong_at(key, f"there is no {noun} {name!r}{near(name, names)}", _UNKNOWN)
    return False
