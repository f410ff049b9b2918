"""Partners that are slow, dead or lying: real servers on the loopback that answer what they are told to."""

import contextlib
import socket
import threading
import time

import uvicorn


@contextlib.contextmanager
def served(app):
    """Serves an ASGI app on a free port of the loopback, in a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


class Raw:
    """A server on a socket: for each connection `talk(connection)` says what it likes, however malformed."""

    def __init__(self, talk):
        self._talk = talk
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open = True
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while self._open:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.recv(100_000)
            self._talk(connection)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._open = False
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits for a connection, where closing would not
        self._listener.close()
        self._thread.join()


def says(body, status="200 OK", **headers):
    """Returns a talk that answers one thing."""
    raw = body if isinstance(body, bytes) else body.encode()
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(raw)}\r\n{lines}\r\n".encode()
    return lambda connection: connection.sendall(head + raw)


def drips(connection):
    """A talk that sends a byte now and then: each alone comes in time, all of them never do."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


def floods(connection):
    """A talk that never stops sending."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65_536)
