"""From what was captured to the files of the recording: filter, reduce, add up; never invent."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from lab.nodes import ENVIRONMENT

HTTP_FIELDS = (
    "frame.time_epoch ip.src tcp.srcport ip.dst tcp.dstport tcp.stream http.request.method http.host http.request.uri "
    "http.user_agent http.response.code http.content_type http.content_length"
)
DNS_FIELDS = (
    "frame.time_epoch ip.src udp.srcport tcp.srcport ip.dst udp.dstport tcp.dstport dns.id dns.flags.response "
    "dns.flags.rcode dns.qry.name dns.qry.type dns.a dns.mx.mail_exchange"
)
PACKET_FIELDS = (
    "frame.time_epoch ip.proto ip.src ip.dst tcp.srcport tcp.dstport udp.srcport udp.dstport tcp.stream udp.stream "
    "frame.len tcp.flags"
)
PROTOCOLS = {"6": "tcp", "17": "udp"}
TCP_FLAGS = {0x02: "S", 0x01: "F", 0x04: "R", 0x08: "P", 0x10: "A"}
EVENT = re.compile(r"msg=audit\(([0-9.:]+)\)")


def keyed_audit(raw: str) -> str:
    """Keep the audit events which the lab's own rule marked, every record of them, unchanged."""
    lines = raw.splitlines(keepends=True)
    kept = {_event(line) for line in lines if 'key="wg"' in line and "type=SYSCALL" in line}
    return "".join(line for line in lines if _event(line) in kept)


def _event(line: str) -> str:
    found = EVENT.search(line)
    return found.group(1) if found else ""


def dissect(capture: Path, protocol: str, fields: str) -> str:
    """Let tshark write one protocol's messages as JSON; the Elasticsearch index lines are left out."""
    chosen = [word for name in fields.split() for word in ("-e", name)]
    written = _tshark("-r", str(capture), "-n", "-Y", protocol, "-T", "ek", *chosen)
    return "".join(f"{line}\n" for line in written.splitlines() if line and not line.startswith('{"index"'))


@dataclass
class Flow:
    """What one TCP or UDP conversation came to; the source is who sent its first packet."""

    start: float
    end: float
    src: str
    sport: int
    dst: str
    dport: int
    proto: str
    sent: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    flags: int = 0

    def add(self, at: float, sender: str, port: int, size: int, flags: int) -> None:
        """Count one packet."""
        self.end = at
        self.flags |= flags
        (self.sent if (sender, port) == (self.src, self.sport) else self.received).append(size)

    def line(self) -> str:
        """Write the flow as one line of JSON."""
        named = {name: getattr(self, name) for name in ("src", "sport", "dst", "dport", "proto")}
        counted = {
            "bytes_sent": sum(self.sent),
            "bytes_received": sum(self.received),
            "packets_sent": len(self.sent),
            "packets_received": len(self.received),
            "tcp_flags": "".join(letter for bit, letter in TCP_FLAGS.items() if self.flags & bit),
        }
        times = {"start": instant(self.start), "end": instant(self.end)}
        return json.dumps(times | named | counted, separators=(",", ":"))


def flows(capture: Path) -> str:
    """Add captured packets up to flows, in the order of their first packets."""
    seen: dict[str, Flow] = {}
    for packet in _packets(capture):
        proto = PROTOCOLS[packet["ip.proto"]]
        at, src, dst = float(packet["frame.time_epoch"]), packet["ip.src"], packet["ip.dst"]
        sport, dport = int(packet[f"{proto}.srcport"]), int(packet[f"{proto}.dstport"])
        flow = seen.setdefault(f"{proto}{packet[f'{proto}.stream']}", Flow(at, at, src, sport, dst, dport, proto))
        flow.add(at, src, sport, int(packet["frame.len"]), int(packet["tcp.flags"] or "0", 16))
    return "".join(f"{flow.line()}\n" for flow in seen.values())


def _packets(capture: Path) -> Iterator[dict[str, str]]:
    chosen = [word for name in PACKET_FIELDS.split() for word in ("-e", name)]
    display = ("-Y", "(tcp or udp) and not icmp")
    written = _tshark("-r", str(capture), "-n", *display, "-T", "fields", "-E", "occurrence=f", *chosen)
    for line in written.splitlines():
        yield dict(zip(PACKET_FIELDS.split(), line.split("\t"), strict=True))


def _tshark(*argv: str) -> str:
    done = subprocess.run(["tshark", *argv], capture_output=True, text=True, check=False, env=ENVIRONMENT, cwd="/")
    if done.returncode != 0:
        raise RuntimeError(f"tshark could not read the capture: {done.stderr.strip()}")
    return done.stdout


def instant(at: float) -> str:
    """Write a time as RFC 3339 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
