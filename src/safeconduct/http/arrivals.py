"""What a request's headers say to the gateway: who asks, for what, and in which version of the dialect."""

from collections.abc import Mapping

from safeconduct.gateway.dialects.model import Dialect
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.limits import TOKEN_BYTES_MAX
from safeconduct.http.asgi import Scope

_TOKEN = b"authorization"
_SCHEMES = (b"bearer", b"dpop")
_NAMES: Mapping[bytes, str] = {
    _TOKEN: "token",
    b"safeconduct-purpose": "purpose",
    b"safeconduct-session": "session",
    b"safeconduct-grant": "grant",
    b"safeconduct-approval": "approval",
    b"content-type": "content_type",
    b"content-encoding": "content_encoding",
    b"traceparent": "trace",
    b"dpop": "proof",
}
# What official clients of a dialect with versions say besides; elsewhere these names mean nothing.
_VERSIONED: Mapping[bytes, str] = {
    **_NAMES,
    b"x-api-key": "key",
    b"anthropic-version": "version",
    b"anthropic-beta": "betas",
}


def said_in(scope: Scope, dialect: Dialect) -> dict[str, str]:
    """Returns the arrival's fields that headers carry.

    A `proof` of possession is among them as it came: for `Holding` to judge.

    Raises:
        DialectError: one of them came twice, or two keys differ, and readers differ in which they take.
    """
    names = _VERSIONED if dialect.versions else _NAMES
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        field = names.get(name)
        if field is None:
            continue
        if field in found:
            raise DialectError(f"the header {name.decode()} came twice", code="duplicate-header", param=name.decode())
        found[field] = _bearer(value) if name == _TOKEN else value.decode("latin-1")
    key = found.pop("key", None)
    if key is not None:
        found["token"] = _one_key(key, found.get("token", key))
    return {"content_type": ""} | found


def _bearer(value: bytes) -> str:
    scheme, _, token = value.partition(b" ")
    return token.strip().decode("latin-1") if scheme.lower() in _SCHEMES and len(token) <= TOKEN_BYTES_MAX else ""


def _one_key(key: str, token: str) -> str:
    if key != token:
        raise DialectError(
            "x-api-key and authorization hold different tokens",
            code="duplicate-header",
            param="x-api-key",
            remedy="send one of them",
        )
    return token if len(token) <= TOKEN_BYTES_MAX else ""
