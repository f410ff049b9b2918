"""The witness's process: its own key and folder, no installation."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn

from safeconduct.adapters.clock import SystemClock, system_entropy
from safeconduct.adapters.cosigner_folder import Algorithm, CosignerFolder, Role
from safeconduct.adapters.witness import WitnessFolder
from safeconduct.http.witness import WitnessApp
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.ledger.notes import VerifierKey
from safeconduct.ledger.proofs import PROOF_FILE_BYTES_MAX

PORT_MAX = 65_535


def run(
    folder: Path,
    listen: str,
    *,
    name: str,
    algorithm: Algorithm,
    trust: Sequence[VerifierKey],
    ready: Callable[[str, str], None],
) -> None:
    """Serves a witness until the process is told to stop; makes it first if it is new and has a name.

    `ready` is told the verifier key and the address.

    Raises:
        InvalidInputError: there is no witness and no name, or the address is none.
        UnavailableError: it can't listen there.
    """
    if name and not (folder / "witness.key").exists():
        WitnessFolder.create(folder, name, system_entropy, algorithm)
    witness = WitnessFolder(folder, SystemClock())
    with witness.kept.alone(), _listener(listen) as listener:
        for key in trust:
            witness.trust(key)

        host, port = listener.getsockname()[:2]
        config = uvicorn.Config(
            WitnessApp(witness.add_checkpoint, witness.kept.evidence),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
        )
        ready(witness.cosigner.verifier.text, f"http://{host}:{port}")
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


def follow(folder: Path, evidence: Path) -> VerifierKey:
    """Lets a witness or a mirror that cosigns take over a log's next key. One that runs does so at its next request.

    Raises:
        InvalidInputError: there is neither, the file can't be read, or is no evidence of a rotation.
    """
    try:
        with evidence.open("rb") as file:
            text = file.read(PROOF_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidInputError(f"cannot read {evidence}: {error.strerror}", code="file-unreadable") from error
    role = Role.MIRROR if (folder / f"{Role.MIRROR}.key").exists() else Role.WITNESS
    return CosignerFolder(folder, role).follow(text)


def _listener(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > PORT_MAX:
        raise InvalidInputError(f"expected an address such as 127.0.0.1:8701, got {listen!r}")
    try:
        return socket.create_server((host, int(port)))
    except OSError as error:
        raise UnavailableError(f"cannot listen on {listen}: {error}", code="address-in-use") from error
