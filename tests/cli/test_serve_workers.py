"""Several gateway processes over PostgreSQL, as operators run them: killed, stopped, cut off from their database."""

import contextlib
import http.client
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from safeconduct.access.freezes import freeze
from safeconduct.adapters.data_folder import running_server
from safeconduct.bootstrap.joined import joined
from safeconduct.settings import Databases
from support.freezing import ordered
from support.patience import PATIENCE_S
from support.programs import signed
from support.serve_calls import ROUTE, asked, bearer, chat, request
from support.shell import agreed, run, start, until, witness
from support.talker import talking
from support.worker_sockets import connections, pids, port_of, ports_at

WORKERS = 2
NAMES = ("SAFECONDUCT_DATABASE", "SAFECONDUCT_HEADS", "SAFECONDUCT_KEYS")


@contextlib.contextmanager
def environment(**given):
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="module")
def served(postgres, tmp_path_factory):
    """One gateway with two workers for all tests, whatever becomes of its processes."""
    root = tmp_path_factory.mktemp("workers")
    with environment(**{name: postgres.database() for name in NAMES}), talking() as model:
        house = agreed(root / "house", upstream="custom", model="m")[0]
        words = ("serve", "--port", 0, "--no-local-model", "--workers", WORKERS, "--model", model.url, "--drain", 0)
        with start(*words, data=house.data, log=root / "server") as process:
            until(lambda: running_server(house.data), process, says=str(root))
            url = running_server(house.data).url
            token = bearer(house)
            made = SimpleNamespace(house=house, url=url, process=process, token=token, model=model, root=root)
            assert called(made) == 200
            yield made


def called(served):
    """Returns the status of one call on a connection of its own; 0 where nobody answered."""
    try:
        return asked(served.url, "POST", ROUTE, chat(), served.token)[0]
    except (OSError, http.client.HTTPException):
        return 0


class Stream(threading.Thread):
    """A running stream, read as fast as it comes. `came` are the sizes of what did."""

    def __init__(self, served):
        super().__init__(daemon=True)
        self.connection, answer = request(served.url, "POST", ROUTE, chat(stream=True), served.token)
        self.response = answer()
        assert self.response.status == 200, self.response.read()
        self.call = self.response.headers["safeconduct-call"]
        self.port = self.connection.sock.getsockname()[1]
        self.came = []
        self.start()

    def run(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            while data := self.response.read1(65_536):
                self.came.append(len(data))
        self.connection.close()


def held_by(pid, found):
    """Returns the streams whose other end a process holds."""
    callers = ports_at(pid)
    return [one for one in found if one.port in callers]


def unread(found):
    """Returns the streams to which more has come than was read."""
    waiting = {port_of(row[1]) for row in connections() if not row[4].endswith(":00000000")}
    return [one for one in found if one.port in waiting]


def streams(served, count=12):
    found = [Stream(served) for _ in range(count)]
    while not all(held_by(pid, found) for pid in pids(served.process, "worker")):  # the kernel spreads them by chance
        found.append(Stream(served))
    until(lambda: all(one.came for one in found), served.process, says="streams")
    return found


def ended(served, found):
    for one in found:
        one.join(PATIENCE_S)
    assert not any(one.is_alive() for one in found)

    def outcomes():
        shown = [served.house("call", "show", one.call, "--json").json for one in found]
        return shown if all("why" in one for one in shown) else None

    return until(outcomes, served.process, says="their outcomes")


@contextlib.contextmanager
def another(served):
    """Opens the data as one more process, whose commits are news to all workers."""
    databases = Databases(**{name: os.environ[one] for name, one in zip(("log", "heads", "keys"), NAMES, strict=True)})
    with joined(served.house.data, databases, "test") as here:
        yield here.installation


def frozen(house, selector):
    """Freezes; returns the freeze once it is durable."""
    operation = "POST /api/v1/freezes"
    act = signed("ops", operation, selector.encode(), house.clock.now())
    future = house.writer.submit(
        lambda tx: freeze(tx, act, ordered(selector), operation=operation, content=act.act.content)
    )
    return future.result(PATIENCE_S).value


def test_status_tells_who_is_at_work_and_connections_are_spread(served):
    status = served.house("status", "--json").json
    assert [one["role"] for one in status["processes"]].count("worker") == WORKERS
    assert [one["role"] for one in status["processes"]].count("keeper") == 1
    assert status["sequenced"]
    assert (status["logs"][0]["stopped"], status["server"]) == ("", served.url)
    for _ in range(24):
        assert called(served) == 200
    until(
        lambda: states(served, 5) == ["completed"] * 5, served.process, says="their ends, which come after the answers"
    )
    assert asked(served.url, "GET", "/readyz")[1] | {"behind_s": 0} == {
        "ready": True, "program": True, "logs_stopped": 0, "unready": [], "sequenced": True, "behind_s": 0
    }  # fmt: skip


def states(served, count):
    """Returns the states of the last calls."""
    last = served.house("call", "list", "--json").json[:count]
    return [served.house("call", "show", one["call"], "--json").json["state"] for one in last]


def test_a_stopped_worker_that_wakes_after_a_freeze_hands_over_nothing(served):
    with another(served) as house:
        running = streams(served)
        stopped = pids(served.process, "worker")[0]
        os.kill(stopped, signal.SIGSTOP)
        silent = held_by(stopped, running)
        assert 0 < len(silent) < len(running)
        made = frozen(house, "path:soc-triage")
        # How soon, `make bench ONLY=freeze` tells; here they are cut while the other worker can't say anything.
        until(lambda: not any(one.is_alive() for one in running if one not in silent), served.process, says="the cut")
        until(lambda: not unread(silent), served.process, says="what had left the stopped one before")
        time.sleep(0.5)
        had = [len(one.came) for one in silent]
        os.kill(stopped, signal.SIGCONT)
    shown = ended(served, running)
    assert {(one["state"], one["why"]) for one in shown} == {("cut", "freeze")}
    assert [len(one.came) for one in silent] == had
    assert called(served) == 403
    unfreeze(served, made.id)


def unfreeze(served, freeze_id):

    told = json.loads((served.house.root / "witness.out").read_text())
    keys = [log["key"] for log in served.house("log", "show", "--json").json["logs"]]
    with witness(served.house.root / "witness", *keys, listen=told["url"].removeprefix("http://")):
        said = served.house("unfreeze", freeze_id)
        assert said.code == 0, said
        assert [called(served) for _ in range(8)] == [200] * 8


def test_a_killed_worker_s_calls_are_closed_and_another_takes_its_place(served):
    running = streams(served)
    killed = pids(served.process, "worker")[0]
    gone = held_by(killed, running)
    os.kill(killed, signal.SIGKILL)
    until(lambda: not any(one.is_alive() for one in gone), served.process, says="cut")
    assert 0 < len(gone) < len(running)
    shown = [lambda one=one: served.house("call", "show", one.call, "--json").json["state"] for one in gone]
    until(lambda: {state() for state in shown} == {"abandoned"}, served.process, says="abandoned")
    assert all(one.is_alive() for one in running if one not in gone)
    until(lambda: len(pids(served.process, "worker")) == WORKERS, served.process, says="a new worker")
    assert killed not in pids(served.process, "worker")
    until(lambda: all(called(served) == 200 for _ in range(8)), served.process, says="calls")
    for one in running:
        if one.is_alive():
            one.connection.sock.shutdown(socket.SHUT_RDWR)


def test_after_a_restart_of_the_database_calls_and_the_keeper_go_on(served, postgres):
    postgres.crash()
    until(lambda: all(called(served) == 200 for _ in range(8)), served.process, says="calls again")
    until(lambda: served.house("status", "--json").code == 0, served.process, says="status")
    until(lambda: pids(served.process, "keeper"), served.process, says="a keeper")


def test_another_gateway_on_the_folder_is_refused(served):
    said = served.house("serve", "--port", 0, "--no-local-model", "--workers", 2)
    assert (said.code, said.error) == (1, "data-in-use")


def test_told_to_end_all_its_processes_end_and_one_may_go_on_alone(served):
    running = streams(served, 4)
    children = [*pids(served.process, "worker"), *pids(served.process, "keeper"), *pids(served.process, "sequencer")]
    served.process.terminate()
    assert served.process.wait(PATIENCE_S) == 0
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    for one in running:
        one.join(PATIENCE_S)
    shown = {served.house("call", "show", one.call, "--json").json["why"] for one in running}
    assert shown == {"shutdown"}
    assert all(log["verified"] for log in served.house("log", "verify", "--json").json)


@pytest.mark.parametrize("missing", NAMES)
def test_what_workers_share_must_be_in_databases(tmp_path, postgres, missing):
    data = tmp_path / "data"
    assert run("init", data=data).code == 0
    given = {name: "" if name == missing else postgres.database() for name in NAMES}
    with environment(**given):
        said = run("serve", "--workers", 2, "--no-local-model", data=data)
    assert (said.code, said.error) == (2, "database-unnamed")
    assert missing in said.err or "--database" in said.err
