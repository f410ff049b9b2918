"""What a program would change: added, changed and removed records, field by field."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from safeconduct.access import records as kept
from safeconduct.access.humans import note_account
from safeconduct.access.identity import IdentityProvider
from safeconduct.access.model.agreements import Agreement
from safeconduct.access.model.changes import Change
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.paths import Scope, SealedPath
from safeconduct.access.model.programs import Policies
from safeconduct.access.model.tokens import Token
from safeconduct.access.ownership_events import forget_rules, forget_scope
from safeconduct.access.passkey_events import forget_passkeys
from safeconduct.access.program import Program
from safeconduct.access.signing import check_agreement
from safeconduct.access.vetted import forget_another, forget_vetting
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.ports import Collection, Records, State

AGREEMENT = "agreement"
OBLIGATION = "obligation"
RECERTIFICATION = "recertification"
MODEL_ASSET = "model-asset"

NOUNS: Mapping[str, Collection[Any]] = {
    "organization": kept.ORGANIZATIONS,
    AGREEMENT: kept.AGREEMENTS,
    "principal": kept.PRINCIPALS,
    "scope": kept.SCOPES,
    "path": kept.PATHS,
    "grant": kept.GRANTS,
    "policies": kept.POLICIES,
    "approval": kept.APPROVAL_RULES,
    "response": kept.RESPONSE_RULES,
    "vetting": kept.VETTING,
    "grants-policy": kept.GRANTS_POLICY,
    OBLIGATION: kept.OBLIGATIONS,
    RECERTIFICATION: kept.RECERTIFICATIONS,
    MODEL_ASSET: kept.MODEL_ASSETS,
    "escalation": kept.ESCALATION,
    "identity-provider": kept.IDENTITY_PROVIDERS,
    "inventory": kept.INVENTORY,
    "value": kept.UNIT_COSTS,
}
"""What a program consists of, and where each kind stands in the records."""


class Action(StrEnum):
    """What happens to a record."""

    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field, before and after; None where it is not there."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """One record's change."""

    action: Action
    noun: str
    name: str
    differences: tuple[Difference, ...]
    after: Mapping[str, Any] | None

    @property
    def change(self) -> Change:
        """What enters the log."""
        return Change(noun=self.noun, name=self.name, after=self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All changes between what is in force and a program. `waits_for` is the witness whose cosignature they need.

    `vetted` tells whether its callers have to be vetted; if not, being named in it is what admits them.
    """

    program: str
    waits_for: str | None
    vetted: bool
    changes: tuple[PlannedChange, ...]

    def document(self) -> dict[str, Any]:
        """Returns the plan for machines."""
        return {
            "program": self.program,
            "waits_for": self.waits_for,
            "vetted": self.vetted,
            "changes": [
                {
                    "action": change.action.value,
                    "noun": change.noun,
                    "name": change.name,
                    "differences": list(msgspec.to_builtins(change.differences)),
                }
                for change in self.changes
            ],
        }


def plan(records: Records, program: Program) -> Plan:
    """Returns what applying the program would change, against what is in force. Requests that wait do not count.

    Raises:
        ConflictError, RefusedError: both parties have not signed the agreement, as `signing.check_agreement` says.
    """
    check_agreement(records, program.origin, program.agreement)
    agreement = kept.agreement_in_force(records) or program.agreement
    witness = agreement.witness
    return Plan(
        program=program.digest,
        waits_for=witness.name if witness else None,
        vetted=program.vetting is not None,
        changes=changes(records, program),
    )


def changes(records: Records, program: Program) -> tuple[PlannedChange, ...]:
    """Returns what lies between what is in force and a program, whoever signed it: to try a draft with."""
    wanted = _wanted(program)
    return tuple(change for noun in NOUNS for change in _noun_changes(noun, _present(records, noun), wanted[noun]))


def enforce(state: State, change: Change) -> None:
    """Writes one change to the records. A path is sealed: it gets the next version and its digest."""
    collection = NOUNS[change.noun]
    former = state.get(collection, change.name)
    if change.after is None:
        state.delete(collection, change.name)
        _forget_approvals(state, change)
        forget_vetting(state, change.noun, change.name)
        if change.noun == "scope":
            forget_scope(state, change.name)
        _forget_sign_ins(state, former, None)
        forget_passkeys(state, former, None)
        return
    record = msgspec.convert(change.after, collection.kind)
    forget_another(state, former, record)
    _forget_sign_ins(state, former, record)
    forget_passkeys(state, former, record)
    if isinstance(record, SealedPath):
        record = seal(record, 1 + sum(1 for _ in state.scan(kept.PATH_VERSIONS, f"{record.id}/")))
        state.insert(kept.PATH_VERSIONS, f"{record.id}/{record.version:06d}", record)
    if isinstance(record, Scope):
        forget_rules(state, record)
    if isinstance(record, Principal):
        note_account(state, record)
    if isinstance(record, Policies):
        state.put(kept.POLICY_VERSIONS, digest(record.text), record)
    state.put(collection, change.name, record)


def _forget_sign_ins(state: State, former: object, record: object) -> None:
    """Ends the tokens that would not come about now: at another provider than it was, of somebody else."""
    if isinstance(former, IdentityProvider) and former != record:
        end_tokens(state, lambda token: token.provider == former.id)
    elif isinstance(former, Principal):
        _forget_shown(state, former, record if isinstance(record, Principal) else None)


def _forget_shown(state: State, former: Principal, later: Principal | None) -> None:
    """Ends what came of an identity, a key or a certificate that is the principal's no more."""
    if later is None or later.identity != former.identity:
        end_tokens(state, lambda token: bool(token.provider) and token.principal == former.id)
    if later is None or (later.key, later.certificate) != (former.key, former.certificate):
        end_tokens(state, lambda token: bool(token.means) and token.principal == former.id)
    if later is not None and later.ships != former.ships:
        # A token that was made to send telemetry lives long: it must never become one for calls.
        end_tokens(state, lambda token: token.principal == former.id)


def end_tokens(state: State, ends: Callable[[Token], bool]) -> None:
    """Ends the tokens for which `ends` holds."""
    for key in [key for key, token in state.scan(kept.TOKENS) if ends(token)]:
        state.delete(kept.TOKENS, key)


def _forget_approvals(state: State, removed: Change) -> None:
    """A path that is gone takes its approvals along: one of the same name is another."""
    if removed.noun == "path":
        for key in [key for key, _ in state.scan(kept.MODEL_APPROVALS, f"{removed.name}/")]:
            state.delete(kept.MODEL_APPROVALS, key)


def seal(path: SealedPath, version: int) -> SealedPath:
    """Returns the path as a published version, with the digest over everything but the digest itself."""
    document = msgspec.to_builtins(path) | {"version": version}
    del document["digest"]
    return msgspec.convert(document | {"digest": digest(document)}, SealedPath)


def _wanted(program: Program) -> dict[str, dict[str, Any]]:
    return {
        "organization": {value.id: value for value in program.organizations},
        AGREEMENT: {program.agreement.id: program.agreement},
        "principal": {value.id: value for value in program.principals},
        "scope": {value.id: value for value in program.scopes},
        "path": {value.id: value for value in program.paths},
        "grant": {value.id: value for value in program.grants},
        "policies": {kept.POLICIES_KEY: program.policies},
        "approval": {value.subject: value for value in program.approvals},
        "response": {value.kind: value for value in program.responses},
        OBLIGATION: {value.id: value for value in program.obligations},
        RECERTIFICATION: {value.id: value for value in program.recertifications},
        MODEL_ASSET: {value.id: value for value in program.model_assets},
        "escalation": {value.signal: value for value in program.escalation},
        "identity-provider": {value.id: value for value in program.identity_providers},
        "inventory": {value.id: value for value in program.inventory},
        "vetting": {kept.VETTING_KEY: program.vetting} if program.vetting else {},
        "grants-policy": {kept.GRANTS_POLICY_KEY: program.grants_policy} if program.grants_policy else {},
        "value": {kept.UNIT_COSTS_KEY: program.value} if program.value else {},
    }


def _present(records: Records, noun: str) -> dict[str, Any]:
    present = dict(records.scan(NOUNS[noun]))
    if noun == AGREEMENT:
        # What is held against a file is the version to follow, where one waits for its day.
        return present | dict(records.scan(kept.NEXT_AGREEMENTS))
    return present


def _document(value: object) -> Any:  # noqa: ANN401 - JSON of one record
    document = msgspec.json.decode(msgspec.json.encode(value))
    # What sealing adds is no part of what the program says, nor is that a party ended the agreement.
    if isinstance(value, SealedPath):
        return document | {"version": 0, "digest": ""}
    return document | {"terminates_at": None} if isinstance(value, Agreement) else document


def _noun_changes(noun: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[PlannedChange]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:  # most records are what they were, and need no documents made of them
            continue
        old, new = _document(old), _document(new)
        if old == new:
            continue
        action = Action.ADD if old is None else Action.REMOVE if new is None else Action.CHANGE
        differences = tuple(_differences(_flat(old), _flat(new)))
        yield PlannedChange(action=action, noun=noun, name=name, differences=differences, after=new)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield Difference(field=name, before=before.get(name), after=after.get(name))


def _flat(document: Any, prefix: str = "") -> dict[str, Any]:  # noqa: ANN401 - JSON of one record
    if not isinstance(document, dict):
        return {} if document is None and not prefix else {prefix.removesuffix("."): document}
    return {name: value for key, inner in document.items() for name, value in _flat(inner, f"{prefix}{key}.").items()}


def plan_text(document: Mapping[str, Any]) -> str:
    """Returns a plan's document for people."""
    lines = [line for change in document["changes"] for line in _lines(change)]
    return "".join(f"{line}\n" for line in lines or ["nothing to change"])


def _lines(change: Mapping[str, Any]) -> Iterator[str]:
    sign = {Action.ADD: "+", Action.CHANGE: "~", Action.REMOVE: "-"}[change["action"]]
    yield f"{sign} {change['noun']} {change['name']}"
    if change["action"] == Action.CHANGE:
        for difference in change["differences"]:
            yield from _difference_lines(difference)


def _difference_lines(difference: Mapping[str, Any]) -> Iterator[str]:
    before, after = difference["before"], difference["after"]
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        yield f"    {difference['field']}:"
        compared = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
        yield from (f"      {line}" for line in list(compared)[2:])
    else:
        yield f"    {difference['field']}: {before!r} -> {after!r}"
