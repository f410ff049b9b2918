"""Strict stand-ins for what points speak to over HTTP: an EDR's bridge, a webhook's receiver and Jira.

Each refuses what the contract of docs/responses.md, or the published interface, does not have: an unknown path, a token
or signature that is wrong, a field too much.
"""

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import standardwebhooks

SECRET = "whsec_" + "c2FmZWNvbmR1Y3Qtc2VjcmV0LW9mLTMyLWJ5dGVzISE="


@contextmanager
def serving(answer):
    """Yields the address of a server that answers what `answer(method, path, headers, document)` returns."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_given):
            pass

        def _any(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, document = answer(self.command, self.path, self.headers, body)
            content = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    for method in ("GET", "POST", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._any)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class Edr:
    """Hosts that take `polls` looks to change."""

    def __init__(self, polls=0):
        self.hosts = {"web-01": "connected"}
        self.keys, self.polls, self.left = {}, polls, 0

    def __call__(self, method, path, headers, body):
        found = re.fullmatch(r"/isolations/([a-z0-9._-]+)", path)
        if headers.get("authorization") != "Bearer edr-token":
            return 401, None
        if found is None or found[1] not in self.hosts:
            return 404, None
        host = found[1]
        if method == "GET":
            self._settle(host)
            return 200, {"state": self.hosts[host]}
        if not headers.get("idempotency-key"):
            return 400, None
        if method == "PUT" and set(json.loads(body)) != {"incident", "until"}:
            return 422, None
        if self.keys.get(host) != (method, headers["idempotency-key"]):
            self.keys[host] = (method, headers["idempotency-key"])
            self.hosts[host], self.left = ("isolating" if method == "PUT" else "releasing"), self.polls
        return 202, None

    def _settle(self, host):
        if self.left:
            self.left -= 1
        elif self.hosts[host] in ("isolating", "releasing"):
            self.hosts[host] = {"isolating": "isolated", "releasing": "connected"}[self.hosts[host]]


class Receiver:
    """A webhook's receiver that checks signatures with the published library and does each message once."""

    def __init__(self):
        self.held, self.messages = False, []

    def __call__(self, _method, _path, headers, body):
        try:
            standardwebhooks.Webhook(SECRET).verify(body, dict(headers.items()))
        except standardwebhooks.WebhookVerificationError:
            return 401, None
        message = json.loads(body)
        if set(message["data"]) != {"action", "kind", "target", "incident", "until"}:
            return 422, None
        if headers["webhook-id"] not in self.messages:
            self.messages.append(headers["webhook-id"])
            what = message["type"].removeprefix("safeconduct.response.")
            self.held = {"apply": True, "undo": False}.get(what, self.held)
        return 200, {"held": self.held}


class JiraServer:
    """Issues with labels and a status, as the REST API of version 2 has them."""

    def __init__(self):
        self.issues = {}

    def __call__(self, method, path, headers, body):
        if headers.get("authorization") != "Bearer jira-token":
            return 401, None
        where = urlsplit(path)
        if (method, where.path) == ("GET", "/rest/api/2/search"):
            return self._search(parse_qs(where.query))
        if (method, where.path) == ("POST", "/rest/api/2/issue"):
            fields = json.loads(body)["fields"]
            if (
                set(fields) != {"project", "issuetype", "summary", "description", "labels"}
                or " " in fields["labels"][0]
            ):
                return 400, None
            key = f"SOC-{len(self.issues) + 1}"
            self.issues[key] = [fields, "new"]
            return 201, {"id": key, "key": key}
        found = re.fullmatch(r"/rest/api/2/issue/(SOC-[0-9]+)/transitions", where.path)
        if found is None or found[1] not in self.issues:
            return 404, None
        if method == "GET":
            known = {"11": "indeterminate", "31": "done"}
            return 200, {"transitions": [{"id": id_, "to": _status(key)} for id_, key in known.items()]}
        if json.loads(body) != {"transition": {"id": "31"}}:
            return 400, None
        self.issues[found[1]][1] = "done"
        return 204, None

    def _search(self, asked):
        wanted = re.fullmatch(r'project = "SOC" AND labels = "([a-z0-9-]+)"', asked["jql"][0])
        if wanted is None:
            return 400, None
        found = {key: state for key, (fields, state) in self.issues.items() if wanted[1] in fields["labels"]}
        return 200, {"issues": [{"key": key, "fields": {"status": _status(state)}} for key, state in found.items()]}


def _status(state):
    return {"statusCategory": {"key": state}}
