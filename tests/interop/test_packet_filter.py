"""Addresses dropped by the kernel's own packet filter, in a network namespace: packets go, stop, and go again."""

import os
import shutil
import subprocess
import sys

import pytest

from safeconduct.adapters.responses.nftables import Nftables
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ids import ActionId, IncidentId
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.soc.actions.ports import Order, Standing
from support.patience import PATIENCE_S

ATTACKER, OTHER = "203.0.113.66", "203.0.113.67"
NOW = Instant(seconds(1_800_000_000))

# Sends one datagram to this machine from an address, and says whether it came.
DATAGRAM = """
import socket, sys
listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); listening.bind(("127.0.0.1", 0)); listening.settimeout(5)
def send(source):
    sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); sending.bind((source, 0))
    sending.sendto(source.encode(), listening.getsockname())
try:
    send(sys.argv[1])
except PermissionError:
    print("dropped"); raise SystemExit
send("127.0.0.2")  # comes after it, if it comes
print("came" if listening.recv(64).decode() == sys.argv[1] else "dropped")
"""


class Still:
    def now(self):
        return NOW


@pytest.fixture(scope="module")
def namespace():
    """A network namespace with the two addresses on its loopback, held by a process that waits."""
    if shutil.which("nft") is None or shutil.which("unshare") is None:
        if os.environ.get("CI"):
            pytest.fail("nft or unshare is missing: .ci/run installs nftables")
        pytest.skip("needs nftables and util-linux")
    mine = ["--map-root-user", "--user"] if os.geteuid() else []
    waits = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    command = ["unshare", *mine, "--net", "--", *waits]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holding:
        holding.stdout.readline()
        inside = ["nsenter", "--target", str(holding.pid), "--net", *(["--user"] if mine else []), "--"]
        ran(inside, "ip", "link", "set", "lo", "up")
        for address in (ATTACKER, OTHER):
            ran(inside, "ip", "address", "add", f"{address}/32", "dev", "lo")
        yield inside
        holding.stdin.close()


def ran(namespace, *command):
    """Runs a command in the namespace and returns what it printed."""
    return subprocess.run([*namespace, *command], capture_output=True, text=True, check=True, timeout=PATIENCE_S).stdout


@pytest.fixture
def point(namespace):
    ran(namespace, "nft", "flush", "ruleset")
    return Nftables([*namespace, "nft"], Still())


def order(target=ATTACKER, number=1, lasts=3600):
    return Order(
        action=ActionId(f"01JD{number:022d}"),
        kind="drop-ip",
        target=target,
        incident=IncidentId("i"),
        until=Instant(NOW + seconds(lasts)),
    )


def came(namespace, source):
    return ran(namespace, sys.executable, "-c", DATAGRAM, source).strip()


def test_packets_of_an_address_stop_and_go_again(namespace, point):
    one = order()
    before = point.look(one)
    assert (before.held, came(namespace, ATTACKER)) == (False, "came")
    point.apply(one, before)
    assert point.look(one).held
    assert (came(namespace, ATTACKER), came(namespace, OTHER)) == ("dropped", "came")
    point.undo(one, before)
    assert not point.look(one).held
    assert came(namespace, ATTACKER) == "came"


def test_told_twice_it_is_done_once_and_undone_once(namespace, point):
    one, other = order(), order("2001:db8::7", 2)
    for target in (one, one, other):
        point.apply(target, Standing(held=False))
    assert point.look(one).held
    assert point.look(other).held
    rules = ran(namespace, "nft", "list", "table", "inet", "safeconduct")
    assert rules.count("drop\n") == 12
    for _ in range(2):
        point.undo(one, Standing(held=False))
    assert (point.look(one).held, point.look(other).held) == (False, True)


def test_what_another_dropped_stays_dropped(namespace, point):
    point.apply(order(number=2), Standing(held=False))
    mine = order(number=1)
    before = point.look(mine)
    point.apply(mine, before)
    point.undo(mine, before)
    assert point.look(mine).held
    point.undo(mine, Standing(held=False))  # also where the note got it wrong: the element is not this action's
    assert point.look(mine).held


def test_the_kernel_ends_it_by_itself(namespace, point):
    point.apply(order(lasts=3600), Standing(held=False))
    listed = ran(namespace, "nft", "list", "set", "inet", "safeconduct", "drop4")
    assert "timeout 1h " in listed
    assert order().action in listed


@pytest.mark.parametrize("taken", ["flush chain inet safeconduct input", "delete table inet safeconduct"])
def test_a_set_that_nothing_reads_holds_nothing(namespace, point, taken):
    point.apply(order(), Standing(held=False))
    ran(namespace, "nft", *taken.split())
    assert not point.look(order()).held
    point.apply(order(), Standing(held=False))
    assert point.look(order()).held


def test_without_nft_nothing_is_begun():
    with pytest.raises(RefusedError) as caught:
        Nftables(["no-such-nft"], Still()).look(order())
    assert caught.value.code == "nft-missing"
