"""A certified OpenID provider as a process of its own, and a browser that goes where it is sent."""

import contextlib
import http.client
import os
import shutil
import subprocess
import threading
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from support.patience import PATIENCE_S
from support.ports import lasting_port

HERE = Path(__file__).parent.parent / "interop" / "oidc"
INSTALL_S = 300


def installed(folder):
    """Installs the provider from its lock; skips without npm, except where `CI` says that all must run."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        message = "install nodejs and npm to run this"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    for name in ("package.json", "package-lock.json", "idp.mjs"):
        shutil.copy(HERE / name, folder)
    words = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    assert done.returncode == 0, done.stderr
    return folder


class IdentityProvider:
    def __init__(self, port):
        self.port, self.issuer = port, f"http://127.0.0.1:{port}"

    def next_is(self, account, acr="pwd"):
        """Says who signs in next, and how."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request("PUT", f"/as?account={account}&acr={acr}")
        assert connection.getresponse().status == 204
        connection.close()


@contextlib.contextmanager
def identity_provider(folder, client_id="safeconduct"):
    """Runs a provider, which was installed in the folder."""
    port = lasting_port()
    words = ("node", "idp.mjs", str(port), client_id)
    with (
        (folder / "idp.err").open("wb") as err,
        subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=err) as process,
    ):
        assert process.stdout.readline() == b"ready\n", (folder / "idp.err").read_text()
        try:
            yield IdentityProvider(port)
        finally:
            process.terminate()


class Browser:
    """What `webbrowser` opens: follows redirects with cookies of its own, in a thread as a browser would."""

    def __init__(self):
        self.went = []

    def open(self, address, _new=0, _autoraise=True):  # noqa: FBT002 - the standard library's signature
        self.went.append(address)
        thread = threading.Thread(target=self._go, args=(address,), daemon=True)
        thread.start()
        return True

    def _go(self, address):
        cookies = {}
        with contextlib.suppress(OSError):  # whoever waits at the other end has gone
            while address:
                address = _followed(address, cookies)


def _followed(address, cookies):
    """Goes to an address with all cookies there are; returns where it sends to, if anywhere."""
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=PATIENCE_S)
    shown = "; ".join(f"{name}={value}" for name, value in cookies.items())
    connection.request("GET", f"{where.path}?{where.query}", headers={"cookie": shown} if shown else {})
    response = connection.getresponse()
    for line in response.headers.get_all("set-cookie", []):
        for name, morsel in SimpleCookie(line).items():
            cookies.pop(name, None)
            if morsel.value:
                cookies[name] = morsel.value
    response.read()
    connection.close()
    return urljoin(address, response.headers["location"]) if response.headers["location"] else ""
