"""What `safeconduct login` leaves in the person's own folder: who acts and where, and the tokens minted since.

Everything in it is readable by its owner only; a file that others can read is refused, as key files are.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from safeconduct.adapters.files import translated, write_secret
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import MINUTE, Duration, Instant, parse_rfc3339
from safeconduct.settings import private_text

RENEW = Duration(5 * MINUTE)
"""A token with less than this left is not handed out again: whoever gets it is to have time to use it."""

_LOGIN = "login.json"
_TOKENS = "tokens"
_FOLDER_MODE = 0o700

T = TypeVar("T")


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who acts, and the server's address or its data folder; both empty where the default holds.

    `key` is the file of the key that signs. Empty where the person signed in at the identity provider `oidc`, as
    `principal`.
    """

    key: str
    url: str = ""
    data: str = ""
    oidc: str = ""
    principal: str = ""


class Minted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token that `safeconduct token` made."""

    id: str
    principal: str
    expires_at: str
    secret: str
    where: str

    def lasts(self, now: Instant) -> bool:
        """Tells whether it is worth handing out once more."""
        return parse_rfc3339(self.expires_at) >= now + RENEW


def read(config: Path) -> Login | None:
    """Returns the login, if there is one.

    Raises:
        InvalidInputError: `login-invalid`, or others may read it.
    """
    return _read(config / _LOGIN, Login)


def write(config: Path, login: Login) -> None:
    """Replaces the login.

    Raises:
        UnavailableError: it can't be written.
    """
    _write(config / _LOGIN, login)


def minted(config: Path, where: str, principal: str) -> Minted | None:
    """Returns the last token that was minted there for a principal, whether it still holds or not."""
    return _read(_token_file(config, where, principal), Minted)


def keep(config: Path, token: Minted) -> None:
    """Keeps a token to hand out again."""
    _write(_token_file(config, token.where, token.principal), token)


def tokens(config: Path) -> Iterator[Minted]:
    """Yields the tokens that are kept."""
    for file in sorted((config / _TOKENS).glob("*.json")):
        found = _read(file, Minted)
        if found is not None:
            yield found


def forget(config: Path) -> None:
    """Removes the login and every token that is kept."""
    for file in (config / _LOGIN, *(config / _TOKENS).glob("*.json")):
        with translated(file):
            file.unlink(missing_ok=True)


def _token_file(config: Path, where: str, principal: str) -> Path:
    return config / _TOKENS / f"{hashlib.sha256(f'{where} {principal}'.encode()).hexdigest()[:32]}.json"


def _read(file: Path, kind: type[T]) -> T | None:
    if not file.exists():
        return None
    try:
        return msgspec.json.decode(private_text(file, "file of a login"), type=kind)
    except msgspec.MsgspecError as error:
        remedy = "remove it, and log in again: safeconduct login --key FILE"
        raise InvalidInputError(f"{file} holds no login: {error}", code="login-invalid", remedy=remedy) from error


def _write(file: Path, value: object) -> None:
    with translated(file.parent):
        file.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    new = file.with_name(file.name + ".new")
    with translated(new):
        new.unlink(missing_ok=True)
    write_secret(new, msgspec.json.encode(value).decode())
    with translated(file):
        new.replace(file)
