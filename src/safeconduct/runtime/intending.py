"""One call on its way to its intent in the log: what must be there first, and again where it changed meanwhile."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from safeconduct.access.concerns import concerned
from safeconduct.access.records import epoch
from safeconduct.approvals import State as Approved
from safeconduct.approvals import consume
from safeconduct.gateway.budgets.model import NO_COST
from safeconduct.gateway.dialects.registry import dialect
from safeconduct.gateway.entries import intent_draft
from safeconduct.gateway.held_answers import opened_answer, to_fetch
from safeconduct.gateway.holding import approval_of, approval_required, held_content
from safeconduct.gateway.label_entries import labelled_draft
from safeconduct.gateway.labelling import CallLabels, Conversation, call_labels
from safeconduct.gateway.moves import Event, IntentCommitted, IntentFailed
from safeconduct.gateway.prepared import Hold, Prepared, Refusal
from safeconduct.gateway.returned import check_returned
from safeconduct.kernel.errors import ConflictError, SafeconductError, UnavailableError
from safeconduct.kernel.ids import ApprovalId
from safeconduct.kernel.instants import seconds
from safeconduct.kernel.ports import Transaction
from safeconduct.runtime.reserving import Reservation

if TYPE_CHECKING:
    from safeconduct.access.standing import Standing
    from safeconduct.gateway.held_events import HeldAnswer
    from safeconduct.kernel.entries import Draft
    from safeconduct.kernel.ports import Receipt
    from safeconduct.runtime.calls import Calls

DECIDED_MAX = seconds(10)
"""How long before its intent a call may have been decided: more than a busy log takes, and all that a process may
be mistaken by whose clock is behind the others'."""

STANDING_TRIES_MAX = 4
"""How often a call is decided anew because who may do what changed before its intent was committed."""

Replaced = Callable[[Prepared], None]
"""Is told what a call came to when it was decided anew."""

_USED_UP = frozenset({"approval-consumed", "approval-expired"})
"""What an approval says that no longer lets a call through."""


class Intending:
    """Steps 1 to 8 of one call where they touch the log: its approval, its vault, its budget, and the intent itself.

    `prepared` is what was decided last. `call` is the id of the intent, or of the refusal that took its place, once
    one of them stands in the log.
    """

    def __init__(self, calls: "Calls", prepared: Prepared, reservation: Reservation) -> None:
        self.prepared = prepared
        self.call = ""
        self.receipt: Receipt | None = None
        self.labels: CallLabels | None = None  # of its blocks, once the intent is committed
        self.session = ""  # what its session is kept under, where its path labels
        self._calls = calls
        self._reservation = reservation
        self._approval = ""  # what lets a held call through, or a held answer go, used up by its intent
        self._fetches: tuple[HeldAnswer, bytes] | None = None  # the answer that goes in place of asking a model

    async def append(self, replaced: Replaced) -> Event:
        """Has the intent committed on a standing that allows the call, or says why there is none.

        `replaced` is told when the call was decided anew. It is not kept: a run that its own parts hold is freed by
        the search for cycles only, with the request's and the answer's bytes.
        """
        try:
            refusal = await self._held_in_force(replaced) if self.prepared.hold is not None else None
            found = refusal or await self._tried(replaced)
            return await self._refused(found) if isinstance(found, Refusal) else found
        except UnavailableError as error:
            return IntentFailed(error)

    async def _tried(self, replaced: Replaced) -> Event | Refusal:
        """Has the intent committed, or returns why not: what is against it, though who may do what keeps changing."""
        against: Refusal | None = None
        for _ in range(STANDING_TRIES_MAX):
            against = await self._against(replaced)
            if against is None and (event := await self._committed()) is not None:
                return event
            if against is not None and not await self._calls.in_force.moved(self.prepared.epoch):
                return against
            refusal = await self._decide_again(replaced)
            if refusal is not None:
                return refusal
        keeps = UnavailableError("who may do what keeps changing", code="standing-changed", remedy="retry")
        return against or IntentFailed(keeps)

    async def _held_in_force(self, replaced: Replaced) -> Refusal | None:
        """Decides a call anew that is to be held, unless that is so by the newest standing: nobody is asked in vain."""
        if (await self._calls.in_force.newest()).epoch == self.prepared.epoch:
            return None
        return await self._decide_again(replaced)

    async def _against(self, replaced: Replaced) -> Refusal | None:
        """Has kept and reserved what the call needs; returns what is against it beyond the standing."""
        prepared, hold = self.prepared, self.prepared.hold
        if prepared.arrival.approval:
            return await self._fetched()
        self._approval = ""
        found: Refusal | None = None
        if hold is not None:
            found = await self._held(hold)
        if found is None and prepared.path.sinks:
            found = await self._returned()
        if found is None and (prepared.protected is not None or prepared.hidden is not None):
            found = await self._kept(replaced)
        if found is None and self.prepared.cost.accounts:
            found = await self._reserve()
        return found

    async def _committed(self) -> Event | None:
        """Has the intent committed; None where the call has to be decided anew."""
        try:
            return await self._commit()
        except SafeconductError as error:
            if not isinstance(error, UnavailableError):  # else it may be there all the same, and count
                self._reservation.settle_unused()
            if error.code == "standing-changed":  # which this process may not know yet
                await self._calls.in_force.moved(self.prepared.epoch)
            elif error.code not in _USED_UP:  # an equal request was faster, or time was: this one is held anew
                return IntentFailed(error)
        return None

    async def _commit(self) -> IntentCommitted:
        prepared, approval = self.prepared, self._approval
        traits = self._calls.marking.traits(prepared.arrival, prepared.principal, prepared.asked.body)
        draft = intent_draft(prepared, self._calls.worker, approval, traits)
        found = self._calls.marking.conversation(prepared)
        if found is not None:
            await self._answered_before(found)
        command = partial(self._append_if, prepared=prepared, draft=draft, approval=ApprovalId(approval), found=found)
        committed = await self._calls.commits(command, own=not approval and found is None)
        self.receipt, self.labels = committed.receipts[0], committed.value
        self.call = self.receipt.entry_id
        if self._fetches is None:
            return IntentCommitted(self.receipt)
        held, answer = self._fetches
        return IntentCommitted(self.receipt, answer, held.held.found)

    def _append_if(
        self, tx: Transaction, prepared: Prepared, draft: "Draft", approval: ApprovalId, found: Conversation | None
    ) -> CallLabels | None:
        if tx.now > prepared.arrival.at + DECIDED_MAX:
            raise ConflictError("it was decided too long before, or by a clock behind the log", code="standing-changed")
        require_allowed(tx, prepared, prepared.epoch, self._calls.standing())
        fetched = to_fetch(tx, prepared, tx.now) if self._fetches else None
        entry = tx.append(prepared.path.origin, draft)
        if approval:
            consume(tx, approval, content=fetched.held.content if fetched else held_content(prepared), by=entry.id)
        if found is None:
            return None
        labels = call_labels(found, tx)
        tx.append(prepared.path.origin, labelled_draft(entry.id, labels))
        return labels

    async def _answered_before(self, found: Conversation) -> None:
        """Waits until what was answered before in its session is recorded."""
        tags = found.marks.tags
        if tags:
            await self._calls.running.answers_recorded(tags[-1])
            self.session = tags[-1]

    async def _held(self, hold: Hold) -> Refusal | None:
        """Finds the approval of a call that is held for a person; returns why it may not be made yet."""
        prepared = self.prepared
        try:
            found = (await self._calls.commits(partial(approval_of, prepared=prepared, hold=hold))).value
        except SafeconductError as failed:
            return prepared.refusal(failed, step=6)
        if found.state is not Approved.APPROVED:
            return prepared.refusal(approval_required(found, hold), step=6)
        self._approval = found.id
        return None

    async def _fetched(self) -> Refusal | None:
        """Finds the answer that an approval lets go, and opens it; returns why it may not go.

        A person approved what goes, so no other approval is asked for; no model is asked, so nothing is reserved.
        """
        prepared = self.prepared
        try:
            found = (await self._calls.commits(lambda tx: to_fetch(tx, prepared, tx.now))).value
            answer = await asyncio.to_thread(opened_answer, self._calls.open_answer, found)
        except SafeconductError as error:
            return prepared.refusal(error, step=6)
        self.prepared = msgspec.structs.replace(prepared, cost=NO_COST)
        self._approval, self._fetches = found.held.approval, (found, answer)
        return None

    async def _returned(self) -> Refusal | None:
        """Looks whether tools' results that the conversation brings are of calls that were allowed."""
        prepared = self.prepared
        brought = dialect(prepared.arrival.dialect).transcript(prepared.asked.body)
        if not any(block.call_id for block in brought.blocks):
            return None
        try:
            await self._calls.commits(partial(check_returned, prepared=prepared, transcript=brought))
        except SafeconductError as error:
            return prepared.refusal(error, step=4)
        return None

    async def _kept(self, replaced: Replaced) -> Refusal | None:
        """Has the vault keep this call's tokens before they go out; returns why they can't be.

        Raises:
            UnavailableError: `pseudonyms-exhausted`, or as `_decide_again`.
        """
        for _ in range(STANDING_TRIES_MAX):
            made, vaulted = (self.prepared.protected, self.prepared.hidden), self._calls.vaulted
            unkept = [one for one in made if one is not None and one.unkept]
            if not unkept or vaulted is None:
                return None
            try:
                if all([await vaulted.keep(one.space, one.owner, one.unkept) for one in unkept]):
                    return None
            except SafeconductError as error:
                return self.prepared.refusal(error, step=7)
            refusal = await self._decide_again(replaced)  # another value has one of its tokens: now that is known
            if refusal is not None:
                return refusal
        raise UnavailableError("its pseudonyms clash with others", code="pseudonyms-exhausted", remedy="retry")

    async def _reserve(self) -> Refusal | None:
        """Reserves the worst case; returns why not."""
        try:
            await self._reservation.take(self.prepared)
        except SafeconductError as error:
            return self.prepared.refusal(error, step=8)
        return None

    async def _refused(self, refusal: Refusal) -> IntentFailed:
        arrival = msgspec.structs.replace(self.prepared.arrival, at=self._calls.clock.now())
        self.call = await self._calls.refusals.record(refusal, arrival, self.prepared.asked.body)
        return IntentFailed(refusal.error)

    async def _decide_again(self, replaced: Replaced) -> Refusal | None:
        """Decides the call anew; returns what is against it now.

        Raises:
            UnavailableError: `standing-changed`, `standing-unconfirmed`.
        """
        arrival = msgspec.structs.replace(self.prepared.arrival, at=self._calls.clock.now())
        again = await self._calls.decided(arrival, self.prepared.asked.body)
        if isinstance(again, Refusal):
            return again
        if again.unjudged:  # its path asks for that since now
            raise UnavailableError("its path has changed meanwhile", code="standing-changed", remedy="retry")
        self.prepared = again
        replaced(again)
        return None


def require_allowed(tx: Transaction, prepared: Prepared, since: int, standing: "Standing") -> None:
    """Returns if nothing that a call rests on has changed since an epoch, up to this transaction.

    Raises:
        ConflictError: `standing-changed`.
    """
    if epoch(tx) == since:
        return
    if concerned(tx, since, standing, prepared.facts, prepared.arrival.token):
        raise ConflictError("who may do what has changed meanwhile", code="standing-changed")
