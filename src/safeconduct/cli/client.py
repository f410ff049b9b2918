"""How commands ask: the running server if there is one, else the same API in this process."""

import asyncio
import http.client
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import msgspec
import typer

from safeconduct import settings
from safeconduct.adapters.data_folder import Address, running_server
from safeconduct.cli import answers, logins
from safeconduct.cli.exchanging import document_of, nobody, over_http
from safeconduct.cli.signing import act_over
from safeconduct.http.acts import HEADER, content_of
from safeconduct.http.inprocess import Answer, Ask
from safeconduct.kernel.errors import ConflictError, InvalidInputError, UnavailableError
from safeconduct.ledger.keys import SecretKey

Data = Annotated[
    Path | None, typer.Option("--data", help="The installation's folder.", envvar="SAFECONDUCT_DATA", show_envvar=True)
]
Key = Annotated[Path | None, typer.Option("--key", help="Your key file.", envvar="SAFECONDUCT_KEY", show_envvar=True)]

Url = Annotated[str, typer.Option("--url", help="The server's address, where it runs on another machine.")]


class Client:
    """Speaks the control API for one command. Nothing is opened before the first request."""

    def __init__(self, data: Path, key: tuple[str, SecretKey] | None = None, url: str = "") -> None:
        self._data = data
        self._key = key
        self._elsewhere = Address(url, "") if url else None
        self._answered = ""

    @property
    def where(self) -> str:
        """The server's address, or else the folder: what a token minted here belongs to."""
        return self._elsewhere.url if self._elsewhere else str(self._data.absolute())

    @property
    def actor(self) -> str:
        """Who signs.

        Raises:
            InvalidInputError: `key-missing`.
        """
        return self._signer()[0]

    def require_signer(self) -> None:
        """Returns if there is a key to sign with, before work begins that each of its parts would be refused for.

        Raises:
            InvalidInputError: `key-missing`.
        """
        self._signer()

    def get(self, path: str, /, **query: str | int | None) -> Any:  # noqa: ANN401 - JSON of the control API
        """Reads. Raises the server's errors as our own."""
        return self._told(path, self._read(path, {name: value for name, value in query.items() if value is not None}))

    def own(self, path: str, token: str = "", /, **query: str | int) -> Any:  # noqa: ANN401 - JSON of the control API
        """Reads what is the caller's own: signed with their key, or with the token of their sign-in.

        Raises:
            UnavailableError: `no-server`: a token is shown to a running one.
        """
        encoded = urlencode(query)
        if token:
            return self._told(path, self.as_caller(Ask(method="GET", path=path, query=encoded), token))
        headers = {HEADER: self._act("GET", path, encoded, b"")}
        return self._told(path, self._send(Ask(method="GET", path=path, query=encoded, headers=headers)))

    def raw(self, path: str, /, **query: str | int) -> bytes:
        """Reads bytes that are no JSON, such as a printable report."""
        answer = self._read(path, query)
        if answer.status >= http.client.BAD_REQUEST:
            document_of(answer)
        return answer.body

    def ask(self, path: str, body: object) -> Any:  # noqa: ANN401 - JSON of the control API
        """Asks for something for which what the body holds is all that speaks, such as a sign-in."""
        headers = {"content-type": "application/json"}
        request = Ask(method="POST", path=path, headers=headers, body=msgspec.json.encode(body))
        return self._told(path, self._send(request))

    def check(self, path: str, body: bytes, **query: str) -> Any:  # noqa: ANN401 - JSON of the control API
        """Asks about a body and changes nothing: signed only where the data folder does not speak for the reader."""
        return self._told(path, self._send(self._asking(path, body, query)))

    def lines(self, path: str, body: bytes, told: Callable[[bytes], None], /, **query: str) -> Any:  # noqa: ANN401 - JSON
        """Asks about a body, is told each JSON line of the answer as it comes, and returns the last one's document."""
        answer = self._send(self._asking(path, body, query), told)
        return self._told(path, replace(answer, body=answer.body.rstrip(b"\n").rpartition(b"\n")[2]))

    def post(self, path: str, body: Any = None, **query: str) -> Any:  # noqa: ANN401 - JSON of the control API
        """Changes something, signed with the caller's key. Bytes are sent as they are, anything else as JSON."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body if body is not None else {})
        encoded = urlencode(query)
        headers = {"content-type": "application/json", HEADER: self._act("POST", path, encoded, content)}
        request = Ask(method="POST", path=path, query=encoded, headers=headers, body=content)
        return self._told(path, self._send(request))

    def as_caller(self, request: Ask, token: str) -> Answer:
        """Speaks to the running gateway itself, with an API token, as any client would.

        Raises:
            UnavailableError: `no-server`.
        """
        server = self._elsewhere or running_server(self._data)
        if server is None:
            raise UnavailableError(
                "models are asked through a running server", code="no-server", remedy="safeconduct serve"
            )
        return self._over_http(Address(server.url, token), request)

    def _asking(self, path: str, body: bytes, query: Mapping[str, str]) -> Ask:
        encoded = urlencode(query)
        signs = self._elsewhere is not None and self._key is not None
        headers = {HEADER: self._act("POST", path, encoded, body)} if signs else {}
        return Ask(method="POST", path=path, query=encoded, headers=headers, body=body)

    def _read(self, path: str, query: Mapping[str, str | int]) -> Answer:
        encoded = urlencode(query)
        # On this machine the data folder speaks for the reader; elsewhere only a signature does.
        signs = self._elsewhere is not None and self._key is not None
        headers = {HEADER: self._act("GET", path, encoded, b"")} if signs else {}
        return self._send(Ask(method="GET", path=path, query=encoded, headers=headers))

    def _send(self, request: Ask, told: Callable[[bytes], None] = nobody) -> Answer:
        if "" in request.path.split("/")[1:]:
            raise InvalidInputError("expected a name or an id, got an empty one", code="name-empty")
        server = self._elsewhere or running_server(self._data)
        if server is None:
            from safeconduct.bootstrap import server as here  # noqa: PLC0415 - a second to import, and seldom needed

            try:
                return asyncio.run(here.ask_once(self._data, request))
            except ConflictError:
                server = running_server(self._data)
                if server is None:  # else it was starting, and is ready now
                    raise
        return self._over_http(server, request, told)

    def _over_http(self, server: Address, request: Ask, told: Callable[[bytes], None] = nobody) -> Answer:
        self._answered = server.url
        return over_http(server, request, told)

    def _told(self, path: str, answer: Answer) -> Any:  # noqa: ANN401 - JSON of the control API
        document, url = document_of(answer), self._answered
        if not url:  # this process answered itself: what its answer lacks is a fault, and no other version
            return document
        return answers.told(
            document,
            lambda field: answers.lacking(field, path, url, lambda: document_of(self._read("/api/v1/status", {}))),
        )

    def _act(self, method: str, path: str, query: str, body: bytes) -> str:
        return act_over(self._signer(), method, path, content_of(body, query))

    def _signer(self) -> tuple[str, SecretKey]:
        if self._key is None:
            raise InvalidInputError(
                "a change is signed by the person who makes it, and no key file was given",
                code="key-missing",
                remedy="pass --key FILE, set SAFECONDUCT_KEY, or: safeconduct login --key FILE",
            )
        return self._key


def place(*parts: str) -> str:
    """Returns where something is in the control API. A part may be any text; it stays one part."""
    return "/".join(("/api/v1", *(quote(part, safe="") for part in parts)))


def client(data: Path | None, key: Path | None = None, url: str = "") -> Client:
    """Returns the client of a command's options, and of the login for what they leave open.

    `url` names a server on another machine.
    """
    found = settings.read()
    login = logins.read(found.config)
    if login is not None:
        key = key or (Path(login.key) if login.key else None)
        url = url or ("" if data else login.url)
        data = data or (Path(login.data) if login.data else None)
    return Client(data or found.data, settings.read_key(key) if key else None, url)
