"""Calls on a server that runs as a process of its own, over plain connections."""

import http.client
import json
import socket
from urllib.parse import urlsplit

from support.patience import PATIENCE_S, until

ROUTE = "/paths/soc-triage/openai/v1/chat/completions"


def request(url, method, path, body=b"", headers=None, *, length=None):
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=PATIENCE_S)
    connection.putrequest(method, path)
    given = {"content-length": str(len(body) if length is None else length)} | (headers or {})
    for name, value in given.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    if length is not None and length > len(body):
        connection.sock.shutdown(socket.SHUT_WR)
    return connection, connection.getresponse


def asked(url, method, path, body=b"", headers=None):
    """Returns status and JSON of a request, as `decided`."""
    return decided(lambda: _asked(url, method, path, body, headers))


def _asked(url, method, path, body, headers):
    connection, answer = request(url, method, path, body, headers)
    response = answer()
    content = response.read()
    connection.close()
    return response.status, json.loads(content) if content else None


def decided(ask):
    """Returns the status and JSON that `ask` does, of somebody who knew what is in force.

    One of several workers to whom the database says nothing for a second decides nothing, and says to ask again:
    whether one does is up to the machine.
    """

    def known():
        status, told = ask()
        return None if status == 503 and code(told) == "standing-unconfirmed" else (status, told)

    return until(known, says="an answer of who knows what is in force")


def code(told):
    """Returns the code of a refusal, of whatever route; empty of an answer."""
    return told.get("code") or told.get("error", {}).get("code", "") if isinstance(told, dict) else ""


def chat(*, stream=False, **changed):
    return json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": stream} | changed
    ).encode()


def bearer(house, by="ana"):
    issued = house("token", "issue", by, "--json", by=by).json
    return {"authorization": f"Bearer {issued['secret']}", "content-type": "application/json"}
