"""The server as a process: what it answers to hostile requests, and how it begins and ends."""
# ruff: noqa: S608 - table and column names are this test's own

import http.client
import json
import shutil
import signal
import sqlite3
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from safeconduct.adapters.data_folder import running_server
from support.patience import PATIENCE_S
from support.serve_calls import ROUTE, asked, bearer, chat, request
from support.shell import House, agreed, serving, start, until, witness
from support.talker import talking


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return agreed(tmp_path_factory.mktemp("template") / "house", upstream="custom", model="m")[0]


@pytest.fixture
def house(template, tmp_path):
    shutil.copytree(template.root, tmp_path / "house")
    return House(tmp_path / "house")


@pytest.fixture(scope="module")
def served(template, tmp_path_factory):
    """One server for the tests that only ask."""
    root = tmp_path_factory.mktemp("served") / "house"
    shutil.copytree(template.root, root)
    house = House(root)
    with talking() as model, serving(house.data, "--model", model.url) as (process, address):
        yield SimpleNamespace(house=house, url=address.url, process=process, token=bearer(house), model=model)


def refused(served):
    return [call for call in served.house("call", "list", "--json").json if call["state"] == "refused"]


def test_it_announces_itself_to_its_owner_only(served):
    lock = served.house.data / "server.lock"
    assert lock.stat().st_mode & 0o777 == 0o600
    status = served.house("status", "--json").json
    assert status["server"] == served.url
    assert asked(served.url, "GET", "/healthz") == (200, {"status": "ok"})
    assert asked(served.url, "GET", "/readyz")[0] == 200


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code"),
    [
        (ROUTE.replace("soc-triage", "nowhere"), chat(), {}, 404, "path-unknown"),
        (ROUTE, chat(model="gpt-9"), {}, 403, "model-not-allowed"),
        (ROUTE, chat(), {"safeconduct-purpose": "malware-development"}, 403, "purpose-mismatch"),
        (ROUTE, chat(messages=[{"role": "user", "content": "x" * 300_000}]), {}, 413, "request-too-large"),
    ],
)
def test_a_call_that_may_not_be_made_leaves_an_entry(  # noqa: PLR0917 - a case of the table
    served, path, body, headers, status, code
):
    before = len(refused(served))
    seen = len(served.model.seen)
    found, answer = asked(served.url, "POST", path, body, served.token | headers)
    assert (found, answer["error"]["code"]) == (status, code)
    after = refused(served)
    assert len(after) == before + 1
    assert after[0]["call"] == answer["error"]["call"]
    assert len(served.model.seen) == seen


@pytest.mark.parametrize(
    "body",
    [b"", b"{", chat()[:-5], b"[]", b"null", b'{"model": "m", "messages": "\xff\xfe"}', b"\0" * 100, b"[" * 100_000],
)
def test_a_body_that_is_no_request_is_told_so(served, body):
    before = len(refused(served))
    status, answer = asked(served.url, "POST", ROUTE, body, served.token)
    assert status == 400
    assert answer["error"]["code"]
    assert answer["error"]["message"]
    assert len(refused(served)) == before + 1


def test_a_client_that_hangs_up_in_the_middle_of_its_body_harms_nobody(served):
    connection, answer = request(served.url, "POST", ROUTE, chat()[:20], served.token, length=5000)
    try:
        response = answer()
        assert response.status == 400
        response.read()
    except (http.client.RemoteDisconnected, ConnectionResetError):
        pass
    connection.close()
    assert asked(served.url, "POST", ROUTE, chat(), served.token)[0] == 200


def test_who_has_no_token_gets_nothing(served):
    for headers in ({}, {"authorization": "Bearer sck_wrong"}, {"authorization": "Basic YTpi"}):
        status, answer = asked(served.url, "POST", ROUTE, chat(), headers)
        assert status == 401
        assert answer["error"]["code"]


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/api/v1/status", b"", {}, 401),
        ("GET", "/api/v1/calls", b"", {"authorization": "Bearer guess"}, 401),
        ("GET", "/api/v1/logs", b"", {"safeconduct-act": "%%%"}, 401),
        ("POST", "/api/v1/freezes/start", b"{", {}, 401),
        ("POST", "/api/v1/telemetry?name=x", b"x" * (9 << 20), {}, 413),
        ("GET", "/api/v1/nothing", b"", {}, 404),
        ("GET", "/paths/..%2f..%2fetc/openai/v1/models", b"", {}, 404),
        ("GET", "/edl/block-ip.txt", b"", {}, 404),
        ("GET", "/edl/block-ip.txt?token=guess", b"", {}, 404),
    ],
)
def test_the_control_api_tells_strangers_nothing(  # noqa: PLR0917 - a case of the table
    served, method, path, body, headers, status
):
    try:
        found, answer = asked(served.url, method, path, body, headers)
    except (BrokenPipeError, ConnectionResetError):
        assert status == 413  # answered and closed before all of it was sent
        return
    assert found == status
    assert "Traceback" not in json.dumps(answer)


def test_a_second_server_is_refused_and_so_is_a_taken_port(served, house):
    said = served.house("serve", "--port", 0, "--no-local-model")
    assert (said.code, said.error) == (1, "data-in-use")
    assert served.url in said.err
    taken = urlsplit(served.url).port
    said = house("serve", "--port", taken, "--no-local-model")
    assert (said.code, said.error) == (4, "address-in-use")
    assert "--port" in said.err
    assert house("status", "--json").json["server"] == "none"
    assert served.house("status", "--json").json["server"] == served.url


def test_options_that_do_not_go_together(house):
    assert house("serve", "--model-key-env", "NAME").code == 2
    assert house("serve", "--model", "http://127.0.0.1:1/v1", "--model-key-env", "UNSET").error == "secret-missing"
    assert house("serve", "--port", 70_000).code == 2


class Stream:
    """A client of a running stream that has had its first bytes."""

    def __init__(self, url, token):
        self.connection, answer = request(url, "POST", ROUTE, chat(stream=True), token)
        self.response = answer()
        assert self.response.status == 200
        self.call = self.response.headers["safeconduct-call"]
        assert self.response.read1(65_536)

    def ends(self):
        try:
            while self.response.read1(65_536):
                pass
        except (http.client.IncompleteRead, ConnectionResetError):
            pass
        self.connection.close()


def test_told_to_end_twice_it_cuts_what_runs_and_leaves_everything_closed(house):
    with talking() as model, serving(house.data, "--model", model.url, "--drain", 60) as (process, address):
        token = bearer(house)
        stream = Stream(address.url, token)
        process.terminate()
        until(lambda: asked(address.url, "POST", ROUTE, chat(), token)[0] == 503, process, says="no more calls")
        assert stream.response.read1(65_536)
        process.terminate()
        stream.ends()
        assert process.wait(PATIENCE_S) == 0
    assert (house.data / "server.lock").read_bytes() == b""
    assert not list(house.data.glob("*.db-wal"))
    assert running_server(house.data) is None
    shown = house("call", "show", stream.call, "--json").json
    assert (shown["state"], shown["why"]) == ("cut", "shutdown")
    assert all(log["verified"] for log in house("log", "verify", "--json").json)


def test_killed_it_starts_again_and_closes_what_was_open(house):
    with talking() as model:
        with serving(house.data, "--model", model.url) as (process, address):
            token = bearer(house)
            stream = Stream(address.url, token)
            process.kill()
            stream.ends()
            process.wait(PATIENCE_S)
        assert b"http" in (house.data / "server.lock").read_bytes()  # nobody is there any more, and nobody believes it
        assert house("token", "list", "--json").json
        with serving(house.data, "--model", model.url) as (_, address):
            shown = house("call", "show", stream.call, "--json").json
            assert shown["state"] == "abandoned"
            assert asked(address.url, "POST", ROUTE, chat(), token)[0] == 200
    assert all(log["verified"] for log in house("log", "verify", "--json").json)


@pytest.fixture
def hangups_heard():
    """Whoever runs the tests under nohup has them ignore hangups, and so every process they start."""
    former = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, former)


@pytest.mark.usefixtures("hangups_heard")
def test_a_hangup_of_its_terminal_ends_it_as_a_request_to_end_does(house):
    with serving(house.data) as (process, address):
        assert asked(address.url, "GET", "/healthz")[0] == 200
        process.send_signal(signal.SIGHUP)
        assert process.wait(PATIENCE_S) == 0
    assert (house.data / "server.lock").read_bytes() == b""


def test_told_to_end_while_it_starts_it_leaves_everything_closed(house):
    with start("serve", "--port", 0, "--no-local-model", data=house.data, log=house.root / "early") as process:
        until((house.data / "server.lock").exists, process, says="server.lock")
        process.terminate()
        process.wait(PATIENCE_S)
    assert (house.data / "server.lock").read_bytes() == b""
    assert not list(house.data.glob("*.db-wal"))
    assert "Traceback" not in (house.root / "early.err").read_text()


def test_a_command_that_finds_a_server_starting_waits_and_then_asks_it(house):
    with start("serve", "--port", 0, "--no-local-model", data=house.data, log=house.root / "early") as process:
        until((house.data / "server.lock").exists, process, says="server.lock")
        asking = [house("status", "--json").json["server"] for _ in range(3)]
        assert set(asking) <= {"none", running_server(house.data).url if running_server(house.data) else "none"}
        until(lambda: running_server(house.data), process, says="the server")
        assert house("status", "--json").json["server"] == running_server(house.data).url


def test_what_waited_for_the_partner_comes_into_force_by_itself(tmp_path):
    house, told, _key = agreed(tmp_path / "house", alone=True, upstream="custom", model="m")
    file = house.root / "program.yaml"
    file.write_bytes(file.read_bytes().replace(b"deadline_s: 120", b"deadline_s: 60"))
    applied = house("program", "apply", file, "--json")
    assert (applied.code, applied.json["state"]) == (4, "waiting")
    assert house("path", "show", "soc-triage", "--json").json["limits"]["deadline_s"] == 120
    keys = [log["key"] for log in house("log", "show", "--json").json["logs"]]
    with (
        serving(house.data) as (process, _),
        witness(house.root / "witness", *keys, listen=told["url"].removeprefix("http://")),
    ):
        until(lambda: house("program", "show", "--json").json["waiting"] == [], process, says="into force")
        assert house("path", "show", "soc-triage", "--json").json["limits"]["deadline_s"] == 60


def flip(house, statement, column, place):
    """Flips one bit of what a statement finds in the agreement's log."""
    with sqlite3.connect(house.data / "safeconduct.db") as database:
        (number,) = database.execute("SELECT number FROM logs WHERE origin = ?", (house.agreement,)).fetchone()
        table, where = statement
        (value,) = database.execute(f"SELECT {column} FROM {table} WHERE log = ? AND {where}", (number,)).fetchone()
        damaged = bytes([*value[:place], value[place] ^ 1, *value[place + 1 :]])
        database.execute(f"UPDATE {table} SET {column} = ? WHERE log = ? AND {where}", (damaged, number))
    database.close()


def test_a_damaged_log_whose_entries_still_make_the_state_stops_and_nothing_else(house):
    token = bearer(house)
    flip(house, ("tiles", "level = 0 AND number = 0"), "hashes", 3)
    with talking() as model, serving(house.data, "--model", model.url) as (_, address):
        status = {log["origin"]: log["stopped"] for log in house("status", "--json").json["logs"]}
        assert "entry 0" in status.pop(house.agreement)
        assert set(status.values()) == {""}
        code, ready = asked(address.url, "GET", "/readyz")
        assert (code, ready["ready"], ready["logs_stopped"]) == (503, False, 1)
        assert asked(address.url, "GET", "/healthz")[0] == 200
        code, answer = asked(address.url, "POST", ROUTE, chat(), token)
        assert (code, answer["error"]["code"]) == (503, "log-damaged")
        assert model.seen == []
        said = house("log", "verify", "--json")
        assert said.code == 1
        assert {log["origin"]: log["verified"] for log in said.json}[house.agreement] is False
        assert house("freeze", "all", "--everybody", "--reason", "a drill").error == "log-damaged"
        for words in (("path", "list"), ("token", "list"), ("events", "list"), ("program", "show")):
            assert house(*words, "--json").code == 0
        assert bearer(house) != token  # the installation's own log takes entries


def test_a_damaged_entry_that_can_not_be_replayed_stops_everything(house):
    token = bearer(house)
    flip(house, ("entries", "idx = 0"), "leaf", 40)
    with talking() as model, serving(house.data, "--model", model.url) as (_, address):
        stopped = {log["origin"]: log["stopped"] for log in house("status", "--json").json["logs"]}
        assert "entry 0" in stopped.pop(house.agreement)
        assert all("the entries can't be replayed" in why for why in stopped.values())
        assert asked(address.url, "GET", "/readyz")[0] == 503
        assert asked(address.url, "POST", ROUTE, chat(), token)[0] == 401
        assert model.seen == []
        assert house("log", "verify").code == 1
