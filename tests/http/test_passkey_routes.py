"""Passkeys over the control API: what each kind of page is told, and the header that carries their acts."""

import asyncio
import base64
import hashlib
import re

import msgspec
import pytest
from fastapi import FastAPI

from safeconduct.access.passkeys import challenge_of
from safeconduct.approvals import Verdict, ballot
from safeconduct.bootstrap.listening import public_site
from safeconduct.http import pages
from safeconduct.http.acts import HEADER, content_of, encode_act
from safeconduct.http.inprocess import Ask, ask
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import rfc3339
from safeconduct.ledger.acts import Act
from support.access_house import House
from support.authenticator import SITE, Authenticator
from support.granting import HOUR, granting_program
from support.programs import in_force


@pytest.fixture(scope="module")
def house():
    """A house in which dee has a passkey, confirmed."""
    house = House(in_force(granting_program()))
    house.dee = Authenticator("dee")
    status, offered = house.post("passkeys/offers", {}, by="dee")
    assert status == 200, offered
    holder, secret = offered["link"].partition("#")[2].split("/")
    made = house.dee.register(challenge_of(secret))
    body = {"principal": holder, "secret": secret} | {
        name: base64.b64encode(getattr(made, name)).decode() for name in ("client_data", "attestation")
    }
    request = Ask(method="POST", path="/api/v1/passkeys", body=msgspec.json.encode(body))
    status, kept = house.send(request)
    assert status == 200, kept
    spoken = re.sub("(....)", r"\1 ", kept["fingerprint"]).upper()
    house.passkey = house.post(f"passkeys/{kept['id']}/confirm", {"fingerprint": spoken}, by="ops")[1]
    assert house.passkey["state"] == "in-force"
    house.again = house.send(request)
    return house


def by_passkey(house, method, path, body=b"", *, actor="dee", **wrong):
    house.count = getattr(house, "count", 0) + 1
    act = Act(
        actor=actor,
        operation=f"{method} {path}",
        content=content_of(body),
        at=rfc3339(house.now()),
        nonce=f"page{house.count:028x}",
    )
    header = encode_act(house.dee.act(act, **wrong))
    return house.send(Ask(method=method, path=path, headers={HEADER: header}, body=body))


def asked(house):
    wanted = {"principal": "ana", "path": "soc-triage", "until": rfc3339(house.now() + HOUR), "reason": "a case"}
    return house.post("grants/request", wanted, by="ana")[1]


def test_an_offer_is_used_once(house):
    assert (house.again[0], house.again[1]["code"]) == (401, "offer-unknown")


def test_what_a_page_shows_of_a_vote_is_what_its_choices_sign(house):
    case = asked(house)
    status, shown = by_passkey(house, "GET", f"/api/v1/to-sign/grant/{case['id']}")
    assert (status, shown["text"]) == (200, case["text"])
    assert hashlib.sha256(shown["text"].encode()).hexdigest() == case["content"]
    for_, against = shown["choices"]
    assert (for_["label"], against["label"], for_["asks"]) == ("Approve", "Deny", "")
    body = ballot(shown["proposal"]["draft"], Verdict.REJECT)
    assert msgspec.json.decode(body) == against["body"]
    status, voted = by_passkey(house, "POST", against["path"], body)
    assert (status, voted["state"]) == (200, "denied")
    assert by_passkey(house, "GET", f"/api/v1/to-sign/grant/{case['id']}")[1]["choices"] == []


@pytest.mark.parametrize("wrong", [{"origin": "https://evil.example"}, {"flags": 1}, {"rp_id": "evil.example"}])
def test_nothing_is_shown_for_a_signature_of_elsewhere(house, wrong):
    status, said = by_passkey(house, "GET", f"/api/v1/to-sign/passkey/{house.passkey['id']}", **wrong)
    assert (status, said["code"]) == (401, "passkey-invalid")


def test_a_freeze_is_ended_and_a_passkey_confirmed_on_a_page(house):
    frozen = house.post("freezes/start", {"selector": "principal:bo", "reason": "case 12\nby: nobody"}, by="dee")[1]
    shown = by_passkey(house, "GET", f"/api/v1/to-sign/unfreeze/{frozen['id']}")[1]
    assert "because: case 12\n  by: nobody\n" in shown["text"]  # what somebody wrote reads as no fact of ours
    (choice,) = shown["choices"]
    assert by_passkey(house, "POST", choice["path"], b"{}")[0] == 200
    waiting = by_passkey(house, "GET", f"/api/v1/to-sign/passkey/{house.passkey['id']}")[1]
    assert [one["asks"] for one in waiting["choices"]] == ["fingerprint", "reason"]
    assert house.passkey["fingerprint"] not in msgspec.json.encode(waiting).decode()


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("nothing/x", "kind-unknown"),
        ("grant/x", "grant-unknown"),
        ("opening/x", "approval-unknown"),
        ("action/x", "action-unknown"),
        ("appeal/x", "appeal-unknown"),
        ("unfreeze/x", "freeze-unknown"),
        ("passkey/x", "passkey-absent"),
        ("grant/ana-triage", "grant-unknown"),
    ],
)
def test_what_is_not_there_is_told_to_who_may_ask(house, place, code):
    status, said = by_passkey(house, "GET", f"/api/v1/to-sign/{place}")
    assert (status, said["code"]) == (404, code)
    assert house.send(Ask(method="GET", path=f"/api/v1/to-sign/{place}"))[0] == 401


def test_pages_hold_nothing_and_allow_only_their_own_script(house):
    app = FastAPI()
    app.state.control = house.app.state.control
    app.include_router(pages.router)
    page = asyncio.run(ask(app, Ask(method="GET", path='/approve/grant/"><script>'))).body.decode()
    assert page.count("<script") == 1
    assert 'data-origin="https://safeconduct.example"' in page
    assert "unsafe" not in pages.HEADERS["content-security-policy"]
    for name in ("sign.js", "register.js", "passkeys.js", "pages.css"):
        assert asyncio.run(ask(app, Ask(method="GET", path=f"/assets/{name}"))).status == 200
        assert "innerHTML" not in asyncio.run(ask(app, Ask(method="GET", path=f"/assets/{name}"))).body.decode()
    with pytest.raises(SafeconductError):
        asyncio.run(ask(app, Ask(method="GET", path="/assets/x")))


@pytest.mark.parametrize(
    ("origin", "url", "expected"),
    [
        ("", "http://127.0.0.1:8700", "http://localhost:8700"),
        ("", "https://[::1]:8700", "https://localhost:8700"),
        ("https://safeconduct.example", "http://127.0.0.1:8700", "https://safeconduct.example"),
        ("", "https://192.0.2.7:8700", "origin-unusable"),
        ("https://192.0.2.7", "http://127.0.0.1:8700", "origin-unusable"),
        ("", "", "no-server"),
    ],
)
def test_where_passkeys_are_used(origin, url, expected):
    try:
        found = public_site(origin, url).origin
    except SafeconductError as error:
        found = error.code
    assert found == expected
    assert SITE.rp_id == "safeconduct.example"
