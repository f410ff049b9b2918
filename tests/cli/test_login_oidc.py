"""`login --oidc` against a certified OpenID provider, in a browser's place something that follows where it is sent."""

import json
import webbrowser
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from safeconduct.cli import browser_sign_in
from safeconduct.cli.output import EXIT_CODE
from safeconduct.kernel.errors import Kind, SafeconductError
from support.identity_provider import Browser, identity_provider, installed
from support.serve_calls import ROUTE, asked, chat
from support.shell import made, run, serving, witness
from support.sign_ins import SUBJECT, with_sign_ins
from support.talker import talking

TIERS = (
    ('    models: ["m"]\n', "    models: [m]\n    tier: 1\n"),
    ("organization: northwind, kind: person, key", "organization: northwind, kind: person, tier: 1, key"),
    ("role: partner, name", "role: partner, tier: 1, name"),
    ("scopes:\n", "models:\n  m: {version: m, tier: 1}\n\nscopes:\n"),
)


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    with identity_provider(installed(tmp_path_factory.mktemp("idp"))) as running:
        yield running


@pytest.fixture(scope="module")
def served(provider, tmp_path_factory):
    """A gateway whose one model is of tier 1, for which only a phishing-resistant sign-in counts."""
    house, key = made(tmp_path_factory.mktemp("oidc") / "house")
    with witness(house.root / "witness", key) as told:
        file = house.program(told, upstream="custom", model="m")
        text = with_sign_ins(file.read_bytes(), issuer=provider.issuer).decode()
        for old, new in TIERS:
            assert old in text, old
            text = text.replace(old, new, 1)
        file.write_text(text)
        said = house("program", "apply", file)
        assert said.code == 0, said
    with talking() as model, serving(house.data, "--model", model.url) as (_process, address):
        yield SimpleNamespace(house=house, url=address.url, data=house.data)


@pytest.fixture
def browser():
    """Registers the browser as the one that people prefer."""
    made_ = Browser()
    before = list(webbrowser._tryorder or ())
    webbrowser.register("safeconduct-test", None, made_, preferred=True)
    yield made_
    webbrowser._tryorder[:] = before


@pytest.fixture
def terminal(served, browser, tmp_path):
    """Somebody's terminal on the machine of the data, with no key."""

    def type_(*words):
        return run(*words, data=served.data, config=tmp_path / "config")

    type_.browser = browser
    return type_


def login(terminal, *words):
    return terminal("login", "--oidc", "northwind-sso", *words, "--json")


def called(served, terminal):
    headers = {"authorization": f"Bearer {terminal('token').out.strip()}", "content-type": "application/json"}
    status, answer = asked(served.url, "POST", ROUTE, chat(), headers)
    return status, answer.get("error", {}).get("code")


def test_who_signs_in_strongly_enough_calls_and_signs_out(served, provider, terminal):
    provider.next_is(SUBJECT, "phr")
    said = login(terminal, "--acr", "phr")
    assert said.code == 0, said
    assert (said.code, said.json["principal"], said.json["oidc"]) == (0, "ana", "northwind-sso")
    assert parse_qs(urlsplit(terminal.browser.went[0]).query)["acr_values"] == ["phr"]
    assert called(served, terminal) == (200, None)
    (token,) = (one for one in terminal("token", "list", "--json").json if one["provider"])
    assert (token["provider"], token["tier"]) == ("northwind-sso", 1)
    assert terminal("logout", "--json").json == {"revoked": 1, "left": []}
    assert token["id"] not in [one["id"] for one in terminal("token", "list", "--json").json]


def test_a_weaker_sign_in_does_not_reach_the_model(served, provider, terminal):
    provider.next_is(SUBJECT, "pwd")
    assert login(terminal, "--acr", "pwd").code == 0
    assert called(served, terminal) == (403, "sign-in-too-weak")


def test_without_a_key_nothing_is_signed(provider, terminal):
    provider.next_is(SUBJECT, "phr")
    assert login(terminal).code == 0
    assert terminal("freeze", "all", "--everybody", "--reason", "a test").error == "key-missing"


def test_somebody_the_program_does_not_know_gets_nothing(provider, terminal):
    provider.next_is("stranger", "phr")
    said = login(terminal)
    assert said.code == EXIT_CODE[Kind.UNAUTHENTICATED]
    assert "error (identity-unknown)" in said.err


def test_a_provider_that_refuses_is_quoted(provider, terminal):
    provider.next_is("nobody")
    said = login(terminal)
    assert "error (sign-in-refused)" in said.err
    assert "not today" in said.err


def test_a_provider_that_the_program_does_not_name_is_refused(terminal):
    said = terminal("login", "--oidc", "another")
    assert said.error == "identity-provider-unknown"
    assert "northwind-sso" in said.err
    assert terminal("login").error == "key-missing"


def test_an_id_token_that_was_seen_is_worth_nothing(served, provider):
    """Who reads an ID token on its way has no verifier; who brings it again is late."""
    provider.next_is(SUBJECT, "phr")
    came = browser_sign_in.sign_in(provider.issuer, "safeconduct", Browser().open)
    body = {"provider": "northwind-sso", "id_token": came.id_token, "minutes": 60}

    def brought(verifier):
        sent = json.dumps(body | {"verifier": verifier}).encode()
        status, answer = asked(served.url, "POST", "/api/v1/sign-ins", sent, {"content-type": "application/json"})
        return status, answer.get("code")

    assert brought("x" * 64) == (401, "sign-in-not-ours")
    assert brought(came.verifier) == (200, None)
    assert brought(came.verifier) == (401, "sign-in-used")


@pytest.mark.parametrize("changed", [{"state": "another"}, {"iss": "https://evil.example"}, {"code": ""}])
def test_what_another_page_sends_to_the_callback_is_not_believed(provider, changed):
    """Mix-up and forgery: something on this machine calls back first."""

    def forge(address):
        asked_ = {name: one[0] for name, one in parse_qs(urlsplit(address).query).items()}
        back = {"state": asked_["state"], "iss": provider.issuer, "code": "guessed"} | changed
        query = "&".join(f"{name}={value}" for name, value in back.items())
        Browser().open(f"{asked_['redirect_uri']}?{query}")

    with pytest.raises(SafeconductError) as caught:
        browser_sign_in.sign_in(provider.issuer, "safeconduct", forge)
    assert caught.value.code == "sign-in-not-ours"


def test_nobody_waits_for_ever(provider):
    with pytest.raises(SafeconductError) as caught:
        browser_sign_in.sign_in(provider.issuer, "safeconduct", lambda _address: None, wait_s=0.05)
    assert caught.value.code == "sign-in-unanswered"
