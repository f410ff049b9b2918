"""Azure OpenAI: the v1 surface, or deployments by api-version. A key, or a Microsoft Entra token."""

from collections.abc import Mapping
from urllib.parse import quote

from yarl import URL

from safeconduct.adapters.models.openai_compatible import ROUTES
from safeconduct.adapters.models.wire import COMMON, Request, accepted, base_url, segment
from safeconduct.gateway.ports import Ask
from safeconduct.kernel.instants import Instant


class AzureWire:
    """`Wire` of one resource such as `https://NAME.openai.azure.com`.

    Without `api_version` the v1 surface is asked, where the body names the deployment; with it the address does.
    """

    def __init__(self, url: str, *, api_version: str = "", entra: bool = False) -> None:
        self._base = str(base_url(url, secret=True)).rstrip("/")
        self._version = api_version
        self._entra = entra
        self.dialects = frozenset(ROUTES)

    def request(self, ask: Ask, secret: str, _at: Instant) -> Request:
        return Request(self._url(ask), {**COMMON, "accept": accepted(ask), **self._authorization(secret)})

    def unframed(self, _ask: Ask) -> None:
        return None

    def _url(self, ask: Ask) -> URL:
        route = ROUTES[ask.dialect]
        if not self._version:
            return URL(f"{self._base}/openai/v1/{route}", encoded=True)
        where = "openai" if ask.dialect == "openai.responses" else f"openai/deployments/{segment(ask.model)}"
        address = f"{self._base}/{where}/{route}?api-version={quote(self._version, safe='')}"
        return URL(address, encoded=True)

    def _authorization(self, secret: str) -> Mapping[str, str]:
        return {"authorization": f"Bearer {secret}"} if self._entra else {"api-key": secret}
