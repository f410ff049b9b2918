"""A mail server in a thread: the field's own, with or without TLS and passwords, and ones that misbehave."""

import contextlib
import socket
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from support.patience import PATIENCE_S


class Box:
    """What was delivered. `refuse` are recipients that the server does not know."""

    def __init__(self, *refuse):
        self.refuse, self.got = refuse, []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if address in self.refuse:
            return "550 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.got.append((session.ssl is not None, envelope))
        return "250 ok: queued"


class Server(Controller):
    """`tls` is a server's context: from the first byte, or after STARTTLS where `later`."""

    def __init__(self, box, tls=None, *, later=False, password=""):
        self._later = tls if later else None
        self._password = password
        first = None if later else tls
        super().__init__(box, hostname="127.0.0.1", port=0, ssl_context=first, ready_timeout=PATIENCE_S)

    def factory(self):
        if not self._password:
            return SMTP(self.handler, tls_context=self._later)
        return SMTP(self.handler, tls_context=self._later, authenticator=self._known, auth_required=True)

    def _known(self, server, session, envelope, mechanism, data):
        known = isinstance(data, LoginPassword) and data.password == self._password.encode()
        return AuthResult(success=known)

    def _trigger_server(self):
        """The base class connects to the port it was told, which here is the one that the system chose."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextlib.contextmanager
def serving(box, tls=None, **options):
    """Runs a server; yields its port."""
    server = Server(box, tls, **options)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


@contextlib.contextmanager
def misbehaving(send):
    """Listens, and does what `send` does with each connection, until it ends; yields the port."""
    listener, ended = socket.create_server(("127.0.0.1", 0)), threading.Event()
    listener.settimeout(0.1)

    def accept():
        while not ended.is_set():
            with contextlib.suppress(TimeoutError, OSError):
                connection, _ = listener.accept()
                with connection:
                    send(connection, ended)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        thread.join()
        listener.close()


def hang(connection, ended):
    """Says nothing, and does not hang up."""
    ended.wait()


def drip(connection, ended):
    """Says one character now and then, and never ends the line."""
    while not ended.wait(0.02):
        connection.sendall(b"2")
