"""Who speaks by an API token, as for calls, and what they say."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

from fastapi import Depends, Request

from safeconduct.access import records as kept
from safeconduct.access.reading_rights import Reader, reader_as
from safeconduct.access.tokens import TOKEN_PREFIX
from safeconduct.http.acts import HEADER, decode_act
from safeconduct.http.control.asking import Asked, asking
from safeconduct.http.control.context import control
from safeconduct.http.control.requests import bearer, body_of, limited_body, require_act, same_request
from safeconduct.http.holding import HELD
from safeconduct.kernel.ids import PrincipalId

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T_co = TypeVar("T_co", covariant=True)

CALLER_BYTES_MAX = 4096
"""Bytes of what somebody says by their token: names and digests."""


async def asking_caller(request: Request) -> Asked[bytes]:
    """Returns the body and who asks: as `asking`, or whoever's API token it shows, as for calls.

    Raises:
        UnauthenticatedError: none of these.
        TooLargeError: as `asking`.
    """
    token = bearer(request).decode("utf-8", "replace")
    if not token.startswith(TOKEN_PREFIX):
        return await asking(request)
    here, principal = control(request), await identified(request, token)
    with here.snapshot() as records:
        who = records.get(kept.PRINCIPALS, principal)
        reader = reader_as(records, who) if who else Reader()
    return Asked(reader, await body_of(request))


async def identified(request: Request, token: str) -> PrincipalId:
    """Returns whose API token this is, as for calls.

    Raises:
        UnauthenticatedError: nobody's, or its sender does not hold what it is bound to.
        UnavailableError: as `InForce.allowed`.
    """
    here, holds = control(request), await held(request, token)
    now = here.clock.now()
    return (await here.in_force.allowed(lambda standing: standing.identify(token, now, holds))).id


async def held(request: Request, token: str = "") -> tuple[str, ...]:
    """Returns what the request's sender showed to hold; nothing where no server looked.

    Raises:
        UnauthenticatedError, LimitedError, UnavailableError: as `Holding.of`.
    """
    look: Callable[[str], Awaitable[tuple[str, ...]]] | None = request.scope.get(HELD)
    return await look(token) if look else ()


AskingCaller = Annotated[Asked[bytes], Depends(asking_caller)]


@dataclass(frozen=True, slots=True)
class Self:
    """Who asks about themselves, and what the sign-in behind their token counts for: None where a key speaks."""

    principal: PrincipalId
    signed_in: int | None = None


async def myself(request: Request) -> Self:
    """Returns who asks, by an act or an API token: whoever has the data in hand is nobody in particular.

    Raises:
        UnauthenticatedError: neither of the two, or not one of theirs.
    """
    token = bearer(request).decode("utf-8", "replace")
    if HEADER in request.headers:
        signed = decode_act(request.headers[HEADER])
        same_request(request, signed, b"")
        await asyncio.to_thread(request.app.state.check_reader, signed)
        return Self(PrincipalId(signed.act.actor))
    if not token.startswith(TOKEN_PREFIX):
        require_act(request)
    principal = await identified(request, token)
    return Self(principal, control(request).in_force.standing().sign_in_tier(token))


Myself = Annotated[Self, Depends(myself)]


@dataclass(frozen=True, slots=True)
class Called(Generic[T_co]):
    """What whoever makes calls says with their token: who that is, the token, and the body."""

    principal: PrincipalId
    token: str
    body: T_co


async def calling(request: Request) -> Called[bytes]:
    """Returns who says something by their API token, as for calls, and the body.

    Raises:
        UnauthenticatedError: no token, or nobody's.
        TooLargeError: the body is over CALLER_BYTES_MAX.
    """
    token = bearer(request).decode("utf-8", "replace")
    principal = await identified(request, token)
    return Called(principal, token, await limited_body(request, CALLER_BYTES_MAX))


CallerBytes = Annotated[Called[bytes], Depends(calling)]
