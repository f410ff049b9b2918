"""The keys that sign an installation's logs: one file each, with the secret or with who keeps it.

The folder says what logs there are and their public keys, whether or not who keeps the secrets can be reached. A log's
first key stands under its origin, each later one under origin, plus sign and key id. Which one signs, the log says.
"""

import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from safeconduct.access.program import is_installation
from safeconduct.adapters.custody.references import FILES, KEPT, unknown_keeper
from safeconduct.adapters.data_folder import LOG_KEYS
from safeconduct.adapters.files import alone, file_name, write_secret
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Entropy
from safeconduct.ledger.keys import SEED_BYTES, KeyKeeper, KeyUnavailableError, PublicKey, SecretKey, SigningKey
from safeconduct.ledger.notes import NoteSigner, VerifierKey

NAME_ENTROPY_BYTES = 8  # of a key's name with its keeper, which may serve other installations too
_LATER = "+"  # never in a file name of an origin, where it would be escaped


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
        self._signers: dict[VerifierKey, NoteSigner] = {}  # few: a log is rotated once in months

    def signers(self) -> list[NoteSigner]:
        """Returns a signer for each log that has a key."""
        return [self.signer(origin) for origin in self._origins()]

    def installation(self) -> Origin:
        """Returns the origin of the installation's own log, the first one if it was closed since.

        Raises:
            UnavailableError: there is none.
        """
        found = sorted((origin for origin in self._origins() if is_installation(origin)), key=len)
        if not found:
            raise UnavailableError("the key of the installation's own log is missing", code="log-key-missing")
        return found[0]

    def signer(self, origin: Origin) -> NoteSigner:
        """Returns the signer of a log; a log without a key gets one.

        Raises:
            KeyUnavailableError: it needs one, and who is to keep it can't be reached.
        """
        path = self._folder / file_name(origin)
        with alone(self._folder):  # two who need a new log's key at once, in threads or processes, get the same one
            if not path.exists():
                write_secret(path, self._make() + "\n")
            return NoteSigner(origin, self._read(path))

    def make_next(self, origin: Origin) -> NoteSigner:
        """Makes one more key for a log that has one, and returns its signer.

        Raises:
            KeyUnavailableError: who is to keep it can't be reached.
        """
        text = self._make()
        signer = NoteSigner(origin, self._parse(text))
        write_secret(self._folder / f"{file_name(origin)}{_LATER}{signer.verifier.key_id.hex()}", text + "\n")
        return signer

    def of(self, key: VerifierKey) -> NoteSigner:
        """Returns the signer of one of a log's keys.

        Raises:
            KeyUnavailableError: `key-missing`: its file is not here.
        """
        if key not in self._signers:
            name = file_name(key.name)
            paths = [self._folder / name, self._folder / f"{name}{_LATER}{key.key_id.hex()}"]
            signers = [NoteSigner(key.name, self._read(path)) for path in paths if path.exists()]
            found = [signer for signer in signers if signer.verifier == key]
            if not found:
                raise KeyUnavailableError(f"the key {key.text} has no file in {LOG_KEYS}/", code="key-missing")
            self._signers[key] = found[0]
        return self._signers[key]

    def _make(self) -> str:
        if self._place == FILES:
            return SecretKey(self._entropy(SEED_BYTES)).text
        name = f"safeconduct-{self._entropy(NAME_ENTROPY_BYTES).hex()}"
        public = self._keeper(self._place)().make(name)
        return f"{KEPT}{self._place} {name} {public.text}"

    def _read(self, path: Path) -> SigningKey:
        return self._parse(path.read_text(encoding="utf-8").strip())

    def _parse(self, text: str) -> SigningKey:
        if not text.startswith(KEPT):
            return SecretKey.parse(text)
        keeper, _, rest = text.removeprefix(KEPT).partition(" ")
        name, _, public = rest.partition(" ")
        return KeptKey(PublicKey.parse(public), name, self._keeper(keeper))

    def _keeper(self, name: str) -> Callable[[], KeyKeeper]:
        return self._keepers.get(name) or unknown_keeper(name)

    def _origins(self) -> list[Origin]:
        names = sorted(path.name for path in self._folder.iterdir())
        return [Origin(urllib.parse.unquote(name)) for name in names if _LATER not in name]
