"""Which of several gateway processes holds a connection, and ways to a certain one."""

import contextlib
import http.client
import json
import select
from pathlib import Path
from urllib.parse import urlsplit

from support.patience import PATIENCE_S
from support.serve_calls import decided


def pids(process, role):
    """Returns the ids of a server's children in a role."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    found = []
    for pid in children:
        with contextlib.suppress(OSError):  # ended meanwhile
            if Path(f"/proc/{pid}/cmdline").read_bytes().endswith(role.encode() + b"\0"):
                found.append(int(pid))
    return found


def ports_at(pid):
    """Returns the ports from which connections come that a process holds."""
    held = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            held.add(one.readlink().name)
    return {port_of(row[2]) for row in connections() if f"socket:[{row[9]}]" in held}


def connections():
    """Returns the kernel's table: of each connection its ends in columns 1 and 2, its queues in 4, its inode in 9."""
    return [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]


def port_of(end):
    return int(end.partition(":")[2], 16)


class Line:
    """The way to one worker of several: each request goes on a connection that this worker holds."""

    def __init__(self, url, headers, pid):
        self.url, self.headers, self.pid = urlsplit(url), headers, pid
        self.call = ""  # the last one that was answered here
        self._opened = None

    def open(self):
        """Has a connection ready for the next request; the kernel spreads connections by chance."""
        if self._opened is not None:
            self._opened.close()
        while (tried := _Connection(self.url)).sock.getsockname()[1] not in ports_at(self.pid):
            tried.close()
        self._opened = tried

    def ask(self, path, body=None, *, method="POST", **headers):
        """Returns status and JSON of a request, as `decided`; `headers` with `_` for `-`."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return decided(lambda: self._asked(path, body, method, given))

    def _asked(self, path, body, method, given):
        if self._opened is None or self._opened.left():
            self.open()
        connection, self._opened = self._opened, None
        with contextlib.closing(connection):
            response = connection.ask(method, path, body, self.headers | given)
            self.call = response.headers.get("safeconduct-call", "")
            return response.status, json.loads(response.read())


class _Connection(http.client.HTTPConnection):
    """One that a process has taken up: it answered on it."""

    def __init__(self, where):
        super().__init__(where.hostname, where.port, timeout=PATIENCE_S)
        self.ask("GET", "/readyz", None, {}).read()
        self.auto_open = 0  # another one might be another process's

    def ask(self, *request):
        self.request(*request)
        return self.getresponse()

    def left(self):
        """Tells whether the server closed it: an idle connection is kept for some seconds."""
        looking = select.poll()
        looking.register(self.sock, select.POLLIN)
        return bool(looking.poll(0))
