"""One request of a command to a server, its answer over HTTP, and what the answer says."""

import http.client
from collections.abc import Callable
from typing import Any

import msgspec

from safeconduct.adapters.data_folder import Address
from safeconduct.adapters.outbound import connection_to, server_address
from safeconduct.http.inprocess import Answer, Ask
from safeconduct.http.problems import error_of
from safeconduct.kernel.errors import UnavailableError

REQUEST_TIMEOUT_S = 300.0
"""Seconds a command waits for one answer. Triage with a slow model is the longest."""


PIECE_BYTES = 65_536
"""What is read of an answer at once: a socket's buffer."""


def nobody(_line: bytes) -> None:
    """Most answers are waited for whole."""


def over_http(server: Address, request: Ask, told: Callable[[bytes], None] = nobody) -> Answer:
    """Sends a request and returns the answer. `told` gets each line of it as it comes.

    Raises:
        InvalidInputError: the server's address is none, or says more than where it is.
        UnavailableError: nobody answers there, or not in HTTP, or not to the end.
    """
    connection = connection_to(
        server_address(server.url, "the server's address as https://host:port"), REQUEST_TIMEOUT_S
    )
    try:
        target = f"{request.path}?{request.query}" if request.query else request.path
        headers = {**request.headers, "authorization": f"Bearer {server.secret}"}
        connection.request(request.method, target, request.body, headers)
        response = connection.getresponse()
        ours = {name.lower(): value for name, value in response.getheaders() if name.lower().startswith("safeconduct-")}
        return Answer(response.status, _whole(response, told), ours)
    except (OSError, http.client.HTTPException) as error:
        raise UnavailableError(
            f"the server at {server.url} does not answer: {str(error) or type(error).__name__}",
            remedy="see whether it runs, and whether its address is right: host, port, http or https",
        ) from error
    finally:
        connection.close()


def document_of(answer: Answer) -> Any:  # noqa: ANN401 - JSON of the control API
    """Returns the JSON of an answer.

    Raises:
        SafeconductError: the answer is an error, which is raised as our own.
        UnavailableError: it is no JSON.
    """
    try:
        document = msgspec.json.decode(answer.body) if answer.body else None
    except msgspec.DecodeError as error:
        raise UnavailableError(f"the server answered {answer.status} with something that is not JSON") from error
    if answer.status >= http.client.BAD_REQUEST:
        nothing = {"detail": f"the server answered {answer.status}, and nothing that says why"}
        raise error_of(nothing | document if isinstance(document, dict) else nothing)
    return document


def _whole(response: http.client.HTTPResponse, told: Callable[[bytes], None]) -> bytes:
    """Returns the body of an answer, all of it; `told` gets each line as it comes.

    The library's own lines end without a word where the connection does.

    Raises:
        http.client.IncompleteRead: it ended too early.
    """
    body, told_to = bytearray(), 0
    while piece := response.read1(PIECE_BYTES):
        sought = len(body)
        body += piece
        while end := body.find(b"\n", max(sought, told_to)) + 1:
            told(bytes(body[told_to:end]))
            told_to = end
    if response.length:
        raise http.client.IncompleteRead(bytes(body), response.length)
    return bytes(body)
