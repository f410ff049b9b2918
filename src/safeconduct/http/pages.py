"""The pages for passkeys: `/approve/{kind}/{id}`, `/passkeys/register`, and the files that they load.

A page holds nothing that is not public: what is to be signed comes over the control API, to who signs for it.
"""

from fastapi import APIRouter, Response

from safeconduct.http.control.context import Installation
from safeconduct.http.control.passkeys import REGISTER_PAGE
from safeconduct.kernel.errors import AbsentError
from safeconduct.web.passkey_pages import ASSETS, assets, register_page, sign_page

router = APIRouter(include_in_schema=False)

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
_ASSETS = assets()


@router.get("/approve/{kind}/{subject}")
def approve(control: Installation, kind: str, subject: str) -> Response:
    """Returns the page on which an act is signed. Whether there is such a thing is told to who signs for it."""
    return _html(sign_page(control.site(), kind, subject))


@router.get(REGISTER_PAGE)
def register(control: Installation) -> Response:
    """Returns the page on which a passkey is made."""
    return _html(register_page(control.site()))


@router.get(ASSETS + "{name}")
def asset(name: str) -> Response:
    """Returns a file that a page loads."""
    if name not in _ASSETS:
        raise AbsentError("there is no such file", code="route-unknown")
    content, media_type = _ASSETS[name]
    return Response(content, headers=HEADERS, media_type=media_type)


def _html(page: str) -> Response:
    return Response(page, headers=HEADERS, media_type="text/html; charset=utf-8")
