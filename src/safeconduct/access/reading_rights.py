"""Who may read what: audiences of whole routes, and what of an answer concerns whom. docs/spec/reading.md.

Roles count in the two parties alone. Whoever is frozen by name or whose vetting is suspended reads their own and no
more: their key may be in other hands.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from safeconduct.access import records as kept
from safeconduct.access.acts import authenticate, frozen_by_name
from safeconduct.access.admissions import AdmissionState
from safeconduct.access.model.parties import OrganizationRole, Principal, PrincipalKind, Role
from safeconduct.access.model.stops import Selection, Selector, SelectorKind
from safeconduct.access.readership import reader_of
from safeconduct.approvals.model import Group
from safeconduct.kernel import entries
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ids import OrganizationId, Origin
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.sealing import HOUSE

PARTIES = frozenset({entries.Reader.PROVIDER, entries.Reader.PARTNER})
OVERSEERS = frozenset({Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY})
PROTECTORS = OVERSEERS | {Role.RESPONDER}
LOG_READERS = PROTECTORS | {Role.READER}


class Audience(StrEnum):
    """Whom a route answers at all."""

    ANYBODY = "anybody"  # no credential is asked, or what is asked for is one
    METRICS = "metrics"  # whoever shows the metrics token
    KNOWN = "known"  # whoever has a key in the program in force
    CONCERNED = "concerned"  # as `known`; the answer is narrowed to what concerns them
    AGREEMENT = "agreement"  # people of the organizations that the agreement names
    PARTIES = "parties"  # people of the provider and the partner
    LOG = "log"  # of those, who reads logs whole
    PROTECTORS = "protectors"  # responders, administrators and trust and safety of the parties
    OVERSEERS = "overseers"  # administrators and trust and safety of the parties
    HOUSE = "house"  # people of the partner, in whose house this runs


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: somebody with the data folder in hand, or a principal, and the role of its organization."""

    local: bool = False
    who: Principal | None = None
    side: entries.Reader | None = None

    @property
    def principal(self) -> str:
        """The principal's name; empty for who has the folder in hand."""
        return self.who.id if self.who else ""

    @property
    def organization(self) -> str:
        """The organization's name, or nothing."""
        return self.who.organization if self.who else ""

    @property
    def known(self) -> bool:
        """Tells whether it is somebody at all."""
        return self.local or self.who is not None

    @property
    def in_agreement(self) -> bool:
        """Tells whether it is a person of an organization that the agreement names."""
        person = self.who is not None and self.who.kind is PrincipalKind.PERSON
        return self.local or (person and self.side is not None)

    @property
    def of_party(self) -> bool:
        """Tells whether it is a person of the provider or the partner."""
        return self.local or (self.in_agreement and self.side in PARTIES)

    @property
    def of_house(self) -> bool:
        """Tells whether it is a person of the partner."""
        return self.local or (self.in_agreement and self.side is HOUSE)

    @property
    def oversees(self) -> bool:
        """Tells whether it is a party's administrator, or its trust and safety."""
        return self.of_party and self.has(OVERSEERS)

    @property
    def protects(self) -> bool:
        """Tells whether it is somebody of a party who may stop calls."""
        return self.of_party and self.has(PROTECTORS)

    @property
    def reads_logs(self) -> bool:
        """Tells whether it reads the joint log whole."""
        return self.in_agreement and self.has(LOG_READERS)

    def has(self, roles: frozenset[Role]) -> bool:
        """Tells whether it has one of the roles, or the folder in hand."""
        return self.local or (self.who is not None and bool(roles & set(self.who.roles)))


ADMITS: Mapping[Audience, Callable[[Reader], bool]] = {
    Audience.ANYBODY: lambda _reader: True,
    Audience.KNOWN: lambda reader: reader.known,
    Audience.CONCERNED: lambda reader: reader.known,
    Audience.AGREEMENT: lambda reader: reader.in_agreement,
    Audience.PARTIES: lambda reader: reader.of_party,
    Audience.LOG: lambda reader: reader.reads_logs,
    Audience.PROTECTORS: lambda reader: reader.protects,
    Audience.OVERSEERS: lambda reader: reader.oversees,
    Audience.HOUSE: lambda reader: reader.of_house,
}
"""Who is of an audience. What has no row here is for whoever has the folder in hand."""


def reader_by(records: Records, signed: SignedAct, now: Instant) -> Reader:
    """Returns who signed a request to read.

    Raises:
        UnauthenticatedError: as `access.acts.authenticate`.
    """
    said = {"operation": signed.act.operation, "content": signed.act.content}
    return reader_as(records, authenticate(records, signed, **said, now=now))


def reader_as(records: Records, principal: Principal) -> Reader:
    """Returns a principal as who reads."""
    if _stopped(records, principal):
        return Reader(who=replace(principal, roles=()))
    return Reader(who=principal, side=reader_of(kept.agreement_in_force(records), principal.organization))


def check_audience(reader: Reader, audience: Audience | None) -> None:
    """Returns if the reader is of the audience; of None, which a route without a row has, nobody elsewhere is.

    Raises:
        RefusedError: `not-yours`. It depends on the route and the reader alone, so it tells nothing of what there is.
    """
    admits = ADMITS.get(audience) if audience else None
    if reader.local or (admits is not None and admits(reader)):
        return
    raise RefusedError(
        f"{reader.principal} is none of those who read this: {audience or 'who has the data in hand'}",
        code="not-yours",
        clause=f"principal:{reader.principal}/roles",
        remedy="docs/spec/reading.md says who reads what; ask one of them",
    )


def concerns(records: Records, reader: Reader, principal: str) -> bool:
    """Tells whether somebody may read what is a principal's.

    That is one's own and what one answers for; for protectors what their organization's people and its subprocessors'
    have; for overseers all, since both parties answer for every grant.
    """
    if reader.oversees or principal == reader.principal:
        return True
    found = records.get(kept.PRINCIPALS, principal)
    if found is None or reader.who is None:
        return False
    return found.sponsor == reader.who.id or (reader.protects and _home(records, found) == reader.who.organization)


def selects(records: Records, reader: Reader, selector: Selector) -> bool:
    """Tells whether somebody may read of a restriction: protectors of all, others of what stops them."""
    if reader.protects:
        return True
    match selector.kind:
        case SelectorKind.PRINCIPAL:
            return concerns(records, reader, selector.name)
        case SelectorKind.GRANT:
            grant = kept.grant(records, selector.name)
            return grant is not None and concerns(records, reader, grant.principal)
        case SelectorKind.ORGANIZATION:
            return reader.organization == selector.name
        case SelectorKind.PATH:
            return reads_path(records, reader, selector.name)
        case _:
            return reader.in_agreement


def reads_freeze(records: Records, reader: Reader, selection: Selection) -> bool:
    """Tells whether somebody may read of a freeze: protectors of all, others of what every term stops of theirs."""
    return all(selects(records, reader, term) for term in selection.terms)


def reads_path(records: Records, reader: Reader, path: str) -> bool:
    """Tells whether somebody may read of a path: people of the agreement of all, others of those they may call on."""
    return reader.in_agreement or any(
        one.path == path and concerns(records, reader, one.principal) for one in kept.grants(records)
    )


def reads_scope(records: Records, reader: Reader, scope: str) -> bool:
    """Tells whether somebody may read a scope: people of the parties all, others those of their grants."""
    return reader.of_party or any(
        one.scope == scope and concerns(records, reader, one.principal) for one in kept.grants(records)
    )


def reads_telemetry(records: Records, reader: Reader, owner: str, now: Instant) -> bool:
    """Tells whether somebody reads an organization's telemetry, `owner` empty for the house's.

    That is its own people, and whoever has a grant now on a path that is for it, or answers for a service that has.
    """
    if not owner:
        return reader.of_house
    own = reader.who is not None and reader.who.kind is PrincipalKind.PERSON and reader.organization == owner
    return reader.local or (own and reader.in_agreement) or _granted(records, reader, owner, now)


def _granted(records: Records, reader: Reader, owner: str, now: Instant) -> bool:
    paths = {name for name, path in records.scan(kept.PATHS) if path.telemetry_of == owner}
    open_now = (one for one in kept.grants(records) if one.path in paths and one.window.holds(now))
    holders = (records.get(kept.PRINCIPALS, one.principal) for one in open_now)
    return reader.who is not None and any(one and reader.who.id in (one.id, one.sponsor) for one in holders)


def reads_log(records: Records, reader: Reader, origin: Origin) -> bool:
    """Tells whether somebody reads a log whole: both parties every one, a customer and an auditor the joint log."""
    if not reader.reads_logs:
        return False
    return reader.of_party or origin in kept.joint_logs(records)


def reads_entry(records: Records, reader: Reader, entry: Entry) -> bool:
    """Tells whether somebody reads an entry: who reads its log, and whom it names."""
    named = {str(entry.body.get(name, "")) for name in ("principal", "by", "voter")}
    actor = str(entry.act["actor"]) if entry.act else ""
    return reads_log(records, reader, entry.origin) or (reader.who is not None and reader.who.id in named | {actor})


def votes(reader: Reader, groups: Iterable[Group]) -> bool:
    """Tells whether somebody sits in one of the groups that vote, and so reads what they vote on."""
    return reader.who is not None and any(
        group.organization == reader.organization and group.role in reader.who.roles for group in groups
    )


def _stopped(records: Records, principal: Principal) -> bool:
    admission = records.get(kept.ADMISSIONS, f"{SelectorKind.PRINCIPAL}:{principal.id}")
    suspended = admission is not None and admission.state is AdmissionState.SUSPENDED
    return suspended or frozen_by_name(records, principal) is not None


def _home(records: Records, principal: Principal) -> OrganizationId:
    """Returns the party that a principal belongs to; of a subprocessor's, that of whoever answers for it."""
    organization = records.get(kept.ORGANIZATIONS, principal.organization)
    sponsor = records.get(kept.PRINCIPALS, principal.sponsor) if principal.sponsor else None
    outside = organization is not None and organization.role is OrganizationRole.SUBPROCESSOR
    return sponsor.organization if outside and sponsor else principal.organization
