"""The files of a recording and what is written about them."""

import hashlib
import json
import subprocess
from pathlib import Path

from lab import convert
from lab.nodes import ADDRESSES, ENVIRONMENT, Node
from lab.preflight import PROGRAMS
from lab.victim import USERS

FORMAT = 1
# File -> (what wrote it, what was left out).
WRITERS = {
    "auth.log": ("rsyslogd on web-01, facilities auth, authpriv and cron", "nothing"),
    "access.log": ("nginx on web-01, its own JSON log_format", "nothing"),
    "audit.log": ("auditd on web-01, log_format RAW", "events without the lab rule's key wg"),
    "http.jsonl": ("dumpcap on the router, tshark -T ek", "fields not named in lab/convert.py; index lines"),
    "dns.jsonl": ("dumpcap on the router, tshark -T ek", "fields not named in lab/convert.py; index lines"),
    "flow.jsonl": ("dumpcap on the router, tshark -T fields, packets added up by lab/convert.py", "ICMP and ARP"),
    "inventory.json": ("lab/bundle.py", "nothing"),
    "ground_truth.json": ("lab/recorder.py", "nothing"),
}
PACKAGES = sorted({*PROGRAMS.values()} - {"util-linux", "passwd"})
ROLES = {"web-01": "web and file server", "ns1": "name server", "ci-runner": "release runner"}
OUTSIDE = "203.0.113."


def collect(out: Path, web: Node, capture: Path) -> None:
    """Take the sources from the running victim and from the capture."""
    logs = {"auth.log": "/var/log/auth.log", "access.log": "/var/log/nginx/access.log"}
    for name, inside in logs.items():
        (out / name).write_bytes(web.path(inside).read_bytes())
    audit = web.path("/var/log/audit/audit.log").read_text(encoding="utf-8")
    written = {
        "audit.log": convert.keyed_audit(audit),
        "http.jsonl": convert.dissect(capture, "http", convert.HTTP_FIELDS),
        "dns.jsonl": convert.dissect(capture, "dns and not icmp", convert.DNS_FIELDS),
        "flow.jsonl": convert.flows(capture),
        "inventory.json": _pretty(inventory()),
    }
    for name, text in written.items():
        (out / name).write_text(text, encoding="utf-8")


def inventory() -> dict[str, object]:
    """Say what the organisation knows of itself: its hosts, accounts and networks."""
    own = {name: address for name, address in ADDRESSES.items() if not address.startswith(OUTSIDE)}
    return {
        "organisation": "Example Harbour Works",
        "domains": ["example.org"],
        "networks": {
            "servers": ["192.0.2.0/24"],
            "office": ["198.51.100.0/25"],
            "vpn": ["198.51.100.128/26"],
        },
        "dns_servers": ["192.0.2.53"],
        "hosts": [{"name": n, "address": a, "role": ROLES.get(n, "workstation")} for n, a in own.items()],
        "users": [{"name": user.name, "uid": user.uid, "role": user.role} for user in USERS],
    }


def write_manifest(out: Path, seed: int, started_at: float, ended_at: float) -> None:
    """Pin every file and say what wrote it."""
    manifest = {
        "format": FORMAT,
        "recorded": {"start": convert.instant(started_at), "end": convert.instant(ended_at)},
        "seed": seed,
        "programs": _versions(),
        "files": {name: _described(out / name) for name in WRITERS},
    }
    write_json(out / "manifest.json", manifest)


def write_json(path: Path, value: object) -> None:
    """Write a small file for people."""
    path.write_text(_pretty(value), encoding="utf-8")


def _described(path: Path) -> dict[str, object]:
    content = path.read_bytes()
    writer, left_out = WRITERS[path.name]
    pinned = {"sha256": hashlib.sha256(content).hexdigest(), "lines": content.count(b"\n"), "bytes": len(content)}
    return pinned | {"written_by": writer, "left_out": left_out}


def _versions() -> dict[str, str]:
    query = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PACKAGES]
    done = subprocess.run(query, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def _pretty(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
