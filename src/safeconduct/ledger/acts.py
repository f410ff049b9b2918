"""Signed acts: what a person or an organization did, in bytes they signed, kept in the entry it caused."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from safeconduct.kernel.canonical import JSONValue, canonical
from safeconduct.kernel.errors import UnauthenticatedError
from safeconduct.ledger.keys import PublicKey, SecretKey
from safeconduct.ledger.passkeys import Assertion, PasskeyKey

_CONTEXT = b"safeconduct/act/v1\n"  # keeps an act's signature from being read as one over anything else


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act. `operation` is what is done, `content` the SHA-256 (hex) of exactly what it is done with.

    `at` is RFC 3339; `nonce` makes each act unique, so that it can be used once.
    """

    actor: str
    operation: str
    content: str
    at: str
    nonce: str

    def signed_bytes(self) -> bytes:
        """Returns the bytes that the actor signs."""
        return _CONTEXT + canonical(self.document())

    def challenge(self) -> bytes:
        """Returns what a passkey signs of it: the SHA-256 of exactly the bytes that a key would sign."""
        return hashlib.sha256(self.signed_bytes()).digest()

    def document(self) -> dict[str, JSONValue]:
        """Returns what is signed, as it stands in an entry."""
        return {
            "actor": self.actor,
            "operation": self.operation,
            "content": self.content,
            "at": self.at,
            "nonce": self.nonce,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAct:
    """An act and its actor's signature, by a key or a passkey. Holding one proves nothing until `verify` returned."""

    act: Act
    signature: bytes | Assertion

    def verify(self, key: PublicKey | PasskeyKey) -> None:
        """Returns if the signature is the key's.

        Raises:
            UnauthenticatedError: `wrong-key`: it is not; or as `Assertion.verify`.
        """
        if isinstance(self.signature, Assertion):
            if isinstance(key, PasskeyKey):
                return self.signature.verify(self.act.challenge(), key)
        elif isinstance(key, PublicKey) and key.verifies(self.signature, self.act.signed_bytes()):
            return None
        expected = f"key {key.fingerprint}" if isinstance(key, PublicKey) else f"passkey {key.credential}"
        raise UnauthenticatedError(
            f"the signature is not {self.act.actor}'s (expected {expected})",
            code="wrong-key",
            remedy="sign with the key file whose public half stands in the program file",
        )

    def envelope(self) -> Mapping[str, JSONValue]:
        """Returns the form that stands in an entry, enough to verify the signature again years later."""
        act = self.act.document()
        if not isinstance(self.signature, Assertion):
            return act | {"signature": base64.b64encode(self.signature).decode()}
        said: dict[str, JSONValue] = {
            "credential": self.signature.credential,
            "authenticator_data": base64.b64encode(self.signature.authenticator_data).decode(),
            "client_data": base64.b64encode(self.signature.client_data).decode(),
            "signature": base64.b64encode(self.signature.signature).decode(),
        }
        return act | {"passkey": said}


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A signed act as it is written: `signature` where a key signed, `passkey` where a passkey did."""

    actor: str
    operation: str
    content: str
    at: str
    nonce: str
    signature: bytes | None = None
    passkey: Assertion | None = None

    def signed(self) -> SignedAct:
        """Returns the act. The signature is not checked.

        Raises:
            ValueError: it has no signature, or two.
        """
        signature = self.signature if self.passkey is None else self.passkey
        if signature is None or (self.signature is not None and self.passkey is not None):
            raise ValueError("expected `signature` or `passkey`, one of them")
        act = Act(actor=self.actor, operation=self.operation, content=self.content, at=self.at, nonce=self.nonce)
        return SignedAct(act=act, signature=signature)


def sign_act(act: Act, key: SecretKey) -> SignedAct:
    """Signs an act."""
    return SignedAct(act=act, signature=key.sign(act.signed_bytes()))
