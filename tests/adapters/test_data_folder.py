import subprocess
import sys

import pytest

from safeconduct.adapters import data_folder
from safeconduct.adapters.data_folder import LOG_KEYS, Address, locked, running_server
from safeconduct.kernel.errors import ConflictError, InvalidInputError

HOLD = """
import sys
from pathlib import Path
from safeconduct.adapters.data_folder import Address, locked
with locked(Path(sys.argv[1])) as lock:
    if len(sys.argv) > 2:
        lock.announce(Address(sys.argv[2], "secret"))
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def made(tmp_path):
    (tmp_path / LOG_KEYS).mkdir()


@pytest.fixture
def hold(tmp_path):
    held = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        held.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in held:
        process.communicate("")


def test_a_server_in_another_process_is_found_and_gone_when_it_ends(tmp_path, hold):
    assert running_server(tmp_path) is None
    process = hold("http://127.0.0.1:1")
    assert running_server(tmp_path) == Address("http://127.0.0.1:1", "secret")
    process.communicate("")
    assert running_server(tmp_path) is None


def test_a_server_that_is_told_to_end_before_it_listens_for_it_is_announced_no_more(tmp_path):
    (tmp_path / "safeconduct.db").touch()
    told_to_end, kept = SystemExit(143), tmp_path / "server.lock"

    def serve():
        with locked(tmp_path) as lock:
            lock.announce(Address("http://127.0.0.1:8700", "secret"))
            assert kept.read_bytes()
            raise told_to_end

    with pytest.raises(SystemExit):
        serve()
    assert kept.read_bytes() == b""


def test_a_killed_server_leaves_no_lock(tmp_path, hold):
    process = hold("http://127.0.0.1:1")
    process.kill()
    process.wait()
    assert running_server(tmp_path) is None
    with locked(tmp_path):
        pass


def test_the_folder_opens_in_one_process_only(tmp_path, hold, monkeypatch):
    hold("http://127.0.0.1:1")
    with pytest.raises(ConflictError, match="the server at http"), locked(tmp_path):
        pass
    monkeypatch.setattr(data_folder, "WAIT_S", 0.0)
    other = tmp_path / "other"
    (other / LOG_KEYS).mkdir(parents=True)
    with locked(other), pytest.raises(ConflictError, match="another command"), locked(other):
        pass


def test_no_folder_says_how_to_make_one(tmp_path):
    with pytest.raises(InvalidInputError) as refused, locked(tmp_path / "none"):
        pass
    assert refused.value.code == "no-installation"
    assert "safeconduct init" in refused.value.remedy
