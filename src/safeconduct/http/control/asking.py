"""Who asks: whoever holds the data folder's secret, or an act of somebody who is of the route's audience."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Request

from safeconduct.access.reading_rights import Reader, check_audience
from safeconduct.http.acts import HEADER, decode_act
from safeconduct.http.control.requests import bearer, body_of, is_local, require_act, same_request
from safeconduct.http.vitals import check_measuring

T_co = TypeVar("T_co", covariant=True)


async def reading(request: Request) -> Reader:
    """Lets a request read: the local secret, or an act of a known principal who is of the route's audience.

    Raises:
        UnauthenticatedError: neither.
        RefusedError: `not-yours`: `http.control.audiences` says who reads this.
    """
    return await _reader(request, b"")


Reading = Annotated[Reader, Depends(reading)]


@dataclass(frozen=True, slots=True)
class Asked(Generic[T_co]):
    """A request that asks about its body and changes nothing, and who asks."""

    reader: Reader
    body: T_co


async def asking(request: Request) -> Asked[bytes]:
    """Returns the body and who asks: the local secret, or an act over exactly this body.

    Raises:
        UnauthenticatedError: neither.
        TooLargeError: the body is over BODY_BYTES_MAX.
    """
    if not is_local(request):
        require_act(request)
    body = await body_of(request)
    return Asked(await _reader(request, body), body)


async def measuring(request: Request) -> None:
    """Lets a request read metrics: the local secret, or the metrics token where the server has one.

    Raises:
        UnauthenticatedError: `metrics-token-missing`.
    """
    check_measuring(bearer(request), request.app.state.local_secret, request.app.state.metrics_token)


Measuring = Annotated[None, Depends(measuring)]


async def read_bytes(request: Request) -> bytes:
    """Returns the body of a request that asks about it and changes nothing. Who signs one signs the body too.

    Raises:
        UnauthenticatedError: as `reading`.
        TooLargeError: the body is over BODY_BYTES_MAX.
    """
    return (await asking(request)).body


ReadBytes = Annotated[bytes, Depends(read_bytes)]


async def open_bytes(request: Request) -> bytes:
    """Returns the body of a request that anybody may make: what it holds is all that speaks for it.

    Raises:
        TooLargeError: the body is over BODY_BYTES_MAX.
    """
    return await body_of(request)


OpenBytes = Annotated[bytes, Depends(open_bytes)]


async def _reader(request: Request, body: bytes) -> Reader:
    if is_local(request):
        return Reader(local=True)
    require_act(request)
    signed = decode_act(request.headers[HEADER])
    same_request(request, signed, body)
    found: Reader = await asyncio.to_thread(request.app.state.check_reader, signed)
    row = request.app.state.readers.get(f"{request.method} {request.scope['route'].path}")
    check_audience(found, row.audience if row else None)
    return found
