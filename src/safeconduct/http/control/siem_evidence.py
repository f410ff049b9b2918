"""Telemetry of an incident, and of a SIEM: a model's hunts are asked there first, then run over all that is stored."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from safeconduct.adapters.siem.asking.file import Joined
from safeconduct.http.control.context import Control
from safeconduct.http.control.siem_fetching import Fetched, fetch, rows_asked
from safeconduct.kernel.errors import RefusedError, SafeconductError, UnavailableError
from safeconduct.kernel.ids import CallId, EventId
from safeconduct.soc.grounding import Context
from safeconduct.soc.hunting_service import Telemetry
from safeconduct.soc.hunts.model import Hunt
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.questions.model import Hunted
from safeconduct.soc.siem.evidence import asked_of_siem, over_both, understood
from safeconduct.soc.siem.service import record_proposed


@dataclass(frozen=True, slots=True)
class SiemTelemetry:
    """`Telemetry` of an incident and of one table of a SIEM, within what the file of SIEMs allows.

    A hunt that the SIEM does not answer whole, or in fields that we read otherwise, gets no answer here either: part of
    an answer would read as the whole.
    """

    control: Control
    stored: Telemetry
    joined: Joined
    table: str

    async def hunted(self, hunts: Sequence[Hunt], call: CallId) -> tuple[tuple[Hunted, ...], tuple[str, ...]]:
        wider: list[Hunt] = []
        failed: list[str] = []
        for hunt in hunts:
            try:
                wider.append(await self._asked(hunt, call))
            except SafeconductError as error:
                failed.append(error.code)
        done, unanswered = await self.stored.hunted(wider, call)
        return done, (*failed, *unanswered)

    async def seeing(self, events: Collection[EventId]) -> Context:
        return await self.stored.seeing(events)

    async def _asked(self, hunt: Hunt, call: CallId) -> Hunt:
        joined, scope = self.joined, self.joined.scope
        search = joined.search(asked_of_siem(hunt, scope.rows), self.table)
        wanted = replace(rows_asked(joined, search), call=call)
        fetched = await fetch(self.control, joined, search, lambda tx: record_proposed(tx, wanted, scope, search.text))
        whole = over_both(hunt)
        _refuse_part(joined, fetched)
        if not understood(whole, fetched.events):
            raise UnavailableError(
                f"{joined.name} found by {self.table}'s fields what this hunt does not find by ours",
                code="siem-not-understood",
                remedy="have the file of SIEMs say what the table's rows are: class_uid and columns",
            )
        return whole


def refuse_other_owners(owner: str) -> None:
    """Refuses evidence of a SIEM about an incident of another owner: what a SIEM brings is the house's.

    Raises:
        RefusedError: `siem-of-another`.
    """
    if owner != HOUSE_OWNED:
        raise RefusedError(
            "the incident is of another owner's telemetry, and a SIEM brings the house's",
            code="siem-of-another",
            clause="siem/owner",
            remedy="hunt without --siem",
        )


def _refuse_part(joined: Joined, fetched: Fetched) -> None:
    if not fetched.found.complete or len(fetched.events) < len(fetched.found.rows):
        raise UnavailableError(
            f"{joined.name} has more rows than may be brought, or rows that can't be read",
            code="siem-incomplete",
            remedy="have the file of SIEMs allow more rows; what came is kept",
        )
