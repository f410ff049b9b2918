"""What no single key can say of grants by request: that those who must approve or review could."""

from collections.abc import Iterator, Mapping
from typing import Any

from safeconduct.access.acts import ROLES, Capability
from safeconduct.access.model.parties import PrincipalKind
from safeconduct.access.reading import Key, Log, near
from safeconduct.approvals import Group
from safeconduct.approvals.model import seated

Values = Mapping[str, Any]
_PARTIES = ("provider", "partner")


def check_grants(values: Values, log: Log) -> None:
    """Notes every rule that nobody could meet, and every template that nobody could open or review."""
    for subject, rule in values["approvals"].items():
        if subject == "grant" or subject.startswith("grant-tier-"):
            _rule(("approvals", subject, "groups"), rule["groups"], values, log)
    stated = values["grants_policy"]
    for name, template in stated["break_glass"].items() if stated else ():
        _template(("grants_policy", "break_glass", name), template, values, log)


def _rule(key: Key, groups: Any, values: Values, log: Log) -> None:  # noqa: ANN401 - as read
    missing = {values["agreement"][side] for side in _PARTIES} - {group["organization"] for group in groups}
    if missing:
        text = f"both parties must approve a grant, and this has no group of {', '.join(sorted(missing))}"
        log.wrong_at(key, text, "no-approvers")
        return
    wanted = tuple(Group(**group) for group in groups)
    people = dict(_people(values))
    if not any(_fills(wanted, {name: one for name, one in people.items() if name != asker}) for asker in people):
        text = "nobody could ask for a grant and have it approved: whoever asks would be needed to approve it"
        log.wrong_at(key, text, "approval-lockout")


def _fills(groups: tuple[Group, ...], people: Values) -> bool:
    seats = [
        tuple(
            index
            for index, group in enumerate(groups)
            if group.organization == one["organization"] and group.role in one["roles"]
        )
        for one in people.values()
    ]
    return seated(seats, groups)


def _people(values: Values) -> Iterator[tuple[str, Values]]:
    return ((name, one) for name, one in values["principals"].items() if one["kind"] == PrincipalKind.PERSON)


def _template(key: Key, template: Values, values: Values, log: Log) -> None:
    if not _known(key, template, values, log):
        return
    path = values["paths"][template["path"]]
    if template["scope"] != path["scope"]:
        text = f"path {template['path']} has scope {path['scope']!r}, so this could never be used"
        log.wrong_at((*key, "scope"), text)
    ceiling = values["organizations"][template["organization"]]["tier"]
    for what, most in ((f"path {template['path']}", path["tier"]), (template["organization"], ceiling)):
        if template["tier"] > most:
            log.wrong_at((*key, "tier"), f"this has tier {template['tier']}, {what} has tier {most}")
    _openers(key, template, values, log)


def _known(key: Key, template: Values, values: Values, log: Log) -> bool:
    parties = [values["agreement"][side] for side in _PARTIES]
    if template["organization"] not in parties:
        text = f"expected a party of the agreement, {' or '.join(parties)}, got {template['organization']!r}"
        log.wrong_at((*key, "organization"), text, "reference-unknown")
        return False
    if template["path"] not in values["paths"]:
        text = f"there is no path {template['path']!r}{near(template['path'], values['paths'])}"
        log.wrong_at((*key, "path"), text, "reference-unknown")
        return False
    return True


def _openers(key: Key, template: Values, values: Values, log: Log) -> None:
    people = dict(_people(values))
    openers = {
        name
        for name, one in people.items()
        if one["organization"] == template["organization"] and template["role"] in one["roles"]
    }
    if len(openers) < template["count"]:
        text = f"{template['count']} must open it, but {template['organization']} has {len(openers)} of that role"
        log.wrong_at((*key, "count"), text, "no-approvers")
    for party in (values["agreement"][side] for side in _PARTIES):
        able = {name for name, one in people.items() if one["organization"] == party and _reviews(one)}
        if len(able) - min(len(able & openers), template["count"]) < 1:
            roles = " or ".join(sorted(ROLES[Capability.REVIEW_BREAK_GLASS]))
            text = f"nobody of {party} could review it: that takes a {roles} who did not open it"
            log.wrong_at(key, text, "approval-lockout")


def _reviews(person: Values) -> bool:
    return bool(ROLES[Capability.REVIEW_BREAK_GLASS] & set(person["roles"]))
