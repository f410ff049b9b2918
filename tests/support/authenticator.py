"""An authenticator in software: makes passkeys and signs with them, as rightly or as wrongly as a test wants."""

import base64
import hashlib
import json

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.passkeys import Assertion, Registration, Site

SITE = Site("https://safeconduct.example")
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ES256, EDDSA, RS256 = -7, -8, -257


def encoded(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Authenticator:
    """One passkey. `count` goes up by `step` with each signature; 0 is one that does not count."""

    def __init__(self, name="one", *, algorithm=ES256, site=SITE, step=1):
        self.id = hashlib.sha256(name.encode()).digest()
        self.site = site
        self.algorithm = algorithm
        self.count, self.step = 0, step
        if algorithm == ES256:
            self.key = ec.generate_private_key(ec.SECP256R1())
        elif algorithm == EDDSA:
            self.key = Ed25519PrivateKey.generate()
        else:
            self.key = rsa.generate_private_key(65537, 2048)

    @property
    def credential(self):
        return encoded(self.id)

    def register(self, challenge, **wrong):
        """Makes the passkey. `wrong` as `sign`; `statement` and `format` are those of its attestation."""
        key = cbor2.dumps(wrong.pop("public", self._cose()))
        named = wrong.pop("statement", {}), wrong.pop("format", "none")
        attested = bytes(16) + len(self.id).to_bytes(2) + self.id + key
        wrong = {"kind": "webauthn.create", "flags": PRESENT | VERIFIED | ATTESTED, "count": self.count} | wrong
        data, client = self._data(challenge, **wrong)
        attestation = cbor2.dumps({"fmt": named[1], "attStmt": named[0], "authData": data + attested})
        return Registration(client_data=client, attestation=attestation)

    def sign(self, challenge, **wrong):
        """Signs a challenge. `wrong` says what is otherwise: kind, origin, rp_id, flags, count, more of `client`."""
        self.count += self.step
        data, client = self._data(challenge, **({"count": self.count} | wrong))
        return Assertion(
            credential=self.credential,
            authenticator_data=data,
            client_data=client,
            signature=self._signature(data + hashlib.sha256(client).digest()),
        )

    def act(self, act, **wrong):
        return SignedAct(act=act, signature=self.sign(act.challenge(), **wrong))

    def _data(
        self, challenge, *, kind="webauthn.get", origin="", rp_id="", flags=PRESENT | VERIFIED, count=0, client=None
    ):
        said = {"type": kind, "challenge": encoded(challenge), "origin": origin or self.site.origin}
        client_data = json.dumps(said | {"crossOrigin": False} | (client or {})).encode()
        hashed = hashlib.sha256((rp_id or self.site.rp_id).encode()).digest()
        return hashed + bytes([flags]) + count.to_bytes(4), client_data

    def _cose(self):
        public = self.key.public_key()
        if self.algorithm == ES256:
            numbers = public.public_numbers()
            return {1: 2, 3: ES256, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        if self.algorithm == EDDSA:
            return {1: 1, 3: EDDSA, -1: 6, -2: public.public_bytes_raw()}
        numbers = public.public_numbers()
        return {1: 3, 3: RS256, -1: numbers.n.to_bytes(256), -2: numbers.e.to_bytes(3)}

    def _signature(self, message):
        if self.algorithm == ES256:
            return self.key.sign(message, ec.ECDSA(hashes.SHA256()))
        if self.algorithm == EDDSA:
            return self.key.sign(message)
        return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
