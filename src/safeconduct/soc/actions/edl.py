"""External dynamic lists: text that firewalls fetch and block by. Rendered from records each time, nothing cached."""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from safeconduct.access.secrets import secret_hash
from safeconduct.kernel.errors import AbsentError, RefusedError
from safeconduct.kernel.ids import ActionId, EntryId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Records

TOKEN_CHARS_MAX = 128
"""Characters of a token that are looked at. Ours have 43."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAddress:
    """An address on a list, put there by one action, until an instant."""

    list: str
    address: str
    action: ActionId
    listed_at: Instant
    until: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ListState:
    """How often a list changed, and when last. A list that never changed has none."""

    revision: int
    changed_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ListToken:
    """The hash of the token with which a holder, such as one firewall, fetches a list. The token itself is not kept."""

    list: str
    holder: str
    hash: str
    issued_at: Instant
    entry: EntryId


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A list as it is served. `changed_at` is when its text last changed."""

    text: str
    etag: str
    changed_at: Instant


ADDRESSES = Collection("edl", ListedAddress)  # at `list/address`
LISTS = Collection("edl-lists", ListState)  # at the list's name
LIST_TOKENS = Collection("edl-tokens", ListToken)  # at `list/holder`


def check_token(records: Records, name: str, token: str) -> str:
    """Returns who holds the token.

    Raises:
        AbsentError: no such list, so far as anyone without a token may know.
        RefusedError: `list-token-wrong`.
    """
    tokens = [kept for _, kept in records.scan(LIST_TOKENS, f"{name}/")]
    if not tokens:
        raise AbsentError(
            f"there is no list {name[:64]!r} that anybody may fetch",
            code="list-unknown",
            remedy="issue a token for it: safeconduct action list-token",
        )
    given = secret_hash(token)
    # Every hash is compared, each in constant time: how long this takes says nothing about how near a guess was.
    holders = [kept.holder for kept in tokens if hmac.compare_digest(kept.hash, given)]
    if not holders:
        raise RefusedError("this token does not open the list", code="list-token-wrong", remedy="issue a new token")
    return holders[0]


def active(records: Records, name: str, now: Instant) -> Iterator[ListedAddress]:
    """Yields what is in force on the list now, in the order of its keys."""
    return (listed for _, listed in records.scan(ADDRESSES, f"{name}/") if now < listed.until)


def render(records: Records, name: str, now: Instant) -> Rendered:
    """Returns the list as text: one address a line, sorted by number, nothing else. Empty if nothing is blocked.

    What expired is left out by its own time, also where nothing has removed it yet.
    """
    known = [listed for _, listed in records.scan(ADDRESSES, f"{name}/")]
    current = [ip_address(listed.address) for listed in known if now < listed.until]
    lines = sorted(current, key=lambda address: (address.version, int(address)))
    text = "".join(f"{address}\n" for address in lines)
    ended = [listed.until for listed in known if listed.until <= now]
    state = records.get(LISTS, name)
    changed = max([state.changed_at if state else Instant(0), *ended])
    return Rendered(text=text, etag=f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"', changed_at=changed)
