"""Freezes and revocations reach running calls: from the commit, through a new standing, to each client's socket (R5).

The listener runs on the writer's thread before anyone learns of the commit, so that no call is decided on a standing
older than a freeze that its caller knows of. A call that was decided on the old one is running by then, and is cut.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from safeconduct.access.compiling import compile_standing
from safeconduct.access.model.calls import CallFacts
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.stops import RestrictionKind
from safeconduct.access.records import epoch
from safeconduct.access.secrets import secret_hash
from safeconduct.access.standing import Standing, restricts
from safeconduct.gateway.moves import CutWhy
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ports import Records

Snapshot = Callable[[], AbstractContextManager[Records]]
"""Opens the committed control state as of now, from any thread."""

CALL_AREA = "gateway."
"""Entries of calls, which never change who may do what. They are nearly all there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutReport:
    """What one change of standing cut, in seconds of the loop's clock.

    `committed_at` is when the change was durable, `cut_at` when each call's client transport was closed: no byte was
    handed to it later. A call whose intent was still on its way is not in there: nothing of it was under way.
    """

    epoch: int
    committed_at: float
    cut_at: Mapping[str, float]

    @property
    def slowest_ms(self) -> float:
        """From the commit to the last call's cut, in milliseconds; 0 where no call was cut."""
        return max((at - self.committed_at for at in self.cut_at.values()), default=0.0) * 1000


class Cuttable(Protocol):
    """What runs calls on a loop."""

    def standing_changed(self, standing: Standing, committed_at: float) -> CutReport:
        """Cuts every running call that the standing no longer allows. Called on the loop."""
        ...


class StandingBoard:
    """The standing in force, swapped whole, and the loop whose calls are cut when it changes."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._attached: tuple[asyncio.AbstractEventLoop, Cuttable] | None = None
        self._turn = threading.Lock()  # an older standing must not follow a newer one
        with snapshot() as records:
            self.current = compile_standing(records)

    def attach(self, loop: asyncio.AbstractEventLoop, calls: Cuttable) -> None:
        """Names the calls to cut. There is one loop that runs calls."""
        self._attached = (loop, calls)

    def take_in(self, entries: Sequence[Entry]) -> None:
        """Takes in what was committed: a listener of the writer, on its thread."""
        if not all(entry.type.startswith(CALL_AREA) for entry in entries):
            self.refresh()

    def refresh(self) -> None:
        """Swaps the standing if it is not the one in force, and has cut what it no longer allows. Any thread."""
        with self._turn, self._snapshot() as records:
            if epoch(records) == self.current.epoch:
                return
            self.current = compile_standing(records, self.current)
            self._tell()

    def _tell(self) -> None:
        if self._attached is not None:
            loop, calls = self._attached
            if not loop.is_closed():
                loop.call_soon_threadsafe(calls.standing_changed, self.current, loop.time())


def fallen(standing: Standing, call: CallFacts, token: str = "") -> tuple[CutWhy, str] | None:
    """Returns why a call that was allowed is not any more, and the clause; None while it still is.

    `token` is the one it came with; empty for a call from within this process.
    """
    freeze = standing.cut_by(call, token)
    if freeze is not None:
        return CutWhy.FREEZE, f"freeze:{freeze.id}"
    suspended = _suspended(standing, call)
    if suspended:
        return CutWhy.REVOKED, suspended
    principal = standing.principals.get(call.principal)
    if principal is None:
        return CutWhy.REVOKED, f"principal:{call.principal}"
    lost = _lost(standing, principal, call, token)
    return (CutWhy.REVOKED, lost) if lost else None


def _lost(standing: Standing, principal: Principal, call: CallFacts, token: str) -> str:
    """Returns the clause of what a call needs and has no more; empty while it has all."""
    unvetted = standing.admissions.fallen(principal, standing.sponsor(principal), call.tier)
    if unvetted:
        return unvetted
    if token and secret_hash(token) not in standing.tokens:
        return f"token-of:{call.principal}"
    if not standing.approves(call.approval):
        return f"model-approval:{call.approval}"
    if call.path not in standing.paths:
        return f"path:{call.path}"
    held = standing.grants.get((call.principal, call.path), ())
    grant = next((one for one in held if one.id == call.grant), None)
    if grant is None:
        return f"grant:{call.grant}"
    if standing.reach(principal, grant) < call.tier:
        return f"principal:{call.principal}/tier"
    lowered = standing.lowering(principal)
    return lowered.clause if lowered is not None and lowered.tier < call.tier else ""


def _suspended(standing: Standing, call: CallFacts) -> str:
    for restriction in chain.from_iterable(standing.restrictions.values()):
        if restriction.kind is RestrictionKind.SUSPEND and restricts(restriction.selector, call):
            return f"restriction:{restriction.id}"
    return ""
