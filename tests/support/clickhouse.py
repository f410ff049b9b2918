"""ClickHouse's HTTP interface on loopback over ClickHouse's own library: its language for real, its wire as published.

Strict: another method, user, password or parameter than expected is refused as the server refuses it.
"""

import contextlib
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

USER, PASSWORD = "hunter", "correct horse"
SETTINGS = {
    "max_query_size", "max_ast_elements", "max_expanded_ast_elements", "max_ast_depth", "max_parser_depth",
    "max_memory_usage", "max_threads", "output_format_json_quote_64bit_integers", "wait_end_of_query",
}  # fmt: skip
OWN = {"database", "default_format", "query"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        status, said = self._answer(body)
        self.send_response(status)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _answer(self, body):
        known = (self.headers.get("x-clickhouse-user"), self.headers.get("x-clickhouse-key"))
        if known != (USER, PASSWORD):
            return 403, b"Code: 516. DB::Exception: Authentication failed"
        asked = {name: value[0] for name, value in parse_qs(urlsplit(self.path).query, strict_parsing=True).items()}
        if unknown := asked.keys() - SETTINGS - OWN:
            return 404, f"Code: 115. DB::Exception: Unknown setting {unknown}".encode()
        self.server.asked.append(asked.get("query") or body.decode())
        if self.server.fail and self.server.asked[-1].startswith(self.server.fail):
            return 503, b"Code: 210. DB::NetException: broken off"
        try:
            return 200, self._run(asked, body)
        except RuntimeError as error:
            return 500, str(error).encode()

    def _run(self, asked, body):
        run = self.server.session.query
        for name in asked.keys() & SETTINGS - {"wait_end_of_query"}:
            run(f"SET {name} = {int(asked[name])}", "CSV")
        run(f"USE {asked['database']}", "CSV")
        statement = asked.get("query")
        if statement is None:
            return bytes(run(body.decode(), asked["default_format"]).bytes() or b"")
        into = statement.removesuffix(" FORMAT Parquet")
        assert into != statement
        with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            Path(file.name).write_bytes(body)
            run(f"{into} SELECT * FROM file('{file.name}', Parquet)", "CSV")  # noqa: S608 - of names of our own
        return b""

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def clickhouse():
    """Yields the server: its `url`, what it was `asked`, and with which words begins what shall `fail`."""
    from chdb import session

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.session, server.asked, server.fail = session.Session(), [], ""
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
