"""The one reader of the environment and of the files named there."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import msgspec

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.keys import SecretKey

KEY_FILE_BYTES_MAX = 1024
"""Bytes of a key file. One line of about 60; a larger file is some other file."""

SECRET_BYTES_MAX = 16 * 1024
"""Bytes of a file with a secret of somebody else's making. Access tokens and account files take three thousand."""

CUSTODY = "custody.toml"
"""The file in the data folder that says who keeps keys. Without it files do."""


class _Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", tag_field="kind"):
    """Where one keeper is, and where its PIN or token is read from: a file that only we may read, or a variable."""

    secret_file: str = ""
    secret_env: str = ""


class TokenKeeper(_Place, frozen=True, tag="pkcs11", kw_only=True):
    """A PKCS#11 token, by its library's file and its label."""

    module: str
    token: str


class TransitKeeper(_Place, frozen=True, tag="transit", kw_only=True):
    """The Transit engine of OpenBao or Vault, by address and mount."""

    url: str
    mount: str = "transit"


class Custody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """Who keeps keys: by name, and which of them new log keys and key-encryption keys are made with."""

    log_keys: str = "files"
    key_encryption: str = "files"
    keepers: dict[str, TokenKeeper | TransitKeeper] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Databases:
    """PostgreSQL URLs; empty where the data folder holds the thing. They may hold passwords.

    `log` has logs and control state, `heads` the last signed checkpoints, `keys` the data keys: on other servers, or a
    backup that brings back the first brings back the others.
    """

    log: str = field(default="", repr=False)
    heads: str = field(default="", repr=False)
    keys: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. Options on the command line win.

    `config` is the folder of the person at the terminal: who `safeconduct login` said acts, and where.
    """

    data: Path
    config: Path
    environment: Mapping[str, str]

    @property
    def databases(self) -> Databases:
        """Where logs, heads and data keys are."""
        return Databases(
            log=self.environment.get("SAFECONDUCT_DATABASE", ""),
            heads=self.environment.get("SAFECONDUCT_HEADS", ""),
            keys=self.environment.get("SAFECONDUCT_KEYS", ""),
        )

    @property
    def scope_resolvers(self) -> tuple[tuple[str, int], ...]:
        """The DNS resolvers that challenges are looked up with, as address and port; the machine's own if empty.

        Raises:
            InvalidInputError: `resolver-invalid`.
        """
        named = self.environment.get("SAFECONDUCT_SCOPE_RESOLVERS", "")
        return tuple(_resolver(one.strip()) for one in named.split(",") if one.strip())

    @property
    def scope_private(self) -> bool:
        """Whether the files of challenges may be fetched from addresses that are not public."""
        return self.environment.get("SAFECONDUCT_SCOPE_PRIVATE", "") == "allow"

    @property
    def hint_classifier(self) -> str:
        """Where a classifier of this machine answers, such as `http://127.0.0.1:8080/predict`; empty without one."""
        return self.environment.get("SAFECONDUCT_HINT_CLASSIFIER", "")

    @property
    def public_origin(self) -> str:
        """The origin that browsers reach the server by, such as `https://safeconduct.example`; empty for its own."""
        return self.environment.get("SAFECONDUCT_PUBLIC_ORIGIN", "")

    def secret(self, name: str) -> str:
        """Returns the value of an environment variable that holds a secret.

        Raises:
            InvalidInputError: it is unset or empty.
        """
        value = self.environment.get(name, "")
        if not value:
            raise InvalidInputError(
                f"the environment variable {name} is not set",
                code="secret-missing",
                remedy=f"export {name}=... before starting; keys are never taken from the command line",
            )
        return value

    def keeper_secret(self, place: _Place) -> str:
        """Returns the PIN or token of a keeper.

        Raises:
            InvalidInputError: not exactly one of file and variable is named, it is unset or empty, or the file may be
                read by others.
        """
        if bool(place.secret_file) == bool(place.secret_env):
            raise InvalidInputError(f"{CUSTODY}: expected secret-file or secret-env, one of them", code=_UNUSABLE)
        return self.secret_at(place.secret_env, place.secret_file)

    def secret_at(self, variable: str, file: str) -> str:
        """Returns a secret out of an environment variable, or else out of a file.

        Raises:
            InvalidInputError: neither or both are named, it is unset or empty, or the file may be read by others.
        """
        if bool(variable) == bool(file):
            raise InvalidInputError("expected a secret's variable or its file, one of them", code="secret-missing")
        if variable:
            return self.secret(variable)
        found = private_text(Path(file), "file with a secret", SECRET_BYTES_MAX).strip()
        if not found or len(found) > SECRET_BYTES_MAX:
            raise InvalidInputError(f"{file} holds no secret of up to {SECRET_BYTES_MAX} bytes", code="key-unreadable")
        return found


_UNUSABLE = "custody-invalid"


def _resolver(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":") if text.count(":") == 1 or text.startswith("[") else (text, "", "53")
    try:
        return str(ip_address(address.strip("[]"))), int(port)
    except ValueError as error:
        form = (
            "expected addresses such as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53 in SAFECONDUCT_SCOPE_RESOLVERS"
        )
        raise InvalidInputError(f"{form}, got {text[:80]!r}", code="resolver-invalid") from error


def read_custody(data: Path) -> Custody:
    """Returns who keeps an installation's keys: files, where the data folder does not say otherwise.

    Raises:
        InvalidInputError: `custody-invalid`: the file can't be read, or names a keeper that it does not describe.
    """
    try:
        text = (data / CUSTODY).read_text(encoding="utf-8")
        custody = msgspec.convert(tomllib.loads(text), Custody)
    except FileNotFoundError:
        return Custody()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InvalidInputError(f"cannot use {data / CUSTODY}: {error}", code=_UNUSABLE) from error
    for name in (custody.log_keys, custody.key_encryption):
        if name not in {"files", *custody.keepers}:
            known = ", ".join(["files", *custody.keepers])
            raise InvalidInputError(f"{CUSTODY} describes no keeper {name!r}; there is {known}", code=_UNUSABLE)
    return custody


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """Returns the settings of an environment; by default this process's own."""
    env = os.environ if environment is None else environment
    home = Path(env.get("HOME") or "/")
    state = Path(env.get("XDG_STATE_HOME") or home / ".local" / "state")
    config = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
    return Settings(
        data=Path(env.get("SAFECONDUCT_DATA") or state / "safeconduct"),
        config=Path(env.get("SAFECONDUCT_CONFIG") or config / "safeconduct"),
        environment=env,
    )


def read_key(path: Path) -> tuple[str, SecretKey]:
    """Reads a key file: `name key` on one line, as `safeconduct keys new` writes it.

    Raises:
        InvalidInputError: there is no such file, others may read it, or it holds something else.
    """
    text = private_text(path, "key file")
    name, _, secret = text.strip().partition(" ")
    if len(text) > KEY_FILE_BYTES_MAX or not secret:
        raise InvalidInputError(
            f"{path} is no key file; expected one line: the principal's name and its ed25519-secret key",
            code="key-unreadable",
            remedy="make one with: safeconduct keys new NAME --out FILE",
        )
    try:
        return name, SecretKey.parse(secret)
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error.message}", code="key-unreadable") from error


def private_text(path: Path, what: str, bytes_max: int = KEY_FILE_BYTES_MAX) -> str:
    """Returns the beginning of a file that only its owner may read.

    Raises:
        InvalidInputError: `key-unreadable`, or `key-exposed`: others may read it too.
    """
    try:
        mode = path.stat().st_mode
        with path.open(encoding="utf-8") as file:
            text = file.read(bytes_max + 1)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InvalidInputError(f"cannot read the {what} {path}: {why}", code="key-unreadable") from error
    if mode & 0o077:
        raise InvalidInputError(f"others may read the {what} {path}", code="key-exposed", remedy=f"chmod 600 {path}")
    return text
