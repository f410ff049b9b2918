"""`safeconduct log mirror` and `witness`: the partner's, with its own keys and disk. They need no installation."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.cosigner_folder import Algorithm
from safeconduct.cli.client import Key
from safeconduct.cli.output import Json, emit, out
from safeconduct.cli.signing import reading_headers
from safeconduct.cli.verify import NoQuorum, PolicyFile, Rotations, WitnessKeys, followed, public_key, trusted
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import rfc3339
from safeconduct.ledger.tiles import CHECKPOINT_PATH

if TYPE_CHECKING:
    from safeconduct.adapters.mirror import Pulled

Dir = Annotated[Path, typer.Option("--dir", help="The partner's own folder.")]


def mirror(
    url: Annotated[str, typer.Argument(metavar="URL", help="The log's address: http://host:port/log/<origin>.")],
    *,
    folder: Dir,
    log_key: Annotated[str, typer.Option("--log-key", help="The log's public key, or a file with it.")] = "",
    witness: WitnessKeys = None,
    policy: PolicyFile = None,
    no_quorum: NoQuorum = False,
    rotation: Rotations = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on, until the log takes something back.")] = False,
    every: Annotated[float, typer.Option("--every", min=1, max=3600, help="Seconds between two looks.")] = 10,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Brings the partner's own copy of a log up to date. Refuses a log that is not a continuation of what is held."""
    from safeconduct.adapters.mirror import fetch_over_http, keep_up, pull  # noqa: PLC0415 - keeps other commands quick

    fetch = fetch_over_http(url, lambda path: reading_headers(key, path))

    def once() -> "Pulled":
        trust = trusted(log_key, witness, policy, lambda: fetch(CHECKPOINT_PATH), vacuous=no_quorum)
        return pull(fetch, folder, followed(trust, rotation))

    if follow:
        keep_up(once, lambda seen: _tell(seen, folder, as_json), every_s=every, wait=time.sleep)
    emit(_pulled(once(), folder), as_json, _show_pulled)


def _pulled(pulled: "Pulled", folder: Path) -> dict[str, Any]:
    return {"before": pulled.before, "size": pulled.size, "cosigned_by": pulled.cosigned_by, "folder": str(folder)}


def _tell(seen: "Pulled | SafeconductError", folder: Path, as_json: bool) -> None:  # noqa: FBT001 - as the option
    """Tells what one look brought; with --json a document each time, since it goes on."""
    if isinstance(seen, SafeconductError):
        emit({"at": _now(), "problem": seen.code, "detail": seen.message}, as_json, _show_problem)
    else:
        emit({"at": _now(), **_pulled(seen, folder)}, as_json, _show_looked)
    sys.stdout.flush()  # whoever watches it may read from a pipe


def _show_problem(document: dict[str, Any]) -> None:
    out.print(f"{document['at']}  {document['problem']}: {document['detail']}; trying again", markup=False)


def _show_looked(document: dict[str, Any]) -> None:
    new = document["size"] - document["before"]
    out.print(f"{document['at']}  {document['size']} entries, {new} new", markup=False)


def _now() -> str:
    return rfc3339(SystemClock().now())


Listen = Annotated[str, typer.Option("--listen", help="Address to listen on; port 0 takes a free one.")]
Name = Annotated[str, typer.Option("--name", help="Its name, for a new one.")]
Signs = Annotated[Algorithm, typer.Option("--algorithm", help="What a new one signs with.")]
TrustedLogs = Annotated[list[str] | None, typer.Option("--trust", help="A public key of a log; may be repeated.")]


def witness(
    *,
    folder: Dir,
    listen: Listen,
    name: Name = "",
    algorithm: Signs = Algorithm.ED25519,
    trust: TrustedLogs = None,
    as_json: Json = False,
) -> None:
    """Runs a witness: cosigns checkpoints of the logs it knows, and refuses a log that takes anything back."""
    from safeconduct.bootstrap.partner import CosignerOptions, run_witness  # noqa: PLC0415 - keeps other commands quick

    keys, ready = [public_key(text) for text in trust or []], _ready(as_json)
    run_witness(CosignerOptions(folder=folder, listen=listen, name=name, algorithm=algorithm, trust=keys, ready=ready))


def mirror_server(
    *,
    folder: Dir,
    listen: Listen,
    name: Name = "",
    algorithm: Signs = Algorithm.ED25519,
    trust: TrustedLogs = None,
    as_json: Json = False,
) -> None:
    """Runs a mirror: takes the entries of the logs it knows, and cosigns what it holds durably."""
    from safeconduct.bootstrap.partner import CosignerOptions, run_mirror  # noqa: PLC0415 - keeps other commands quick

    keys, ready = [public_key(text) for text in trust or []], _ready(as_json)
    run_mirror(CosignerOptions(folder=folder, listen=listen, name=name, algorithm=algorithm, trust=keys, ready=ready))


def _ready(as_json: bool) -> Callable[[str, str], None]:  # noqa: FBT001 - as the option gives it
    def ready(public: str, url: str) -> None:
        emit(
            {"key": public, "url": url}, as_json, lambda made: out.print(f"{made['url']}\n{made['key']}", markup=False)
        )
        sys.stdout.flush()  # whoever started it reads this from a pipe

    return ready


def _show_pulled(document: dict[str, Any]) -> None:
    out.print(f"{document['folder']} holds {document['size']} entries, before {document['before']}", markup=False)
