"""Vertex: google-auth says which assertion is right; the token serves until shortly before its end."""

import asyncio
import json
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from google.auth import jwt
from google.oauth2 import service_account as google

from safeconduct.adapters.models.service_account import EARLY_S, GRANT, SCOPE, read_service_account
from safeconduct.adapters.upstreams import make_upstream
from safeconduct.adapters.upstreams_file import Vertex
from safeconduct.kernel.errors import InvalidInputError, UpstreamError
from safeconduct.kernel.instants import Instant, seconds
from support.immediate import START
from support.vendors import Reply, VendorStandIn, asked, started

MODEL = "claude-x@20260101"


def pem(key):
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


RSA = rsa.generate_private_key(65537, 2048)
PUBLIC = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def account(origin, key=None):
    return {
        "type": "service_account",
        "client_email": "gateway@house.example",
        "private_key_id": "key-1",
        "private_key": pem(key or RSA),
        "token_uri": f"{origin}/token",
    }


class Clock:
    at = START

    def now(self):
        return self.at


def run(work, *, token=None, expires_in=3600, **described):
    """Runs `work(upstream, vendor, clock)` before a stand-in that is both the token's giver and the vendor."""

    async def main():
        def answer(came):
            if came.target != "/token":
                return Reply()
            given = {"access_token": f"token-{len(vendor.came)}", "expires_in": expires_in, "token_type": "Bearer"}
            return token or Reply(parts=(json.dumps(given).encode(),))

        clock = Clock()
        async with VendorStandIn(answer).running() as vendor:
            text = json.dumps(account(vendor.origin))
            fields = {"project": "house", "location": "europe-west1", "url": vendor.origin, **described}
            made = make_upstream(Vertex(experimental=True, key_file="f", **fields), lambda *_: text, clock)
            async with started(made) as upstream:
                return await work(upstream, vendor, clock)

    return asyncio.run(main())


async def message(upstream, **what):
    return await asked(upstream, b"{}", **({"dialect": "anthropic.messages", "model": MODEL} | what))


def test_the_assertion_is_what_google_auth_makes():
    found = account("https://oauth2.googleapis.com")
    ours = read_service_account(json.dumps(found)).assertion(START)
    claims = jwt.decode(ours, certs=PUBLIC, verify=False)
    theirs = google.Credentials.from_service_account_info(found, scopes=[SCOPE])._make_authorization_grant_assertion()
    expected = jwt.decode(theirs, verify=False)
    assert set(claims) == set(expected)
    assert {**claims, "iat": 0, "exp": 0} == {**expected, "aud": found["token_uri"], "iat": 0, "exp": 0}
    assert claims["exp"] - claims["iat"] == expected["exp"] - expected["iat"]
    assert jwt.decode_header(ours) == jwt.decode_header(theirs)


def test_the_signature_is_one_that_google_auth_takes_and_another_keys_is_not():
    from google.auth import crypt

    signed, _, signature = read_service_account(json.dumps(account("https://t"))).assertion(START).rpartition(".")
    raw = jwt._helpers.padded_urlsafe_b64decode(signature)
    assert crypt.verify_signature(signed.encode(), raw, PUBLIC)
    assert not crypt.verify_signature(signed.encode() + b"x", raw, PUBLIC)


@pytest.mark.parametrize(
    ("what", "target"),
    [
        ({}, f"/models/{MODEL}:rawPredict"),
        ({"stream": True}, f"/models/{MODEL}:streamRawPredict"),
        ({"dialect": "anthropic.count-tokens"}, "/models/count-tokens:rawPredict"),
        ({"model": "a/../b"}, "/models/a%2F..%2Fb:rawPredict"),
    ],
)
def test_a_request_goes_where_the_model_is_with_a_token(what, target):
    async def work(upstream, vendor, _clock):
        await message(upstream, **what)
        return vendor.came

    exchange, asked_for = run(work)
    assert asked_for.target == f"/v1/projects/house/locations/europe-west1/publishers/anthropic{target}"
    assert asked_for.headers["authorization"] == "Bearer token-1"
    form = parse_qs(exchange.body.decode())
    assert form["grant_type"] == [GRANT]
    assert exchange.headers["content-type"] == "application/x-www-form-urlencoded"
    assert jwt.decode(form["assertion"][0], verify=False)["iss"] == "gateway@house.example"


def test_a_token_serves_many_calls_at_once_and_is_replaced_shortly_before_its_end():
    async def work(upstream, vendor, clock):
        await asyncio.gather(*(message(upstream) for _ in range(8)))
        clock.at = Instant(START + seconds(3600 - EARLY_S) - 1)
        await message(upstream)
        before = sum(came.target == "/token" for came in vendor.came)
        clock.at = Instant(START + seconds(3600 - EARLY_S))
        await message(upstream)
        return before, sum(came.target == "/token" for came in vendor.came)

    assert run(work) == (1, 2)


@pytest.mark.parametrize(
    "token",
    [
        Reply(401, parts=(b'{"error":"invalid_grant","error_description":"key-1 of gateway@house.example"}',)),
        Reply(parts=(b"<html>",)),
        Reply(302, headers={"location": "http://elsewhere.example/"}),
    ],
)
def test_without_a_token_nothing_is_asked_and_nothing_is_told(token):
    async def work(upstream, vendor, _clock):
        with pytest.raises(UpstreamError) as caught:
            await message(upstream)
        assert [came.target for came in vendor.came] == ["/token"]
        return caught.value

    error = run(work, token=token)
    assert error.code == "upstream-misconfigured"
    assert "house.example" not in str(error)


@pytest.mark.parametrize(
    "change", [{"private_key": "none"}, {"private_key": pem(ec.generate_private_key(ec.SECP256R1()))}]
)
def test_a_key_file_of_another_form_is_refused(change):
    with pytest.raises(InvalidInputError) as caught:
        read_service_account(json.dumps({**account("https://t"), **change}))
    assert caught.value.code == "key-unreadable"
    assert read_service_account(json.dumps(account("https://t"))).email == "gateway@house.example"


def test_a_token_giver_without_tls_is_refused():
    with pytest.raises(InvalidInputError) as caught:
        read_service_account(json.dumps({**account("x"), "token_uri": "http://10.0.0.1/token"}))
    assert caught.value.code == "upstream-url-insecure"
