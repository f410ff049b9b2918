"""The lab's machines: one network namespace, mount namespace and host name each."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab.preflight import NAMESPACE_PREFIX, SEARCH_PATH

ROUTER = "router"
# Bridge on the router -> its address; every network is a documentation range (RFC 5737).
BRIDGES = {"br-dmz": "192.0.2.1", "br-office": "198.51.100.1", "br-outside": "203.0.113.1"}
ADDRESSES = {
    "web-01": "192.0.2.10",
    "ns1": "192.0.2.53",
    "pc-amara": "198.51.100.21",
    "pc-bruno": "198.51.100.22",
    "pc-chen": "198.51.100.23",
    "pc-dana": "198.51.100.24",
    "ci-runner": "198.51.100.30",
    "vpn-amara": "198.51.100.140",
    "visitor-1": "203.0.113.17",
    "visitor-2": "203.0.113.41",
    "visitor-3": "203.0.113.88",
    "crawler": "203.0.113.120",
    "attacker": "203.0.113.66",
}
# What the lab's programs inherit: nothing of the operator's own environment.
ENVIRONMENT = {"PATH": SEARCH_PATH, "LANG": "C.UTF-8", "HOME": "/root", "TZ": "UTC"}


@dataclass(frozen=True)
class Node:
    """A running node; `pid` holds its namespaces open."""

    name: str
    address: str
    holder: subprocess.Popen[str]

    def argv(self, *argv: str) -> list[str]:
        """Say how to run `argv` inside this node."""
        pid = str(self.holder.pid)
        return ["nsenter", "-t", pid, "--mount", "--uts", "--net", "--wdns=/", "--", *argv]

    def run(self, *argv: str, text: str = "") -> str:
        """Run a command to its end, which must be a success, and return its output."""
        done = subprocess.run(
            self.argv(*argv), input=text, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {argv} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def spawn(self, *argv: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start a command and leave it running."""
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            self.argv(*argv), stdin=stdin, stdout=quiet, stderr=quiet, env=ENVIRONMENT, text=True, bufsize=1
        )

    def path(self, inside: str) -> Path:
        """Where a file of this node is seen from outside."""
        return Path(f"/proc/{self.holder.pid}/root{inside}")

    def write(self, inside: str, content: str | bytes, mode: int = 0o644) -> None:
        """Write one file of this node."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)


def namespace(name: str) -> str:
    """Name the network namespace of a node."""
    return NAMESPACE_PREFIX + name


def build() -> dict[str, Node]:
    """Make the router and every node, and wait until each is ready."""
    _make_namespace(ROUTER)
    for bridge, address in BRIDGES.items():
        _in_router("ip", "link", "add", bridge, "type", "bridge")
        _in_router("ip", "addr", "add", f"{address}/24", "dev", bridge)
        _in_router("ip", "link", "set", bridge, "up")
    _in_router("sysctl", "-qw", "net.ipv4.ip_forward=1")
    return {name: _build_node(name, address) for name, address in ADDRESSES.items()}


def _build_node(name: str, address: str) -> Node:
    _make_namespace(name)
    inner = namespace(name)
    bridge, gateway = next(pair for pair in BRIDGES.items() if pair[1].split(".")[:3] == address.split(".")[:3])
    port = f"p-{name}"
    _run("ip", "link", "add", port, "netns", namespace(ROUTER), "type", "veth", "peer", "name", "eth0", "netns", inner)
    _in_router("ip", "link", "set", port, "master", bridge, "up")
    for command in (f"addr add {address}/24 dev eth0", "link set eth0 up", f"route add default via {gateway}"):
        _run("ip", "-n", inner, *command.split())
    return Node(name, address, _hold(name))


def _hold(name: str) -> subprocess.Popen[str]:
    script = str(Path(__file__).with_name("node.sh"))
    argv = ["ip", "netns", "exec", namespace(name), "unshare", "--mount", "--uts", "--propagation", "private"]
    pipe = subprocess.PIPE
    holder = subprocess.Popen(
        [*argv, "sh", script, name], stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT, text=True
    )
    assert holder.stdout is not None  # noqa: S101 - a pipe was asked for
    if holder.stdout.readline() != "ready\n":
        raise RuntimeError(f"{name}: the node did not start: {holder.communicate()[1].strip()}")
    return holder


def _make_namespace(name: str) -> None:
    _run("ip", "netns", "add", namespace(name))
    _run("ip", "-n", namespace(name), "link", "set", "lo", "up")
    _run("ip", "netns", "exec", namespace(name), "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")


def _in_router(*argv: str) -> None:
    _run("ip", "netns", "exec", namespace(ROUTER), *argv)


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, env=ENVIRONMENT | {"PWD": os.sep}, cwd=os.sep)
