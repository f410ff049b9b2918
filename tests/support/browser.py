"""A real Chromium over its DevTools protocol, with an authenticator of its own: what a person with a passkey sees."""

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import threading
from pathlib import Path

import aiohttp

from support.patience import PATIENCE_S

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless=new", "--remote-debugging-port=0", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage")
UNCONFINED = ("--no-sandbox",)  # root in a container has none, and the pages are our own
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Browser:
    """One tab. Everything is asked in the test's own thread; a loop beside it speaks to the browser."""

    def __init__(self, folder):
        command = [PROGRAM, *FLAGS, *UNCONFINED, f"--user-data-dir={folder}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.numbers = itertools.count(1)
        self.waiting = {}
        self.failures = []
        self._run(self._connect(Path(folder)), PATIENCE_S)
        for domain in ("Page", "Runtime", "Log", "WebAuthn"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **params):
        """Sends a command and returns its result."""
        return self._run(self._ask(method, params), PATIENCE_S)

    def authenticator(self, **other):
        """Gives the tab an authenticator, and returns its id."""
        return self.ask("WebAuthn.addVirtualAuthenticator", options=AUTHENTICATOR | other)["authenticatorId"]

    def run(self, expression):
        """Runs JavaScript in the page and returns its value."""
        said = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def open(self, address):
        self.ask("Page.navigate", url="about:blank")
        self.ask("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def until(self, expression):
        """Waits until an expression is true in the page; fails with what the page says if it never is."""
        check = f"""new Promise((done) => {{ const look = () => {{
            let found; try {{ found = {expression}; }} catch {{ found = false; }}
            found ? done(true) : setTimeout(look, 20); }}; look();
            setTimeout(() => done(false), {(PATIENCE_S - 20) * 1000}); }})"""
        assert self.run(check), f"never so: {expression}; the page says {self.run('document.body.innerText')!r}"

    def type(self, text):
        self.ask("Input.insertText", text=text)

    def press(self, key, *, code=0, text=""):
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **more)

    def tab(self):
        self.press("Tab", code=9)

    def enter(self):
        self.press("Enter", code=13, text="\r")

    def look(self, *, width, dark):
        """Sets the width of the window and the color scheme."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path):
        Path(path).write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def close(self):
        with contextlib.suppress(Exception):
            self._run(self._ask("Browser.close", {}), 5)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.process.kill()
        self.process.wait()
        self._run(self._hang_up(), PATIENCE_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE_S)
        self.loop.close()

    def _run(self, work, seconds):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    async def _connect(self, folder):
        told = folder / "DevToolsActivePort"
        while not told.exists() or "\n" not in told.read_text():
            assert self.process.poll() is None, "Chromium ended"
            await asyncio.sleep(0.05)
        port = told.read_text().split()[0]
        self.session = aiohttp.ClientSession()
        async with self.session.get(f"http://127.0.0.1:{port}/json/list") as answer:
            tabs = [one for one in await answer.json() if one["type"] == "page"]
        self.socket = await self.session.ws_connect(tabs[0]["webSocketDebuggerUrl"], max_msg_size=0)
        self.reader = asyncio.create_task(self._read())

    async def _read(self):
        async for message in self.socket:
            said = json.loads(message.data)
            if said.get("id") in self.waiting:
                self.waiting.pop(said["id"]).set_result(said)
            elif said.get("method") == "Runtime.exceptionThrown":
                self.failures.append(said["params"]["exceptionDetails"])
            elif said.get("method") == "Log.entryAdded" and said["params"]["entry"]["source"] == "security":
                self.failures.append(said["params"]["entry"])

    async def _ask(self, method, params):
        number = next(self.numbers)
        answer = self.waiting[number] = self.loop.create_future()
        await self.socket.send_json({"id": number, "method": method, "params": params})
        said = await answer
        assert "error" not in said, (method, said["error"])
        return said["result"]

    async def _hang_up(self):
        self.reader.cancel()
        await self.socket.close()
        await self.session.close()


@contextlib.contextmanager
def browsing(folder):
    """A browser for as long as the block lasts."""
    browser = Browser(folder)
    try:
        yield browser
    finally:
        browser.close()
