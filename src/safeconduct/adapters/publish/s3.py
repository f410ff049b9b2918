"""A store that speaks S3: conditional writes keep what is published from being replaced."""

from collections.abc import Callable
from urllib.parse import quote, urlsplit

from safeconduct.adapters.publish.folder import meanwhile, otherwise
from safeconduct.adapters.siem.web import Answer, Web
from safeconduct.adapters.sigv4 import Credentials, Service, signed_headers
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.publishing import Held
from safeconduct.ledger.tiles import CHECKPOINT_PATH

ATTEMPTS = 3
"""How often a write is tried that met another one on the way (409) or a store that is busy (503)."""

OK, NOT_FOUND, CONFLICT, CONDITION_FAILED, UNAVAILABLE = 200, 404, 409, 412, 503
_CHECKPOINT = {"content-type": "text/plain; charset=utf-8", "cache-control": "no-cache"}
_TILE = {"content-type": "application/octet-stream", "cache-control": "max-age=31536000, immutable"}


class S3Store:
    """`PublishedStore` below an address such as https://s3.eu-central-1.amazonaws.com/bucket/log."""

    def __init__(
        self, url: str, region: str, credentials: Credentials, now: Callable[[], Instant], *, ca: str = ""
    ) -> None:
        where = urlsplit(url)
        self._web = Web(f"{where.scheme}://{where.netloc}", ca=ca)
        self._host, self._prefix = where.netloc, where.path.rstrip("/")
        self._service, self._credentials, self._now = Service("s3", region), credentials, now

    def get(self, path: str) -> Held | None:
        answer = self._ask("GET", path)
        if answer.status == NOT_FOUND:
            return None
        if answer.status != OK:
            raise _failed(path, answer)
        return Held(answer.body, answer.headers.get("etag", ""))

    def put(self, path: str, content: bytes) -> None:
        answer = self._write(path, content, {"if-none-match": "*"})
        if answer.status == CONDITION_FAILED:
            held = self.get(path)
            if held is None or held.content != content:
                raise otherwise(path)
        elif answer.status != OK:
            raise _failed(path, answer)

    def replace(self, path: str, content: bytes, held: Held | None) -> None:
        condition = {"if-none-match": "*"} if held is None else {"if-match": held.tag}
        answer = self._write(path, content, condition)
        if answer.status in {CONDITION_FAILED, NOT_FOUND}:
            now = self.get(path)  # an earlier attempt of ours may have arrived, its answer lost
            if now is None or now.content != content:
                raise meanwhile(path)
        elif answer.status != OK:
            raise _failed(path, answer)

    def _write(self, path: str, content: bytes, condition: dict[str, str]) -> Answer:
        headers = (_CHECKPOINT if path == CHECKPOINT_PATH else _TILE) | condition
        answer = self._ask("PUT", path, headers, content)
        for _ in range(ATTEMPTS - 1):
            if answer.status not in {CONFLICT, UNAVAILABLE}:
                break
            answer = self._ask("PUT", path, headers, content)
        return answer

    def _ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        target = quote(f"{self._prefix}/{path}", safe="/-_.~")
        signed = signed_headers(
            self._credentials,
            self._service,
            self._now(),
            method=method,
            path=target,
            headers={"host": self._host, **(headers or {})},
            body=body,
        )
        return self._web.send(method, target, signed, body)


def _failed(path: str, answer: Answer) -> UnavailableError:
    return UnavailableError(
        f"the store answered {answer.told} for {path}",
        code="store-failed",
        remedy="check address, region and credentials; nothing was taken back",
    )
