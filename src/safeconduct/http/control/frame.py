"""What all routes of the control API share: a body is read, a command committed, a document answered."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from fastapi import Response

from safeconduct.http.control.receipts import give
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ports import Committed, Transaction, Writer

T = TypeVar("T")


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
