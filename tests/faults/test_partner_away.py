"""A partner that is down, silent or lying while the house writes: no commit waits, and no lie is kept."""

import contextlib
import socket
import threading

import pytest

from safeconduct.adapters.witness_client import WitnessClient
from safeconduct.kernel.errors import UnavailableError
from support.logs import CALLS, Rig, add, cosigner, signer
from support.outside import wrong_from_outside
from support.patience import PATIENCE_S

WRITES = 40
SILENT_S = 2.0
SILENT = None


def answering(status, body):
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode()


def line_of(name, text):
    """Returns a witness's line under a text, as it would stand under one that it was not asked about."""
    return cosigner(name).cosign(text, 1).line


ANSWERS = {
    "silent": SILENT,
    "garbage": b"\x00\xff" * 100,
    "cut": b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nhalf",
    "no signature": answering(200, "thank you\n"),
    "another witness's": answering(200, line_of("other.example/witness", "x\n1\nx\n")),
    "its own under another text": answering(200, line_of("partner.example/witness", "x\n1\nx\n")),
    "more than there is": answering(409, "99\n"),
    "no size": answering(409, "many\n"),
    "an error": answering(500, "no"),
}


@contextlib.contextmanager
def partner(answer):
    """Listens on the loopback and gives each request the same answer, or none until the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    held = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _address = listener.accept()
                held.append(connection)
                if answer is not SILENT:
                    connection.recv(65_536)
                    connection.sendall(answer)
                    connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in held:
            connection.close()
        thread.join(timeout=PATIENCE_S)


def asked(rig, url):
    """Asks for a cosignature in a thread of its own; returns what was raised, once it was."""
    raised = []

    def ask():
        try:
            client = WitnessClient(url, cosigner().verifier, timeout_s=SILENT_S)
            client.cosign(rig.reader, rig.reader.checkpoint(CALLS), signer().verifier)
        except UnavailableError as error:
            raised.append(error.code)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, raised


@pytest.mark.parametrize("how", ["down", *ANSWERS])
def test_the_house_writes_on_and_keeps_no_lie(tmp_path, how):
    with Rig(tmp_path) as rig, partner(ANSWERS.get(how)) as url:
        rig.run(add("first"))
        thread, raised = asked(rig, "http://127.0.0.1:1" if how == "down" else url)
        receipts = [rig.run(add(f"k{n}", sealed={"request": n})).receipts[0] for n in range(WRITES)]
        if how == "silent":
            assert thread.is_alive() or raised  # whatever it waits for, the writer did not
        thread.join(timeout=PATIENCE_S)
        assert len(raised) == 1
        assert rig.store.cosigned(CALLS) == []
        assert [receipt.index for receipt in receipts] == list(range(1, WRITES + 1))
        assert rig.writer.stopped() == {}
        assert wrong_from_outside(rig) == []
        assert rig.audit() == []
