"""Lines as the real programs write them, and the events our own readers make of them."""

import io
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from safeconduct.adapters.telemetry.forms import form_of, sample
from safeconduct.adapters.telemetry.reading import Manner, Tally, read
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339, seconds
from safeconduct.soc.inventory import Account, Host, Inventory, parse_inventory
from safeconduct.soc.model import Event
from safeconduct.soc.ports import DeadLetter

RECORDING = Path(__file__).parents[2] / "src/safeconduct/cli/demo/recording"
SOURCES = ("auth.log", "access.log", "audit.log", "http.jsonl", "dns.jsonl", "flow.jsonl")
START = parse_rfc3339("2026-11-21T08:00:00Z")
OUTSIDER = "203.0.113.9"
OWN = Inventory(
    domains=("example.org",),
    networks={"servers": ("192.0.2.0/24",)},
    hosts=(Host("web-01", "192.0.2.10"),),
    users=(Account("ana", 1001), Account("bo", 1002)),
)


def later(at_s: float) -> Instant:
    """Returns the instant so many seconds after START."""
    return Instant(START + seconds(at_s))


def auth(program: str, message: str, at_s: float = 0, host: str = "web-01") -> str:
    """A line of rsyslog."""
    return f"{rfc3339(later(at_s)).replace('Z', '+00:00')} {host} {program}: {message}"


def failed(user: str, at_s: float = 0, ip: str = OUTSIDER, port: int = 50000) -> str:
    """sshd refuses a password."""
    return auth("sshd[100]", f"Failed password for {user} from {ip} port {port} ssh2", at_s)


def accepted(user: str, at_s: float = 0, ip: str = OUTSIDER) -> str:
    """sshd accepts a password."""
    return auth("sshd[100]", f"Accepted password for {user} from {ip} port 50001 ssh2", at_s)


def ran(
    *argv: str, exe: str = "", uid: int = 1001, at_s: float = 0, serial: int = 1, pid: int = 500, ppid: int = 400
) -> str:
    """auditd sees a program start; the records of one event."""
    at = later(at_s)
    stamp = f"node=web-01 type={{}} msg=audit({at // 1_000_000}.{at // 1000 % 1000:03}:{serial + int(at_s * 1000)}):"
    arguments = " ".join(f"a{n}={_audit_text(word)}" for n, word in enumerate(argv))
    program = exe or f"/usr/bin/{argv[0].rpartition('/')[2]}"
    call = (
        f"arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=8 items=1 ppid={ppid} pid={pid} auid={uid} "
        f'uid={uid} gid={uid} tty=pts0 ses=3 comm="{argv[0]}" exe="{program}" key="wg"'
    )
    return "\n".join(
        (
            f"{stamp.format('SYSCALL')} {call}",
            f"{stamp.format('EXECVE')} argc={len(argv)} {arguments}",
            f'{stamp.format("CWD")} cwd="/home/ana"',
            f"{stamp.format('PROCTITLE')} proctitle={' '.join(argv).encode().hex().upper()}",
        )
    )


def shell(text: str, **named: Any) -> str:
    """auditd sees a command, its words parted by spaces."""
    return ran(*text.split(), **named)


def visit(uri: str = "/", status: int = 200, agent: str = "Mozilla/5.0", at_s: float = 0, ip: str = OUTSIDER) -> str:
    """nginx logs a request as JSON."""
    at = later(at_s)
    fields = {
        "time": rfc3339(at),
        "msec": f"{at // 1_000_000}.{at // 1000 % 1000:03}",
        "remote_addr": ip,
        "remote_port": "40000",
        "host": "www.example.org",
        "request": f"GET {uri} HTTP/1.1",
        "method": "GET",
        "uri": uri,
        "status": status,
        "body_bytes_sent": 10,
        "request_length": 99,
        "request_time": 0.001,
        "referer": "",
        "user_agent": agent,
    }
    return json.dumps(fields)


def seen(at_s: float = 0, src: str = OUTSIDER, dst: str = "192.0.2.10", **fields: str) -> str:
    """tshark writes a message; double underscores part nothing, names are tshark's own."""
    at = later(at_s)
    exact = f"{at // 1_000_000}.{at % 1_000_000:06}000"
    proto = "udp" if any(name.startswith("dns") for name in fields) else "tcp"
    layers = {"frame_time_epoch": exact, "ip_src": src, "ip_dst": dst, f"{proto}_srcport": "40000"} | fields
    return json.dumps({"timestamp": str(at // 1000), "layers": {name: [value] for name, value in layers.items()}})


def flow(  # noqa: PLR0917 - as a flow has them
    dport: int = 80, at_s: float = 0, src: str = OUTSIDER, dst: str = "192.0.2.10", sent: int = 100, got: int = 100
):
    """A flow of the lab."""
    at = rfc3339(later(at_s))
    ends = {"start": at, "end": at, "src": src, "sport": 40000, "dst": dst, "dport": dport, "proto": "tcp"}
    counts = {"bytes_sent": sent, "bytes_received": got, "packets_sent": 2, "packets_received": 2, "tcp_flags": "SFA"}
    return json.dumps(ends | counts)


def taken(content: str | bytes, inventory: Inventory = OWN, **manner: str) -> tuple[list[Event], list[DeadLetter]]:
    """Returns the events and dead letters of a file's content."""
    raw = content.encode() if isinstance(content, str) else content
    found = list(read(io.BytesIO(raw), Manner(form_of(sample(raw)), inventory, **manner), Tally()))
    return [f for f in found if isinstance(f, Event)], [f for f in found if isinstance(f, DeadLetter)]


def events(*lines: str, inventory: Inventory = OWN) -> list[Event]:
    """Returns the events of lines of any forms, and fails on one that can't be read."""
    made: list[Event] = []
    for text in _by_form(lines).values():
        found, dead = taken("\n".join(text) + "\n", inventory)
        assert dead == []
        made += found
    return made


def recording() -> tuple[list[Event], Inventory]:
    """Returns the events of the shipped recording."""
    inventory = parse_inventory((RECORDING / "inventory.json").read_bytes())
    found: list[Event] = []
    for name in SOURCES:
        made, dead = taken((RECORDING / name).read_bytes(), inventory)
        assert dead == [], name
        found += made
    return found, inventory


def _by_form(lines: Iterable[str]) -> Mapping[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for line in lines:
        form = "json" if line.startswith("{") else "audit" if " type=" in line else "other"
        grouped.setdefault(form, []).append(line)
    return grouped


def _audit_text(word: str) -> str:
    return f'"{word}"' if re.fullmatch(r"[!#-~]+", word) else word.encode().hex().upper()
