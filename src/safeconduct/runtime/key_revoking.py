"""Having keys of upstreams revoked at their vendor (docs/spec/freeze.md section 6).

A key is looked at before each try: so a lost answer is found out, and no vendor is asked twice for what it did.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

from safeconduct.access.upstream_key_events import KEY_REVOCATIONS, KeyRevocation, Revoking
from safeconduct.access.upstream_keys import KeyRevoker, KeyState, Way, is_revoked, settle
from safeconduct.kernel.effects import Effect
from safeconduct.kernel.errors import InvalidInputError, RefusedError, UnavailableError
from safeconduct.kernel.ids import FreezeId
from safeconduct.kernel.instants import MINUTE, Duration
from safeconduct.kernel.ports import Clock
from safeconduct.runtime.freeze import Snapshot
from safeconduct.runtime.queued import QueuedWriter

GIVE_UP = Duration(15 * MINUTE)
"""How long a vendor is asked, counted from the order: a key that others have can't wait longer for a person."""

TRIES_MIN = 3
"""Tries before giving up, however late it is: after a day without power the network takes a moment, too."""

Ended = tuple[Revoking, str]


class KeyCarrier:
    """Carries out the orders. `find_way` reads the operator's file anew, so that a mended one counts at once."""

    def __init__(
        self, writer: QueuedWriter, snapshot: Snapshot, clock: Clock, find_way: Callable[[Sequence[str]], Way]
    ) -> None:
        self._writer = writer
        self._snapshot = snapshot
        self._clock = clock
        self._find_way = find_way
        self._tries: defaultdict[FreezeId, int] = defaultdict(int)
        self._seen: set[FreezeId] = set()

    async def carry_out(self, effect: Effect) -> None:
        """Tries once, and ends the order with what came of it.

        Raises:
            UnavailableError: the vendor gave no answer that counts: it is to be asked again.
            InvalidInputError: the operator's file or the admin key can't be read: as long as it is early.
        """
        freeze = FreezeId(effect.key)
        with self._snapshot() as records:
            order = records.get(KEY_REVOCATIONS, freeze)
            if order is None:
                raise UnavailableError(f"no entry ordered to revoke a key as {freeze}", code="log-damaged")
            known = is_revoked(records, order.key)
        outcome, said = await self._try(order, known=known)
        self._tries.pop(freeze, None)
        await asyncio.wrap_future(self._writer.submit(lambda tx: settle(tx, freeze, outcome, said)))

    async def _try(self, order: KeyRevocation, *, known: bool) -> Ended:
        try:
            way = await asyncio.to_thread(self._find_way, order.upstreams)
            if way.revoker is None:
                return Revoking.BY_HAND, way.by_hand
            return await self._revoke(way.revoker, order, known=known)
        except RefusedError as error:
            return Revoking.FAILED, error.message
        except UnavailableError as error:
            self._count(order, error)
            return Revoking.FAILED, error.message
        except InvalidInputError as error:
            self._count(order, error)
            return Revoking.BY_HAND, f"the file of upstreams or its admin key can't be used: {error.code}"

    async def _revoke(self, revoker: KeyRevoker, order: KeyRevocation, *, known: bool) -> Ended:
        state = await revoker.look(order.key)
        if state is KeyState.REVOKED:
            return Revoking.REVOKED, "the vendor says that it is revoked"
        if state is KeyState.ABSENT:
            if known or order.freeze in self._seen:
                return Revoking.REVOKED, "the vendor had it, and has it no more"
            return Revoking.FAILED, "the vendor knows no key of that id: it is deleted already, or not of that project"
        self._seen.add(order.freeze)
        await revoker.revoke(order.key)
        return Revoking.REVOKED, "the vendor has revoked it"

    def _count(self, order: KeyRevocation, error: UnavailableError | InvalidInputError) -> None:
        self._tries[order.freeze] += 1
        if self._clock.now() < order.at + GIVE_UP or self._tries[order.freeze] < TRIES_MIN:
            raise error
