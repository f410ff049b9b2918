"""`safeconduct log publish`: a log's static files to a folder or to a store that speaks S3."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from safeconduct import settings
from safeconduct.access.program import is_installation
from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.publish.folder import PublishedFolder
from safeconduct.adapters.publish.s3 import S3Store
from safeconduct.adapters.sigv4 import Credentials
from safeconduct.cli.client import Data
from safeconduct.cli.log_rows import Copy
from safeconduct.cli.output import Json, emit, out
from safeconduct.cli.sources import Origin, choose, logs_at
from safeconduct.cli.verify import LogKey, NoQuorum, PolicyFile, WitnessKeys, content_of, trusted
from safeconduct.ledger.publishing import PublishedStore
from safeconduct.ledger.publishing import publish as bring_up_to_date


def publish(
    to: Annotated[
        str, typer.Argument(metavar="TO", help="A folder, or an S3 address with bucket and prefix: https://...")
    ],
    *,
    origin: Origin = "",
    region: Annotated[str, typer.Option("--region", help="The S3 region that requests are signed for.")] = "us-east-1",
    ca: Annotated[str, typer.Option("--ca", help="A file with the store's certificate authority.")] = "",
    copy: Copy = None,
    key: LogKey = "",
    witness: WitnessKeys = None,
    policy: PolicyFile = None,
    no_quorum: NoQuorum = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Publishes what is new in a log as immutable tiles, the checkpoint last. S3 keys: AWS_ACCESS_KEY_ID and so on."""
    trust = None if copy is None else trusted(key, witness, policy, partial(content_of, copy), vacuous=no_quorum)
    store = _store(to, region, ca)
    with logs_at(copy, trust, data) as logs:
        name = choose({log.origin: not is_installation(log.origin) for log in logs}, origin)
        chosen = next(log for log in logs if log.origin == name)
        done = bring_up_to_date(chosen, store, trust or chosen.trust)
    document = {
        "origin": done.origin,
        "before": done.before,
        "size": done.size,
        "files": done.files,
        "cosigned_by": chosen.cosigned_by,
        "to": to,
    }
    emit(document, as_json, _show)


def _store(to: str, region: str, ca: str) -> PublishedStore:
    if urlsplit(to).scheme not in {"http", "https"}:
        return PublishedFolder(Path(to))
    read = settings.read()
    credentials = Credentials(
        key=read.secret("AWS_ACCESS_KEY_ID"),
        secret=read.secret("AWS_SECRET_ACCESS_KEY"),
        session=read.environment.get("AWS_SESSION_TOKEN", ""),
    )
    return S3Store(to, region, credentials, SystemClock().now, ca=ca)


def _show(document: dict[str, Any]) -> None:
    out.print(f"{document['to']} holds {document['size']} entries of {document['origin']}", markup=False)
    out.print(f"  before {document['before']}, {document['files']} files written", style="dim", markup=False)
