"""What is asked before a sealed field is opened: who reads it, how it is opened, and whether it still can be."""

from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.access.destruction_events import KEY_FATES
from safeconduct.access.model.agreements import Opening
from safeconduct.access.readership import opening_of, reader_of
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import AbsentError, RefusedError
from safeconduct.kernel.ids import EntryId, OrganizationId, Origin
from safeconduct.kernel.ports import Records
from safeconduct.ledger.sealing import HOUSE

LOCAL = "local"
"""Who opens without a signature: whoever holds the data folder, and with it the house's keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFact:
    """A sealed field as its entry has it, which never changes."""

    entry: EntryId
    origin: Origin
    type: str
    field: str
    key: str
    readers: frozenset[Reader]

    @property
    def place(self) -> str:
        """Names it among all there are: `entry/field`."""
        return f"{self.entry}/{self.field}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants to open, and why. `own_copy` where they open it from their own copy."""

    sealed: SealedFact
    reason: str
    own_copy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who is shown what was opened for something larger, such as an incident's claims."""

    by: str
    reader: Reader


def opening_for(records: Records, sealed: SealedFact) -> Opening:
    """Returns how a field is opened, under the agreement in force."""
    return opening_of(records, sealed.type, sealed.field)


def reader_for(records: Records, organization: OrganizationId, sealed: SealedFact) -> Reader:
    """Returns in which role an organization reads a field.

    Raises:
        RefusedError: `field-not-yours`: in none that its entry names.
    """
    reader = reader_of(kept.agreement_in_force(records), organization)
    if reader is None:
        raise RefusedError(
            f"{organization} has no role in the agreement, so it reads no sealed field",
            code="field-not-yours",
            clause=f"entry:{sealed.entry}/sealed/{sealed.field}",
        )
    refuse_others(reader, sealed)
    return reader


def refuse_others(reader: Reader, sealed: SealedFact) -> None:
    """Returns if a role is among a field's readers.

    Raises:
        RefusedError: `field-not-yours`.
    """
    if reader not in sealed.readers:
        raise RefusedError(
            f"the {sealed.field} of entry {sealed.entry} is for {', '.join(sorted(sealed.readers))}, not for {reader}",
            code="field-not-yours",
            clause=f"entry:{sealed.entry}/sealed/{sealed.field}",
            remedy="ask one of its readers; a change of agreement.fields is for later entries only",
        )


def refuse_elsewhere(wanted: Wanted) -> None:
    """Returns if the field is to be opened where it can be.

    Raises:
        RefusedError: `not-a-reader`: the house is none, and the value is asked of it.
    """
    if HOUSE not in wanted.sealed.readers and not wanted.own_copy:
        raise RefusedError(
            f"the house can't open the {wanted.sealed.field} of entry {wanted.sealed.entry}: it is not for it",
            code="not-a-reader",
            clause=f"entry:{wanted.sealed.entry}/sealed/{wanted.sealed.field}",
            remedy="open it from your own copy: safeconduct copy open",
        )


def refuse_destroyed(records: Records, sealed: SealedFact) -> None:
    """Returns if the house has not destroyed a field's key.

    Raises:
        AbsentError: `destroyed`.
    """
    fate = records.get(KEY_FATES, sealed.key)
    if fate is not None and fate.destroyed:
        raise AbsentError(
            f"the key of the {sealed.field} of entry {sealed.entry} was destroyed by order {fate.order}",
            code="destroyed",
            remedy=f"safeconduct log destructions shows order {fate.order}",
        )
