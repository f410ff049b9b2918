"""Identity providers over HTTP: only what one signed itself is believed, and it is asked no more than needed."""

import base64
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from safeconduct.access.identity import IdentityProvider
from safeconduct.adapters.oidc import (
    ANSWER_BYTES_MAX,
    ID_TOKEN_BYTES_MAX,
    KEYS_AGAIN_S,
    KEYS_AGE_MAX_S,
    OpenIDProviders,
    endpoints,
)
from safeconduct.kernel.errors import SafeconductError
from support.patience import PATIENCE_S

CLAIMS = {"iss": "i", "sub": "ana", "aud": "c", "exp": 2, "iat": 1}
ALGORITHMS = {"RS256": RSAKey, "ES256": ECKey, "Ed25519": OKPKey}


def made(kind, kid):
    arguments = {RSAKey: (2048,), ECKey: ("P-256",), OKPKey: ("Ed25519",)}[kind]
    return kind.generate_key(*arguments, parameters={"kid": kid})


KEYS = {algorithm: made(kind, algorithm) for algorithm, kind in ALGORITHMS.items()}


class Provider(ThreadingHTTPServer):
    """A provider that answers what a test says, and counts who asked for its keys."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.keys = list(KEYS.values())
        self.said = {}
        self.body = None
        self.looks = 0

    def document(self, path):
        if path == "/jwks":
            self.looks += 1
            return KeySet(self.keys).as_dict(private=False)
        names = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "jwks"}
        return {"issuer": self.url} | {name: f"{self.url}/{place}" for name, place in names.items()} | self.said


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.path in ("/jwks", "/.well-known/openid-configuration")
        body = json.dumps(self.server.document(self.path)).encode() if self.server.body is None else self.server.body
        self.send_response(200 if found else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        pass


@pytest.fixture
def provider():
    with Provider() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Time:
    now = 0.0

    def __call__(self):
        return self.now


def stated(provider):
    return IdentityProvider(id="p", organization="o", issuer=provider.url, client_id="c", contexts={})


def encoded(algorithm="RS256", key=None, **header):
    return jwt.encode({"alg": algorithm} | header, CLAIMS, key or KEYS[algorithm], algorithms=[algorithm])


def refused(providers, provider, token):
    with pytest.raises(SafeconductError) as caught:
        providers.claims(stated(provider), token)
    return caught.value.code


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_a_key_of_the_provider_signed_is_believed(provider, algorithm):
    assert OpenIDProviders().claims(stated(provider), encoded(algorithm, kid=algorithm)).sub == "ana"


def test_what_somebody_else_signed_is_not(provider):
    other = made(ECKey, "ES256")
    assert refused(OpenIDProviders(), provider, encoded("ES256", other, kid="ES256")) == "sign-in-unsigned"


def test_a_changed_claim_is_noticed(provider):
    head, _claims, signature = encoded(kid="RS256").split(".")
    changed = part(json.dumps(CLAIMS | {"sub": "bo"}).encode())
    assert refused(OpenIDProviders(), provider, f"{head}.{changed}.{signature}") == "sign-in-unsigned"


def part(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def forged(sign, **header):
    said = f"{part(json.dumps(header).encode())}.{part(json.dumps(CLAIMS).encode())}"
    return f"{said}.{part(sign(said.encode()))}"


def unsigned():
    return forged(lambda _said: b"", alg="none")


def by_the_public_key():
    """What an old confusion takes for signed: a MAC whose secret everybody knows."""
    secret = KEYS["RS256"].as_pem(private=False)
    return forged(lambda said: hmac.digest(secret, said, "sha256"), alg="HS256", kid="RS256")


@pytest.mark.parametrize("token", [unsigned, by_the_public_key], ids=["none", "by-the-public-key"])
def test_no_signature_and_no_mac_is_taken(provider, token):
    assert refused(OpenIDProviders(), provider, token()) == "sign-in-unsigned"


@pytest.mark.parametrize("token", ["", "a.b.c", "a", "..", "\udcff", "e30.e30."])
def test_what_is_no_token_is_refused(provider, token):
    assert refused(OpenIDProviders(), provider, token) == "sign-in-unsigned"


def test_a_token_of_the_limit_is_read_and_one_beyond_is_not(provider):
    assert refused(OpenIDProviders(), provider, "a" * ID_TOKEN_BYTES_MAX) == "sign-in-unsigned"
    assert refused(OpenIDProviders(), provider, "a" * (ID_TOKEN_BYTES_MAX + 1)) == "too-large"


def test_a_new_key_is_found_and_a_bad_token_asks_no_more_often_than_that(provider):
    time = Time()
    providers = OpenIDProviders(time)
    providers.claims(stated(provider), encoded(kid="RS256"))
    provider.keys.append(new := made(ECKey, "new"))
    token = encoded("ES256", new, kid="new")
    time.now = KEYS_AGAIN_S - 1
    assert (refused(providers, provider, token), provider.looks) == ("sign-in-unsigned", 1)
    time.now = KEYS_AGAIN_S
    assert (providers.claims(stated(provider), token).sub, provider.looks) == ("ana", 2)


def test_a_key_that_was_withdrawn_counts_no_longer_than_its_time(provider):
    time = Time()
    providers = OpenIDProviders(time)
    token = encoded(kid="RS256")
    providers.claims(stated(provider), token)
    provider.keys = [KEYS["ES256"]]
    time.now = KEYS_AGE_MAX_S
    assert providers.claims(stated(provider), token)
    time.now = KEYS_AGE_MAX_S + 1
    assert refused(providers, provider, token) == "sign-in-unsigned"


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://other.example"},
        {"jwks_uri": None},
        {"jwks_uri": "http://192.0.2.1/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
def test_a_provider_that_is_another_or_sends_elsewhere_in_the_clear_is_not_asked(provider, said):
    provider.said = said
    code = refused(OpenIDProviders(), provider, encoded())
    assert code in ("identity-provider-down", "destination-unencrypted", "invalid-input")
    assert provider.looks == 0


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"issuer": ' + b"[" * 5000, b" " * (ANSWER_BYTES_MAX + 1)], ids=range(5)
)
def test_what_is_no_description_says_that_the_provider_is_down(provider, body):
    provider.body = body
    assert refused(OpenIDProviders(), provider, encoded()) == "identity-provider-down"


def test_a_provider_that_does_not_answer_is_down(provider):
    provider.url = "http://127.0.0.1:9"
    assert refused(OpenIDProviders(), provider, encoded()) == "identity-provider-down"


def test_its_endpoints_are_what_it_says(provider):
    assert endpoints(provider.url).token == f"{provider.url}/token"


def test_a_provider_that_is_down_is_not_asked_for_each_token(provider):
    """Attack: without a credential, one has every thread wait for a provider that does not answer."""
    time = Time()
    providers = OpenIDProviders(time)
    provider.keys = []
    provider.said = {"jwks_uri": 7}
    asked, good = [], encoded(kid="RS256")
    document = provider.document
    provider.document = lambda path: asked.append(path) or document(path)
    for at in (0, KEYS_AGAIN_S - 1, KEYS_AGAIN_S, KEYS_AGAIN_S + 1):
        time.now = at
        assert refused(providers, provider, good) == "identity-provider-down"
    assert len(asked) == 2
    time.now, provider.said, provider.keys = 2 * KEYS_AGAIN_S, {}, list(KEYS.values())
    assert providers.claims(stated(provider), good).sub == "ana"


@pytest.mark.parametrize("until", [float("inf"), float("nan"), -1])
def test_an_instant_that_is_none_is_no_claim(provider, until):
    token = jwt.encode({"alg": "RS256", "kid": "RS256"}, CLAIMS | {"exp": until}, KEYS["RS256"], algorithms=["RS256"])
    assert refused(OpenIDProviders(), provider, token) == "sign-in-unsigned"


def test_a_provider_that_does_not_answer_holds_up_no_other(provider):
    """Attack: one provider that is slow, or made to be, keeps the people of all others out."""
    providers, asked, goes_on = OpenIDProviders(), threading.Event(), threading.Event()
    with Provider() as slow:
        document = slow.document
        slow.document = lambda path: (asked.set(), goes_on.wait(PATIENCE_S), document(path))[2]
        threads = [
            threading.Thread(target=slow.serve_forever, kwargs={"poll_interval": 0.01}),
            threading.Thread(target=lambda: providers.claims(stated(slow), encoded(kid="RS256"))),
        ]
        for thread in threads:
            thread.start()
        assert asked.wait(PATIENCE_S)
        assert providers.claims(stated(provider), encoded(kid="RS256")).sub == "ana"
        assert threads[1].is_alive()  # it waits still
        goes_on.set()
        threads[1].join(PATIENCE_S)
        slow.shutdown()
        threads[0].join(PATIENCE_S)
