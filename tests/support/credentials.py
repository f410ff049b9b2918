"""A service with a key of its own, what it signs, and what it holds."""

import base64
import itertools

from joserfc import jwt
from joserfc.jwk import OKPKey

from safeconduct.access.credentials import LIFETIME_MAX, issue_credential, shown_by_key
from safeconduct.access.possession import token_hash
from safeconduct.ledger.keys import SecretKey
from support.immediate import START
from support.programs import demo_program

SERVICE, AUDIENCE = "triage-service", "safeconduct.example/demo"
KEY, OTHER_KEY = SecretKey(b"s" * 32), SecretKey(b"o" * 32)
NOW_S = START // 1_000_000
_IDS = (f"id-{number:016d}" for number in itertools.count())


def jwk_of(key):
    raw = base64.b64decode(key.text.partition(":")[2])
    parts = {"d": raw, "x": key.public.raw}
    shown = {name: base64.urlsafe_b64encode(part).rstrip(b"=").decode() for name, part in parts.items()}
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519"} | shown)


def with_service(key=KEY, *, more="", source=None):
    """Returns the demo's program in which the service has a key, and more of what principals have."""
    stated = f", key: '{key.public.text}'" if key else ""
    return (source or demo_program()).replace(
        b"kind: service, sponsor: ana", f"kind: service{stated}{more}, sponsor: ana".encode()
    )


def assertion(key=KEY, *, header=(), **changed):
    now = changed.pop("now", NOW_S)
    stated = {"iss": SERVICE, "sub": SERVICE, "aud": AUDIENCE, "iat": now, "exp": now + 300, "jti": next(_IDS)}
    claims = {name: value for name, value in (stated | changed).items() if value is not None}
    return jwt.encode({"alg": "Ed25519"} | dict(header), claims, jwk_of(key), algorithms=["Ed25519"])


def proof(key, *, htu, token="", now=NOW_S, header=(), algorithm="Ed25519", **changed):
    stated = {"jti": next(_IDS), "htm": "POST", "htu": htu, "iat": now}
    stated |= {"ath": token_hash(token)} if token else {}
    head = {"alg": algorithm, "typ": "dpop+jwt", "jwk": key.as_dict(private=False)} | dict(header)
    return jwt.encode(head, stated | changed, key, algorithms=[algorithm])


def exchange(writer, text=None, *, holds=(), lifetime=LIFETIME_MAX, entropy=bytes):
    """Brings an assertion; returns the token that was issued for it."""
    text = text or assertion(now=writer.now // 1_000_000)
    shown = shown_by_key(writer.state, text, writer.now)
    return writer.run(lambda tx: issue_credential(tx, entropy, shown, holds=holds, lifetime=lifetime, evidence=text))
