"""Google Vertex AI, for Anthropic's models: rawPredict and its stream, with a service account's token. Experimental."""

from collections.abc import Mapping
from urllib.parse import quote

from yarl import URL

from safeconduct.adapters.models.wire import COMMON, Request, accepted, base_url, segment
from safeconduct.gateway.ports import Ask
from safeconduct.kernel.instants import Instant

_COUNTING: Mapping[str, str] = {"anthropic.count-tokens": "count-tokens"}
"""Counting has a model name of its own in the address; which model is counted for stands in the body."""


class VertexWire:
    """`Wire` of one project and location. `url` is the service's address for that location."""

    dialects = frozenset(("anthropic.messages", "anthropic.count-tokens"))

    def __init__(self, url: str, *, project: str, location: str) -> None:
        base = base_url(url, secret=True)
        place = f"projects/{quote(project, safe='')}/locations/{quote(location, safe='')}"
        self._models = f"{str(base).rstrip('/')}/v1/{place}/publishers/anthropic/models"

    def request(self, ask: Ask, secret: str, _at: Instant) -> Request:
        model = _COUNTING.get(ask.dialect) or segment(ask.model, safe="@")
        action = "streamRawPredict" if ask.stream else "rawPredict"
        url = URL(f"{self._models}/{model}:{action}", encoded=True)
        return Request(url, {**COMMON, "accept": accepted(ask), "authorization": f"Bearer {secret}"})

    def unframed(self, _ask: Ask) -> None:
        return None
