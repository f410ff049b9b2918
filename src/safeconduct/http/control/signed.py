"""A change, signed: every one needs an act, and nobody unknown is told anything of it."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Request

from safeconduct.http.acts import HEADER, content_of, decode_act
from safeconduct.http.control.requests import body_of, same_request
from safeconduct.kernel.errors import UnauthenticatedError
from safeconduct.ledger.acts import SignedAct

T_co = TypeVar("T_co", covariant=True)


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


async def signed_bytes(request: Request) -> Signed[bytes]:
    """Returns the raw body and the act it came with. Every change needs one; nobody unknown is told anything of it.

    Raises:
        UnauthenticatedError: no act, one for another request, or of nobody known.
        TooLargeError: the body is over BODY_BYTES_MAX.
    """
    body = await body_of(request)
    if HEADER not in request.headers:
        raise UnauthenticatedError(
            "a change needs a signed act", code="act-missing", remedy="pass --key FILE or set SAFECONDUCT_KEY"
        )
    signed = decode_act(request.headers[HEADER])
    same_request(request, signed, body)
    await asyncio.to_thread(request.app.state.check_signer, signed)
    return Signed(act=signed, content=content_of(body, request.url.query), body=body)


SignedBytes = Annotated[Signed[bytes], Depends(signed_bytes)]
