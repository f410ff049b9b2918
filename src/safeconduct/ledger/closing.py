"""The end of a log, as its bytes show it, and whether another rightly goes on for it. Pure; custody.md section 3."""

from dataclasses import dataclass

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.ledger.checkpoints import Checkpoint, SignedCheckpoint, parse_checkpoint
from safeconduct.ledger.envelope import decode_leaf
from safeconduct.ledger.notes import VerifierKey

CLOSED = "ledger.log.closed/1"
SUCCEEDED = "ledger.log.succeeded/1"
CLOSED_MARK = f'"type":"{CLOSED}"'.encode()
"""Bytes without which a leaf is no end of a log: to look for before it is decoded."""


class SuccessionError(InvalidInputError):
    """A log does not go on for the other one."""

    default_code = "succession-broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What a log's last entry says: the log that goes on for it, its key, and what is vouched for."""

    entry: EntryId
    successor: Origin
    successor_key: VerifierKey
    trusted: SignedCheckpoint | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What the first entry of a successor says: the log before, its key and last entry, and what is vouched for."""

    predecessor: Origin
    predecessor_key: VerifierKey
    closed: EntryId | None
    trusted: SignedCheckpoint | None


def end_of(leaf: bytes) -> End | None:
    """Returns the end that an entry is; None where it is another entry.

    Raises:
        UnavailableError: the leaf can't be read.
        InvalidInputError: it is an end, but says none of a log.
    """
    if CLOSED_MARK not in leaf:
        return None
    decoded = decode_leaf(leaf)
    if decoded.type != CLOSED:
        return None  # the words stand in its body
    body = decoded.body
    return End(
        entry=EntryId(decoded.id),
        successor=Origin(str(body.get("successor", ""))),
        successor_key=VerifierKey.parse(str(body.get("successor_key", ""))),
        trusted=_checkpoint(body.get("trusted")),
    )


def beginning_of(leaf: bytes) -> Beginning | None:
    """Returns what a log's first entry says of the log before it; None where there is none before.

    Raises:
        UnavailableError: the leaf can't be read.
        InvalidInputError: it says none of a log.
    """
    decoded = decode_leaf(leaf)
    if decoded.type != SUCCEEDED:
        return None
    body, closed = decoded.body, decoded.body.get("closed")
    return Beginning(
        predecessor=Origin(str(body.get("predecessor", ""))),
        predecessor_key=VerifierKey.parse(str(body.get("predecessor_key", ""))),
        closed=EntryId(str(closed)) if closed else None,
        trusted=_checkpoint(body.get("trusted")),
    )


def check_succession(old: Checkpoint, end: End | None, new: VerifierKey, beginning: Beginning | None) -> None:
    """Returns if the log of key `new` rightly goes on for the one that ends in `end` and whose checkpoint is `old`.

    `end` is None where the old log ends without saying so: then its key was lost, and the new log must say that.

    Raises:
        SuccessionError: one of the two names another log, key or entry, or they vouch for different beginnings.
    """
    if beginning is None or beginning.predecessor != old.origin:
        raise SuccessionError(f"{new.name} does not begin by going on for {old.origin}")
    if beginning.closed != (end.entry if end else None):
        raise SuccessionError(f"{new.name} says that {old.origin} ends in {beginning.closed}, which it does not")
    if end is not None and (end.successor_key != new or end.successor != new.name):
        raise SuccessionError(f"{old.origin} goes on as {end.successor} under another key than {new.text}")
    if end is not None and _said(end.trusted) != _said(beginning.trusted):
        raise SuccessionError(f"{old.origin} and {new.name} vouch for different checkpoints")
    trusted = _said(beginning.trusted)
    if trusted is not None and (trusted.origin != old.origin or trusted.size > old.size):
        raise SuccessionError(f"{new.name} vouches for {trusted.size} entries of {trusted.origin}, it has {old.size}")


def _said(signed: SignedCheckpoint | None) -> Checkpoint | None:
    return None if signed is None else signed.checkpoint


def _checkpoint(note: object) -> SignedCheckpoint | None:
    return parse_checkpoint(note) if isinstance(note, str) and note else None
