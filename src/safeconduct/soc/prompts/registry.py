"""The registry of prompts: what an owner registered, what is in force, and back to what ships."""

import msgspec

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.model.parties import Principal
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError, UnavailableError
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc import reasons
from safeconduct.soc.ingesting import HOUSE_OWNED, owned_key
from safeconduct.soc.owners import origin_of, owned
from safeconduct.soc.prompts.events import DEMOTED, IN_FORCE, PROMPTS, REGISTERED, PromptDemoted, PromptRegistered
from safeconduct.soc.prompts.model import LAYOUT, Prompt, PromptKind
from safeconduct.soc.prompts.shipped import SHIPPED

PROMPTS_MAX = 500
"""Prompts of one owner; a list with more is read by nobody."""

SHIPPED_NUMBER = 1


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    layout: str
    kind: PromptKind
    system: str
    request: str
    found: str


def decides_on(
    tx: Transaction, signed: SignedAct, *, operation: str, content: str, owner: str = HOUSE_OWNED
) -> Principal:
    """Returns the signer of an act on how models are asked about an owner's incidents: one of its own people.

    Raises:
        UnauthenticatedError, RefusedError: as `access.acts`; `not-the-owner`, also where the owner is the house.
    """
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.TRIAGE)
    check_of(tx, signer, owner)
    return signer


def check_of(records: Records, signer: Principal, owner: str) -> None:
    """Returns if somebody is of an owner, also where that is the house.

    Raises:
        RefusedError: `not-the-owner`.
    """
    agreement = kept.agreement_in_force(records)
    owned(records, signer, owner or (agreement.partner if agreement else HOUSE_OWNED))


def registered(records: Records, owner: str) -> tuple[PromptRegistered, ...]:
    """Returns what an owner registered, by kind and number."""
    found = (one for _, one in records.scan(PROMPTS, owned_key(owner)))
    return tuple(sorted(found, key=lambda one: (one.kind, one.number)))


def version_in_force(records: Records, owner: str, kind: PromptKind) -> str:
    """Returns the version in which questions of a kind about an owner's incidents are put."""
    found = records.get(IN_FORCE, owned_key(owner, kind))
    return found.promoted.version if found else SHIPPED[kind].version


def digest_of(records: Records, owner: str, version: str) -> str:
    """Returns under which digest a version is kept, empty for one that ships.

    Raises:
        AbsentError: `prompt-unknown`: it neither ships nor did the owner register it.
    """
    if version in {prompt.version for prompt in SHIPPED.values()}:
        return ""
    found = records.get(PROMPTS, owned_key(owner, version))
    if found is None:
        raise AbsentError(f"no prompt is {version[:64]!r}", code="prompt-unknown", remedy="safeconduct prompt list")
    return found.digest


def shipped(version: str) -> Prompt:
    """Returns the shipped prompt of that version."""
    return next(prompt for prompt in SHIPPED.values() if prompt.version == version)


def read_kept(content: bytes) -> Prompt:
    """Returns a prompt that was kept.

    Raises:
        UnavailableError: `prompt-changed`: it is none, or one around another layout of data than this release's.
    """
    try:
        found = msgspec.json.decode(content, type=_Kept)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _changed(f"can't be read: {error}") from error
    if found.layout != LAYOUT:
        raise _changed(f"is around data laid out as {found.layout}, and this release writes {LAYOUT}")
    return Prompt(kind=found.kind, system=found.system, request=found.request, found=found.found)


def register(
    tx: Transaction, signed: SignedAct, prompt: Prompt, digest: str, *, operation: str, content: str, owner: str
) -> PromptRegistered:
    """Records that a prompt can be tried, and returns it.

    Raises:
        UnauthenticatedError, RefusedError: as `decides_on`.
        ConflictError: `prompt-known`: these very words stand already.
        InvalidInputError: one more than PROMPTS_MAX.
    """
    signer = decides_on(tx, signed, operation=operation, content=content, owner=owner)
    known = registered(tx, owner)
    versions = {one.version for one in SHIPPED.values()} | {one.version for one in known}
    if prompt.version in versions:
        text = f"these words are {prompt.version} already"
        raise ConflictError(text, code="prompt-known", remedy="safeconduct prompt list")
    if len(known) >= PROMPTS_MAX:
        raise InvalidInputError(f"{PROMPTS_MAX} prompts are registered already", code="prompts-too-many")
    event = PromptRegistered(
        kind=prompt.kind,
        version=prompt.version,
        number=SHIPPED_NUMBER + 1 + sum(one.kind is prompt.kind for one in known),
        digest=digest,
        by=signer.id,
        owner=owner,
    )
    texts = {"system": prompt.system, "request": prompt.request, "found": prompt.found}
    tx.append(origin_of(tx), REGISTERED.draft(event, sealed={"texts": texts}, subject="prompts", act=signed.envelope()))
    return event


def demote(
    tx: Transaction, signed: SignedAct, kind: PromptKind, reason: str, *, operation: str, content: str, owner: str
) -> PromptDemoted:
    """Records that questions of a kind are put in the words that ship again. It needs no trial and no other party.

    Raises:
        UnauthenticatedError, RefusedError: as `decides_on`.
        ConflictError: `prompt-shipped`: they are.
        InvalidInputError: `prompt-invalid`: no reason.
    """
    signer = decides_on(tx, signed, operation=operation, content=content, owner=owner)
    reasons.check(reason, code="prompt-invalid", remedy="safeconduct prompt demote --help")
    former = tx.get(IN_FORCE, owned_key(owner, kind))
    if former is None:
        raise ConflictError(f"what ships is in force for {kind} already", code="prompt-shipped")
    event = PromptDemoted(kind=kind, version=former.promoted.version, by=signer.id, owner=owner)
    tx.append(origin_of(tx), DEMOTED.draft(event, sealed={"reason": reason}, subject="prompts", act=signed.envelope()))
    return event


def _changed(text: str) -> UnavailableError:
    return UnavailableError(f"the prompt {text}", code="prompt-changed", remedy="register it again")
