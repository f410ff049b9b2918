"""Clients that send little or nothing hold nothing: headers have a deadline, connections a number."""

import socket
import threading

import pytest

from safeconduct.http import connection
from support.call_ends import request
from support.patience import PATIENCE_S, until
from support.wire import ask, post, wire

SOON_S = 0.2


@pytest.fixture
def quick(monkeypatch):
    """A gate at which headers are due soon."""
    monkeypatch.setattr(connection, "HEADERS_S", SOON_S)
    with wire() as gate:
        yield gate


def closed(open_socket):
    """Waits until the other side closes, and returns what it said before."""
    open_socket.settimeout(PATIENCE_S)
    said = b""
    try:
        while data := open_socket.recv(4096):
            said += data
    except ConnectionResetError:
        pass
    return said


def test_who_connects_and_says_nothing_is_cut_off(quick):
    with socket.create_connection(("127.0.0.1", quick.port)) as silent:
        assert closed(silent) == b""


def test_who_sends_headers_a_byte_at_a_time_is_cut_off(quick):
    stopped = threading.Event()

    def drip(to):
        for byte in post(quick.world.tokens["ana"], request()):
            if stopped.wait(0.05):
                return
            try:
                to.send(bytes([byte]))
            except OSError:
                return

    with socket.create_connection(("127.0.0.1", quick.port)) as slow:
        dripping = threading.Thread(target=drip, args=(slow,))
        dripping.start()
        assert closed(slow) == b""
        stopped.set()
        dripping.join()


def answering(gate, whole):
    """Returns a connection on which an answer has begun, and what came: the first that this machine was in time for.

    Where it holds up the server's loop for as long as headers may take, they look late that were sent at once.
    """

    def begun():
        connection = socket.create_connection(("127.0.0.1", gate.port), timeout=PATIENCE_S)
        connection.sendall(whole)
        try:
            first = connection.recv(65536)
        except ConnectionResetError:
            first = b""
        if first:
            return connection, first
        connection.close()
        return None

    return until(begun, says="an answer")


def test_the_second_request_of_a_connection_has_its_own_deadline(quick):
    whole = post(quick.world.tokens["ana"], request())
    kept, first = answering(quick, whole)
    with kept:
        assert first.startswith(b"HTTP/1.1 200")
        kept.sendall(whole[:20])
        assert b"HTTP/1.1" not in closed(kept)


def test_an_answer_may_take_longer_than_headers_may(quick):
    open_socket, said = answering(quick, post(quick.world.tokens["ana"], request(text="do:paced", stream=True)))
    with open_socket:
        while said.count(b"data:") < 2 * SOON_S / 0.05:  # a frame each 50 ms
            said += open_socket.recv(4096)
        quick.upstream.release.set()
        while b"[DONE]" not in said:
            said += open_socket.recv(4096)
    assert said.startswith(b"HTTP/1.1 200")


def test_connections_beyond_the_limit_are_told_so(monkeypatch):
    monkeypatch.setattr(connection, "CONNECTIONS_MAX", 3)
    with wire() as gate, socket.create_connection(("127.0.0.1", gate.port)) as held:
        held.sendall(b"GET ")
        whole = post(gate.world.tokens["ana"], request())
        assert ask(gate.port, whole).startswith(b"HTTP/1.1 200")
        with socket.create_connection(("127.0.0.1", gate.port)) as another:
            another.sendall(b"GET ")
            assert ask(gate.port, whole).startswith(b"HTTP/1.1 503")
