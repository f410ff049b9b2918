"""Signing in through a browser: an authorization code with PKCE, received on loopback.

OpenID Connect Core 1.0 section 3.1, RFC 7636 (PKCE), RFC 8252 section 7.3 (loopback), RFC 9207 (issuer in the answer).
"""

import base64
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from safeconduct.access.sign_in import nonce_of
from safeconduct.adapters.clock import system_entropy
from safeconduct.adapters.oidc import ANSWER_BYTES_MAX, TIMEOUT_S, Endpoints, endpoints
from safeconduct.adapters.outbound import exchange, http_address
from safeconduct.kernel.errors import UnauthenticatedError, UnavailableError

WAIT_S = 300.0
"""Seconds that a person gets to sign in."""

SECRET_BYTES = 48
"""Bytes of randomness in state and verifiers: 64 characters, of the 43 that RFC 7636 wants at least."""

_CALLBACK = "/callback"
_PAGE = (
    b"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    b"<title>Sign-in - Safeconduct</title><style>:root { color-scheme: light dark; }"
    b"main { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }</style>"
    b"<main><h1>Back to the terminal</h1><p>It says whether you are signed in. You may close this window.</p></main>"
)

Open = Callable[[str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """What a sign-in came to: the ID token, and the verifier behind its nonce."""

    id_token: str = field(repr=False)
    verifier: str = field(repr=False)


def sign_in(issuer: str, client_id: str, open_: Open, *, context: str = "", wait_s: float = WAIT_S) -> SignedIn:
    """Has a person sign in: `open_` is given the address that a browser must open. Blocks until they have.

    `context` is the authentication context that is asked for.

    Raises:
        UnauthenticatedError: `sign-in-refused`, or what came back is not the answer to what was asked.
        UnavailableError: `identity-provider-down`; `sign-in-unanswered`: nobody signed in within `wait_s`.
    """
    provider = endpoints(issuer)
    state, code_verifier, verifier = (_secret() for _ in range(3))
    with _Loopback(("127.0.0.1", 0), _Answer) as server:
        redirect = f"http://127.0.0.1:{server.server_address[1]}{_CALLBACK}"
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect,
            "scope": "openid",
            "state": state,
            "nonce": nonce_of(verifier),
            "code_challenge": nonce_of(code_verifier),
            "code_challenge_method": "S256",
        } | ({"acr_values": context} if context else {})
        joint = "&" if urlsplit(provider.authorization).query else "?"
        open_(f"{provider.authorization}{joint}{urlencode(asked)}")
        answered = server.answer(wait_s)
    code = _code(answered, state, issuer)
    return SignedIn(id_token=_exchanged(provider, client_id, code, redirect, code_verifier), verifier=verifier)


def _secret() -> str:
    return base64.urlsafe_b64encode(system_entropy(SECRET_BYTES)).decode()


class _Loopback(HTTPServer):
    """Waits for the one request that brings the answer. Others, such as for an icon, are turned away."""

    answered: Mapping[str, str] | None = None

    def answer(self, wait_s: float) -> Mapping[str, str]:
        until = time.monotonic() + wait_s
        while self.answered is None:
            self.timeout = until - time.monotonic()
            if self.timeout <= 0:
                raise UnavailableError(
                    f"nobody signed in within {wait_s:.0f} s",
                    code="sign-in-unanswered",
                    remedy="start again: safeconduct login --oidc NAME",
                )
            self.handle_request()
        return self.answered


class _Answer(BaseHTTPRequestHandler):
    server: _Loopback
    timeout = TIMEOUT_S

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        found = where.path == _CALLBACK
        self.send_response(200 if found else 404)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(_PAGE) if found else 0))
        self.end_headers()
        if found:
            self.wfile.write(_PAGE)
            self.server.answered = dict(parse_qsl(where.query, max_num_fields=16))

    def log_message(self, *_args: object) -> None:
        """Writes nothing: the address holds the code."""


def _code(answered: Mapping[str, str], state: str, issuer: str) -> str:
    if not hmac.compare_digest(answered.get("state", "").encode(), state.encode()):
        raise _unasked("it answers another sign-in")
    if answered.get("iss", issuer) != issuer:
        raise _unasked("another identity provider answered")
    if "error" in answered:
        said = answered.get("error_description") or answered["error"]
        raise UnauthenticatedError(
            f"the identity provider refused: {said[:500]}", code="sign-in-refused", remedy="ask whoever runs it why"
        )
    if not answered.get("code"):
        raise _unasked("it has no code")
    return answered["code"]


def _unasked(why: str) -> UnauthenticatedError:
    return UnauthenticatedError(
        f"what the browser brought back is not the answer to this sign-in: {why}",
        code="sign-in-not-ours",
        remedy="start again: safeconduct login --oidc NAME",
    )


def _exchanged(provider: Endpoints, client_id: str, code: str, redirect: str, code_verifier: str) -> str:
    """Gives the code for the ID token."""
    where = http_address(provider.token, "an address of an identity provider")
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "code": code,
        "redirect_uri": redirect,
        "code_verifier": code_verifier,
    }
    try:
        answered = exchange(
            where,
            "POST",
            (where.path or "/") + (f"?{where.query}" if where.query else ""),
            body=urlencode(form).encode(),
            headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
            timeout_s=TIMEOUT_S,
            answer_bytes_max=ANSWER_BYTES_MAX,
        )
        told = msgspec.json.decode(answered.body, type=dict[str, Any])
    except (OSError, msgspec.MsgspecError, RecursionError) as error:
        raise UnavailableError(
            f"the code could not be given for a token: {error}", code="identity-provider-down"
        ) from error
    return _id_token(told, answered.status)


def _id_token(told: Mapping[str, Any], status: int) -> str:
    id_token = told.get("id_token")
    if not isinstance(id_token, str):
        said = str(told.get("error_description") or told.get("error") or f"status {status}")
        raise UnauthenticatedError(f"the identity provider gave no ID token: {said[:500]}", code="sign-in-refused")
    return id_token
