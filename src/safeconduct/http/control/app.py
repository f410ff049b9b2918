"""The ASGI app of the control API: its routes, what they find, how errors are told."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from safeconduct.access.reading_rights import Reader
from safeconduct.http.control.asking import measuring, read_bytes, reading
from safeconduct.http.control.audiences import READERS, Row
from safeconduct.http.control.callers import asking_caller, calling, myself
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
from safeconduct.http.control.receipts import ReceiptHeaders
from safeconduct.http.control.signed import signed_bytes
from safeconduct.http.control.streams import shipper_of
from safeconduct.http.problems import MEDIA_TYPE, problem
from safeconduct.kernel.errors import AbsentError, InvalidInputError, LimitedError, SafeconductError
from safeconduct.ledger.acts import SignedAct

PATH_SHOWN_MAX = 200
"""Characters of an unknown path that are told back."""

_SHOWN: Mapping[Callable[..., Any], Shown] = {
    reading: ACT_OR_LOCAL,
    read_bytes: ACT_OR_LOCAL,
    signed_bytes: ACT,
    asking_caller: ACT_OR_TOKEN,
    myself: ACT_OR_OWN_TOKEN,
    calling: TOKEN,
    measuring: LOCAL_OR_METRICS,
    shipper_of: TOKEN,
}
"""What a route asks a request for, as the description of the API has it."""


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
    app = DescribedAPI(routers, shown=_SHOWN, version=version)
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


async def _told(_request: Request, error: Exception) -> Response:
    if not isinstance(error, SafeconductError):  # FastAPI's signature is wider than our registration
        raise error
    document = problem(error)
    later = error.retry_after_s if isinstance(error, LimitedError) else None
    headers = {} if later is None else {"retry-after": str(later)}
    return Response(msgspec.json.encode(document), document["status"], headers, media_type=MEDIA_TYPE)


async def _invalid(request: Request, error: Exception) -> Response:
    return await _told(request, InvalidInputError(f"the request does not fit: {error}"))


async def _no_route(request: Request, error: Exception) -> Response:
    told = AbsentError(f"there is no route {request.method} {request.url.path[:PATH_SHOWN_MAX]}", code="route-unknown")
    return await _told(request, told if isinstance(error, HTTPException) else error)
