"""What a witness and a mirror each keep in a folder of their own: a key, the logs they know, evidence against them."""

import fcntl
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from safeconduct.adapters.files import write_atomically, write_secret
from safeconduct.kernel.errors import ConflictError, InvalidInputError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Entropy
from safeconduct.ledger.evidence import FOLDER as EVIDENCE
from safeconduct.ledger.evidence import SUFFIX, Claim, Evidence
from safeconduct.ledger.keys import SEED_BYTES, PostQuantumSecret, SecretKey, parse_secret
from safeconduct.ledger.notes import Cosigner, VerifierKey
from safeconduct.ledger.proofs import follow, origin_of
from safeconduct.ledger.trust import Trust

EVIDENCE_FILES_MAX = 1_000  # forks take the log's key to make: its keeper can fill this, and the first one is enough
_NAME = re.compile(rf"(?:{'|'.join(Claim)})-[0-9a-f]{{16}}{re.escape(SUFFIX)}")


class Role(StrEnum):
    """What a cosigner states. The two must differ in name and key (tlog-mirror)."""

    WITNESS = "witness"
    MIRROR = "mirror"


class Algorithm(StrEnum):
    """What a new cosigner signs with."""

    ED25519 = "ed25519"
    ML_DSA_44 = "ml-dsa-44"


_SECRETS: Mapping[Algorithm, Callable[[bytes], SecretKey | PostQuantumSecret]] = {
    Algorithm.ED25519: SecretKey,
    Algorithm.ML_DSA_44: PostQuantumSecret,
}


class CosignerFolder:
    """`<role>.key` is one line, name and secret key; `logs` holds one verifier key a line, read at each request."""

    def __init__(self, folder: Path, role: Role) -> None:
        self.path = folder
        self._role = role
        self.cosigner = Cosigner(*self._read_key())
        for other in Role:
            if other != role and (folder / f"{other}.key").exists():
                raise InvalidInputError(
                    f"{folder} is a {other}'s; a {role} needs a folder, a name and a key of its own",
                    code="role-conflict",
                )

    @classmethod
    def create(cls, folder: Path, role: Role, name: str, entropy: Entropy, algorithm: Algorithm) -> None:
        """Makes the folder and key of a new cosigner.

        Raises:
            UnavailableError: there is one already.
            NoteError: the name can't name a key.
        """
        secret = _SECRETS[algorithm](entropy(SEED_BYTES))
        Cosigner(name, secret)
        folder.mkdir(parents=True, exist_ok=True)
        write_secret(folder / f"{role}.key", f"{name} {secret.text}\n")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps every other process out, which could cosign another continuation meanwhile.

        Raises:
            ConflictError: another process has it open.
        """
        with (self.path / "lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConflictError(f"{self.path} is open in another process", code="data-in-use") from error
            yield

    def trust(self, key: VerifierKey) -> None:
        """Adds a key of a log to those that are believed. A log may have several, as while it changes its key.

        Raises:
            InvalidInputError: it is a cosigner's key.
        """
        if key.kind.cosigns:
            raise InvalidInputError(f"expected a log's key (type 1), got the cosigner key of {key.name}")
        known = self.logs()
        if key not in known:
            lines = "".join(f"{one.text}\n" for one in [*known, key])
            write_atomically(self.path / "logs", lines.encode())

    def follow(self, evidence: bytes) -> VerifierKey:
        """Believes a log's next key in place of those before it, and returns it.

        Raises:
            InvalidInputError: `log-unknown`.
            ProofError, NoteError: the file is no evidence of a rotation of a key that is believed.
        """
        name = origin_of(evidence)
        known = self.keys_of(name)
        if not known:
            raise InvalidInputError(f"the log {name[:80]!r} is not known here", code="log-unknown")
        trust = Trust(log=known[0], former=known[1:], witnesses=(self.cosigner.verifier,))
        new = follow(evidence, trust).rotations[-1].new
        lines = "".join(f"{one.text}\n" for one in (*(key for key in self.logs() if key.name != name), new))
        write_atomically(self.path / "logs", lines.encode())
        return new

    def logs(self) -> list[VerifierKey]:
        """Returns the keys of the logs it knows.

        Raises:
            InvalidInputError: a line is no verifier key.
        """
        path = self.path / "logs"
        if not path.exists():
            return []
        return [VerifierKey.parse(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]

    def keys_of(self, origin: Origin) -> tuple[VerifierKey, ...]:
        """Returns the keys that are believed of one log; none for a log it does not know."""
        return tuple(key for key in self.logs() if key.name == origin)

    def keep_evidence(self, evidence: Evidence | None) -> str:
        """Keeps evidence durably; returns the path it is served under, or nothing if there is none or no room."""
        if evidence is None:
            return ""
        folder, content = self.path / EVIDENCE, evidence.encoded.encode()
        folder.mkdir(exist_ok=True)
        kept = folder / evidence.name
        if not kept.exists() and len(list(folder.iterdir())) >= EVIDENCE_FILES_MAX:
            return ""
        if not kept.exists() or kept.read_bytes() != content:
            write_atomically(kept, content)
        return f"/{EVIDENCE}/{evidence.name}"

    def evidence(self, name: str) -> bytes | None:
        """Returns kept evidence by its file name, or None."""
        kept = self.path / EVIDENCE / name
        return kept.read_bytes() if _NAME.fullmatch(name) and kept.is_file() else None

    def _read_key(self) -> tuple[str, SecretKey | PostQuantumSecret]:
        path = self.path / f"{self._role}.key"
        try:
            name, _, secret = path.read_text(encoding="utf-8").strip().partition(" ")
            return name, parse_secret(secret)
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(
                f"there is no {self._role} in {self.path}", code=f"no-{self._role}-here", remedy="name it with --name"
            ) from error
