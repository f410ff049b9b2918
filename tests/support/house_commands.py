"""Commands against the routes of an installation in memory, each in this process."""

import asyncio
import json
from dataclasses import replace

from typer.testing import CliRunner

from safeconduct.adapters.clock import SystemClock
from safeconduct.cli import keys
from safeconduct.cli.client import Client
from safeconduct.cli.output import EXIT_CODE
from safeconduct.http.inprocess import ask
from safeconduct.kernel.errors import SafeconductError
from support.programs import KEYS

LOCAL = {"authorization": "Bearer local"}


class HouseCommands:
    """Runs commands of `app` on `house`, as whom `by` names; their key files are in `folder`."""

    def __init__(self, app, house, folder, *, by):
        self.app, self.house, self.folder, self.by = app, house, folder, by
        for name, key in KEYS.items():
            if not (folder / f"{name}.key").exists():
                keys.write_key(folder / f"{name}.key", name, key)

    def __call__(self, *words, by=""):
        """Returns the exit code, what was printed, and what was said of it: the code of an error where there is one."""
        self.house.writer.now = max(self.house.writer.now, SystemClock().now())
        key = self.folder / f"{by or self.by}.key"
        environment = {"SAFECONDUCT_KEY": str(key), "SAFECONDUCT_DATA": str(self.folder)}
        result = CliRunner(env=environment).invoke(self.app, [str(word) for word in words])
        if isinstance(result.exception, SafeconductError):
            return EXIT_CODE[result.exception.kind], result.exception.message, result.exception.code
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout, result.stderr

    def json(self, *words, by=""):
        """Returns the exit code and the one document that was printed."""
        code, printed, _ = self(*words, "--json", by=by)
        return code, json.loads(printed)

    def file(self, name, content):
        written = self.folder / name
        written.write_bytes(content)
        return written


def speaking_to(monkeypatch, commands):
    """Has every command that asks a server ask the one of `commands`, by the secret of the machine."""

    def send(_client, request):
        asked = replace(request, headers={**request.headers, **LOCAL})
        return asyncio.run(ask(commands.house.app, asked))

    monkeypatch.setattr(Client, "_send", send)
    return commands
