"""The witness's server as a bare ASGI app: POST /add-checkpoint (C2SP tlog-witness), GET /evidence/<name>."""

from collections.abc import Callable

from safeconduct.http.asgi import Receive, Scope, Send
from safeconduct.http.cosigners import (
    METHOD_NOT_ALLOWED,
    TOO_LARGE,
    CutOffError,
    evidence_answer,
    in_thread,
    read_body,
    send_answer,
)
from safeconduct.ledger.evidence import FOLDER as EVIDENCE
from safeconduct.ledger.witness import NOT_FOUND, REQUEST_BYTES_MAX, WitnessAnswer


class WitnessApp:
    """Hands request bodies to a witness. Both functions may block; they run in threads."""

    def __init__(
        self, add_checkpoint: Callable[[bytes], WitnessAnswer], evidence: Callable[[str], bytes | None] | None = None
    ) -> None:
        self._add_checkpoint = add_checkpoint
        self._evidence = evidence or (lambda _name: None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive)
        except CutOffError:
            return
        allowed = {"allow": "POST"} if answer.status == METHOD_NOT_ALLOWED else {}
        await send_answer(send, answer, **allowed)

    async def _answer(self, scope: Scope, receive: Receive) -> WitnessAnswer:
        path, method = scope["path"], scope["method"]
        if path.startswith(f"/{EVIDENCE}/") and method == "GET":
            return await in_thread(lambda: evidence_answer(path, self._evidence))
        if path != "/add-checkpoint":
            return WitnessAnswer(NOT_FOUND, "a witness serves POST /add-checkpoint\n")
        if method != "POST":
            return WitnessAnswer(METHOD_NOT_ALLOWED, "expected POST\n")
        body = await read_body(receive, REQUEST_BYTES_MAX)
        if body is None:
            return WitnessAnswer(TOO_LARGE, f"a request has at most {REQUEST_BYTES_MAX} bytes\n")
        return await in_thread(lambda: self._add_checkpoint(body))
