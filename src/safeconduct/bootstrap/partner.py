"""The partner's processes, a witness and a mirror: each with its own key and folder, no installation."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from safeconduct.adapters.clock import SystemClock, system_entropy
from safeconduct.adapters.cosigner_folder import Algorithm, CosignerFolder, Role
from safeconduct.adapters.mirror_folder import MirrorFolder
from safeconduct.adapters.witness import WitnessFolder
from safeconduct.http.mirror import MirrorApp
from safeconduct.http.witness import WitnessApp
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.ledger.notes import VerifierKey

PORT_MAX = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignerOptions:
    """Where a cosigner keeps its things and listens, how a new one is made, whom it trusts.

    `ready` is told the verifier key and the address.
    """

    folder: Path
    listen: str
    name: str
    algorithm: Algorithm
    trust: Sequence[VerifierKey]
    ready: Callable[[str, str], None]

    def is_new(self, role: Role) -> bool:
        """Tells whether a cosigner is to be made first."""
        return bool(self.name) and not (self.folder / f"{role}.key").exists()


def run_witness(options: CosignerOptions) -> None:
    """Serves a witness until the process is told to stop; makes it first if it is new and has a name.

    Raises:
        InvalidInputError: there is no witness and no name, the folder is a mirror's, or the address is none.
        ConflictError: another process has the folder open.
        UnavailableError: it can't listen there.
    """
    if options.is_new(Role.WITNESS):
        WitnessFolder.create(options.folder, options.name, system_entropy, options.algorithm)
    witness = WitnessFolder(options.folder, SystemClock())
    _serve(witness.kept, WitnessApp(witness.add_checkpoint, witness.kept.evidence), options)


def run_mirror(options: CosignerOptions) -> None:
    """Serves a mirror until the process is told to stop; makes it first if it is new and has a name.

    Raises:
        InvalidInputError: there is no mirror and no name, the folder is a witness's, or the address is none.
        ConflictError: another process has the folder open.
        UnavailableError: it can't listen there.
    """
    if options.is_new(Role.MIRROR):
        MirrorFolder.create(options.folder, options.name, system_entropy, options.algorithm)
    mirror = MirrorFolder(options.folder, SystemClock())
    _serve(mirror.kept, MirrorApp(mirror), options)


def follow(folder: Path, evidence: bytes) -> VerifierKey:
    """Lets a witness or a mirror that cosigns take over a log's next key. One that runs does so at its next request.

    Raises:
        InvalidInputError: there is neither, or it is no evidence of a rotation.
    """
    role = Role.MIRROR if (folder / f"{Role.MIRROR}.key").exists() else Role.WITNESS
    return CosignerFolder(folder, role).follow(evidence)


def _serve(kept: CosignerFolder, app: Any, options: CosignerOptions) -> None:  # noqa: ANN401 - any ASGI app
    with kept.alone(), _listener(options.listen) as listener:
        for key in options.trust:
            kept.trust(key)
        host, port = listener.getsockname()[:2]
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False)
        options.ready(kept.cosigner.verifier.text, f"http://{host}:{port}")
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


def _listener(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > PORT_MAX:
        raise InvalidInputError(f"expected an address such as 127.0.0.1:8701, got {listen!r}")
    try:
        return socket.create_server((host, int(port)))
    except OSError as error:
        raise UnavailableError(f"cannot listen on {listen}: {error}", code="address-in-use") from error
