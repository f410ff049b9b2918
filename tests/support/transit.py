"""A strict stand-in of the Transit engine that really signs and encrypts. It knows our requests, and no others."""

import base64
import http.server
import os
import threading
from dataclasses import dataclass, field

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "hvs.test-token"
PREFIX = "vault:v1:"


def encoded(raw):
    return base64.b64encode(raw).decode()


def decoded(text):
    return base64.b64decode(text, validate=True)


@dataclass
class Engine:
    """The keys, by name, and what was asked. `down` makes it answer 503, `lie` spoils each signature."""

    keys: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    deletable: set = field(default_factory=set)
    down: bool = False
    lie: bool = False

    def answer(self, method, path, token, body):
        self.asked.append((method, path))
        if self.down:
            return 503, {"errors": ["Vault is sealed"]}
        if token != TOKEN:
            return 403, {"errors": ["permission denied"]}
        action, _, name = path.removesuffix("/config").partition("/")
        action = "config" if path.endswith("/config") else action
        if (method, action) != ("POST", "keys") and name not in self.keys:
            return (404, {"errors": []}) if method == "GET" else (400, {"errors": ["encryption key not found"]})
        return getattr(self, f"{method.lower()}_{action}")(name, body)

    def post_keys(self, name, body):
        assert body.keys() == {"type", "exportable", "allow_plaintext_backup"}
        assert not body["exportable"]
        assert not body["allow_plaintext_backup"]
        made = {"ed25519": Ed25519PrivateKey.generate, "aes256-gcm96": lambda: AESGCM(os.urandom(32))}[body["type"]]
        self.keys.setdefault(name, made())  # as the real one: no error where there is one
        return 200, {"data": {"name": name, "type": body["type"]}}

    def get_keys(self, name, _body):
        key = self.keys[name]
        public = {"public_key": encoded(key.public_key().public_bytes_raw())} if hasattr(key, "public_key") else {}
        return 200, {"data": {"name": name, "latest_version": 1, "keys": {"1": public}}}

    def post_config(self, name, body):
        assert body == {"deletion_allowed": True}
        self.deletable.add(name)
        return 200, {"data": {"name": name}}

    def delete_keys(self, name, _body):
        if name not in self.deletable:
            return 400, {"errors": ["deletion is not allowed for this key"]}
        del self.keys[name]
        return 204, None

    def post_sign(self, name, body):
        assert body.keys() == {"input", "key_version"}
        assert body["key_version"] == 1
        signature = self.keys[name].sign(decoded(body["input"]))
        return 200, {"data": {"signature": PREFIX + encoded(signature[::-1] if self.lie else signature)}}

    def post_encrypt(self, name, body):
        assert body.keys() == {"plaintext", "associated_data"}
        nonce = os.urandom(12)
        sealed = self.keys[name].encrypt(nonce, decoded(body["plaintext"]), decoded(body["associated_data"]))
        return 200, {"data": {"ciphertext": PREFIX + encoded(nonce + sealed)}}

    def post_decrypt(self, name, body):
        assert body.keys() == {"ciphertext", "associated_data"}
        try:
            raw = decoded(body["ciphertext"].removeprefix(PREFIX))
            opened = self.keys[name].decrypt(raw[:12], raw[12:], decoded(body["associated_data"]))
        except (InvalidTag, ValueError):
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": encoded(opened)}}


class TransitServer:
    """The engine behind a socket."""

    def __enter__(self):
        self.engine = engine = Engine()

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_words):
                pass

            def do(self):
                length = int(self.headers.get("content-length") or 0)
                body = msgspec.json.decode(self.rfile.read(length)) if length else None
                path = self.path.removeprefix("/v1/transit/")
                status, document = engine.answer(self.command, path, self.headers["X-Vault-Token"], body)
                content = b"" if document is None else msgspec.json.encode(document)
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = do  # noqa: N815 - http.server's names

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        return self

    def __exit__(self, *_error):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
