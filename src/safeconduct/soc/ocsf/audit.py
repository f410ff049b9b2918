"""Events of the Linux audit system. The host is the record's `node`, account names come from the inventory."""

from collections.abc import Mapping
from typing import Any

from safeconduct.kernel.instants import Instant
from safeconduct.ledger.ocsf import AUTHENTICATION, BASE, FAILURE, OTHER, SUCCESS, put
from safeconduct.soc.inventory import Inventory
from safeconduct.soc.ocsf.forms import PROCESS, SERVER, Form, fill

LAUNCH, LOGON = 1, 1
NO_ID = "4294967295"
"""-1 as the kernel prints it: no login user, no session."""

ARGUMENTS_MAX = 10_000
"""Arguments joined to a command line; the kernel itself splits longer ones over records."""

_EXECUTABLE = 8
_COPY = {
    "device.hostname": "node",
    "process.pid": "pid",
    "process.name": "comm",
    "process.user.uid": "uid",
    "process.user.name": "user",
    "process.session.uid": "ses",
    "process.parent_process.pid": "ppid",
    "actor.process.pid": "ppid",
    "actor.user.uid": "auid",
    "actor.user.name": "login",
}
_RUN = {
    "process.cmd_line": "command",
    "process.working_directory": "cwd",
    "process.file.path": "exe",
    "process.file.name": "program",
}
_FIXED: dict[str, Any] = {"device.type_id": SERVER}
LAUNCHED = Form(PROCESS, LAUNCH, _COPY | _RUN, _FIXED | SUCCESS | {"process.file.type_id": _EXECUTABLE})
NOT_LAUNCHED = Form(PROCESS, OTHER, _COPY, _FIXED | FAILURE)
OTHER_CALL = Form(BASE, OTHER, {"device.hostname": "node"}, _FIXED)
LOGIN = Form(
    AUTHENTICATION,
    LOGON,
    {"device.hostname": "node", "dst_endpoint.hostname": "node", "user.name": "acct", "src_endpoint.ip": "addr",
     "service.name": "service"},
    _FIXED,
)  # fmt: skip


def audit(raw: Mapping[str, Any], at: Instant, inventory: Inventory) -> dict[str, Any]:
    """Returns the OCSF object of one audit event, all its records joined."""
    document = _meaning(raw, at, inventory)
    put(document, "unmapped.types", [name for name in raw if name.isupper()])
    return document


def _meaning(raw: Mapping[str, Any], at: Instant, inventory: Inventory) -> dict[str, Any]:
    if "SYSCALL" in raw and "EXECVE" in raw:
        return fill(LAUNCHED, _process(raw, inventory) | _run(raw), at, "audit")
    if "SYSCALL" in raw and raw["SYSCALL"].get("success") == "no":
        return fill(NOT_LAUNCHED, _process(raw, inventory), at, "audit")
    if "USER_LOGIN" in raw:
        return _login(raw, at, inventory)
    return fill(OTHER_CALL, {"node": raw.get("node")}, at, "audit")


def command_line(execve: Mapping[str, Any]) -> str:
    """Returns the arguments of an EXECVE record as one text, joined by spaces as Sigma rules expect."""
    words: list[str] = []
    while len(words) < ARGUMENTS_MAX and f"a{len(words)}" in execve:
        words.append(execve[f"a{len(words)}"])
    return " ".join(words)


def _process(raw: Mapping[str, Any], inventory: Inventory) -> dict[str, Any]:
    call = raw["SYSCALL"]
    wanted = ("pid", "ppid", "comm", "uid", "auid", "ses")
    known = {name: call[name] for name in wanted if call.get(name, NO_ID) != NO_ID}
    names = {"user": known.get("uid"), "login": known.get("auid")}
    named = {name: inventory.user(uid) or f"uid {uid}" for name, uid in names.items() if uid is not None}
    return {"node": raw.get("node"), **known, **named}


def _run(raw: Mapping[str, Any]) -> dict[str, Any]:
    exe = raw["SYSCALL"].get("exe", "")
    return {
        "command": command_line(raw["EXECVE"]),
        "cwd": raw.get("CWD", {}).get("cwd"),
        "exe": exe,
        "program": exe.rpartition("/")[2],
    }


def _login(raw: Mapping[str, Any], at: Instant, inventory: Inventory) -> dict[str, Any]:
    record = raw["USER_LOGIN"]
    exe = record.get("exe", "").rpartition("/")[2]
    acct = record.get("acct") or inventory.user(record.get("id", "")) or f"uid {record.get('id', '?')}"
    fields = {"node": raw.get("node"), "acct": acct, "addr": record.get("addr"), "service": exe}
    return fill(LOGIN, fields, at, "audit") | (SUCCESS if record.get("res") == "success" else FAILURE)
