"""Services' tokens by OAuth's client credentials grant (RFC 6749 section 4.4), with assertions (RFC 7523) or mTLS.

Who asks has no token yet: what the request shows is all that speaks for it.
"""

import asyncio
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from safeconduct.access import credentials
from safeconduct.access.tokens import IssuedToken
from safeconduct.http.control.asking import OpenBytes
from safeconduct.http.control.callers import held
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.declared import Content
from safeconduct.http.control.frame import answer, commit
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import SECOND, Instant

router = APIRouter(prefix="/api/v1/credentials", tags=["credentials"])

GRANT = "client_credentials"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FIELDS_MAX = 8
"""Fields of a form. Five are known; libraries send a scope, which says nothing here."""

_KNOWN = frozenset({"grant_type", "client_assertion_type", "client_assertion", "client_id", "scope"})
OpenForm = Annotated[OpenBytes, Content("application/x-www-form-urlencoded", "Who the service is, as a form.")]


@router.get("")
def audience(control: Installation) -> Response:
    """Returns whom assertions are for, and how long a token holds at most. Anybody may ask."""
    with control.snapshot() as records:
        found = credentials.audience_of(records)
    return answer({"audience": found, "seconds": credentials.LIFETIME_MAX // SECOND})


@router.post("")
async def issue(request: Request, body: OpenForm, control: Installation) -> Response:
    """Issues a short-lived token to a service that shows who it is. This answer is the only place of its secret.

    The body is a form: `grant_type=client_credentials`, and either `client_assertion_type` and `client_assertion`, a
    JWT that the service signed with its key or has of its platform, or `client_id` over a connection with its client
    certificate. With a header `DPoP` the token is bound to that key, over a client certificate to that.
    """
    form = _form(body)
    holds = await held(request)
    shown = await asyncio.to_thread(_shown, control, form, holds)
    made = await commit(
        control.writer,
        lambda tx: credentials.issue_credential(
            tx,
            control.entropy,
            shown,
            holds=holds,
            lifetime=credentials.LIFETIME_MAX,
            evidence=form.get("client_assertion", ""),
        ),
    )
    return _answered(made.value, control.clock.now())


def _shown(control: Control, form: Mapping[str, str], holds: tuple[str, ...]) -> credentials.Shown:
    if "client_assertion" not in form:
        with control.snapshot() as records:
            return credentials.shown_by_certificate(records, form.get("client_id", ""), holds)
    shown = _asserted(control, form["client_assertion"])
    if form.get("client_assertion_type") != ASSERTION or form.get("client_id", shown.principal) != shown.principal:
        raise _wrong(f"expected client_assertion_type={ASSERTION}, and no other client_id than the assertion's")
    return shown


def _asserted(control: Control, assertion: str) -> credentials.Shown:
    now = control.clock.now()
    with control.snapshot() as records:
        provider = credentials.provider_of(records, assertion)
        if provider is None:
            return credentials.shown_by_key(records, assertion, now)
    claims = control.identities(provider, assertion)  # may ask the provider, so no snapshot is held open for it
    with control.snapshot() as records:
        return credentials.shown_by_workload(records, provider, claims, now)


def _form(body: bytes) -> Mapping[str, str]:
    try:
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=FIELDS_MAX)
    except ValueError as error:
        raise _wrong(f"expected a form: {error}") from error
    form = dict(fields)
    if len(form) != len(fields) or not form.keys() <= _KNOWN or form.get("grant_type") != GRANT:
        raise _wrong(f"expected grant_type={GRANT}, and of {', '.join(sorted(_KNOWN))} each at most once")
    return form


def _answered(made: IssuedToken, now: Instant) -> Response:
    found = answer(
        {
            "access_token": made.secret,
            "token_type": "DPoP" if made.bound.startswith("jkt:") else "Bearer",
            "expires_in": (made.expires_at - now) // SECOND,
            "id": made.id,
            "principal": made.principal,
            "bound": made.bound,
        }
    )
    found.headers["cache-control"] = "no-store"
    return found


def _wrong(message: str) -> InvalidInputError:
    return InvalidInputError(
        message, code="credential-request-invalid", remedy="docs/spec/credentials.md shows the request"
    )
