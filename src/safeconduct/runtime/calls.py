"""All governed calls of one worker: takes them in, finds those that a change of standing cuts, and lets them end."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from safeconduct.access.rulings import Rulings
from safeconduct.access.standing import Decide, Standing
from safeconduct.boundary.ports import Vault
from safeconduct.gateway import prepare as steps
from safeconduct.gateway.arriving import Admitted, Arrival
from safeconduct.gateway.breakers import Breakers
from safeconduct.gateway.budgets.rates import Pace
from safeconduct.gateway.entries import abandoned_draft
from safeconduct.gateway.events import OPEN_CALLS
from safeconduct.gateway.held_answers import SALT_BYTES, OpenAnswer
from safeconduct.gateway.moves import CutWhy
from safeconduct.gateway.observing import Observer, Observers
from safeconduct.gateway.offered import offered
from safeconduct.gateway.ports import CallClient, Classifier, Inspector, Upstream
from safeconduct.gateway.prepared import Prepared, Refusal
from safeconduct.gateway.protecting import no_tokens
from safeconduct.gateway.providers import Configured
from safeconduct.gateway.release import PassesAll
from safeconduct.gateway.request_checks import too_large
from safeconduct.gateway.spotlighting import NONCE_BYTES
from safeconduct.gateway.vendors import vendor_key
from safeconduct.kernel.canonical import JSONValue
from safeconduct.kernel.errors import LimitedError, SafeconductError, UnavailableError
from safeconduct.kernel.ids import Origin, PathId
from safeconduct.kernel.ports import Clock, Entropy, Transaction
from safeconduct.policy import DecisionMemo
from safeconduct.runtime.confirming import Confirmation, unconfirmed
from safeconduct.runtime.entropy import DrawnAhead
from safeconduct.runtime.freeze import CutReport
from safeconduct.runtime.in_force import InForce
from safeconduct.runtime.judging import judgment
from safeconduct.runtime.leases import Commits, Leases
from safeconduct.runtime.marking import Marking
from safeconduct.runtime.one_call import CallRun, Ended
from safeconduct.runtime.patience import Patience
from safeconduct.runtime.refusals import Refusals
from safeconduct.runtime.running import Running
from safeconduct.runtime.vaulting import Vaulted


class Calls:
    """All calls of one worker. Made and used on one loop, except where a method says otherwise.

    `confirmed` says that this process makes every change of standing itself; else it must be confirmed, by somebody who
    tells `confirmation`, for anything to be dispatched or released.
    """

    def __init__(
        self,
        *,
        standing: Callable[[], Standing],
        commits: Commits,
        upstreams: Mapping[str, Upstream],
        models: Mapping[str, Mapping[str, str]],
        installation: Origin,
        worker: str,
        clock: Clock,
        entropy: Entropy,
        safety_secret: bytes = b"",
        patience: Patience | None = None,
        decide: Decide | None = None,
        confirmed: bool = True,
        pace: Pace | None = None,
        inspector: Inspector | None = None,
        vault: Vault | None = None,
        classifier: Classifier | None = None,
        open_answer: OpenAnswer | None = None,
        observers: Iterable[Observer] = (),
    ) -> None:
        self.commits = commits
        self.upstreams = upstreams
        self.worker = worker
        self.clock = clock
        self._entropy = DrawnAhead(entropy)
        self.patience = patience or Patience()
        self.vaulted = Vaulted(vault) if vault else None
        self._classifier = classifier
        self.open_answer = open_answer or _cannot_open
        self.breakers = Breakers()
        self.loop = asyncio.get_running_loop()
        confirmation = None if confirmed else Confirmation(partial(self.cut_all, CutWhy.UNCONFIRMED))
        self.in_force = InForce(standing, confirmation)
        self._configured = {
            name: Configured(
                facts=upstream.facts,
                names=models.get(name, {}),
                safety_key=vendor_key(safety_secret, upstream.facts.vendor) if safety_secret else b"",
            )
            for name, upstream in upstreams.items()
        }
        self.decide = decide or DecisionMemo().decide
        self._rulings = Rulings() if decide is None else None
        self.observers = Observers(observers)
        self.running = Running(self.observers)
        self.marking = Marking(safety_secret, self.standing, inspector or PassesAll())
        self.refusals = Refusals(commits, self.standing, self.marking, self.observers, installation)
        self.leases = Leases(commits, worker=worker, clock=clock)
        self.pace = pace or Pace()
        self.closing = False

    def standing(self) -> Standing:
        """Returns the standing that this process knows by now."""
        return self.in_force.standing()

    @property
    def confirmation(self) -> Confirmation | None:
        """When the standing was last known to be in force; None where this process makes every change of it."""
        return self.in_force.confirmation

    def arrival(self, path: PathId, **headers: Any) -> Arrival:  # noqa: ANN401 - the fields of Arrival
        """Returns a new call's arrival, now."""
        return Arrival(path=path, at=self.clock.now(), nonce=self._entropy(NONCE_BYTES).hex(), **headers)

    def salt(self) -> bytes:
        """Returns the salt of a commitment to an answer that is held. In the thread of the calls alone."""
        return self._entropy(SALT_BYTES)

    def unready(self) -> tuple[str, ...]:
        """Returns why no call can be governed now, by stable codes; nothing where some can."""
        paths = self.standing().paths.values()
        asked = {provider.upstream for path in paths for provider in path.providers}
        reasons = {
            "shutting-down": self.closing,
            "standing-unconfirmed": self._unconfirmed(),
            "upstream-missing": bool(asked) and asked.isdisjoint(self.upstreams),
        }
        return tuple(why for why, holds in reasons.items() if holds)

    def _unconfirmed(self) -> bool:
        return self.confirmation is not None and not self.confirmation.admits()

    def _check_open(self) -> None:
        """Returns if calls are taken now.

        Raises:
            UnavailableError: `shutting-down`, `standing-unconfirmed`.
        """
        if self.closing:
            raise _shutting_down()
        if self._unconfirmed():
            raise unconfirmed()

    async def admit(self, arrival: Arrival, size: int = 0) -> Admitted | Refusal:
        """Steps 1 and 2 on headers alone, and whether its path takes a body of so many bytes, before that is read.

        Raises:
            UnavailableError: `shutting-down`, `standing-unconfirmed`.
        """
        self._check_open()

        def let_in(standing: Standing) -> Admitted | Refusal:
            found = steps.let_in(standing, arrival)
            if isinstance(found, Admitted) and size > found.path.limits.request_bytes:
                return too_large(found)
            return found

        return await self.in_force.judged(let_in, _refuses)

    async def run(self, arrival: Arrival, body: bytes, client: CallClient, admitted: Admitted | None = None) -> Ended:
        """Governs one call from its bytes to its outcome. `admitted` is what its headers came to, if known."""
        try:
            self._check_open()
            prepared = await self.in_force.judged(partial(self._begun, arrival, body, admitted), _refuses)
        except UnavailableError as error:
            await client.error(error, "", after_dispatch=False)
            return Ended()
        if isinstance(prepared, Refusal):
            return Ended(call=await self.refusals.tell(prepared, arrival, body, client))
        try:
            if prepared.restrictions and prepared.slow_s:
                return await self._slowed(prepared, body, client)
            return await self._drive(prepared, body, client)
        finally:
            self.pace.end(prepared.caller)

    def _begun(
        self, arrival: Arrival, body: bytes, admitted: Admitted | None, standing: Standing
    ) -> Prepared | Refusal:
        """Steps 1 to 7, and the rates of step 2: a call that is prepared is counted in."""
        prepared = self.prepare(arrival, body, admitted, standing)
        if isinstance(prepared, Refusal):
            return prepared
        limits = prepared.path.limits
        try:
            self.pace.begin(prepared.caller, limits.calls_per_minute, limits.concurrent, self.loop.time())
        except LimitedError as error:
            return prepared.refusal(error, step=2)
        return prepared

    async def _slowed(self, prepared: Prepared, body: bytes, client: CallClient) -> Ended:
        """Waits, then decides anew."""
        await asyncio.sleep(prepared.slow_s)
        return await self._anew(prepared.arrival, body, client)

    async def _judged(self, prepared: Prepared, body: bytes, client: CallClient) -> Ended:
        """Has the machine's classifier look, then decides anew with what it said."""
        said = await judgment(self._classifier, prepared)
        return await self._anew(msgspec.structs.replace(prepared.arrival, judged=said), body, client)

    async def _anew(self, arrival: Arrival, body: bytes, client: CallClient) -> Ended:
        """Decides after a wait: what was changed meanwhile holds."""
        arrival = msgspec.structs.replace(arrival, at=self.clock.now())
        try:
            again = await self.decided(arrival, body)
        except UnavailableError as error:
            await client.error(error, "", after_dispatch=False)
            return Ended()
        if isinstance(again, Refusal):
            return Ended(call=await self.refusals.tell(again, arrival, body, client))
        return await self._drive(again, body, client)

    async def _drive(self, prepared: Prepared, body: bytes, client: CallClient) -> Ended:
        if self.closing:  # since it came: it waited for a newer standing, or as a restriction says
            await client.error(_shutting_down(), "", after_dispatch=False)
            return Ended()
        if prepared.unjudged:
            return await self._judged(prepared, body, client)
        if prepared.restrictions:
            client.restricted(prepared.restrictions, prepared.model.name)
        if prepared.outside and prepared.marked:
            client.marked(prepared.marked)
        if prepared.hints and prepared.hinted:
            client.hinted(prepared.hinted)
        run = CallRun(self, prepared, client)
        self.running.add(run)  # before any await: whatever cuts from here on finds it
        try:
            return await run.drive()
        except Exception:
            await self._close(run)
            raise
        finally:
            self.running.discard(run)

    async def _close(self, run: CallRun) -> None:
        """Closes a call that a fault of ours ended: open, it would hold what it reserved until the next start."""

        def close(tx: Transaction) -> None:
            left = tx.get(OPEN_CALLS, run.call)
            if left is not None:
                draft = abandoned_draft(left.call, self.worker, left.reserved, why="fault")
                tx.append(Origin(left.origin), draft)

        with contextlib.suppress(SafeconductError):  # the next start closes it
            await self.commits(close, own=True)

    def prepare(
        self, arrival: Arrival, body: bytes, admitted: Admitted | None = None, standing: Standing | None = None
    ) -> Prepared | Refusal:
        """Steps 1 to 7 on a standing, or on the one that is known now."""
        tokens, known = self.vaulted.tokens if self.vaulted else no_tokens, self._configured
        return steps.prepare(
            standing or self.standing(),
            known,
            arrival,
            body,
            decide=self.decide,
            tokens=tokens,
            admitted=admitted,
            rulings=self._rulings,
        )

    async def decided(self, arrival: Arrival, body: bytes) -> Prepared | Refusal:
        """Steps 1 to 7 of a call that was let in before.

        Raises:
            UnavailableError: `standing-unconfirmed`.
        """
        return await self.in_force.judged(partial(self.prepare, arrival, body, None), _refuses)

    async def offered(self, arrival: Arrival, family: str) -> tuple[str, ...]:
        """Returns the names of models that a call like this may ask for now. Leaves no entry: nothing was asked.

        A name that is not among them is a refusal, so the standing is the newest.

        Raises:
            SafeconductError: as `gateway.offered.offered`, and `InForce.newest`.
        """
        return offered(await self.in_force.newest(), self._configured, arrival, family, decide=self.decide)

    def in_flight(self) -> int:
        """Returns how many calls run: what the writer may expect commands from. Any thread."""
        return len(self.running)

    def standing_changed(self, standing: Standing, committed_at: float) -> CutReport:
        """Cuts every running call that the standing no longer allows."""
        return self.running.standing_changed(standing, committed_at)

    def cut_all(self, why: CutWhy) -> None:
        """Cuts every running call."""
        self.running.cut_all(why)

    async def shutdown(self, drain_s: float = 0.0) -> None:
        """Takes no more calls, lets those that run end within so many seconds, cuts what is left, and records outcomes.

        `cut_all` ends the waiting: then nothing runs any more.
        """
        self.closing = True
        await self.running.end(drain_s)
        await self.leases.close()
        await self.refusals.drain(self.clock.now())


def _refuses(found: object) -> bool:
    return isinstance(found, Refusal)


def _cannot_open(entry: str, field: str) -> JSONValue:
    raise UnavailableError(f"this process can't open the {field} of entry {entry}", code="answer-lost")


def _shutting_down() -> UnavailableError:
    return UnavailableError("this gateway is shutting down", code="shutting-down", remedy="retry")
