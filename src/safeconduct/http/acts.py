"""Signed acts on the wire: one header that says who does what with exactly which body."""

import base64
import binascii
import hashlib

import msgspec

from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.errors import UnauthenticatedError
from safeconduct.ledger.acts import Envelope, SignedAct

HEADER = "safeconduct-act"
HEADER_BYTES_MAX = 8192
"""Bytes of the header's value. A key's act is about 400, a passkey's 1,500, or 5,000 with the longest credential id."""


def operation_of(method: str, path: str) -> str:
    """Returns the act's operation for a request: the method and the path. The query is part of the content."""
    return f"{method.upper()} {path}"


def content_of(body: bytes, query: str = "") -> str:
    """Returns the act's content for a request: the SHA-256 of its body as hex, after the encoded query if it has one.

    A query is followed by a NUL, which stands in no query, so that nothing can move between the two.
    """
    return hashlib.sha256(query.encode() + b"\0" + body if query else body).hexdigest()


def encode_act(signed: SignedAct) -> str:
    """Returns the header's value."""
    return base64.urlsafe_b64encode(canonical(signed.envelope())).decode()


def decode_act(value: str) -> SignedAct:
    """Reads the header's value. The signature is not checked here.

    Raises:
        UnauthenticatedError: the value is no act.
    """
    if len(value) > HEADER_BYTES_MAX:
        raise UnauthenticatedError(f"the {HEADER} header is over {HEADER_BYTES_MAX} bytes", code="act-unreadable")
    try:
        return msgspec.json.decode(base64.b64decode(value, altchars=b"-_", validate=True), type=Envelope).signed()
    except (ValueError, binascii.Error) as error:
        raise UnauthenticatedError(
            f"the {HEADER} header is no signed act: {error}",
            code="act-unreadable",
            remedy="let the safeconduct command or library sign the request",
        ) from error
