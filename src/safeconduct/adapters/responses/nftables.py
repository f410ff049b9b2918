"""Addresses that a Linux machine's packet filter drops: sets of a table of our own, whose elements end by themselves.

Each change is one nft transaction: all of it or nothing. An element carries the action's id as its comment and the
action's end as its timeout, which the kernel keeps also while Safeconduct is down.
"""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from safeconduct.kernel.errors import RefusedError, UnavailableError
from safeconduct.kernel.instants import SECOND
from safeconduct.kernel.ports import Clock
from safeconduct.soc.actions.ports import Order, Standing

TABLE = "inet safeconduct"
"""The table. Nobody else's rules stand in it, and no other table is looked at or changed."""

NFT_S = 10.0
"""Seconds for one run of nft: it talks to this machine's kernel."""

OUTPUT_BYTES_MAX = 4 * 1024 * 1024
"""Bytes of a listing that are read: 10,000 elements, the most a program allows, take less than half of it."""

_HOOKS = ("input", "forward", "output")
_ABSENT = "No such file or directory"
_FAMILIES = {4: ("drop4", "ipv4_addr", "ip"), 6: ("drop6", "ipv6_addr", "ip6")}


@dataclass(frozen=True, slots=True)
class Nftables:
    """`Point` of the kind `drop-ip`. `command` runs nft, such as `ip netns exec edge nft`; no shell reads it."""

    command: Sequence[str]
    clock: Clock

    def look(self, order: Order) -> Standing:
        family, _, _ = _FAMILIES[ip_address(order.target).version]
        held = _element(self._table(), family, order.target)
        return Standing(held=held is not None and _dropping(self._table(), family))

    def apply(self, order: Order, _before: Standing) -> None:
        left = max(1, (order.until - self.clock.now()) // SECOND)
        name = _FAMILIES[ip_address(order.target).version][0]
        element = f'{{ {order.target} timeout {left}s comment "{order.action}" }}'
        self._change([*_setup(), f"add element {TABLE} {name} {element}"])

    def undo(self, order: Order, before: Standing) -> None:
        name = _FAMILIES[ip_address(order.target).version][0]
        element = _element(self._table(), name, order.target)
        # Another's element stays; one that the kernel ended before us is gone.
        if not before.held and element is not None and element.get("comment") == order.action:
            self._change([f"delete element {TABLE} {name} {{ {order.target} }}"])

    def _table(self) -> list[dict[str, Any]]:
        listed = self._run(["-j", "list", "table", *TABLE.split()], "")
        if listed.returncode and _ABSENT in listed.stderr:
            return []
        _require(listed)
        if len(listed.stdout) > OUTPUT_BYTES_MAX:
            raise UnavailableError("nft listed more than is read", code="nft-too-large")
        found: list[dict[str, Any]] = json.loads(listed.stdout)["nftables"]
        return found

    def _change(self, lines: Sequence[str]) -> None:
        _require(self._run(["-f", "-"], "\n".join(lines) + "\n"))

    def _run(self, arguments: Sequence[str], script: str) -> "subprocess.CompletedProcess[str]":
        try:
            return subprocess.run(  # noqa: S603 - the operator's command, addresses read as such, and no shell
                [*self.command, *arguments], input=script, capture_output=True, text=True, timeout=NFT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise UnavailableError(f"nft said nothing in {NFT_S:g} s", code="nft-silent") from error
        except OSError as error:
            raise RefusedError(f"nft can't be run: {error.strerror}", code="nft-missing") from error


def _setup() -> list[str]:
    lines = [f"add table {TABLE}"]
    lines += [f"add set {TABLE} {name} {{ type {kind}; flags timeout; }}" for name, kind, _ in _FAMILIES.values()]
    for hook in _HOOKS:
        # Before the machine's own filters, of which the last word may be to accept.
        lines += [f"add chain {TABLE} {hook} {{ type filter hook {hook} priority -300; policy accept; }}"]
        lines += [f"flush chain {TABLE} {hook}"]
        for name, _, protocol in _FAMILIES.values():
            lines += [f"add rule {TABLE} {hook} {protocol} {end} @{name} drop" for end in ("saddr", "daddr")]
    return lines


def _element(table: Sequence[dict[str, Any]], name: str, target: str) -> dict[str, Any] | None:
    for item in table:
        found = item.get("set", {})
        for one in found.get("elem", ()) if found.get("name") == name else ():
            element = one["elem"] if isinstance(one, dict) else {"val": one}
            if element["val"] == target:
                return dict(element)
    return None


def _dropping(table: Sequence[dict[str, Any]], name: str) -> bool:
    """Tells whether every hook still drops what is in the set: a set that no rule reads holds nothing."""
    rules = [item["rule"] for item in table if "rule" in item]
    reading = [one["chain"] for one in rules if f"@{name}" in json.dumps(one["expr"]) and {"drop": None} in one["expr"]]
    return all(reading.count(hook) >= 2 for hook in _HOOKS)  # noqa: PLR2004 - from it and to it


def _require(ran: "subprocess.CompletedProcess[str]") -> None:
    if ran.returncode:
        raise RefusedError(f"nft refused: {ran.stderr[:200]!r}", code="nft-refused")
