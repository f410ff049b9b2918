"""A log shipper that SOCs run pushes into a real server that is killed: nothing is lost and nothing is there twice."""

import contextlib
import json
import signal
import sqlite3

import pytest

from safeconduct.adapters.data_folder import running_server
from support.patience import until
from support.ports import lasting_port
from support.shell import made, start, witness
from support.shippers import COLLECTOR, record, shipping_program
from support.syslog_ng import require_syslog_ng, syslog_ng

LINES = 600


@pytest.fixture
def house(tmp_path):
    require_syslog_ng()
    found, key = made(tmp_path / "house")
    with witness(found.root / "witness", key) as told:
        file = found.program(told, upstream="custom", model="m")
        file.write_bytes(shipping_program(file.read_bytes()))
        said = found("program", "apply", file)
        assert said.code == 0, said
    return found


def arrived(house):
    """Returns the number of each record whose event is there, as often as it is."""
    if not (house.data / "events.db").exists():
        return []
    with contextlib.closing(sqlite3.connect(f"file:{house.data / 'events.db'}?mode=ro", uri=True)) as reading:
        rows = reading.execute("SELECT raw FROM events").fetchall()
    return sorted(json.loads(raw)["n"] for (raw,) in rows)


def write(folder, numbers):
    with (folder / "lines").open("ab") as file:
        for number in numbers:
            file.write(record(number))
            file.flush()


def test_a_shipper_loses_nothing_and_doubles_nothing_over_kills_of_the_server(house, tmp_path):
    """A fault: the server is killed while batches come, three times, the shipper once ended and begun again."""
    folder, port = tmp_path / "shipper", lasting_port()
    folder.mkdir()
    token = house("token", "issue", COLLECTOR, "--hours", 2160, "--json", by="ana").json["secret"]
    url, third = f"http://127.0.0.1:{port}", LINES // 3

    def server():
        return start("serve", "--port", port, "--no-local-model", data=house.data, log=tmp_path / "server")

    for place in range(3):
        with server() as serving:
            until(lambda: running_server(house.data), serving, says="the server")
            with syslog_ng(folder, url, token) as shipping:
                before = len(arrived(house))
                write(folder, range(place * third, (place + 1) * third))
                until(lambda seen=before: len(arrived(house)) > seen, shipping, says=str(folder / "said"))
                serving.send_signal(signal.SIGKILL)
                serving.wait()
    with server() as serving:
        until(lambda: running_server(house.data), serving, says="the server")
        with syslog_ng(folder, url, token) as shipping:
            until(lambda: len(set(arrived(house))) >= LINES, shipping, says=str(folder / "said"))
        assert arrived(house) == list(range(LINES))
        listed = house("events", "list", "--json").json
        assert sum(listed["events"].values()) == LINES
        assert all(not file["dead"] for file in listed["files"])
    with server() as serving:  # a new process finds the same
        until(lambda: running_server(house.data), serving, says="the server")
        assert arrived(house) == list(range(LINES))


def test_a_shipper_whose_token_was_revoked_keeps_what_it_has_until_it_gets_another(house, tmp_path):
    folder, port = tmp_path / "shipper", lasting_port()
    folder.mkdir()
    first = house("token", "issue", COLLECTOR, "--json", by="ana").json
    url, said = f"http://127.0.0.1:{port}", folder / "said"
    with start("serve", "--port", port, "--no-local-model", data=house.data, log=tmp_path / "server") as serving:
        until(lambda: running_server(house.data), serving, says="the server")
        assert house("token", "revoke", first["id"], by="ana").code == 0
        with syslog_ng(folder, url, first["secret"]) as shipping:
            write(folder, range(5))
            until(lambda: "401" in said.read_text(), shipping, says=str(said))
        assert arrived(house) == []
        second = house("token", "issue", COLLECTOR, "--json", by="ana").json
        with syslog_ng(folder, url, second["secret"]) as shipping:
            until(lambda: len(arrived(house)) >= 5, shipping, says=str(said))
        assert arrived(house) == list(range(5))
