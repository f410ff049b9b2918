"""Tokens with which firewalls, and the server itself, fetch our lists."""

from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ports import Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.actions import events
from safeconduct.soc.actions.kinds import BLOCK_IP
from safeconduct.soc.claims import NAME
from safeconduct.soc.owners import origin_of

PROBE_HOLDER = "probe"
"""The holder's name under which the server itself fetches lists. No person can take it."""


def issue_list_token(
    tx: Transaction, signed: SignedAct, token_hash: str, *, holder: str, operation: str, content: str
) -> None:
    """Gives a holder, such as one firewall, a token for the list. A former token of that holder ends at once.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        InvalidInputError: the holder's name is none.
    """
    authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.ISSUE_TOKEN)
    _append_token(tx, token_hash, holder, signed)


def issue_probe_token(tx: Transaction, token_hash: str) -> None:
    """Gives the server a token of its own for as long as it runs, to fetch the list as a firewall does."""
    _append_token(tx, token_hash, PROBE_HOLDER, None)


def _append_token(tx: Transaction, token_hash: str, holder: str, signed: SignedAct | None) -> None:
    if not NAME.fullmatch(holder) or "/" in holder or (signed is not None and holder == PROBE_HOLDER):
        raise InvalidInputError(
            f"expected a holder's name such as firewall-1, got {holder[:64]!r}", code="holder-malformed"
        )
    event = events.ListTokenIssued(list=BLOCK_IP, holder=holder, hash=token_hash)
    tx.append(origin_of(tx), events.LIST_TOKEN_ISSUED.draft(event, act=signed.envelope() if signed else None))
