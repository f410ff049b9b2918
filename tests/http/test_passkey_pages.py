"""In a real Chromium, by keyboard alone: a passkey is made, confirmed by a colleague, and approves what is shown."""

import base64
import os
from types import SimpleNamespace

import msgspec
import pytest

from safeconduct.kernel.errors import SafeconductError
from safeconduct.ledger.acts import Envelope
from safeconduct.ledger.passkeys import PasskeyKey, Site
from support.browser import PROGRAM, browsing
from support.shell import made, run, serving, witness

PEOPLE = {"tess": "meridian, roles: [trust-and-safety]", "nora": "northwind, roles: [administrator]"}
TURNED = "INC-7 \u202e7-CNI"
"""A reason with a mark after which letters run backwards, over whatever follows."""

RULES = """approvals:
  grant:
    groups:
      - {organization: northwind, role: administrator, count: 1}
      - {organization: meridian, role: trust-and-safety, count: 1}
"""

if PROGRAM is None and os.environ.get("CI") != "true":
    pytest.skip("Chromium is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A house that serves, a browser with an authenticator, and tess's passkey in it."""
    assert PROGRAM, "CI installs Chromium: .ci/run"
    house, key = made(tmp_path_factory.mktemp("passkeys") / "house")
    lines = []
    for name, where in PEOPLE.items():
        public = run("keys", "new", name, "--out", house.key(name)).out.split()[-1]
        lines.append(f'  {name}: {{organization: {where}, kind: person, key: "{public}"}}\n')
    with witness(house.root / "witness", key) as cosigning:
        file = house.program(cosigning)
        text = file.read_text().replace("  triage-service: ", "".join(lines) + "  triage-service: ", 1)
        file.write_text(text.replace("approvals:\n", RULES, 1) + "\ngrants_policy:\n  lifetimes: {0: 168}\n")
        said = house("program", "apply", file)
        assert said.code == 0, said
    with serving(house.data) as (_process, address), browsing(tmp_path_factory.mktemp("browser")) as browser:
        device = browser.authenticator()
        origin = f"http://localhost:{address.url.rpartition(':')[2]}"
        yield SimpleNamespace(house=house, url=address.url, origin=origin, browser=browser, device=device)


@pytest.fixture(scope="module")
def passkey(told):
    """Tess's passkey, made on the page and confirmed by a colleague who was told the right fingerprint."""
    offered = told.house("passkey", "register", "--json", by="tess").json
    assert offered["link"].startswith(f"{told.origin}/passkeys/register#tess/")
    told.browser.open(offered["link"])
    fits(told.browser)
    reach(told.browser, "make")
    told.browser.enter()
    told.browser.until("!document.getElementById('done').hidden")
    fits(told.browser)
    fingerprint = told.browser.run("document.getElementById('fingerprint').textContent")
    (waiting,) = told.house("passkey", "list", "--json").json
    assert (waiting["state"], waiting["fingerprint"]) == ("waiting", "")
    assert told.house("passkey", "confirm", waiting["id"], "--fingerprint", "0" * 20).error == "fingerprint-differs"
    kept = told.house("passkey", "confirm", waiting["id"], "--fingerprint", fingerprint, "--json")
    assert kept.json["confirmed_by"] == "ops", kept
    return kept.json


def fits(browser):
    """At each width and in both color schemes nothing is wider than the window."""
    for width in (390, 1280):
        for dark in (False, True):
            browser.look(width=width, dark=dark)
            assert browser.run("document.documentElement.scrollWidth") <= width
            if folder := os.environ.get("SAFECONDUCT_PICTURES"):
                name = browser.run("document.title + document.querySelectorAll('[hidden]').length").replace(" ", "-")
                browser.picture(f"{folder}/{name}-{width}-{'dark' if dark else 'light'}.png")


def reach(browser, wanted):
    """Goes to an element by the Tab key: by its id, or a button by its words."""
    for _ in range(20):
        browser.tab()
        if browser.run("document.activeElement.id || document.activeElement.textContent") == wanted:
            return
    raise AssertionError(f"Tab never reached {wanted}")


def shown(told, grant, name="tess"):
    told.browser.open(f"{told.origin}/approve/grant/{grant}")
    reach(told.browser, "name")
    told.browser.run("document.getElementById('name').value = ''")
    told.browser.type(name)
    told.browser.enter()


def asked(told):
    said = told.house("grant", "request", "ana", "soc-triage", "--reason", TURNED, "--hours", 2, "--json", by="ana")
    return said.json


def test_a_passkey_approves_exactly_what_the_page_shows_and_the_entry_proves_it(told, passkey):
    case = asked(told)
    assert told.house("grant", "approve", case["id"], by="nora").code == 0
    shown(told, case["id"])
    told.browser.until("!document.getElementById('shown').hidden")
    assert told.browser.run("document.getElementById('text').textContent") == case["text"].replace(
        "\u202e", "\\u{202e}"
    )
    assert "INC-7 \\u{202e}7-CNI" in told.browser.run("document.getElementById('facts').textContent")
    fits(told.browser)
    reach(told.browser, "Approve")
    told.browser.enter()
    told.browser.until("document.getElementById('said').textContent.includes('in the log')")
    assert told.browser.run("document.activeElement.id") == "said"
    voted = told.house("grant", "show", case["id"], "--json").json
    assert voted["state"] == "in-force"
    (vote,) = (one for one in voted["approval"]["votes"] if one["voter"] == "tess")
    act = told.house("log", "show", vote["entry"], "--json").json["act"]
    (registered,) = (one for one in entries(told) if one["type"] == "access.passkey.registered/1")
    said = registered["body"]
    public = PasskeyKey(
        credential=said["credential"], public=base64.b64decode(said["public"]), site=Site(said["origin"])
    )
    msgspec.convert(act, Envelope).signed().verify(public)
    with pytest.raises(SafeconductError):
        msgspec.convert(act | {"content": "0" * 64}, Envelope).signed().verify(public)
    assert told.browser.failures == []


def test_who_has_voted_is_told_so_and_asked_no_more(told, passkey):
    case = asked(told)
    for said in ("in the log", "You have voted on this: reject."):
        shown(told, case["id"])
        told.browser.until("!document.getElementById('shown').hidden")
        if said == "in the log":
            reach(told.browser, "Deny")
            told.browser.enter()
        told.browser.until(f"document.getElementById('said').textContent.includes('{said}')")
    assert told.browser.run("document.querySelectorAll('#choices button').length") == 0


def test_a_link_that_is_not_whole_or_was_used_makes_no_passkey(told, passkey):
    registered = len(told.house("passkey", "list", "--json").json)
    told.browser.open(f"{told.url}/healthz")  # else only what follows the # would change
    told.browser.open(f"{told.origin}/passkeys/register#tess")
    fits(told.browser)
    assert told.browser.run("document.getElementById('make').hidden")
    assert "This link is not whole." in told.browser.run("document.body.innerText")
    told.browser.open(f"{told.url}/healthz")
    told.browser.open(f"{told.origin}/passkeys/register#tess/used")
    reach(told.browser, "make")
    told.browser.enter()
    told.browser.until("document.getElementById('problem').textContent.includes('(offer-unknown)')")
    assert "To do: make another: safeconduct passkey register" in told.browser.run("document.body.innerText")
    told.browser.until("document.activeElement.id === 'make'")
    assert len(told.house("passkey", "list", "--json").json) == registered


def entries(told):
    return told.house("log", "show", "--origin", told.house.agreement, "--count", 50, "--json").json["entries"]


def test_who_can_not_verify_themselves_signs_nothing(told, passkey):
    case = asked(told)
    told.browser.ask("WebAuthn.setUserVerified", authenticatorId=told.device, isUserVerified=False)
    shown(told, case["id"])
    told.browser.until("document.getElementById('problem').textContent.includes('Nothing was signed')")
    told.browser.ask("WebAuthn.setUserVerified", authenticatorId=told.device, isUserVerified=True)
    shown(told, case["id"], name="nora")
    told.browser.until("document.getElementById('problem').textContent.includes('passkey-unknown')")
    assert told.browser.run("document.getElementById('shown').hidden")


def test_on_a_bare_address_the_page_says_where_passkeys_are_to_be_had(told, passkey):
    told.browser.open(f"{told.url}/approve/grant/x")
    told.browser.until("!document.getElementById('elsewhere').hidden")
    link = told.browser.run("document.getElementById('elsewhere-link').href")
    assert link == f"{told.origin}/approve/grant/x"
    assert told.house("passkey", "sign", "grant", "x", "--no-browser").out.strip() == link
