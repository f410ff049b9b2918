"""Who keeps an installation's keys, as custody.toml in its folder says."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from safeconduct import settings
from safeconduct.adapters.clock import system_entropy
from safeconduct.adapters.custody.transit import Transit, TransitPlace
from safeconduct.adapters.custody.wrapping import KeptWrappingKeys
from safeconduct.adapters.data_folder import DECISION_KEYS, LOG_KEYS
from safeconduct.adapters.log_keys import LogKeys
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Entropy, Records
from safeconduct.ledger.key_ports import WrappingKeeper, WrappingKeys
from safeconduct.ledger.keys import KeyKeeper, KeyUnavailableError
from safeconduct.ledger.log_events import LOG_KEYS as RECORDS
from safeconduct.ledger.notes import NoteSigner, VerifierKey
from safeconduct.settings import Custody, TokenKeeper, TransitKeeper

KEPT_HITS = "kept-hits"
"""What the secret is for that kept hits of live detection are authenticated with."""


class Keeper(KeyKeeper, WrappingKeeper, Protocol):
    """What keeps keys of both kinds."""


def log_keys(data: Path, entropy: Entropy = system_entropy) -> LogKeys:
    """Returns the keys that sign an installation's logs. A log that has none yet gets one when it is asked for.

    Raises:
        InvalidInputError: `custody-invalid`.
    """
    custody = settings.read_custody(data)
    return LogKeys(data / LOG_KEYS, entropy, keepers=keepers(custody), place=custody.log_keys)


def decision_keys(data: Path, entropy: Entropy) -> LogKeys:
    """Returns the keys that sign decisions on tool calls, kept as those of logs are.

    Raises:
        InvalidInputError: `custody-invalid`.
    """
    custody, folder = settings.read_custody(data), data / DECISION_KEYS
    folder.mkdir(mode=0o700, exist_ok=True)
    return LogKeys(folder, entropy, keepers=keepers(custody), place=custody.log_keys)


def current_signer(
    keys: LogKeys, snapshot: Callable[[], AbstractContextManager[Records]], origin: Origin
) -> NoteSigner:
    """Returns the signer of a log, with the key that its entries say."""
    first = keys.signer(origin)
    with snapshot() as records:
        found = records.get(RECORDS, origin)
    return first if found is None else keys.of(VerifierKey.parse(found.key))


def derived_secret(keys: LogKeys, purpose: str) -> Callable[[], bytes]:
    """Returns what gives a secret that only who has the key of the installation's own log can make, the same each time.

    It is the digest of a signature by the log's first key over a line that is no note: Ed25519's signatures follow
    from key and message (RFC 8032), also in a token or key service, which is asked once, when the secret is needed. A
    key that was put in the place of the log's stops the log at the next start.

    Raises, when called:
        UnavailableError: there is no key. KeyUnavailableError: who keeps it can't be reached.
    """
    return cache(
        lambda: sha256(keys.signer(keys.installation()).sign(f"safeconduct.derived/{purpose}\n").data).digest()
    )


def wrapping_keys(data: Path, entropy: Entropy) -> WrappingKeys:
    """Returns the house's key-encryption keys.

    Raises:
        InvalidInputError: `custody-invalid`.
    """
    custody = settings.read_custody(data)
    return KeptWrappingKeys(data / "kek", entropy, keepers=keepers(custody), place=custody.key_encryption)


def keepers(custody: Custody) -> Mapping[str, Callable[[], Keeper]]:
    """Returns how each keeper is opened: when it is first needed, so that what does not need it runs without it."""
    return {name: partial(_opened, place) for name, place in custody.keepers.items()}


@cache  # a token knows one login a process, and one that was refused must not be tried again
def _opened(place: TokenKeeper | TransitKeeper) -> Keeper:
    try:
        secret = settings.read().keeper_secret(place)
        if isinstance(place, TransitKeeper):
            return Transit(TransitPlace(url=place.url, mount=place.mount, token=secret))
        return _token(place, secret)
    except InvalidInputError as error:  # what is wrong with it concerns the logs whose keys it keeps, and no other
        raise KeyUnavailableError(error.message, code=error.code, remedy=error.remedy) from error


def _token(place: TokenKeeper, secret: str) -> Keeper:
    try:
        from safeconduct.adapters.custody.token import Token, TokenPlace  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise KeyUnavailableError(
            "keys in a token need the package python-pkcs11", remedy="pip install 'safeconduct[pkcs11]'"
        ) from error
    return Token(TokenPlace(module=place.module, label=place.token, pin=secret))
