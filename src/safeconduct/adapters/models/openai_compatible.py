"""OpenAI and whoever speaks as it does: one base URL, one route a dialect, a bearer token."""

from collections.abc import Mapping

from safeconduct.adapters.models.http_upstream import HTTPUpstream, Reach
from safeconduct.adapters.models.wire import COMMON, Request, accepted, base_url
from safeconduct.gateway.ports import Ask, UpstreamFacts
from safeconduct.kernel.instants import Instant

ROUTES: Mapping[str, str] = {
    "openai.chat": "chat/completions",
    "openai.responses": "responses",
    "openai.embeddings": "embeddings",
}
"""Where each dialect is spoken, below the base URL."""

COMPATIBLE = UpstreamFacts(vendor="compatible", dialects=frozenset(ROUTES))


class OpenAIWire:
    """`Wire` of one base URL such as `https://models.example/v1`."""

    dialects = frozenset(ROUTES)

    def __init__(self, url: str, *, secret: bool = True) -> None:
        base = base_url(url, secret=secret)
        self._urls = {dialect: base / route for dialect, route in ROUTES.items()}
        self._made: dict[tuple[str, bool], Request] = {}  # with the secret that was told last
        self._secret = ""

    def request(self, ask: Ask, secret: str, _at: Instant) -> Request:
        if secret != self._secret:
            self._made.clear()
            self._secret = secret
        kind = ask.dialect, ask.stream
        made = self._made.get(kind)
        if made is None:
            made = self._made[kind] = self._request(ask, secret)
        return made

    def _request(self, ask: Ask, secret: str) -> Request:
        headers = {**COMMON, "accept": accepted(ask)}
        if secret:
            headers["authorization"] = f"Bearer {secret}"
        return Request(self._urls[ask.dialect], headers)

    def unframed(self, _ask: Ask) -> None:
        return None


class OpenAICompatible(HTTPUpstream):
    """`Upstream` for one base URL and a key that stays the same. Its repr shows neither."""

    def __init__(
        self, url: str, key: str = "", *, keep_connections: bool = True, facts: UpstreamFacts = COMPATIBLE
    ) -> None:
        wire = OpenAIWire(url, secret=bool(key))
        super().__init__(facts, wire, lambda: key, reach=Reach(keep_connections=keep_connections))
