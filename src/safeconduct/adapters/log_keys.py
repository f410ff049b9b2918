"""The keys that sign an installation's logs: one file each, with the secret or with who keeps it.

The folder says what logs there are and their public keys, whether or not who keeps the secrets can be reached.
"""

import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from safeconduct.access.program import is_installation
from safeconduct.adapters.files import file_name, write_secret
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Entropy
from safeconduct.ledger.keys import SEED_BYTES, KeyKeeper, KeyUnavailableError, PublicKey, SecretKey, SigningKey
from safeconduct.ledger.notes import NoteSigner

FILES = "files"
"""The keeper that is none: the secret stands in the key's own file."""

NAME_ENTROPY_BYTES = 8  # of a key's name with its keeper, which may serve other installations too
_KEPT = "kept:"


@dataclass(frozen=True, slots=True)
class KeptKey:
    """`SigningKey` whose secret is with a keeper, under a name. The public half is known without asking."""

    public: PublicKey
    name: str
    keeper: Callable[[], KeyKeeper]

    def sign(self, message: bytes) -> bytes:
        return self.keeper().sign(self.name, message)


class LogKeys:
    """A folder of signing keys. Who reads it can sign with those whose secrets lie there.

    `keepers` open what keeps the other secrets, by the names that the folder has for them; new keys go to `place`. A
    key is never looked for anywhere else than where its file says.
    """

    def __init__(
        self,
        folder: Path,
        entropy: Entropy,
        *,
        keepers: Mapping[str, Callable[[], KeyKeeper]] | None = None,
        place: str = FILES,
    ) -> None:
        self._folder = folder
        self._entropy = entropy
        self._keepers = keepers or {}
        self._place = place

    def signers(self) -> list[NoteSigner]:
        """Returns a signer for each log that has a key."""
        return [self.signer(origin) for origin in self._origins()]

    def installation(self) -> Origin:
        """Returns the origin of the installation's own log.

        Raises:
            UnavailableError: there is none.
        """
        found = [origin for origin in self._origins() if is_installation(origin)]
        if len(found) != 1:
            raise UnavailableError("the key of the installation's own log is missing", code="log-key-missing")
        return found[0]

    def signer(self, origin: Origin) -> NoteSigner:
        """Returns the signer of a log; a log without a key gets one.

        Raises:
            KeyUnavailableError: it needs one, and who is to keep it can't be reached.
        """
        path = self._folder / file_name(origin)
        if not path.exists():
            write_secret(path, self._make() + "\n")
        return NoteSigner(origin, self._read(path))

    def _make(self) -> str:
        if self._place == FILES:
            return SecretKey(self._entropy(SEED_BYTES)).text
        name = f"safeconduct-{self._entropy(NAME_ENTROPY_BYTES).hex()}"
        public = self._keeper(self._place)().make(name)
        return f"{_KEPT}{self._place} {name} {public.text}"

    def _read(self, path: Path) -> SigningKey:
        text = path.read_text(encoding="utf-8").strip()
        if not text.startswith(_KEPT):
            return SecretKey.parse(text)
        keeper, _, rest = text.removeprefix(_KEPT).partition(" ")
        name, _, public = rest.partition(" ")
        return KeptKey(PublicKey.parse(public), name, self._keeper(keeper))

    def _keeper(self, name: str) -> Callable[[], KeyKeeper]:
        return self._keepers.get(name) or _missing(name)

    def _origins(self) -> list[Origin]:
        return [Origin(urllib.parse.unquote(path.name)) for path in sorted(self._folder.iterdir())]


def _missing(name: str) -> Callable[[], KeyKeeper]:
    def fail() -> KeyKeeper:
        raise KeyUnavailableError(
            f"a key is kept by {name!r}, which custody.toml does not describe",
            code="key-keeper-unknown",
            remedy="describe it there under [keepers], then restart",
        )

    return fail
