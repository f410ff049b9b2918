"""The one reader of the environment and of the files named there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.keys import SecretKey

KEY_FILE_BYTES_MAX = 1024
"""Bytes of a key file. One line of about 60; a larger file is some other file."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. Options on the command line win."""

    data: Path
    environment: Mapping[str, str]

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


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """Returns the settings of an environment; by default this process's own."""
    env = os.environ if environment is None else environment
    state = Path(env.get("XDG_STATE_HOME") or Path(env.get("HOME") or "/") / ".local" / "state")
    return Settings(
        data=Path(env.get("SAFECONDUCT_DATA") or state / "safeconduct"),
        environment=env,
    )


def read_key(path: Path) -> tuple[str, SecretKey]:
    """Reads a key file: `name key` on one line, as `safeconduct keys new` writes it.

    Raises:
        InvalidInputError: there is no such file, others may read it, or it holds something else.
    """
    try:
        mode = path.stat().st_mode
        with path.open(encoding="utf-8") as file:
            text = file.read(KEY_FILE_BYTES_MAX + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"cannot read the key file {path}: {error}", code="key-unreadable") from error
    if mode & 0o077:
        raise InvalidInputError(f"others may read the key file {path}", code="key-exposed", remedy=f"chmod 600 {path}")
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
