"""What all routes of the control API share: who asks, what they signed, how errors are told."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from safeconduct.access import records as kept
from safeconduct.access.reading_rights import Reader, check_audience, reader_as
from safeconduct.access.tokens import TOKEN_PREFIX
from safeconduct.http.acts import HEADER, content_of, decode_act, operation_of
from safeconduct.http.control.audiences import READERS, Row
from safeconduct.http.control.context import control
from safeconduct.http.control.description import (
    ACT,
    ACT_OR_LOCAL,
    ACT_OR_OWN_TOKEN,
    ACT_OR_TOKEN,
    LOCAL_OR_METRICS,
    TOKEN,
    DescribedAPI,
    Shown,
)
from safeconduct.http.control.receipts import ReceiptHeaders, give
from safeconduct.http.holding import HELD
from safeconduct.http.problems import MEDIA_TYPE, problem
from safeconduct.http.vitals import check_measuring
from safeconduct.kernel.errors import (
    AbsentError,
    InvalidInputError,
    SafeconductError,
    TooLargeError,
    UnauthenticatedError,
)
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.ports import Committed, Transaction, Writer
from safeconduct.ledger.acts import SignedAct

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

PATH_SHOWN_MAX = 200
"""Characters of an unknown path that are told back."""

CALLER_BYTES_MAX = 4096
"""Bytes of what somebody says by their token: names and digests."""

BODY_BYTES_MAX = 8 * 1024 * 1024
"""Bytes of a request body. Telemetry comes in files of a few megabytes; more is sent in parts."""


@dataclass(frozen=True, slots=True)
class Signed(Generic[T_co]):
    """A request to change something: the act, not yet verified, and the body it was signed over."""

    act: SignedAct
    content: str
    body: T_co

    @property
    def operation(self) -> str:
        """What the request does. The act says the same, or there would be none of these."""
        return self.act.act.operation


def is_local(request: Request) -> bool:
    """Tells whether the caller showed the secret that only a reader of the data folder can know."""
    return hmac.compare_digest(bearer(request), request.app.state.local_secret.encode())


def bearer(request: Request) -> bytes:
    """Returns the secret that the caller shows; empty if it shows none."""
    return request.headers.get("authorization", "").removeprefix("Bearer ").encode()


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
        _require_act(request)
    body = await _body(request)
    return Asked(await _reader(request, body), body)


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
    return Asked(reader, await _body(request))


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
        _same_request(request, signed, b"")
        await asyncio.to_thread(request.app.state.check_reader, signed)
        return Self(PrincipalId(signed.act.actor))
    if not token.startswith(TOKEN_PREFIX):
        _require_act(request)
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
    return await _body(request)


OpenBytes = Annotated[bytes, Depends(open_bytes)]


async def signed_bytes(request: Request) -> Signed[bytes]:
    """Returns the raw body and the act it came with. Every change needs one; nobody unknown is told anything of it.

    Raises:
        UnauthenticatedError: no act, one for another request, or of nobody known.
        TooLargeError: the body is over BODY_BYTES_MAX.
    """
    body = await _body(request)
    if HEADER not in request.headers:
        raise UnauthenticatedError(
            "a change needs a signed act", code="act-missing", remedy="pass --key FILE or set SAFECONDUCT_KEY"
        )
    signed = decode_act(request.headers[HEADER])
    _same_request(request, signed, body)
    await asyncio.to_thread(request.app.state.check_signer, signed)
    return Signed(act=signed, content=content_of(body, request.url.query), body=body)


SignedBytes = Annotated[Signed[bytes], Depends(signed_bytes)]


def read(body: bytes, kind: type[T]) -> T:
    """Reads a body as JSON of a type.

    Raises:
        InvalidInputError: it is not.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidInputError(f"the request body is not what {kind.__name__} needs: {error}") from error


async def commit(writer: Writer, command: Callable[[Transaction], T]) -> Committed[T]:
    """Runs a command and waits for it to be durable, without blocking the loop. The answer carries its receipts."""
    committed = await asyncio.wrap_future(writer.submit(command))
    give(committed.receipts)
    return committed


def answer(document: Any, status: int = 200) -> Response:  # noqa: ANN401 - anything msgspec can encode
    """Returns a JSON answer of dataclasses, lists and maps."""
    return Response(msgspec.json.encode(document), status, media_type="application/json")


def control_app(
    routers: Sequence[APIRouter],
    *,
    control: object,
    local_secret: str,
    check_reader: Callable[[SignedAct], Reader],
    version: str,
    metrics_token: str = "",
    readers: Mapping[str, Row] = READERS,
    check_signer: Callable[[SignedAct], None] = lambda _signed: None,
) -> FastAPI:
    """Returns the ASGI app of the given routers, which find `control` in the app's state.

    `check_reader` returns whoever signed, and raises UnauthenticatedError if nobody known did. `readers` says who reads
    what, by method and path. `check_signer` raises as `check_reader` before a body is looked at; use cases look again.
    `metrics_token` lets others than this machine read metrics; empty where nobody else may.
    """
    shown: Mapping[Callable[..., Any], Shown] = {
        reading: ACT_OR_LOCAL,
        read_bytes: ACT_OR_LOCAL,
        signed_bytes: ACT,
        asking_caller: ACT_OR_TOKEN,
        myself: ACT_OR_OWN_TOKEN,
        calling: TOKEN,
        measuring: LOCAL_OR_METRICS,
    }
    app = DescribedAPI(routers, shown=shown, version=version)
    app.add_middleware(ReceiptHeaders)
    app.state.control = control
    app.state.local_secret = local_secret
    app.state.metrics_token = metrics_token
    app.state.check_reader = check_reader
    app.state.readers = readers
    app.state.check_signer = check_signer
    app.add_exception_handler(SafeconductError, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _no_route)
    return app


async def _reader(request: Request, body: bytes) -> Reader:
    if is_local(request):
        return Reader(local=True)
    _require_act(request)
    signed = decode_act(request.headers[HEADER])
    _same_request(request, signed, body)
    found: Reader = await asyncio.to_thread(request.app.state.check_reader, signed)
    row = request.app.state.readers.get(f"{request.method} {request.scope['route'].path}")
    check_audience(found, row.audience if row else None)
    return found


def _require_act(request: Request) -> None:
    if HEADER not in request.headers:
        raise UnauthenticatedError(
            "reading needs a signed act or the local secret",
            remedy="run the command on the machine that holds the data, or pass --key FILE",
        )


async def _body(request: Request) -> bytes:
    return await limited_body(request, BODY_BYTES_MAX)


async def limited_body(request: Request, bytes_max: int) -> bytes:
    """Returns a request's body.

    Raises:
        TooLargeError: it is over so many bytes.
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > bytes_max:
            raise TooLargeError(f"the request body is over {bytes_max} bytes", remedy="send it in parts")
        parts.append(part)
    return b"".join(parts)


def _same_request(request: Request, signed: SignedAct, body: bytes) -> None:
    expected = operation_of(request.method, request.url.path)
    if (signed.act.operation, signed.act.content) != (expected, content_of(body, request.url.query)):
        raise UnauthenticatedError(
            f"the act was signed for {signed.act.operation!r} with another body or request; this is {expected!r}",
            code="act-for-another-request",
        )


async def _told(_request: Request, error: Exception) -> Response:
    if not isinstance(error, SafeconductError):  # FastAPI's signature is wider than our registration
        raise error
    document = problem(error)
    return Response(msgspec.json.encode(document), document["status"], media_type=MEDIA_TYPE)


async def _invalid(request: Request, error: Exception) -> Response:
    return await _told(request, InvalidInputError(f"the request does not fit: {error}"))


async def _no_route(request: Request, error: Exception) -> Response:
    told = AbsentError(f"there is no route {request.method} {request.url.path[:PATH_SHOWN_MAX]}", code="route-unknown")
    return await _told(request, told if isinstance(error, HTTPException) else error)
