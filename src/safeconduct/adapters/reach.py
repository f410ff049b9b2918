"""How a vendor is reached as the operator's file says: over which proxy, whom to trust, and who we are in TLS."""

import ssl
from collections.abc import Callable

import aiohttp
from yarl import URL

from safeconduct.adapters.models.http_upstream import Reach
from safeconduct.adapters.models.wire import base_url
from safeconduct.adapters.upstreams_file import Described, wrong

Secrets = Callable[[str, str], str]
"""Returns a secret by the variable or the file that holds it. Raises InvalidInputError."""


def reach_of(described: Described, secrets: Secrets) -> Reach:
    """Returns how an upstream's vendor is reached.

    Raises:
        InvalidInputError: the proxy's address is none, a file is not there, or a secret is missing.
    """
    if not described.proxy:
        return Reach(tls=_tls(described, secrets))
    proxy = base_url(described.proxy, secret=False)
    named = described.proxy_env or described.proxy_file
    user, _, password = secrets(described.proxy_env, described.proxy_file).partition(":") if named else ("", "", "")
    headers = {"authorization": aiohttp.encode_basic_auth(user, password)} if user else None
    return Reach(proxy=URL(proxy), proxy_headers=headers, tls=_tls(described, secrets))


def _tls(described: Described, secrets: Secrets) -> ssl.SSLContext | None:
    if not (described.ca_file or described.client_certificate or described.client_key):
        return None
    try:
        if described.client_key:
            secrets("", described.client_key)  # a key that others may read is refused
        context = ssl.create_default_context(cafile=described.ca_file or None)
        if described.client_certificate or described.client_key:
            context.load_cert_chain(described.client_certificate, described.client_key)
    except (OSError, ssl.SSLError) as error:
        raise wrong(f"cannot use ca-file, client-certificate or client-key: {error}") from error
    return context
