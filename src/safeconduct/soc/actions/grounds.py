"""What an action rests on: verified claims, one of which cites a field that names its target (grounding, rule 9)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.access.model.rules import ResponseRule
from safeconduct.access.response_kinds import FORMS, Form, protects
from safeconduct.kernel.errors import InvalidInputError, RefusedError, SafeconductError
from safeconduct.kernel.ids import ClaimId, EventId, IncidentId
from safeconduct.kernel.ports import Records
from safeconduct.soc.actions.kinds import BLOCK_IP
from safeconduct.soc.actions.targets import read_target, refuse_never
from safeconduct.soc.autonomy.levels import may, refuse_beyond
from safeconduct.soc.autonomy.model import Autonomy
from safeconduct.soc.claim_events import ClaimOutcome, ClaimRecord, claim_record
from safeconduct.soc.claims import CITED_MAX, AuthorKind
from safeconduct.soc.entities import Mention, host_of, mentions
from safeconduct.soc.grounding import Outcome
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.model import EntityKind, Event

Stored = Mapping[EventId, Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionProposal:
    """What a person asks for: this, against this target, because of these claims about this incident."""

    incident: IncidentId
    target: str
    claims: tuple[ClaimId, ...]
    kind: str = BLOCK_IP


def candidates(
    records: Records, incident: IncidentId, claims: Iterable[ClaimRecord], stored: Stored
) -> tuple[ActionProposal, ...]:
    """Returns what could be proposed: targets that verified claims name and nothing protects, most claims first."""
    rules = [rule for _, rule in records.scan(kept.RESPONSE_RULES)]
    named: dict[tuple[str, str], list[ClaimId]] = {}
    for record in claims:
        if _counts(records, record) and record.incident == incident:
            for rule in rules:
                for target in targets_of(record.claim, stored, rule):
                    named.setdefault((rule.kind, target), []).append(record.claim.id)
    ranked = sorted(named.items(), key=lambda item: (-len(item[1]), item[0][0] != BLOCK_IP, item[0]))
    allowed = {rule.kind: rule for rule in rules}
    return tuple(
        ActionProposal(incident=incident, kind=kind, target=target, claims=tuple(ids[:CITED_MAX]))
        for (kind, target), ids in ranked
        if _allowed(target, allowed[kind])
    )


def refuse_ungrounded(records: Records, wanted: ActionProposal, rule: ResponseRule, stored: Stored) -> None:
    """Returns if each claim is verified, and one cites a field that holds the target.

    Raises:
        InvalidInputError: `no-claims`.
        RefusedError: `claim-not-verified`, `target-not-in-claims`.
    """
    if not 0 < len(wanted.claims) <= CITED_MAX or len(set(wanted.claims)) != len(wanted.claims):
        raise InvalidInputError(
            f"a response rests on 1 to {CITED_MAX} different verified claims that name its target; "
            f"got {len(wanted.claims)} for {wanted.target}",
            code="no-claims",
            remedy="safeconduct incident claims INCIDENT shows which targets are named",
        )
    found = [verified(records, wanted.incident, claim) for claim in wanted.claims]
    if not any(wanted.target in targets_of(record.claim, stored, rule) for record in found):
        raise RefusedError(
            f"no verified claim among those named cites a field that holds the {FORMS[rule.kind]} {wanted.target}",
            code="target-not-in-claims",
            clause="grounding/9",
            remedy=f"name a claim about an event in which this {FORMS[rule.kind]} takes part",
        )


def verified(records: Records, incident: IncidentId, claim: ClaimId, least: Autonomy = Autonomy.TRIAGE) -> ClaimRecord:
    """Returns a verified claim; a model's only from a path of at least this level.

    Raises:
        RefusedError: `claim-not-verified`: never checked, or rejected when it was last checked. `autonomy-exceeded`,
            `autonomy-stopped`: a model's, whose path allows less.
    """
    record = claim_record(records, incident, claim)
    if record is None or record.claim.outcome is not Outcome.VERIFIED:
        raise RefusedError(
            f"claim {claim[:64]} is not a verified claim about incident {incident[:64]}",
            code="claim-not-verified",
            clause="grounding/9",
            remedy="safeconduct incident show lists the verified claims",
        )
    if record.claim.author.kind is AuthorKind.MODEL:
        refuse_beyond(records, record.path, least)
    return record


def _counts(records: Records, record: ClaimRecord) -> bool:
    if record.claim.outcome is not Outcome.VERIFIED:
        return False
    return record.claim.author.kind is not AuthorKind.MODEL or may(records, record.path, Autonomy.TRIAGE)


def technique_of(records: Records, wanted: ActionProposal, rule: ResponseRule, stored: Stored) -> str:
    """Returns the first technique of the rule's playbook that an alert showed where rules name the target, or nothing.

    What a model claims carries a vote; it stands for one only where its path may act.
    """
    incident = records.get(INCIDENTS, wanted.incident)
    if rule.playbook is None or incident is None:
        return ""
    events: set[EventId] = set()
    for claim in wanted.claims:
        record = verified(records, wanted.incident, claim)
        if _stands(records, record) and wanted.target in targets_of(record.claim, stored, rule):
            events |= {place.event for place in record.claim.evidence}
    shown = {name for alert in incident.alerts if events & set(alert.events) for name in alert.techniques}
    return next((name for name in rule.playbook.techniques if name in shown), "")


def _stands(records: Records, record: ClaimRecord) -> bool:
    author = record.claim.author.kind
    return author is AuthorKind.RULE or (author is AuthorKind.MODEL and may(records, record.path, Autonomy.ACT))


def targets_of(claim: ClaimOutcome, stored: Stored, rule: ResponseRule) -> frozenset[str]:
    """Returns the targets that stand in a claim's cited fields: as typed values, never as parts of a text."""
    return frozenset(
        target
        for place in claim.evidence
        if place.event in stored
        for target in _targets(stored[place.event], place.pointer, rule)
    )


def _targets(event: Event, pointer: str, rule: ResponseRule) -> Iterator[str]:
    for mention in mentions(event):
        if mention.pointer == pointer:
            for text in _WRITTEN[FORMS[rule.kind]](mention, host_of(event), rule):
                try:
                    yield read_target(rule.kind, text)
                except InvalidInputError:
                    continue  # it names something, and nothing that can be a target


def _addresses(mention: Mention, _host: str, _rule: ResponseRule) -> Iterator[str]:
    if mention.entity.kind is EntityKind.IP:
        yield mention.entity.value


def _accounts(mention: Mention, _host: str, rule: ResponseRule) -> Iterator[str]:
    # An account belongs to its host: only where the program says that the host's accounts are the directory's.
    if mention.entity.kind is EntityKind.USER:
        name, _, host = mention.entity.value.rpartition("@")
        if name and any(entry == "*" or protects(Form.HOST, entry, host) for entry in rule.hosts):
            yield name


def _hosts(mention: Mention, _host: str, _rule: ResponseRule) -> Iterator[str]:
    if mention.entity.kind is EntityKind.HOST:
        yield mention.entity.value


def _files(mention: Mention, host: str, _rule: ResponseRule) -> Iterator[str]:
    if mention.entity.kind is EntityKind.FILE and host:
        yield f"{host}:{mention.entity.value}"


def _entities(mention: Mention, _host: str, _rule: ResponseRule) -> Iterator[str]:
    if mention.entity.kind is not EntityKind.PROCESS:
        yield f"{mention.entity.kind}:{mention.entity.value}"


_WRITTEN: Mapping[Form, Callable[[Mention, str, ResponseRule], Iterator[str]]] = {
    Form.ADDRESS: _addresses,
    Form.ACCOUNT: _accounts,
    Form.HOST: _hosts,
    Form.FILE: _files,
    Form.ENTITY: _entities,
}


def _allowed(target: str, rule: ResponseRule) -> bool:
    try:
        refuse_never(target, rule)
    except SafeconductError:
        return False
    return True
