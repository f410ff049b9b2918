"""The table of pseudonyms, beside the data keys that seal them: their destruction takes the rows along."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag

from safeconduct.boundary.pseudonyms import Known
from safeconduct.boundary.tokens import identity_of
from safeconduct.kernel.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from safeconduct.adapters.key_tables import KeyDatabase
    from safeconduct.kernel.ports import Entropy
    from safeconduct.ledger.sealing import DataKey

NONCE_BYTES = 12
IDENTITIES_READ = 256  # at once

_KEEP = "INSERT INTO pseudonyms (space, identity, token, key_id, sealed) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultTables:
    """Reads and writes pseudonyms. Whoever uses it takes turns."""

    database: "KeyDatabase"
    cipher: "Callable[[str], AESGCM | None]"
    entropy: "Entropy"

    def keep(self, space: str, key: "DataKey", pairs: Mapping[str, str]) -> dict[str, str]:
        """Keeps pairs that clash with none; returns what is kept of their identities.

        Raises:
            UnavailableError: `data-key-gone`: the key was destroyed meanwhile, by another process; or it can't be done.
        """
        with self.database.transaction("keep pseudonyms"):
            if not self.database.rows("SELECT 1 FROM data_keys WHERE id = ?", key.id):
                raise UnavailableError("the data key was destroyed meanwhile", code="data-key-gone", remedy="retry")
            known = Known()
            known.learn(dict(self._held(space, sorted({identity_of(token) for token in pairs}))))
            fit = {token: value for token, value in pairs.items() if known.fits(token, value)}
            self.database.run(_KEEP, [self._row(space, key, token, value) for token, value in fit.items()])
        return known.values | fit

    def find(self, space: str, token: str) -> str | None:
        """Returns what a token stands for in a space, if anything is kept of it there.

        Raises:
            UnavailableError: it can't be read; `vault-damaged`.
        """
        return dict(self._held(space, [identity_of(token)])).get(token)

    def holders(self, origin: str, token: str) -> frozenset[str]:
        """Returns the subjects of the keys of an origin under which a token is kept, in whatever space. Reads all."""
        statement = (
            "SELECT DISTINCT data_keys.subject FROM pseudonyms JOIN data_keys ON data_keys.id = pseudonyms.key_id"
            " WHERE pseudonyms.identity = ? AND pseudonyms.token = ? AND data_keys.origin = ?"
        )
        return frozenset(row[0] for row in self.database.rows(statement, identity_of(token), token, origin))

    def _held(self, space: str, identities: Sequence[str]) -> Iterator[tuple[str, str]]:
        for at in range(0, len(identities), IDENTITIES_READ):
            part = identities[at : at + IDENTITIES_READ]
            marks = ", ".join("?" * len(part))
            statement = f"SELECT token, key_id, sealed FROM pseudonyms WHERE space = ? AND identity IN ({marks})"  # noqa: S608 - marks
            for token, key_id, sealed in self.database.rows(statement, space, *part):
                yield token, self._opened(space, token, key_id, bytes(sealed))

    def _row(self, space: str, key: "DataKey", token: str, value: str) -> tuple[object, ...]:
        nonce, bound = self.entropy(NONCE_BYTES), bound_to(space, token, key.id)
        sealed = nonce + key.cipher.encrypt(nonce, value.encode(errors="surrogatepass"), bound)
        return space, identity_of(token), token, key.id, sealed

    def _opened(self, space: str, token: str, key_id: str, sealed: bytes) -> str:
        cipher = self.cipher(key_id)
        if cipher is None:
            raise _damaged(token)
        try:
            value = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to(space, token, key_id))
        except InvalidTag as error:
            raise _damaged(token) from error
        return value.decode(errors="surrogatepass")


def _damaged(token: str) -> UnavailableError:
    return UnavailableError(
        f"what {token} stands for does not open", code="vault-damaged", remedy="restore the keys' database"
    )


def bound_to(space: str, token: str, key_id: str) -> bytes:
    """Returns what a sealed value is bound to: it opens in no other place."""
    return f"safeconduct/pseudonym/v1\n{space}\n{token}\n{key_id}".encode()
