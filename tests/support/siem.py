"""Strict stand-ins for the servers that rows are sent to: they refuse what the real ones refuse, and fail as told.

`script` holds what becomes of the next requests: `busy` answers that it is too much now, `lose` takes what came and
closes without an answer, `drop` closes before taking anything, `broken` answers 500, `garble` answers no JSON. After it
every request is served.
"""

import datetime as dt
import ipaddress
import json
import re
import socket
import ssl
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

GUID = "5f0b9f0e-7d0c-4e1b-9d0e-2b5f6a1c3d4e"
TOKEN = "hec-token"
API_KEY = "ZWxhc3RpYzprZXk="
RULE = "dcr-" + "0" * 32
STREAM = "Custom-Safeconduct"
TENANT, CLIENT, SECRET = "contoso.example", "client-id", "client-secret"


class Server:
    """An HTTP server in a thread. Subclasses say in `answer` what a request gets."""

    def __init__(self):
        self.rows = {}  # by id, in the order of arrival; what came twice counts in `again`
        self.again = 0
        self.requests = 0
        self.script = deque()
        self.refuse = lambda _event: False
        self.lock = threading.Lock()

    def __enter__(self):
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                with stand_in.lock:
                    stand_in.requests += 1
                    fault = stand_in.script.popleft() if stand_in.script else ""
                    self._reply(fault, body)

            do_PUT = do_GET = do_PATCH = do_POST  # noqa: N815 - names that the library calls

            def _reply(self, fault, body):
                if fault == "drop":
                    self.close_connection = True
                    return
                answers = {"busy": (429, {"retry-after": "7"}, b"later"), "broken": (500, {}, b"no"), "garble": None}
                status, headers, content = answers.get(fault) or stand_in.answer(self, body)
                if fault == "lose":
                    self.close_connection = True
                    return
                content = b"<html>" if fault == "garble" else content
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def take(self, row_id, event):
        self.again += row_id in self.rows
        self.rows[row_id] = event


def told(status, document, headers=None):
    return status, headers or {}, json.dumps(document).encode()


class Hec(Server):
    """Splunk's collector with indexer acknowledgment. A batch is taken or refused whole."""

    def __init__(self):
        super().__init__()
        self.waiting, self.asked, self.next = {}, {}, 0
        self.questions_until_indexed = 2
        self.never_indexed = 0  # so many batches are acknowledged by HEC and lost on the way

    def answer(self, request, body):
        where = urlsplit(request.path).path
        given = request.headers.get("authorization", "")
        if not given:
            return told(401, {"text": "Token is required", "code": 2})
        if not given.startswith("Splunk "):
            return told(401, {"text": "Invalid authorization", "code": 3})
        if given != f"Splunk {TOKEN}":
            return told(403, {"text": "Invalid token", "code": 4})
        channel = request.headers.get("x-splunk-request-channel", "")
        if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", channel):
            return told(400, {"text": "Invalid data channel" if channel else "Data channel is missing", "code": 10})
        if where == "/services/collector/ack":
            return self._acks(body)
        return self._events(body) if where == "/services/collector/event" else told(404, {"text": "no", "code": 404})

    def _events(self, body):
        text, decoder, found = body.decode(), json.JSONDecoder(), []
        if not text:
            return told(400, {"text": "No data", "code": 5})
        while text:
            try:
                one, end = decoder.raw_decode(text)
            except ValueError:
                return told(400, {"text": "Invalid data format", "code": 6, "invalid-event-number": len(found)})
            text = text[end:].lstrip()
            if one.keys() - {"time", "host", "source", "sourcetype", "index", "event", "fields"}:
                return told(400, {"text": "Invalid data format", "code": 6, "invalid-event-number": len(found)})
            if not one.get("event"):
                return told(400, {"text": "Event field is required", "code": 12, "invalid-event-number": len(found)})
            if one.get("index", "main") not in {"main", "audit"}:
                return told(400, {"text": "Incorrect index", "code": 7, "invalid-event-number": len(found)})
            if not all(isinstance(value, str) for value in one.get("fields", {}).values()):
                return told(400, {"text": "Error in handling indexed fields", "code": 15})
            if self.refuse(one["event"]):
                return told(400, {"text": "Invalid data format", "code": 6, "invalid-event-number": len(found)})
            assert isinstance(one["time"], float | int)
            found.append(one)
        number, self.next = self.next, self.next + 1
        self.waiting[number] = found
        return told(200, {"text": "Success", "code": 0, "ackId": number})

    def _acks(self, body):
        answers = {}
        for number in json.loads(body)["acks"]:
            self.asked[number] = self.asked.get(number, 0) + 1
            indexed = number in self.waiting and self.asked[number] >= self.questions_until_indexed
            if indexed and self.never_indexed:
                self.never_indexed -= 1
                self.waiting.pop(number)
                indexed = False
            for one in self.waiting.pop(number, ()) if indexed else ():
                self.take(one["fields"]["safeconduct_id"], one["event"])
            answers[str(number)] = indexed  # told once: after that the number is forgotten
        return told(200, {"acks": answers})


class Bulk(Server):
    """Elastic's bulk API over one strictly mapped index."""

    def answer(self, request, body):
        if request.headers.get("authorization") != f"ApiKey {API_KEY}":
            return told(401, {"error": {"type": "security_exception"}, "status": 401})
        if request.headers.get("content-type") != "application/x-ndjson":
            return told(406, {"error": "Content-Type header is not supported"})
        if urlsplit(request.path).path != "/audit/_bulk" or not body.endswith(b"\n"):
            return told(400, {"error": {"type": "illegal_argument_exception"}, "status": 400})
        lines = body.split(b"\n")[:-1]
        assert len(lines) % 2 == 0
        items = [self._item(json.loads(a), json.loads(d)) for a, d in zip(lines[::2], lines[1::2], strict=True)]
        return told(200, {"errors": any(one["create"]["status"] >= 300 for one in items), "items": items})

    def _item(self, action, document):
        row_id = action["create"]["_id"]
        assert len(row_id) <= 512
        if "@timestamp" not in document:
            return self._said(row_id, 400, "document_parsing_exception")
        if self.script and self.script[0] == "item-busy":
            self.script.popleft()
            return self._said(row_id, 429, "es_rejected_execution_exception")
        if self.refuse(document):
            return self._said(row_id, 400, "document_parsing_exception")
        if row_id in self.rows:
            self.again += 1
            return self._said(row_id, 409, "version_conflict_engine_exception")
        self.rows[row_id] = document
        return {"create": {"_id": row_id, "status": 201}}

    def _said(self, row_id, status, kind):
        return {"create": {"_id": row_id, "status": status, "error": {"type": kind, "reason": "as told"}}}


class Ingestion(Server):
    """Microsoft's login and Logs Ingestion endpoint in one."""

    def __init__(self):
        super().__init__()
        self.tokens, self.logins = set(), 0

    def answer(self, request, body):
        where = urlsplit(request.path)
        if where.path == f"/{TENANT}/oauth2/v2.0/token":
            return self._login(request, parse_qs(body.decode()))
        if where.path != f"/dataCollectionRules/{RULE}/streams/{STREAM}" or where.query != "api-version=2023-01-01":
            return told(404, {"error": {"code": "NotFound"}})
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return told(401, {"error": {"code": "InvalidToken"}})
        if len(body) > 1024 * 1024:
            return told(413, {"error": {"code": "ContentLengthLimitExceeded"}})
        if request.headers.get("content-type") != "application/json" or not isinstance(found := json.loads(body), list):
            return told(400, {"error": {"code": "InvalidContent"}})
        for one in found:
            dt.datetime.fromisoformat(one["TimeGenerated"])
            if one.keys() != {"TimeGenerated", "EntryId", "Origin", "EntryIndex", "Event"} or self.refuse(one["Event"]):
                return told(400, {"error": {"code": "InvalidRecord"}})
            assert all(len(str(value).encode()) <= 64 * 1024 for value in one["Event"].values()), "it would be cut"
        for one in found:
            self.take(one["EntryId"], one["Event"])
        return 204, {}, b""

    def _login(self, request, form):
        wanted = {"client_id": CLIENT, "client_secret": SECRET, "grant_type": "client_credentials"}
        if any(form.get(name) != [value] for name, value in wanted.items()):
            return told(401, {"error": "invalid_client"})
        if form.get("scope") != ["https://monitor.azure.com//.default"]:
            return told(400, {"error": "invalid_scope"})
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        self.logins += 1
        self.tokens.add(f"token-{self.logins}")
        return told(200, {"access_token": f"token-{self.logins}", "token_type": "Bearer", "expires_in": 3599})


MESSAGE = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) "
    rb"- (\{.*\})",
    re.DOTALL,
)


class Collector:
    """A syslog receiver: octet counting, RFC 5424, messages up to 8192 bytes. `script` as for `Server`."""

    def __init__(self, identity=None):
        self.rows, self.again, self.requests, self.script = {}, 0, 0, deque()
        self.faults = []
        self._context = None
        if identity:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(identity)

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self._receive(connection)
                except (OSError, AssertionError, ValueError) as error:
                    self.faults.append(error)

    def _receive(self, connection):
        self.requests += 1
        fault = self.script.popleft() if self.script else ""
        if self._context:
            connection = self._context.wrap_socket(connection, server_side=True)
        if fault == "drop":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.recv(10)
            connection.close()
            return
        received = b""
        while data := connection.recv(65536):
            received += data
        self._take(received)
        if fault == "lose":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
        elif self._context:
            connection.unwrap().close()

    def _take(self, received):
        while received:
            length, space, rest = received.partition(b" ")
            assert space
            assert re.fullmatch(rb"[1-9][0-9]*", length), received[:40]
            message, received = rest[: int(length)], rest[int(length) :]
            assert len(message) == int(length) <= 8192
            parts = MESSAGE.fullmatch(message)
            assert parts, message[:200]
            assert int(parts[1]) // 8 == 13
            event = json.loads(parts[7])
            key = event["metadata"]["uid"] + "-" + event["raw_data_hash"]["value"][:32]
            self.again += key in self.rows
            self.rows[key] = event


def make_identity(folder):
    """Writes a key and a certificate for 127.0.0.1, which is its own authority; returns the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "collector.example")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "identity.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return file
