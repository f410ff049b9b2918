"""Anthropic's own API: messages and the counting of tokens."""

from collections.abc import Mapping

from safeconduct.adapters.models.wire import COMMON, Request, accepted, base_url
from safeconduct.gateway.ports import Ask
from safeconduct.kernel.instants import Instant

VERSION = "2023-06-01"
"""The version of the API where the caller named none."""

ROUTES: Mapping[str, str] = {
    "anthropic.messages": "v1/messages",
    "anthropic.count-tokens": "v1/messages/count_tokens",
}
"""Where each dialect is spoken, below the base URL."""


class AnthropicWire:
    """`Wire` of one base URL such as `https://api.anthropic.com`. `betas` are added to those of each ask."""

    dialects = frozenset(ROUTES)

    def __init__(self, url: str, *, betas: tuple[str, ...] = ()) -> None:
        base = base_url(url, secret=True)
        self._urls = {dialect: base / route for dialect, route in ROUTES.items()}
        self._betas = betas

    def request(self, ask: Ask, secret: str, _at: Instant) -> Request:
        version = ask.version or VERSION
        headers = {**COMMON, "accept": accepted(ask), "anthropic-version": version, "x-api-key": secret}
        betas = dict.fromkeys((*self._betas, *ask.betas))
        if betas:
            headers["anthropic-beta"] = ",".join(betas)
        return Request(self._urls[ask.dialect], headers)

    def unframed(self, _ask: Ask) -> None:
        return None
