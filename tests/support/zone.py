"""A small DNS server on loopback for one zone of TXT records, and a small file server."""

import http.server
import socketserver
import threading
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset


@contextmanager
def name_server(records, *, silent=False):
    """Yields (address, port). `records` maps names to lists of texts, and may change meanwhile."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            data, sock = self.request
            if not silent:
                sock.sendto(_answer(dns.message.from_wire(data), records).to_wire(), self.client_address)

    with _served(socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler)) as server:
        yield server.server_address


def _answer(question, records):
    answer = dns.message.make_response(question)
    answer.flags |= dns.flags.AA | dns.flags.RA
    name = question.question[0].name
    texts = records.get(name.to_text(omit_final_dot=True).lower())
    if texts is None:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    elif texts:
        parts = [" ".join(f'"{text[i : i + 200]}"' for i in range(0, len(text), 200)) for text in texts]
        answer.answer.append(dns.rrset.from_text(name, 60, dns.rdataclass.IN, dns.rdatatype.TXT, *parts))
    return answer


@contextmanager
def file_server(files):
    """Yields (port, hosts): what paths answer is (status, headers, body), and which hosts were asked for."""
    hosts = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            hosts.append(self.headers["host"])
            status, headers, body = files.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with _served(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield server.server_address[1], hosts


@contextmanager
def _served(server):
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    with server:
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
