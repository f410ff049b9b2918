"""The mirror's server as a bare ASGI app (C2SP tlog-mirror): add-checkpoint, add-entries, and its copies to read."""

import asyncio
import zlib
from collections.abc import AsyncGenerator
from functools import partial
from typing import Protocol

from safeconduct.http.asgi import Receive, Scope, Send
from safeconduct.http.cosigners import (
    METHOD_NOT_ALLOWED,
    TOO_LARGE,
    UNAVAILABLE,
    CutOffError,
    evidence_answer,
    in_thread,
    read_body,
    send_answer,
    send_bytes,
)
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.ledger.evidence import FOLDER as EVIDENCE
from safeconduct.ledger.mirror import (
    ENTRIES_TYPE,
    Package,
    Upload,
    hashes_bytes,
    parse_upload,
    split_hashes,
)
from safeconduct.ledger.notes import NoteError
from safeconduct.ledger.witness import BAD_REQUEST, NOT_FOUND, REQUEST_BYTES_MAX, WitnessAnswer

IDLE_S = 30.0
"""Seconds without a byte until an upload counts as interrupted. What it brought in whole packages is kept."""

UPLOADS_MAX = 8
"""Uploads at once; each may hold one package in memory, at most 17 MB. A paused one loses its place in time."""

PACKAGE_S = 120.0
"""Seconds for an upload's beginning, and for each package, however steadily it drips."""

UNAUTHORIZED, UNSUPPORTED, TOO_MANY = 401, 415, 429
_PIECE_BYTES = 65_536


class Mirror(Protocol):
    """What the server asks of a mirror. All of it may block."""

    def add_checkpoint(self, body: bytes) -> WitnessAnswer:
        """Answers a submission."""
        ...

    def begin(self, upload: Upload) -> WitnessAnswer | None:
        """Returns why an upload is not taken, or None."""
        ...

    def save(self, upload: Upload, package: Package, leaves: list[bytes], proof: list[bytes]) -> WitnessAnswer | None:
        """Keeps a package durably; returns why not, or None."""
        ...

    def accepted(self, upload: Upload) -> WitnessAnswer:
        """Returns the answer to an upload of which more is to come."""
        ...

    def finish(self, upload: Upload) -> WitnessAnswer:
        """Commits an upload that is whole, and cosigns."""
        ...

    def read(self, prefix: str, path: str) -> bytes | None:
        """Returns a file of a copy, or None.

        Raises:
            InvalidInputError: the path is no tile's.
            UnavailableError: the copy is damaged.
        """
        ...

    def may_read(self, path: str, shown: bytes) -> bool:
        """Tells whether who shows this may read the file."""
        ...

    def evidence(self, name: str) -> bytes | None:
        """Returns kept evidence, or None."""
        ...


class MirrorApp:
    """Serves one mirror."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._uploads = asyncio.Semaphore(UPLOADS_MAX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if path in {"/add-checkpoint", "/add-entries"}:
            await self._post(path, method, scope, receive, send)
        elif method not in {"GET", "HEAD"}:
            await send_answer(send, WitnessAnswer(METHOD_NOT_ALLOWED, "expected GET\n"), allow="GET")
        elif path.startswith(f"/{EVIDENCE}/"):
            await send_answer(send, await in_thread(lambda: evidence_answer(path, self._mirror.evidence)))
        else:
            await self._read(path, dict(scope["headers"]).get(b"authorization", b""), send)

    async def _post(self, path: str, method: str, scope: Scope, receive: Receive, send: Send) -> None:
        if method != "POST":
            await send_answer(send, WitnessAnswer(METHOD_NOT_ALLOWED, "expected POST\n"), allow="POST")
            return
        try:
            answer = await (self._submitted(receive) if path == "/add-checkpoint" else self._entries(scope, receive))
        except CutOffError:
            return
        await send_answer(send, answer, accept_encoding="gzip")

    async def _submitted(self, receive: Receive) -> WitnessAnswer:
        body = await read_body(receive, REQUEST_BYTES_MAX)
        if body is None:
            return WitnessAnswer(TOO_LARGE, f"a submission has at most {REQUEST_BYTES_MAX} bytes\n")
        return await in_thread(lambda: self._mirror.add_checkpoint(body))

    async def _entries(self, scope: Scope, receive: Receive) -> WitnessAnswer:
        headers = dict(scope["headers"])
        coding = headers.get(b"content-encoding", b"identity").decode("latin-1").lower()
        if headers.get(b"content-type", b"").decode("latin-1") != ENTRIES_TYPE or coding not in {"identity", "gzip"}:
            return WitnessAnswer(UNSUPPORTED, f"expected {ENTRIES_TYPE}, as it is or with gzip\n")
        if self._uploads.locked():
            return WitnessAnswer(TOO_MANY, f"{UPLOADS_MAX} uploads are running; come back later\n")
        async with self._uploads:
            stream = _Stream(_unzipped(receive) if coding == "gzip" else _chunks(receive))
            try:
                return await self._taken(stream)
            finally:
                await stream.close()

    async def _taken(self, stream: "_Stream") -> WitnessAnswer:
        try:
            async with asyncio.timeout(PACKAGE_S):
                upload = await _beginning(stream)
        except (_EndedError, NoteError, TimeoutError) as error:
            return WitnessAnswer(BAD_REQUEST, f"malformed beginning: {error}\n")
        refused = await in_thread(partial(self._mirror.begin, upload))
        if refused is not None:
            return refused
        for number, package in enumerate(upload.packages):
            try:
                async with asyncio.timeout(PACKAGE_S):
                    leaves, proof = await _package(stream, package)
            except (_EndedError, NoteError, TimeoutError) as error:
                if number:
                    return await in_thread(lambda: self._mirror.accepted(upload))
                return WitnessAnswer(BAD_REQUEST, f"no package came whole: {error}\n")
            refused = await in_thread(partial(self._mirror.save, upload, package, leaves, proof))
            if refused is not None:
                return refused
        return await in_thread(lambda: self._mirror.finish(upload))

    async def _read(self, path: str, shown: bytes, send: Send) -> None:
        prefix, _, rest = path.removeprefix("/").partition("/")
        if not self._mirror.may_read(rest, shown):
            await send_answer(send, WitnessAnswer(UNAUTHORIZED, "entries are not public\n"), www_authenticate="Bearer")
            return
        try:
            found = await asyncio.to_thread(self._mirror.read, prefix, rest)
        except InvalidInputError:
            found = None
        except UnavailableError as error:
            await send_answer(send, WitnessAnswer(UNAVAILABLE, f"{error.message}\n"))
            return
        if found is None:
            await send_answer(send, WitnessAnswer(NOT_FOUND, "this mirror has no such file\n"))
        else:
            await send_bytes(send, found)


class _EndedError(Exception):
    """The body ended, or nothing more came of it."""


class _Stream:
    """A request's body, read in the pieces that its format has."""

    def __init__(self, chunks: AsyncGenerator[bytes]) -> None:
        self._chunks = chunks
        self._held = bytearray()
        self._at = 0

    async def exactly(self, count: int) -> bytes:
        while len(self._held) - self._at < count:
            del self._held[: self._at]
            self._at = 0
            try:
                async with asyncio.timeout(IDLE_S):  # wait_for of Python 3.11 may lose the cancellation from outside
                    self._held += await anext(self._chunks)
            except (StopAsyncIteration, TimeoutError, zlib.error) as error:
                raise _EndedError("the body ended early") from error
        self._at += count
        return bytes(self._held[self._at - count : self._at])

    async def close(self) -> None:
        await self._chunks.aclose()


async def _beginning(stream: _Stream) -> Upload:
    origin = await stream.exactly(int.from_bytes(await stream.exactly(2)))
    upload = parse_upload(origin, await stream.exactly(16))
    await stream.exactly(int.from_bytes(await stream.exactly(2)))  # a ticket; ours are empty
    return upload


async def _package(stream: _Stream, package: Package) -> tuple[list[bytes], list[bytes]]:
    leaves = [
        await stream.exactly(int.from_bytes(await stream.exactly(2))) for _index in range(package.start, package.end)
    ]
    hashes = await stream.exactly(hashes_bytes((await stream.exactly(1))[0]))
    return leaves, split_hashes(hashes)


async def _chunks(receive: Receive) -> AsyncGenerator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _unzipped(receive: Receive) -> AsyncGenerator[bytes]:
    """Yields what a gzip body holds, in pieces of bounded size however well it was packed."""
    unzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
    async for chunk in _chunks(receive):
        piece = unzip.decompress(chunk, _PIECE_BYTES)
        while piece or unzip.unconsumed_tail:
            yield piece
            piece = unzip.decompress(unzip.unconsumed_tail, _PIECE_BYTES)
