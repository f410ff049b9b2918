"""One SCIM request, from bytes to bytes: who speaks, the protocol by its own packages, and errors in SCIM's form."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import msgspec
from scim2_models import (
    Error,
    InvalidFilterException,
    InvalidSyntaxException,
    PatchOp,
    PayloadTooLargeException,
    ResourceType,
    SCIMException,
    SearchRequest,
)
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.service import ScimService

from safeconduct.access.directory.credentials import identify_directory
from safeconduct.access.directory.ports import DirectoryAnswer, DirectoryRequest
from safeconduct.adapters.scim.schemas import PROVIDER
from safeconduct.adapters.scim.storage import DirectoryStorage
from safeconduct.kernel.errors import Kind, SafeconductError
from safeconduct.kernel.ports import Clock, Records, Writer
from safeconduct.ledger.reader import LogReader

EXPRESSION_CHARS_MAX = 1_024
"""Characters of a filter, or of a path in a PATCH. Identity providers ask for one name or one id."""

OPERATIONS_MAX = 100
"""Operations of one PATCH. Entra and Okta send a handful, each of which may name many members."""

TRIES = 3
"""How often a change is made anew over what somebody else just changed, where its sender named no version."""

_STATUS: Mapping[Kind, int] = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.REFUSED: 403,
    Kind.ABSENT: 404,
    Kind.CONFLICT: 409,
    Kind.TOO_LARGE: 413,
    Kind.LIMITED: 429,
    Kind.UNAVAILABLE: 503,
    Kind.UPSTREAM: 502,
}
_CHANGED = "directory-changed"
_SCIM_TYPES: Mapping[str, str] = {
    "directory-name-taken": "uniqueness",
    "directory-external-id-taken": "uniqueness",
    "directory-name-invalid": "invalidValue",
    "directory-member-unknown": "invalidValue",
}


class BoundedService(ScimService):
    """The protocol, with bounds on what is parsed before it is."""

    def read_search(self, resource_types: list[ResourceType], payload: Any) -> tuple[SearchRequest[Any], Any]:  # noqa: ANN401 - JSON
        if isinstance(payload, dict) and any(_long(value) for value in payload.values()):
            raise InvalidFilterException(detail=f"a filter has {EXPRESSION_CHARS_MAX} characters at most")
        return super().read_search(resource_types, payload)

    def read_patch(self, resource_type: ResourceType, body: bytes, content_type: str | None) -> "PatchOp[Any]":
        self.ensure_json(content_type)
        operations = _operations(body)
        if len(operations) > OPERATIONS_MAX:
            raise PayloadTooLargeException(detail=f"a PATCH has {OPERATIONS_MAX} operations at most")
        if any(isinstance(one, dict) and _long(one.get("path")) for one in operations):
            raise InvalidSyntaxException(detail=f"a path has {EXPRESSION_CHARS_MAX} characters at most")
        return super().read_patch(resource_type, body, content_type)


_SERVICE = BoundedService(PROVIDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScimDirectories:
    """`AnswerDirectory` over an installation."""

    writer: Writer
    snapshot: Callable[[], AbstractContextManager[Records]]
    log: LogReader
    clock: Clock

    def answer(self, asked: DirectoryRequest) -> DirectoryAnswer:
        """Answers one request. What it changes is durable then."""
        request = ScimRequest(
            method=asked.method,
            base_url=asked.base_url,
            path=asked.path,
            query=asked.query,
            headers=asked.headers,
            body=asked.body,
        )
        tries = 1 if request.header("If-Match") is not None else TRIES
        answered, changed = self._once(asked, request)
        while changed and tries > 1:
            tries -= 1
            answered, changed = self._once(asked, request)
        return answered

    def _once(self, asked: DirectoryRequest, request: ScimRequest) -> tuple[DirectoryAnswer, bool]:
        """Returns the answer, and whether somebody else changed what it was about meanwhile."""
        storage: DirectoryStorage | None = None
        try:
            with self.snapshot() as records:
                speaker = identify_directory(records, asked.organization, asked.secret, self.clock.now())
            storage = DirectoryStorage(speaker=speaker, writer=self.writer, snapshot=self.snapshot, log=self.log)
            response = ScimHandler(_SERVICE, storage).handle(request)
            return _answer(response, storage), False
        except SafeconductError as error:
            return _answer(_told(error), storage), error.code == _CHANGED
        except SCIMException as error:
            return _answer(_SERVICE.error_response(error), storage), False
        except RecursionError:
            return _answer(_SERVICE.error_response(InvalidSyntaxException(detail="nested too deeply")), storage), False


def _told(error: SafeconductError) -> ScimResponse:
    status = 412 if error.code == _CHANGED else _STATUS[error.kind]
    detail = f"{error.code}: {error.message}" + (f"; {error.remedy}" if error.remedy else "")
    told = SCIMException.from_error(Error(status=status, scim_type=_SCIM_TYPES.get(error.code), detail=detail))
    return _SERVICE.error_response(told)


def _answer(response: ScimResponse, storage: DirectoryStorage | None) -> DirectoryAnswer:
    return DirectoryAnswer(
        status=int(response.status),
        headers=response.headers,
        body=b"" if response.body is None else msgspec.json.encode(response.body),
        receipts=tuple(storage.receipts) if storage is not None else (),
    )


def _long(value: object) -> bool:
    return isinstance(value, str) and len(value) > EXPRESSION_CHARS_MAX


def _operations(body: bytes) -> list[Any]:
    try:
        document = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise InvalidSyntaxException(detail=f"the body is no JSON: {error}") from error
    found = (
        [value for name, value in document.items() if name.casefold() == "operations"]
        if isinstance(document, dict)
        else []
    )
    return [one for value in found if isinstance(value, list) for one in value]
