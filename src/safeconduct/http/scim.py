"""`/scim/v2/{organization}`: where an identity provider pushes an organization's people (RFC 7644).

Described by itself, at `ServiceProviderConfig`, `ResourceTypes` and `Schemas`. docs/spec/scim.md.
"""

import asyncio
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Request, Response

from safeconduct.access.directory.ports import DirectoryRequest
from safeconduct.http.control.context import Installation
from safeconduct.http.control.receipts import give
from safeconduct.http.control.requests import bearer, limited_body
from safeconduct.http.problems import STATUS
from safeconduct.kernel.errors import SafeconductError

router = APIRouter(prefix="/scim/v2", tags=["directories"])

MEDIA_TYPE = "application/scim+json"

BODY_BYTES_MAX = 256 * 1024
"""Bytes of a request. A group with all the members that it may have is less than half of it."""

AT_ONCE = 2
"""Requests answered at once, the others wait: a first synchronization must not take the machine from calls."""

_turns = asyncio.Semaphore(AT_ONCE)


@router.api_route(
    "/{organization}/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False
)
async def push(request: Request, control: Installation, organization: str, path: str) -> Response:
    """Answers one request of an organization's directory, in SCIM's form, errors too."""
    try:
        body = await limited_body(request, BODY_BYTES_MAX)
        asked = DirectoryRequest(
            organization=organization,
            method=request.method,
            base_url=f"{str(request.base_url).rstrip('/')}/scim/v2/{quote(organization)}",
            path=path,
            query=dict(request.query_params),
            headers=dict(request.headers),
            secret=bearer(request).decode("utf-8", "replace"),
            body=body,
        )
        async with _turns:
            answered = await asyncio.to_thread(control.directory, asked)
    except SafeconductError as error:
        return _told(error)
    give(answered.receipts)
    return Response(answered.body, answered.status, headers=dict(answered.headers))


def _told(error: SafeconductError) -> Response:
    document = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(STATUS[error.kind]),
        "detail": f"{error.code}: {error.message}" + (f"; {error.remedy}" if error.remedy else ""),
    }
    return Response(msgspec.json.encode(document), STATUS[error.kind], media_type=MEDIA_TYPE)
