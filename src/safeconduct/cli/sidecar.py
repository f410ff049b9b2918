"""`safeconduct sidecar`: a service's own process beside it, which has its credential."""

from pathlib import Path
from typing import Annotated

import typer

from safeconduct import settings
from safeconduct.adapters.data_folder import running_server
from safeconduct.cli.client import Data, Url
from safeconduct.cli.output import err, out
from safeconduct.kernel.errors import UnavailableError

KeyFile = Annotated[
    Path, typer.Option("--key", help="The service's key file.", envvar="SAFECONDUCT_KEY", show_envvar=True)
]
PathName = Annotated[str, typer.Option("--path", help="The path that is called.")]
Listen = Annotated[
    str, typer.Option("--listen", help="127.0.0.1:PORT (0 takes a free one), or unix:FILE for the file's owner alone.")
]


def sidecar(
    *, key: KeyFile, path: PathName, listen: Listen = "127.0.0.1:8787", url: Url = "", data: Data = None
) -> None:
    """Lets unmodified SDKs on this machine call without a secret: takes their requests, and has a bound token for them.

    An SDK's base URL is then http://127.0.0.1:8787/openai/v1 or http://127.0.0.1:8787/anthropic, with any text as API
    key.
    """
    from safeconduct.bootstrap.sidecar import SidecarOptions, run  # noqa: PLC0415 - keeps other commands quick

    name, secret = settings.read_key(key)
    server = running_server(data or settings.read().data) if not url else None
    if not url and server is None:
        raise UnavailableError("no server runs here, and none is named", code="no-server", remedy="pass --url")
    where = server.url if server else url
    run(SidecarOptions(url=where, path=path, name=name, key=secret, listen=listen, ready=_ready))


def _ready(base: str) -> None:
    err.print("base URLs: /openai/v1, /anthropic; any API key", style="dim", markup=False)
    out.print(f"sidecar on {base}", markup=False)
