"""The bodies that routes take. The type in the brackets decodes a body, and describes it in the OpenAPI document."""

from typing import Annotated, Any, TypeAlias, TypeVar

from fastapi import Depends, Request

from safeconduct.http.control.asking import OpenBytes, ReadBytes
from safeconduct.http.control.callers import Called, CallerBytes
from safeconduct.http.control.declared import JSON, Content, Nothing, kind_of
from safeconduct.http.control.frame import read
from safeconduct.http.control.signed import Signed, SignedBytes

T = TypeVar("T")

PROGRAM = Content("application/yaml", "A program file: docs/spec/program.md has its keys.")
POLICIES = Content("text/plain", "Policies in Cedar, as UTF-8.")

SignedProgram: TypeAlias = Annotated[SignedBytes, PROGRAM]
ReadProgram: TypeAlias = Annotated[ReadBytes, PROGRAM]
ReadPolicies: TypeAlias = Annotated[ReadBytes, POLICIES]


async def signed_json(request: Request, signed: SignedBytes) -> Signed[Any]:
    """Returns the act, and the body as what the route declares.

    Raises:
        UnauthenticatedError, TooLargeError: as `signed_bytes`.
        InvalidInputError: the body is not what the route declares.
    """
    return Signed(signed.act, signed.content, read(signed.body, kind_of(request.scope["route"].endpoint)))


SignedJson = Annotated[Signed[T], Depends(signed_json), JSON]


async def signed_nothing(signed: SignedBytes) -> Signed[Nothing]:
    """Returns the act of a request whose body says nothing: none, or an empty JSON object.

    Raises:
        UnauthenticatedError, TooLargeError: as `signed_bytes`.
        InvalidInputError: the body says something, which would be signed and not done.
    """
    return Signed(signed.act, signed.content, read(signed.body or b"{}", Nothing))


SignedAlone: TypeAlias = Annotated[Signed[Nothing], Depends(signed_nothing), JSON]


async def read_json(request: Request, body: ReadBytes) -> Any:  # noqa: ANN401 - what the route declares
    """Returns the body of a request that asks about it and changes nothing, as what the route declares.

    Raises:
        UnauthenticatedError, TooLargeError: as `read_bytes`.
        InvalidInputError: the body is not what the route declares.
    """
    return read(body, kind_of(request.scope["route"].endpoint))


ReadJson = Annotated[T, Depends(read_json), JSON]


async def open_json(request: Request, body: OpenBytes) -> Any:  # noqa: ANN401 - what the route declares
    """Returns the body of a request that anybody may make, as what the route declares.

    Raises:
        TooLargeError: as `open_bytes`.
        InvalidInputError: the body is not what the route declares.
    """
    return read(body, kind_of(request.scope["route"].endpoint))


OpenJson = Annotated[T, Depends(open_json), JSON]


async def caller_json(request: Request, said: CallerBytes) -> Called[Any]:
    """Returns who says it by their API token, as for calls, and the body as what the route declares.

    Raises:
        UnauthenticatedError, TooLargeError: as `calling`.
        InvalidInputError: the body is not what the route declares.
    """
    return Called(said.principal, said.token, read(said.body, kind_of(request.scope["route"].endpoint)))


CallerJson = Annotated[Called[T], Depends(caller_json), JSON]
