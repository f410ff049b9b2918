"""Who reads a sealed field: the answer of the agreement in force, asked for every field that is sealed."""

from safeconduct.access import records as kept
from safeconduct.access.model.agreements import Agreement, FieldRule, Opening
from safeconduct.access.model.programs import ProgramRecord
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.ids import OrganizationId, Origin
from safeconduct.kernel.ports import Records
from safeconduct.ledger.log_events import lineage
from safeconduct.ledger.sealing import HOUSE, HOUSE_ONLY, Readership

APART = "exploit_"
"""How the names of fields begin that no row for all fields of a type speaks of: without a row of its own each is the
house's alone."""

ANSWERS_MAX = 1024
"""Answers kept: a program has 200 rows, and a few programs may follow each other while a process runs."""


class AgreementMatrix:
    """The matrix of the agreement in force (`ledger.sealing.Matrix`). What has no row is the house's alone.

    An answer is a function of the program in force, the entry's type and the field, and is remembered by them: a
    program is named by the digest of all it says and the version of its agreement that stands. The writer asks on the
    hot path, and whoever compares answers finds that equal ones are the same object.
    """

    def __init__(self) -> None:
        self._answers: dict[tuple[str, int, str, str], Readership] = {}
        self._joint: tuple[ProgramRecord | None, Origin] = None, Origin("")

    def __call__(self, records: Records, origin: Origin, entry_type: str, name: str) -> Readership:
        program = kept.program_in_force(records)
        if program is None or not self._is_joint(records, program, origin):
            return HOUSE_ONLY
        asked = program.digest, program.agreement_version, entry_type, name
        found = self._answers.get(asked)
        if found is None:
            if len(self._answers) >= ANSWERS_MAX:
                self._answers.clear()
            made = readership_of(kept.require_agreement(records), entry_type, name)
            found = self._answers[asked] = next((one for one in self._answers.values() if one == made), made)
        return found

    def _is_joint(self, records: Records, program: ProgramRecord, origin: Origin) -> bool:
        if self._joint[0] is not program:
            self._joint = program, Origin(f"{program.origin}/{program.agreement}")
        joint = self._joint[1]
        return origin == joint or origin in lineage(records, joint)  # the first in nearly every case, and cheap


def readership_of(agreement: Agreement, entry_type: str, name: str) -> Readership:
    """Returns who reads a field under an agreement."""
    rule = rule_of(agreement, entry_type, name)
    readers = frozenset(rule.readers) if rule else HOUSE_ONLY.readers
    return Readership(
        readers=readers,
        house=HOUSE in readers,
        wrap_for={reader: key for reader, key in agreement.readers.items() if reader in readers and reader != HOUSE},
        days=agreement.days,
    )


def rule_of(agreement: Agreement, entry_type: str, name: str) -> FieldRule | None:
    """Returns the row for a field: its own, else that for all fields of the entry's type."""
    unversioned = entry_type.partition("/")[0]
    own = agreement.fields.get(f"{unversioned}/{name}")
    return own if own or name.startswith(APART) else agreement.fields.get(f"{unversioned}/*")


def opening_of(records: Records, entry_type: str, name: str) -> Opening:
    """Returns how a field is opened, in whatever log it stands, under the agreement in force now."""
    agreement = kept.agreement_in_force(records)
    rule = rule_of(agreement, entry_type, name) if agreement else None
    return rule.opening if rule else Opening.SINGLE


def reader_of(agreement: Agreement | None, organization: OrganizationId) -> Reader | None:
    """Returns the role in which an organization reads, if the agreement names it for one."""
    if agreement is None:
        return None
    sides = {
        Reader.PARTNER: agreement.partner,
        Reader.PROVIDER: agreement.provider,
        Reader.CUSTOMER: agreement.customer,
        Reader.AUDITOR: agreement.auditor,
    }
    return next((reader for reader, named in sides.items() if named == organization), None)
