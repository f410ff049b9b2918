"""The standing in force, to refuse by: nobody is turned away on one that is older than their request.

docs/spec/workers.md 4.6. Where other processes change it too, a refusal waits for the next reading of what they did;
whoever is let in waits for nothing here.
"""

from collections.abc import Callable
from typing import TypeVar

from safeconduct.access.standing import Standing
from safeconduct.kernel.errors import SafeconductError
from safeconduct.runtime.confirming import Confirmation

T = TypeVar("T")


class InForce:
    """The standing that a process judges by. Its waits are for the loop of `confirmation`.

    `standing` returns what the process knows by now. Without `confirmation` it makes every change itself: then that is
    what is in force, and nothing waits.
    """

    def __init__(self, standing: Callable[[], Standing], confirmation: Confirmation | None = None) -> None:
        self.standing = standing
        self.confirmation = confirmation

    async def judged(self, judge: Callable[[Standing], T], refuses: Callable[[T], bool]) -> T:
        """Returns what `judge` says of the standing; while that `refuses`, what it says of each that follows.

        The last one that is asked about was read after this was called. What does not refuse is the last word.

        Raises:
            UnavailableError: `standing-unconfirmed`, as `Confirmation.newer`.
        """
        standing = self.standing()
        found = judge(standing)
        if self.confirmation is None or not refuses(found):
            return found

        def settled() -> bool:
            nonlocal standing, found
            if refuses(found) and self.standing() is not standing:
                standing = self.standing()
                found = judge(standing)
            return not refuses(found)

        await self.confirmation.newer(settled)
        settled()
        return found

    async def passed(self, judge: Callable[[Standing], T], refuses: Callable[[T], bool]) -> T:
        """Returns what `judge` says, as `judged`; what does not refuse rests on a reading that is fresh, too.

        For what is let through once and can't be cut afterwards, as a running call can.

        Raises:
            UnavailableError: as `judged`, and as `Confirmation.fresh`.
        """
        found = await self.judged(judge, refuses)
        while self.confirmation is not None and not refuses(found) and not self.confirmation.releases():
            await self.confirmation.fresh()
            found = await self.judged(judge, refuses)
        return found

    async def fresh(self) -> Standing:
        """Returns the standing by a reading that is fresh: what is let through by it may be handed over.

        Raises:
            UnavailableError: as `Confirmation.fresh`.
        """
        if self.confirmation is not None:
            await self.confirmation.fresh()
        return self.standing()

    async def allowed(self, judge: Callable[[Standing], T]) -> T:
        """Returns what `judge` says, as `judged`; it refuses by raising, and its last refusal is raised.

        Raises:
            SafeconductError: what `judge` raised.
            UnavailableError: as `judged`.
        """

        def told(standing: Standing) -> T | SafeconductError:
            try:
                return judge(standing)
            except SafeconductError as error:
                return error

        found = await self.judged(told, _is_error)
        if not isinstance(found, SafeconductError):
            return found
        try:
            raise found
        finally:
            del found  # else its traceback would hold this frame, and this frame it

    async def bound(self, token: str) -> str:
        """Returns what a token is bound to; empty where it is to nothing, or is none.

        Raises:
            UnavailableError: as `judged`.
        """

        def known(standing: Standing) -> str | None:
            return standing.bound(token) if standing.issued_as(token) else None

        return await self.judged(known, lambda bound: bound is None) or ""

    async def newest(self) -> Standing:
        """Returns the standing by a reading that began after this was asked: with all that was changed before.

        Raises:
            UnavailableError: as `judged`.
        """
        if self.confirmation is not None:
            await self.confirmation.newer()
        return self.standing()

    async def moved(self, epoch: int) -> bool:
        """Tells whether the standing is another than that of an epoch: once it is, or was read after this was asked.

        Raises:
            UnavailableError: as `judged`.
        """

        def other() -> bool:
            return self.standing().epoch != epoch

        if self.confirmation is not None:
            await self.confirmation.newer(other)
        return other()


def _is_error(found: object) -> bool:
    return isinstance(found, SafeconductError)
