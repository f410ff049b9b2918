"""The entries by which an agreement ends or goes over to its next version, and how they change the records."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.acts import record_act
from safeconduct.access.agreement_versions import follow, terminate
from safeconduct.access.noting import noted
from safeconduct.access.retention_events import begin_retention
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import AgreementId, OrganizationId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Projection, State
from safeconduct.ledger.events import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementTerminated:
    """One party ends the agreement: from `ends_at` on every call is refused."""

    agreement: AgreementId
    version: int
    organization: OrganizationId
    by: PrincipalId
    reason: str
    ends_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementSucceeded:
    """The version that was signed and cosigned before has begun, and stands in the place of the former one."""

    agreement: AgreementId
    version: int
    digest: str


TERMINATED = EventType("program.agreement.terminated/1", AgreementTerminated)
SUCCEEDED = EventType("program.agreement.succeeded/1", AgreementSucceeded)


def _terminated(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = TERMINATED.read(entry)
    terminate(state, event.agreement, event.ends_at)


def _succeeded(state: State, entry: Entry) -> None:
    follow(state, SUCCEEDED.read(entry).agreement)
    begin_retention(state, entry.at)


PROJECTIONS: Mapping[str, Projection] = noted({TERMINATED.name: _terminated, SUCCEEDED.name: _succeeded})
