"""What becomes of notices: a trial by a person, each channel's outcome, and which of them are still to be tried."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.tokens import installation_log
from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.notices import NOTICE, Notice
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.program.notice_events import (
    NOTICE_TRIED,
    SENT_NOTICES,
    TRIAL_ORDERED,
    NoticeTried,
    Outcome,
    SentNotice,
    TrialOrdered,
)

SAID_CHARS_MAX = 200
"""Characters of an answer that an entry keeps."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of a notice at a channel, and what was said."""

    channel: str
    outcome: Outcome
    said: str


def order_trial(tx: Transaction, signed: SignedAct, channel: str, *, operation: str, content: str) -> Entry:
    """Has a trial notice sent to one channel, once; what came of it is on record under the entry's id.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        UnavailableError: `no-program`.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.TRY_NOTICE
    )
    event = TrialOrdered(channel=channel, by=signer.id, organization=signer.organization)
    return tx.append(installation_log(tx), TRIAL_ORDERED.draft(event, act=signed.envelope()))


def record(tx: Transaction, entry: EntryId, notice: Notice, attempt: Attempt, all_of: Sequence[str]) -> None:
    """Enters an outcome, unless there is one: an answer may be waited for twice. `all_of` names every channel."""
    waiting = tx.get(OUTBOX, f"{entry}/{NOTICE}") is not None
    left = open_channels(tx, entry, all_of)
    if not waiting or (attempt.channel and attempt.channel not in left):
        return
    event = NoticeTried(
        notice=entry,
        kind=notice.kind,
        to=notice.to,
        subject=notice.subject,
        channel=attempt.channel,
        outcome=attempt.outcome,
        said="".join(one if one.isprintable() else " " for one in attempt.said)[:SAID_CHARS_MAX],
        last=not set(left) - {attempt.channel},
    )
    tx.append(installation_log(tx), NOTICE_TRIED.draft(event))


def open_channels(records: Records, entry: EntryId, all_of: Sequence[str]) -> list[str]:
    """Returns which channels of a notice have no outcome yet."""
    known = records.get(SENT_NOTICES, entry)
    tried = {one.channel for one in known.tried} if known else set()
    return [name for name in all_of if name not in tried]


def sent(records: Records) -> list[SentNotice]:
    """Returns what became of the notices that were taken up, the latest first."""
    return sorted((one for _, one in records.scan(SENT_NOTICES)), key=lambda one: one.id, reverse=True)


def waiting(records: Records) -> Iterator[tuple[EntryId, Notice]]:
    """Yields the notices that are not over, oldest first."""
    for _, effect in records.scan(OUTBOX):
        if effect.kind == NOTICE:
            yield EntryId(effect.key), msgspec.convert(effect.body, Notice)
