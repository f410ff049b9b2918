"""The kinds of response: one row each. What a row does not say, its adapter at each point does."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from safeconduct.access.response_kinds import FORMS, Form
from safeconduct.kernel.errors import InvalidInputError

BLOCK_IP = "block-ip"
"""The kind whose list we serve ourselves, and the list's name."""


class Risk(StrEnum):
    """What an action that was wrong costs; it names who must approve."""

    LIMITED = "response"  # one address or file, or a message: approvals.response
    SEVERE = "response-severe"  # a person or a machine can't work: approvals.response-severe


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind. `undone_by` is its inverse, `lost` what that does not bring back.

    `own` kinds change a list of our own, in the transaction of their entry; the others take effect at points.
    `holds` says that something is kept from working while it is in force, which counts towards the blast radius.
    """

    name: str
    undone_by: str
    risk: Risk = Risk.LIMITED
    lost: str = ""
    own: bool = False
    holds: bool = True

    @property
    def form(self) -> Form:
        """What its targets are written as."""
        return FORMS[self.name]


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(name=BLOCK_IP, undone_by="unblock-ip", own=True),
        Kind(name="drop-ip", undone_by="accept-ip", lost="connections that broke"),
        Kind(name="disable-user", undone_by="enable-user", risk=Risk.SEVERE, lost="attempts that were refused"),
        Kind(name="end-sessions", undone_by="none", risk=Risk.SEVERE, lost="the sessions: their owner signs on again"),
        Kind(name="quarantine-file", undone_by="restore-file"),
        Kind(name="isolate-host", undone_by="release-host", risk=Risk.SEVERE, lost="connections that broke"),
        Kind(name="call-webhook", undone_by="call-webhook-again", lost="what the receiver can't undo"),
        Kind(name="open-ticket", undone_by="close-ticket", lost="mail that told of the ticket", holds=False),
    )
}
"""By name."""


def kind_of(name: str) -> Kind:
    """Returns a kind.

    Raises:
        InvalidInputError: `kind-unknown`.
    """
    found = KINDS.get(name)
    if found is None:
        raise InvalidInputError(f"expected one of {', '.join(KINDS)}, got {name[:64]!r}", code="kind-unknown")
    return found
