"""Boundary breaches: data left that its path does not let leave. Put on record, and both organizations told at once.

What follows, such as an incident between the parties and its clocks, is theirs; the entry has the facts it begins with.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.catalogue import UNSTATED, Provider
from safeconduct.access.data_handling import DataHandling
from safeconduct.access.reading import NAME, NAME_FORM
from safeconduct.access.reading_rights import concerns, reader_as
from safeconduct.access.reasons import check_reason
from safeconduct.boundary.quoting import by_class
from safeconduct.gateway.breach_events import (
    BREACH_NOTICED,
    BREACH_TOLD,
    BREACHES,
    Breach,
    BreachNoticed,
    BreachTold,
    Noticed,
    Recipient,
)
from safeconduct.gateway.events import CALL_INTENT, ENDED_CALLS, OPEN_CALLS, CallIntended
from safeconduct.gateway.prepared import Prepared
from safeconduct.gateway.recheck_events import RecheckBegun
from safeconduct.kernel.entries import Draft, Entry
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError
from safeconduct.kernel.ids import EntryId, OrganizationId, Origin
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct


def note_quoted(tx: Transaction, call: str, prepared: Prepared, attempt: int, quoted: Mapping[str, str]) -> Breach:
    """Puts on record that a model said originals, each by its class, which its request held as tokens."""
    sent = prepared.asks[attempt - 1].body.decode(errors="replace").lower()
    event = BreachNoticed(
        call=call,
        path=prepared.path.id,
        principal=prepared.principal.id,
        organization=prepared.principal.organization,
        classes=by_class(quoted),
        to=tuple(_recipient(one) for one in prepared.providers[:attempt]),
        noticed=Noticed.QUOTED,
        in_request=any(value.lower() in sent for value in quoted),
    )
    draft = BREACH_NOTICED.draft(event, sealed={"values": sorted(quoted)}, subject=prepared.principal.id)
    return _note(tx, prepared.path.origin, draft, prepared.path.agreement)


def report(
    tx: Transaction,
    signed: SignedAct,
    *,
    operation: str,
    content: str,
    call: Entry,
    data_class: str,
    reason: str,
) -> Breach:
    """Puts a person's report on record that data of a class left in a call. `call` is the entry it begins with.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        AbsentError: `call-unknown`: none that the signer may see was sent.
        InvalidInputError: `reason-missing`, `data-class-invalid`, `no-breach`: its path lets it leave as it is.
        ConflictError: `breach-on-record`: of that call and class.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.REPORT_BREACH
    )
    if call.type != CALL_INTENT.name or not concerns(tx, reader_as(tx, signer), str(call.body["principal"])):
        raise AbsentError(f"no call {call.id!r} that you may see was sent", code="call-unknown")
    intent = CALL_INTENT.read(call)
    check_reason(reason, "a breach")
    _check_class(tx, intent, data_class)
    for known in breaches(tx):
        if known.facts.call == call.id and data_class in known.facts.classes:
            raise ConflictError(f"entry {known.id} has that breach", code="breach-on-record")
    event = BreachNoticed(
        call=call.id,
        path=intent.path,
        principal=intent.principal,
        organization=OrganizationId(intent.organization),
        classes={data_class: 0},
        to=_asked(tx, call.id, intent),
        noticed=Noticed.REPORTED,
        by=signer.id,
        reason=reason,
    )
    return _note(tx, call.origin, BREACH_NOTICED.draft(event, act=signed.envelope()), intent.agreement)


def note_rechecked(tx: Transaction, call: Entry, left: Mapping[str, str], recheck: RecheckBegun) -> Breach | None:
    """Puts on record that values, each by its class, left in a past call; None where its classes are on record."""
    intent = CALL_INTENT.read(call)
    known = {name for one in breaches(tx) if one.facts.call == call.id for name in one.facts.classes}
    new = {value: name for value, name in left.items() if name not in known}
    if not new:
        return None
    event = BreachNoticed(
        call=call.id,
        path=intent.path,
        principal=intent.principal,
        organization=OrganizationId(intent.organization),
        classes=by_class(new),
        to=_asked(tx, call.id, intent),
        noticed=Noticed.RECHECKED,
        in_request=True,
        by=recheck.by,
        reason=recheck.reason,
    )
    draft = BREACH_NOTICED.draft(event, sealed={"values": sorted(new)}, subject=intent.principal)
    return _note(tx, call.origin, draft, intent.agreement)


def breaches(records: Records) -> Sequence[Breach]:
    """Returns the breaches on record, oldest first."""
    return [one for _, one in records.scan(BREACHES)]


def find_breach(records: Records, breach: str) -> Breach:
    """Returns one.

    Raises:
        AbsentError: `breach-unknown`.
    """
    found = records.get(BREACHES, breach)
    if found is None:
        raise unknown_breach(breach)
    return found


def unknown_breach(breach: str) -> AbsentError:
    """Returns the one answer about a breach that is not there, and about one that is not the reader's."""
    return AbsentError(f"no breach {breach[:64]!r} that you may see is on record", code="breach-unknown")


def _note(tx: Transaction, origin: Origin, draft: Draft, agreement_id: str) -> Breach:
    entry = tx.append(origin, draft)
    agreement = kept.latest_agreement(tx, agreement_id)  # one that has ended still says who must know
    for organization in (agreement.provider, agreement.partner) if agreement else ():
        told = BreachTold(breach=EntryId(entry.id), organization=organization)
        tx.append(origin, BREACH_TOLD.draft(told))
    return find_breach(tx, entry.id)


def _check_class(records: Records, intent: CallIntended, data_class: str) -> None:
    if not re.fullmatch(NAME, data_class):
        raise InvalidInputError(f"expected {NAME_FORM}, got {data_class[:64]!r}", code="data-class-invalid")
    path = records.get(kept.PATHS, intent.path)
    if path is None or data_class not in path.data_classes:
        return
    if not path.inspected or path.handling.get(data_class) is DataHandling.ALLOW:
        text = f"path {path.id} lets {data_class} leave as it is: that is no breach of it"
        raise InvalidInputError(text, code="no-breach", remedy="safeconduct data map shows what may leave")


def _asked(records: Records, call: str, intent: CallIntended) -> tuple[Recipient, ...]:
    """Returns whom a call was sent to, in order: where one failed, the next of its path had it too."""
    sent = records.get(ENDED_CALLS, call) or records.get(OPEN_CALLS, call)
    path = records.get(kept.PATHS, intent.path)
    stated = {one.upstream: _recipient(one) for one in path.providers} if path else {}
    asked = (sent.asked if sent else ()) or (intent.upstream,)
    first, *further = (stated.get(one) or _unstated(one) for one in asked)
    return replace(first, region=intent.region, retention=intent.retention), *further


def _unstated(upstream: str) -> Recipient:
    return Recipient(upstream=upstream, vendor=UNSTATED, region=UNSTATED, retention=UNSTATED)


def _recipient(provider: Provider) -> Recipient:
    return Recipient(
        upstream=provider.upstream, vendor=provider.vendor, region=provider.region, retention=provider.retention
    )
