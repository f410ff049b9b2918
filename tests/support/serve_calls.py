"""Calls on a server that runs as a process of its own, over plain connections."""

import http.client
import json
import socket
from urllib.parse import urlsplit

from support.patience import PATIENCE_S

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
    """Returns status and JSON of a request."""
    connection, answer = request(url, method, path, body, headers)
    response = answer()
    content = response.read()
    connection.close()
    return response.status, json.loads(content) if content else None


def chat(*, stream=False, **changed):
    return json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": stream} | changed
    ).encode()


def bearer(house, by="ana"):
    issued = house("token", "issue", by, "--json", by=by).json
    return {"authorization": f"Bearer {issued['secret']}", "content-type": "application/json"}
