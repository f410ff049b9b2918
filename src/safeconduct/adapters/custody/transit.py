"""Keys in the Transit engine of OpenBao or Vault, over HTTP: made there, used there, never exported.

Experimental: tested against a strict stand-in that really signs, not against a running OpenBao or Vault.
"""

import base64
import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec

from safeconduct.adapters.outbound import Answered, exchange, http_address, require_private
from safeconduct.ledger.keys import KeyUnavailableError, PublicKey

TIMEOUT_S = 5.0  # for a whole answer; a signature is on the way of every commit: who needs longer does not answer
ANSWER_BYTES_MAX = 65_536  # a signature or a wrapped key is under 300
VERSION = 1  # of each key: a key that is rotated there would be another key, and this one is asked for by name
NOT_OPENED = "key-request-invalid"
CODES: Mapping[int, str] = {
    http.client.BAD_REQUEST: NOT_OPENED,  # also of a ciphertext whose tag does not fit
    http.client.UNAUTHORIZED: "key-keeper-refused",
    http.client.FORBIDDEN: "key-keeper-refused",
    http.client.NOT_FOUND: "key-missing",
}
"""What the engine's refusals mean, by status."""

_SIGNED = f"vault:v{VERSION}:"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitPlace:
    """Which engine: the server's address, where the engine is mounted, and the token that its requests carry."""

    url: str
    mount: str
    token: str = field(repr=False)


class Transit:
    """`KeyKeeper` over one Transit engine."""

    def __init__(self, place: TransitPlace) -> None:
        self._place = place
        self._where = http_address(place.url, "the address of OpenBao or Vault as https://host:port")
        require_private(self._where)

    def make(self, name: str) -> PublicKey:
        self.create(name, "ed25519")
        raw = _decoded(self._known(name).get("public_key"))
        return PublicKey(raw)

    def sign(self, name: str, message: bytes) -> bytes:
        answer = self.ask("POST", f"sign/{name}", {"input": _encoded(message), "key_version": VERSION})
        signature = str(answer.get("signature", ""))
        if not signature.startswith(_SIGNED):
            raise _odd(f"a signature that begins {_SIGNED}", signature)
        return _decoded(signature.removeprefix(_SIGNED))

    def make_wrapping(self, name: str) -> None:
        self.create(name, "aes256-gcm96")

    def wrap(self, name: str, key: bytes, bound: bytes) -> bytes:
        body = {"plaintext": _encoded(key), "associated_data": _encoded(bound)}
        return str(self.ask("POST", f"encrypt/{name}", body).get("ciphertext", "")).encode()

    def unwrap(self, name: str, wrapped: bytes, bound: bytes) -> bytes | None:
        body = {"ciphertext": wrapped.decode("ascii", "replace"), "associated_data": _encoded(bound)}
        try:
            return _decoded(self.ask("POST", f"decrypt/{name}", body).get("plaintext"))
        except KeyUnavailableError as error:
            if error.code != NOT_OPENED:
                raise
        self.ask("GET", f"keys/{name}")  # the same refusal where there is no such key
        return None

    def destroy_wrapping(self, name: str) -> None:
        if self.ask("GET", f"keys/{name}", absent_ok=True):
            self.ask("POST", f"keys/{name}/config", {"deletion_allowed": True})
            self.ask("DELETE", f"keys/{name}")

    def create(self, name: str, kind: str) -> None:
        """Makes a key that can't be exported.

        Raises:
            KeyUnavailableError: as `ask`; `key-exists`: there is one of that name.
        """
        if self.ask("GET", f"keys/{name}", absent_ok=True):
            raise KeyUnavailableError(f"{self._place.url} has a key {name} already", code="key-exists")
        self.ask("POST", f"keys/{name}", {"type": kind, "exportable": False, "allow_plaintext_backup": False})

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, absent_ok: bool = False
    ) -> Mapping[str, Any]:
        """Returns the `data` of an answer; empty where it has none, or where what is asked for may be absent and is.

        Raises:
            KeyUnavailableError: of CODES, else `key-keeper-unreachable`.
        """
        answered = self._send(method, path, body)
        status = answered.status
        if status == http.client.NOT_FOUND and absent_ok:
            return {}
        if status >= http.client.BAD_REQUEST:
            raise self._error(f"answered {status} for {path}", code=CODES.get(status, "key-keeper-unreachable"))
        try:
            return msgspec.json.decode(answered.body, type=_Answer).data or {} if answered.body else {}
        except msgspec.MsgspecError as error:
            raise _odd("JSON with data", str(error)) from error

    def _known(self, name: str) -> Mapping[str, Any]:
        keys = self.ask("GET", f"keys/{name}").get("keys")
        known = keys.get(str(VERSION)) if isinstance(keys, dict) else None
        if not isinstance(known, dict):
            raise _odd(f"version {VERSION} of {name}", str(keys))
        return known

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Answered:
        target = f"{self._where.path.rstrip('/')}/v1/{quote(self._place.mount)}/{quote(path)}"
        headers = {"X-Vault-Token": self._place.token, "X-Vault-Request": "true"}
        try:
            return exchange(
                self._where,
                method,
                target,
                body=None if body is None else msgspec.json.encode(body),
                headers=headers,
                timeout_s=TIMEOUT_S,
                answer_bytes_max=ANSWER_BYTES_MAX,
            )
        except OSError as error:
            raise self._error(f"does not answer: {error}") from error

    def _error(self, what: str, *, code: str = "key-keeper-unreachable") -> KeyUnavailableError:
        return KeyUnavailableError(
            f"the key service at {self._place.url} {what}",
            code=code,
            remedy="see that it runs, is unsealed and its token is right, then restart; nothing else takes its place",
        )


class _Answer(msgspec.Struct, frozen=True):
    data: dict[str, Any] | None = None


def _odd(expected: str, got: str) -> KeyUnavailableError:
    return KeyUnavailableError(f"expected {expected} from the key service, got {got[:80]!r}", code="key-keeper-garbled")


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except ValueError as error:
        raise _odd("base64", f"{len(str(text))} characters of something else") from error  # it may be a key
