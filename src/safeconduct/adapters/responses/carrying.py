"""Carries out what actions order at points: notes how each stands, tells it, looks at it, has it undo.

The points of one action are told beside each other, so that one that is away holds up no other. Each effect ends in
one entry with what every point said; carried out again after a kill, points do it once and the first entry counts.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from safeconduct.kernel.effects import Effect
from safeconduct.kernel.errors import InvalidInputError, RefusedError, SafeconductError, UnavailableError
from safeconduct.kernel.ids import ActionId, EntryId
from safeconduct.kernel.ports import Transaction, Writer
from safeconduct.soc.actions import outcomes
from safeconduct.soc.actions.model import PointReport, PointState, Presence
from safeconduct.soc.actions.ports import Order, Point, Standing

ATTEMPTS = 3
"""Times that a point is asked before it counts as away: one that starts again is not."""

PAUSE_S = 1.0
"""Seconds between two of them."""

Points = Callable[[], Mapping[tuple[str, str], Point]]
"""Returns the configured points, by name and kind. Raises InvalidInputError where the file is not of its form."""

_HELD = "held"
_Ask = Callable[[Point, Order, Standing], PointReport]


class PointCarrier:
    """Carries out the effects of `soc.actions.keeping`, but for looks at our own list."""

    def __init__(self, writer: Writer, points: Points) -> None:
        self._writer = writer
        self._points = points

    async def prepare(self, effect: Effect) -> None:
        """Notes how each point stands before anything is changed."""
        await self._end(effect, await self._ask(effect, _prepare, PointState.REFUSED), outcomes.record_prepared)

    async def carry_out(self, effect: Effect) -> None:
        """Tells each point what to do."""
        await self._end(effect, await self._ask(effect, _apply, PointState.UNKNOWN), outcomes.record_carried_out)

    async def undo(self, effect: Effect) -> None:
        """Has each point undo it."""
        await self._end(effect, await self._ask(effect, _undo, PointState.UNKNOWN), outcomes.record_undone)

    async def look(self, effect: Effect) -> None:
        """Looks at each point anew."""
        expect = Presence(effect.body["expect"])
        ask = _seen if expect is Presence.PRESENT else _gone
        reports = await self._ask(effect, ask, PointState.UNKNOWN)
        await self._submit(lambda tx: outcomes.record_look(tx, EntryId(effect.key), _action(effect), expect, reports))

    async def _end(
        self,
        effect: Effect,
        reports: list[PointReport],
        record: Callable[[Transaction, EntryId, ActionId, outcomes.Reports], object],
    ) -> None:
        await self._submit(lambda tx: record(tx, EntryId(effect.key), _action(effect), reports))

    async def _submit(self, command: Callable[[Transaction], object]) -> None:
        await asyncio.wrap_future(self._writer.submit(command))

    async def _ask(self, effect: Effect, ask: _Ask, away: PointState) -> list[PointReport]:
        order = _order(effect.body)
        known = [msgspec.convert(one, PointReport) for one in effect.body["points"]]
        try:
            points = await asyncio.to_thread(self._points)
        except InvalidInputError as error:
            return [replace(one, state=away, detail=error.code) for one in known]
        return await asyncio.gather(
            *(_one(points.get((one.point, order.kind)), order, one, ask, away) for one in known)
        )


async def _one(point: Point | None, order: Order, known: PointReport, ask: _Ask, away: PointState) -> PointReport:
    if point is None:
        return replace(known, state=away, detail="point-unconfigured")
    problem: SafeconductError | None = None
    for attempt in range(ATTEMPTS):
        if attempt:
            await asyncio.sleep(PAUSE_S)
        try:
            said = await asyncio.to_thread(ask, point, order, _standing(known.before))
        except RefusedError as error:
            return replace(known, state=_refused(ask), detail=error.code)
        except UnavailableError as error:
            problem = error
        else:
            return replace(said, point=known.point, before=said.before or known.before)
    return replace(known, state=away, detail=problem.code if problem else "")


def _prepare(point: Point, order: Order, _before: Standing) -> PointReport:
    standing = point.look(order)
    return _said(PointState.READY, before={**standing.note, _HELD: "yes" if standing.held else "no"})


def _apply(point: Point, order: Order, before: Standing) -> PointReport:
    try:
        point.apply(order, before)
    except RefusedError as error:
        # Nothing was changed by this try; one before it, whose answer or entry got lost, may have.
        if _as_before(point, order, before):
            raise
        return _said(PointState.UNKNOWN, error.code)
    return _said(PointState.DONE)


def _as_before(point: Point, order: Order, before: Standing) -> bool:
    try:
        return point.look(order).held == before.held
    except RefusedError:
        return False


def _undo(point: Point, order: Order, before: Standing) -> PointReport:
    point.undo(order, before)
    return _said(PointState.UNDONE)


def _seen(point: Point, order: Order, _before: Standing) -> PointReport:
    return _said(PointState.SEEN) if point.look(order).held else _said(PointState.UNSEEN, "effect-missing")


def _gone(point: Point, order: Order, before: Standing) -> PointReport:
    as_before = point.look(order).held == before.held
    return _said(PointState.UNDONE) if as_before else _said(PointState.SEEN, "not-as-before")


def _refused(ask: _Ask) -> PointState:
    # Who refuses to look or to undo may still hold the effect; who refuses to begin does not.
    return PointState.REFUSED if ask in (_prepare, _apply) else PointState.UNKNOWN


def _said(state: PointState, detail: str = "", before: Mapping[str, str] | None = None) -> PointReport:
    return PointReport(point="", state=state, detail=detail, before=before or {})


def _standing(before: Mapping[str, str]) -> Standing:
    note = {name: value for name, value in before.items() if name != _HELD}
    return Standing(held=before.get(_HELD) == "yes", note=note)


def _order(body: Mapping[str, Any]) -> Order:
    return msgspec.convert({name: body[name] for name in ("action", "kind", "target", "incident", "until")}, Order)


def _action(effect: Effect) -> ActionId:
    return ActionId(effect.body["action"])
