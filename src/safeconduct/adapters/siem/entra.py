"""Microsoft's login for services: OAuth client credentials, one token at a time, renewed before it ends."""

from collections.abc import Callable
from urllib.parse import quote, urlencode

import msgspec

from safeconduct.adapters.siem.web import Web, refuse_if_not_taken
from safeconduct.kernel.errors import UnavailableError
from safeconduct.ledger.shipping import DestinationBusyError

TOKEN_EARLY_S = 300.0  # a token is renewed this long before it ends
OK = 200


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs in, and where."""

    tenant: str
    client: str
    login: str
    ca: str = ""


class Login:
    """Signs in to a scope when a token is wanted and none is left. `clock` counts seconds."""

    def __init__(self, client: Client, secret: str, scope: str, clock: Callable[[], float]) -> None:
        self._client, self._secret, self._scope, self._clock = client, secret, scope, clock
        self._web = Web(client.login, ca=client.ca)
        self._token, self._ends = "", 0.0

    def forget(self) -> None:
        """Has the next token be a new one."""
        self._ends = 0.0

    def token(self) -> str:
        """Returns a token that has some minutes left.

        Raises:
            DestinationBusyError: the login can't answer now.
            UnavailableError: it gives none (`destination-refused`).
        """
        if self._clock() < self._ends:
            return self._token
        form = urlencode(
            {
                "client_id": self._client.client,
                "client_secret": self._secret,
                "grant_type": "client_credentials",
                "scope": self._scope,
            }
        )
        headers = {"content-type": "application/x-www-form-urlencoded"}
        path = f"/{quote(self._client.tenant, safe='')}/oauth2/v2.0/token"
        answer = self._web.send("POST", path, headers, form.encode())
        refuse_if_not_taken(answer, "the login")
        try:
            said = answer.document()
        except DestinationBusyError as error:  # not with what came: a token may stand in it
            raise DestinationBusyError("the login's answer is no JSON", code=error.code) from None
        if answer.status != OK or not isinstance(said.get("access_token"), str):
            raise UnavailableError(
                f"the login gave no token: {answer.status} {said.get('error', '')}",
                code="destination-refused",
                remedy="check tenant, client and secret",
            )
        lasts = said.get("expires_in")
        self._token = said["access_token"]
        self._ends = self._clock() + (lasts if isinstance(lasts, int) else 0) - TOKEN_EARLY_S
        return self._token
