"""Signed acts: what a person or an organization did, in bytes they signed, kept in the entry it caused."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.kernel.canonical import JSONValue, canonical
from safeconduct.kernel.errors import UnauthenticatedError
from safeconduct.ledger.keys import PublicKey, SecretKey

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
        return _CONTEXT + canonical(
            {
                "actor": self.actor,
                "operation": self.operation,
                "content": self.content,
                "at": self.at,
                "nonce": self.nonce,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAct:
    """An act and its actor's signature. Holding one proves nothing until `verify` returned."""

    act: Act
    signature: bytes

    def verify(self, key: PublicKey) -> None:
        """Returns if the signature is the key's.

        Raises:
            UnauthenticatedError: it is not.
        """
        if not key.verifies(self.signature, self.act.signed_bytes()):
            raise UnauthenticatedError(
                f"the signature is not {self.act.actor}'s (expected key {key.fingerprint})",
                code="wrong-key",
                remedy="sign with the key file whose public half stands in the program file",
            )

    def envelope(self) -> Mapping[str, JSONValue]:
        """Returns the form that stands in an entry, enough to verify the signature again years later."""
        return {
            "actor": self.act.actor,
            "operation": self.act.operation,
            "content": self.act.content,
            "at": self.act.at,
            "nonce": self.act.nonce,
            "signature": base64.b64encode(self.signature).decode(),
        }


def sign_act(act: Act, key: SecretKey) -> SignedAct:
    """Signs an act."""
    return SignedAct(act=act, signature=key.sign(act.signed_bytes()))
