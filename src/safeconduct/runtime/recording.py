"""What one call has put in the log on its way: further attempts, what was decided of its answer, and its outcome."""

from functools import partial
from typing import TYPE_CHECKING

from safeconduct.access.target_rules import Place
from safeconduct.boundary.model import ToolCall
from safeconduct.gateway.budgets.charging import charge
from safeconduct.gateway.entries import attempt_draft, outcome_draft
from safeconduct.gateway.held_answers import Put, put_to_vote
from safeconduct.gateway.moves import (
    AnswerKept,
    AppendAttempt,
    AttemptCommitted,
    AttemptFailed,
    Event,
    HoldAnswer,
    Outcome,
    TurnDecided,
    TurnUndecided,
)
from safeconduct.gateway.turns import Shown, Turn, judge
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.kernel.ports import Transaction
from safeconduct.runtime.intending import STANDING_TRIES_MAX, Intending, require_allowed
from safeconduct.runtime.outcomes import append_outcome, compared, said
from safeconduct.runtime.reserving import Reservation

if TYPE_CHECKING:
    from collections.abc import Callable

    from safeconduct.kernel.entries import Draft
    from safeconduct.kernel.ports import Receipt
    from safeconduct.runtime.calls import Calls


class Recording:
    """The entries of one call after its intent."""

    def __init__(self, calls: "Calls", intending: Intending, reservation: Reservation) -> None:
        self._calls = calls
        self._intending = intending
        self._reservation = reservation

    async def attempt(self, further: AppendAttempt, retries: "Callable[[], bool]") -> Event:
        """Has the entry of a further attempt committed, while the call still `retries`."""
        found = self._intending
        draft = attempt_draft(found.call, found.prepared, self._calls.worker, further)
        for _ in range(STANDING_TRIES_MAX):
            known = self._calls.standing().epoch
            try:
                await self._calls.commits(partial(self._append_attempt_if, draft=draft), own=True)
            except SafeconductError as error:
                if error.code != "standing-changed" or not await self._moved(known) or not retries():
                    return AttemptFailed()
            else:
                return AttemptCommitted()
        return AttemptFailed()

    async def _moved(self, epoch: int) -> bool:
        """Waits until this process knows of a newer standing; tells whether it may be known at all."""
        try:
            await self._calls.in_force.moved(epoch)
        except UnavailableError:
            return False
        return True

    def _append_attempt_if(self, tx: Transaction, draft: "Draft") -> None:
        # The call runs, so every standing that this process has taken in still allows it. There may be a newer one.
        standing, prepared = self._calls.standing(), self._intending.prepared
        require_allowed(tx, prepared, standing.epoch, standing)
        tx.append(prepared.path.origin, draft)

    async def turn(self, proposed: tuple[ToolCall, ...]) -> Event:
        """Has the tool calls of an answer decided, together."""
        found, standing, now = self._intending, self._calls.standing(), self._calls.clock.now()
        path = found.prepared.path

        def in_scope(text: str) -> bool:
            return not standing.outside(path, {text: Place.ARGUMENT}, now)

        turn = Turn(call=found.call, prepared=found.prepared, shown=self._shown(), proposed=proposed, in_scope=in_scope)
        try:
            committed = await self._calls.commits(lambda tx: judge(tx, turn))
        except SafeconductError as error:
            return TurnUndecided(error)
        return TurnDecided(committed.value.instead)

    def _shown(self) -> Shown:
        labels = self._intending.labels
        if labels is None:
            return Shown()
        words, results = labels.words, labels.results
        return Shown(context=labels.context, words=words, results=results, variables=labels.variables)

    async def held(self, holds: HoldAnswer) -> Event:
        """Has an answer put to the vote."""
        put = Put(call=self._intending.call, prepared=self._intending.prepared, holds=holds, salt=self._calls.salt())
        try:
            return AnswerKept((await self._calls.commits(lambda tx: put_to_vote(tx, put))).value)
        except SafeconductError as error:
            return AnswerKept(error)

    async def outcome(self, outcome: Outcome) -> "tuple[Outcome, Receipt]":
        """Has the outcome committed, and ends what the call reserved. Returns it as it stands in the log.

        Raises:
            SafeconductError: as the commit; `call-ended` where another outcome is there.
        """
        found, prepared = self._intending, self._intending.prepared
        outcome = compared(outcome, prepared, self._calls.upstreams)
        charged = charge(self._reservation.cost, outcome)
        draft = outcome_draft(found.call, prepared.principal.id, self._calls.worker, outcome, charged)
        answered = said(outcome, prepared, found.call, found.labels) if found.session else None
        command = partial(append_outcome, call=found.call, prepared=prepared, outcome=outcome, draft=draft)
        if answered is not None:
            command = partial(command, answered=answered)
        committed = await self._calls.commits(command, own=not outcome.quoted and answered is None)
        self._reservation.settle(charged.settled)
        return outcome, committed.receipts[0]
