"""What a witness's and a mirror's servers share: bounded bodies, plain answers, evidence by its name."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from safeconduct.http.asgi import Receive, Send
from safeconduct.kernel.errors import SafeconductError
from safeconduct.ledger.evidence import FOLDER as EVIDENCE
from safeconduct.ledger.witness import EVIDENCE_HEADER, TEXT_TYPE, WitnessAnswer

BODY_S = 30.0
"""Seconds that a submission's body may take to arrive, however steadily it drips."""

TOO_LARGE, UNAVAILABLE, METHOD_NOT_ALLOWED = 413, 503, 405


class CutOffError(Exception):
    """The client went away, or took too long, before its request was whole."""


async def read_body(receive: Receive, bytes_max: int) -> bytes | None:
    """Returns a request's body, or None if it is over the limit; reads no further then.

    Raises:
        CutOffError: the client went away, or its body was not there after BODY_S.
    """
    body = bytearray()
    more = True
    try:
        async with asyncio.timeout(BODY_S):
            while more and len(body) <= bytes_max:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise CutOffError
                body += message.get("body", b"")
                more = message.get("more_body", False)
    except TimeoutError as error:
        raise CutOffError from error
    return bytes(body) if len(body) <= bytes_max else None


async def send_answer(send: Send, answer: WitnessAnswer, **headers: str) -> None:
    """Sends an answer, and where the evidence is that goes with it."""
    body = answer.body.encode()
    stated = {"content-type": answer.content_type, "content-length": str(len(body))} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    if answer.evidence:
        stated[EVIDENCE_HEADER] = answer.evidence
    pairs = [(name.encode(), value.encode()) for name, value in stated.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def send_bytes(send: Send, content: bytes) -> None:
    """Sends a file."""
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


Answering = TypeVar("Answering", WitnessAnswer, WitnessAnswer | None)


async def in_thread(work: Callable[[], Answering]) -> Answering | WitnessAnswer:
    """Runs blocking work in a thread; what it can't do is unavailable."""
    try:
        return await asyncio.to_thread(work)
    except SafeconductError as error:
        return WitnessAnswer(UNAVAILABLE, f"{error.message}\n")


def evidence_answer(path: str, find: Callable[[str], bytes | None]) -> WitnessAnswer:
    """Returns the evidence at a path below the server's address."""
    found = find(path.removeprefix(f"/{EVIDENCE}/"))
    if found is None:
        return WitnessAnswer(404, "there is no such evidence\n")
    return WitnessAnswer(200, found.decode(), TEXT_TYPE)
