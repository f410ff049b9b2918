"""The two pages for passkeys: one registers, one signs. Each is text in HTML; its script is a file of its own."""

from collections.abc import Mapping
from pathlib import Path

from safeconduct.ledger.passkeys import Site
from safeconduct.web.page import text

ASSETS = "/assets/"

_FOLDER = Path(__file__).parent / "assets"
_MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

_ELSEWHERE = (
    "<p id=elsewhere hidden role=alert>Passkeys are not to be had here: browsers offer them on the site's own name "
    "only. Open <a id=elsewhere-link></a></p><noscript><p>This page signs with a passkey, which takes a script.</p>"
    "</noscript>"
)
_SAID = "<p id=said role=status aria-live=polite tabindex=-1></p><p id=problem role=alert tabindex=-1></p>"
_SIGN = (
    "<h1>Sign with your passkey</h1><p class=soft>What you sign is exactly what is shown here: change one letter, and "
    "the signature is worth nothing. Nothing is shown to anybody who has no passkey.</p>"
    "{elsewhere}<div id=work><form id=who><label for=name>Your name in the program</label>"
    "<input id=name name=name required autocomplete='username webauthn' autocapitalize=none spellcheck=false>"
    "<button>Show what is to be signed</button></form>{said}"
    "<section id=shown hidden aria-labelledby=title><h2 id=title tabindex=-1></h2>"
    "<dl id=facts></dl><p class=soft>Word for word:</p>"
    "<pre id=text tabindex=0 role=region aria-label='What is to be signed, word for word'></pre>"
    "<p id=votes class=soft></p>"
    "<div id=typed-row hidden><label id=typed-label for=typed>Reason</label><input id=typed autocomplete=off></div>"
    "<div id=choices role=group aria-labelledby=title></div>"
    "<details hidden><summary>The request that was signed last</summary><pre id=signed></pre></details></section></div>"
)
_REGISTER = (
    "<h1>Register a passkey</h1><p id=for>It will sign for <strong id=holder></strong>, on this site only. Your "
    "device asks for your face, finger or PIN each time.</p>{elsewhere}<div id=work>"
    "<button id=make type=button>Make the passkey</button>{said}"
    "<section id=done hidden aria-labelledby=done-title><h2 id=done-title tabindex=-1>One more person is needed</h2>"
    "<p>Call an administrator or trust and safety of your own organization, and read this to them:</p>"
    "<p><code id=fingerprint class=fingerprint></code></p>"
    "<p>They confirm it with <code id=confirm></code>. Whoever had stolen your session could do no more than you did "
    "until here, so never let anybody confirm a fingerprint that did not come from you.</p></section></div>"
)


def sign_page(site: Site, kind: str, subject: str) -> str:
    """Returns the page on which somebody signs an act of this kind about this subject."""
    body = _SIGN.format(elsewhere=_ELSEWHERE, said=_SAID)
    return _page("Sign", "sign.js", site, body, {"kind": kind, "subject": subject})


def register_page(site: Site) -> str:
    """Returns the page on which somebody makes a passkey. Whose, and by what right, stands in the link."""
    return _page("Register a passkey", "register.js", site, _REGISTER.format(elsewhere=_ELSEWHERE, said=_SAID), {})


def assets() -> Mapping[str, tuple[bytes, str]]:
    """Returns the files that the pages load, by name, with their media types."""
    return {file.name: (file.read_bytes(), _MEDIA_TYPES[file.suffix]) for file in sorted(_FOLDER.iterdir())}


def _page(title: str, script: str, site: Site, body: str, data: Mapping[str, str]) -> str:
    said = {"origin": site.origin, "rp": site.rp_id, **data}
    attributes = "".join(f' data-{name}="{text(value)}"' for name, value in said.items())
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{text(title)} - Safeconduct</title><link rel=stylesheet href={ASSETS}pages.css>"
        f"<script type=module src={ASSETS}{script}></script><main{attributes}>{body}</main></html>\n"
    )
