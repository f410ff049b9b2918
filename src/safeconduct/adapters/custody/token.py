"""Keys in a PKCS#11 token: made there, used there, never read out. Tested with SoftHSM 2.6.1."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pkcs11
from pkcs11.exceptions import (
    EncryptedDataInvalid,
    EncryptedDataLenRange,
    GeneralError,
    NoSuchKey,
    PinIncorrect,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
)
from pkcs11.util.ec import encode_named_curve_parameters

from safeconduct.ledger.keys import KeyUnavailableError, PublicKey

ED25519 = "1.3.101.112"  # its object identifier, RFC 8410
PUBLIC_KEY_BYTES = 32
WRAPPING_KEY_BITS = 256
NONCE_BYTES = 12
TAG_BITS = 128
_SECRET = {pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False, pkcs11.Attribute.PRIVATE: True}

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPlace:
    """Which token: the PKCS#11 library's file, the token's label, and what logs in to it."""

    module: str
    label: str
    pin: str = field(repr=False)


class Token:
    """`KeyKeeper` over a token. One session, used by one thread at a time: sessions are not thread-safe.

    A session that was lost is opened once again. A PIN that was refused is never tried again: tokens lock after few.
    """

    def __init__(self, place: TokenPlace) -> None:
        self._place = place
        self._lock = threading.Lock()  # guards all below
        self._session: Any = None
        self._private: dict[str, Any] = {}
        self._refused: KeyUnavailableError | None = None

    def make(self, name: str) -> PublicKey:
        return self.use(lambda session: self._make(session, name))

    def sign(self, name: str, message: bytes) -> bytes:
        return self.use(lambda session: self._sign(session, name, message))

    def make_wrapping(self, name: str) -> None:
        self.use(lambda session: self._make_wrapping(session, name))

    def wrap(self, name: str, key: bytes, bound: bytes) -> bytes:
        return self.use(lambda session: _wrap(session, name, key, bound))

    def unwrap(self, name: str, wrapped: bytes, bound: bytes) -> bytes | None:
        return self.use(lambda session: _unwrap(session, name, wrapped, bound))

    def destroy_wrapping(self, name: str) -> None:
        self.use(lambda session: _destroy(session, name))

    def use(self, action: Callable[[Any], T]) -> T:
        """Runs an action on a session that is logged in, no other beside it; once again on a new one if it fails.

        Raises:
            KeyUnavailableError: `key-keeper-unreachable`, `key-keeper-refused`, `key-missing`.
        """
        with self._lock:
            fresh = self._session is None
            try:
                return action(self._opened())
            except KeyUnavailableError:
                raise
            except NoSuchKey as error:
                raise self._error("has no such key", error, code="key-missing") from error
            except Exception as error:
                self._forget()
                if fresh or not isinstance(error, PKCS11Error):
                    raise self._error("can't be used", error) from error
            try:
                return action(self._opened())
            except PKCS11Error as error:
                self._forget()
                raise self._error("can't be used", error) from error

    def _opened(self) -> Any:  # noqa: ANN401 - the library's session has no type that can be named without it
        if self._refused is not None:
            raise KeyUnavailableError(self._refused.message, code=self._refused.code, remedy=self._refused.remedy)
        if self._session is None:
            try:
                library = pkcs11.lib(self._place.module)
                self._session = self._logged_in(library.get_token(token_label=self._place.label))
            except (PinIncorrect, PinLocked) as error:
                self._refused = self._error("refused the PIN", error, code="key-keeper-refused")
                raise self._refused from error
            except (PKCS11Error, RuntimeError) as error:
                raise self._error("can't be reached", error) from error
        return self._session

    def _logged_in(self, token: Any) -> Any:  # noqa: ANN401 - as above
        try:
            return token.open(rw=True, user_pin=self._place.pin)
        except UserAlreadyLoggedIn:  # a login is the whole process's, not one session's
            return token.open(rw=True)

    def _make(self, session: Any, name: str) -> PublicKey:  # noqa: ANN401 - as above
        self._require_free(session, name)
        curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(ED25519)}
        parameters = session.create_domain_parameters(pkcs11.KeyType.EC_EDWARDS, curve, local=True)
        public, self._private[name] = parameters.generate_keypair(
            mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
            store=True,
            label=name,
            id=name.encode(),
            private_template=_SECRET,
        )
        return PublicKey(bytes(public[pkcs11.Attribute.EC_POINT])[-PUBLIC_KEY_BYTES:])

    def _make_wrapping(self, session: Any, name: str) -> None:  # noqa: ANN401 - as above
        self._require_free(session, name)
        session.generate_key(
            pkcs11.KeyType.AES, WRAPPING_KEY_BITS, store=True, label=name, id=name.encode(), template=_SECRET
        )

    def _require_free(self, session: Any, name: str) -> None:  # noqa: ANN401 - as above
        if _found(session, name):
            raise KeyUnavailableError(f"the token {self._place.label} has a key {name} already", code="key-exists")

    def _sign(self, session: Any, name: str, message: bytes) -> bytes:  # noqa: ANN401 - as above
        if name not in self._private:
            found = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=name)
            self._private[name] = found
        return bytes(self._private[name].sign(message, mechanism=pkcs11.Mechanism.EDDSA))

    def _forget(self) -> None:
        session, self._session = self._session, None
        self._private = {}
        if session is not None:
            try:
                session.close()
            except PKCS11Error:
                return  # it is gone already

    def _error(self, what: str, error: Exception, *, code: str = "key-keeper-unreachable") -> KeyUnavailableError:
        why = str(error) or type(error).__name__
        return KeyUnavailableError(
            f"the token {self._place.label} {what}: {why}",
            code=code,
            remedy="see that the token is there and its PIN is right, then restart; nothing else signs in its place",
        )


def _wrapping(session: Any, name: str) -> Any:  # noqa: ANN401 - as above
    return session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, label=name)


def _wrap(session: Any, name: str, key: bytes, bound: bytes) -> bytes:  # noqa: ANN401 - as above
    nonce = bytes(session.generate_random(NONCE_BYTES * 8))
    parameters = pkcs11.GCMParams(nonce, bound, TAG_BITS)
    return nonce + bytes(
        _wrapping(session, name).encrypt(key, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=parameters)
    )


def _unwrap(session: Any, name: str, wrapped: bytes, bound: bytes) -> bytes | None:  # noqa: ANN401 - as above
    secret = _wrapping(session, name)
    parameters = pkcs11.GCMParams(wrapped[:NONCE_BYTES], bound, TAG_BITS)
    try:
        return bytes(
            secret.decrypt(wrapped[NONCE_BYTES:], mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=parameters)
        )
    except (EncryptedDataInvalid, EncryptedDataLenRange, GeneralError):  # the last is SoftHSM's for a wrong tag
        return None


def _destroy(session: Any, name: str) -> None:  # noqa: ANN401 - as above
    for found in _found(session, name):
        found.destroy()


def _found(session: Any, name: str) -> list[Any]:  # noqa: ANN401 - as above
    return list(session.get_objects({pkcs11.Attribute.LABEL: name}))  # all: a search left open spoils the next
