"""What a report on an incident says, before it has a form."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from safeconduct.kernel.instants import Instant
from safeconduct.soc.claims import AuthorKind
from safeconduct.soc.grounding import CheckedClaim
from safeconduct.soc.incidents.closing import Closed
from safeconduct.soc.summary import Summary


class Form(StrEnum):
    """What a report is made as: to read, to print, a STIX 2.1 bundle, a layer of ATT&CK Navigator."""

    MARKDOWN = "markdown"
    HTML = "html"
    STIX = "stix"
    LAYER = "layer"


class Sharing(StrEnum):
    """With whom a report may be shared: the Traffic Light Protocol 2.0 (FIRST, August 2022)."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    AMBER_STRICT = "amber+strict"
    RED = "red"

    @property
    def label(self) -> str:
        """The label as the protocol writes it."""
        return f"TLP:{self.value.upper()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response to the incident: what is done to what, by whose proposal, and each state it went through."""

    id: str
    kind: str
    target: str
    proposed_by: str
    proposed_at: Instant
    states: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentReport:
    """An incident as it stands now.

    `summary` is the rules' alone. `claims` are everybody's, checked again against the stored events for this report;
    those that are rejected stay in it. `closings` are all of them, oldest first. `made_by` is who asked for it.
    """

    summary: Summary
    claims: Sequence[CheckedClaim]
    responses: Sequence[Response]
    closings: Sequence[Closed]
    sharing: Sharing
    organization: str
    made_at: Instant
    made_by: str

    def by(self, author: AuthorKind, *, verified: bool) -> tuple[CheckedClaim, ...]:
        """Returns the claims of a kind of author that were verified, or those that were not."""
        return tuple(one for one in self.claims if one.claim.author.kind is author and one.verified is verified)

    @property
    def title(self) -> str:
        """What it is called."""
        return f"Incident {self.summary.incident}"
