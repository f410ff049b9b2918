"""The keys that sign an installation's logs, one file each, named by its origin."""

import urllib.parse
from pathlib import Path

from safeconduct.access.program import is_installation
from safeconduct.adapters.files import file_name, write_secret
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Entropy
from safeconduct.ledger.keys import SEED_BYTES, SecretKey
from safeconduct.ledger.notes import NoteSigner


class LogKeys:
    """A folder of signing keys. Who reads it can sign for the logs."""

    def __init__(self, folder: Path, entropy: Entropy) -> None:
        self._folder = folder
        self._entropy = entropy

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
        """Returns the signer of a log; a log without a key gets one."""
        path = self._folder / file_name(origin)
        if not path.exists():
            write_secret(path, SecretKey(self._entropy(SEED_BYTES)).text + "\n")
        return NoteSigner(origin, SecretKey.parse(path.read_text(encoding="utf-8")))

    def _origins(self) -> list[Origin]:
        return [Origin(urllib.parse.unquote(path.name)) for path in sorted(self._folder.iterdir())]
