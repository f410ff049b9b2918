"""syslog lines of sshd, sudo, su, cron, crontab, systemd-logind and the account tools, as they write them on Debian.

Patterns are anchored at both ends, and a name the peer chose is matched greedily, so that a user called
`x from 192.0.2.1 port 1` can't put an address of its own in the place of the peer's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safeconduct.kernel.instants import Instant
from safeconduct.ledger.ocsf import AUTHENTICATION, BASE, FAILURE, OTHER, SUCCESS
from safeconduct.soc.ocsf.forms import ACCOUNT_CHANGE, SCHEDULED_JOB, SERVER, Form, fill

LOGON, LOGOFF, ACCOUNT_SWITCH = 1, 2, 7
USER_CREATE, PASSWORD_CHANGE, USER_DELETE = 1, 3, 6
JOB_UPDATE, JOB_DELETE, JOB_START = 2, 3, 6


@dataclass(frozen=True)
class Row:
    """A message of some programs: its pattern, whose groups are the form's fields, and the form."""

    programs: frozenset[str]
    pattern: re.Pattern[str]
    form: Form


def _row(programs: str, pattern: str, form: Form) -> Row:
    return Row(frozenset(programs.split()), re.compile(pattern), form)


def _form(class_uid: int, activity_id: int, copy: str, **fixed: Any) -> Form:  # noqa: ANN401 - JSON
    named = {"device.hostname": "hostname"}
    if class_uid == AUTHENTICATION:  # the machine that let somebody in, or not, is device and destination in one
        named["dst_endpoint.hostname"] = "hostname"
    return Form(
        class_uid,
        activity_id,
        named | dict(pair.split("=") for pair in copy.split()),
        {"device.type_id": SERVER} | fixed,
    )


def _ssh(activity_id: int, *copied: str, **fixed: Any) -> Form:  # noqa: ANN401 - JSON
    who = f"user.name=user src_endpoint.ip=ip src_endpoint.port=port {' '.join(copied)}"
    return _form(AUTHENTICATION, activity_id, who, **{"service.name": "sshd", "is_remote": True}, **fixed)


def _switch(service: str, **fixed: Any) -> Form:  # noqa: ANN401 - JSON
    how = "unmapped.command=command unmapped.tty=tty unmapped.cwd=cwd status_detail=why"
    who = f"user.name=user actor.user.name=actor {how}"
    return _form(AUTHENTICATION, ACCOUNT_SWITCH, who, **{"service.name": service}, **fixed)


def _job(activity_id: int) -> Form:
    who = "job.name=user job.user.name=user actor.user.name=actor job.cmd_line=command unmapped.operation=what"
    return _form(SCHEDULED_JOB, activity_id, who)


def _account(activity_id: int) -> Form:
    return _form(ACCOUNT_CHANGE, activity_id, "user.name=user user.uid=uid unmapped.group=group", **SUCCESS)


_SSHD = "sshd sshd-session sshd-auth"  # OpenSSH 9.8 split the server into several programs
_CRON = "CRON cron crond"
_FROM = r"from (?P<ip>\S+) port (?P<port>\d+)"
_AT = r"(?P<ip>\S+) port (?P<port>\d+)"
_SUDO_COMMAND = (
    r"TTY=(?P<tty>\S+) ; PWD=(?P<cwd>.*?) ; USER=(?P<user>\S+) ; "
    r"(?:GROUP=\S+ ; )?(?:ENV=.*? ; )?COMMAND=(?P<command>.*)"
)
_ON_TABLE = r"\((?P<actor>[^)]+)\) {} \((?P<user>[^)]+)\)"

ROWS: tuple[Row, ...] = (
    _row(
        _SSHD,
        rf"Accepted (?P<method>\S+) for (?P<user>.*) {_FROM}(?: ssh2)?(?:: (?P<key>.*))?",
        _ssh(LOGON, "auth_protocol=method user.credential_uid=key", **SUCCESS),
    ),
    _row(
        _SSHD,
        rf"Failed (?P<method>\S+) for invalid user (?P<user>.*) {_FROM}(?: ssh2)?(?:: .*)?",
        _ssh(LOGON, "auth_protocol=method", **FAILURE, status_detail="invalid user"),
    ),
    _row(
        _SSHD,
        rf"Failed (?P<method>\S+) for (?P<user>.*) {_FROM}(?: ssh2)?(?:: .*)?",
        _ssh(LOGON, "auth_protocol=method", **FAILURE, status_detail="wrong credential"),
    ),
    _row(_SSHD, rf"Invalid user (?P<user>.*) {_FROM}", _ssh(OTHER, **FAILURE, status_detail="no such account")),
    _row(
        _SSHD,
        rf"(?:Connection (?:closed|reset) by|Disconnected from) (?:authenticating|invalid) user (?P<user>.*) {_AT}"
        r"(?: \[preauth\])?",
        _ssh(OTHER, status_detail="closed before authentication"),
    ),
    _row(_SSHD, rf"Disconnected from user (?P<user>.*) {_AT}", _ssh(LOGOFF)),
    _row(
        _SSHD,
        r"pam_unix\(sshd:auth\): authentication failure; .*rhost=(?P<ip>\S*)(?:  user=(?P<user>.*))?",
        _ssh(OTHER, **FAILURE, status_detail="rejected by PAM"),
    ),
    _row("sudo", rf"\s*(?P<actor>\S+) : {_SUDO_COMMAND}", _switch("sudo", **SUCCESS)),
    _row("sudo", rf"\s*(?P<actor>\S+) : (?P<why>[^;]+) ; {_SUDO_COMMAND}", _switch("sudo", **FAILURE)),
    _row("su", r"\(to (?P<user>\S+)\) (?P<actor>\S+) on (?P<tty>\S+)", _switch("su", **SUCCESS)),
    _row("su", r"FAILED SU \(to (?P<user>\S+)\) (?P<actor>\S+) on (?P<tty>\S+)", _switch("su", **FAILURE)),
    _row(_CRON, r"\((?P<user>[^)]+)\) CMD \((?P<command>.*)\)", _job(JOB_START)),
    _row("crontab", _ON_TABLE.format("(?P<what>REPLACE)"), _job(JOB_UPDATE)),
    _row("crontab", _ON_TABLE.format("(?P<what>DELETE)"), _job(JOB_DELETE)),
    _row("crontab", _ON_TABLE.format("(?P<what>LIST|BEGIN EDIT|END EDIT)"), _job(OTHER)),
    _row(
        "systemd-logind",
        r"New session (?P<session>\S+) of user (?P<user>.*)\.",
        _form(
            AUTHENTICATION, OTHER, "user.name=user session.uid=session", **SUCCESS, **{"service.name": "systemd-logind"}
        ),
    ),
    _row("useradd", r"new user: name=(?P<user>[^,]+), UID=(?P<uid>\d+).*", _account(USER_CREATE)),
    _row("userdel", r"delete user '(?P<user>.*)'", _account(USER_DELETE)),
    _row("usermod gpasswd", r"add '(?P<user>.*)' to (?:shadow )?group '(?P<group>.*)'", _account(OTHER)),
    _row("passwd chpasswd", r"pam_unix\(\w+:chauthtok\): password changed for (?P<user>.*)", _account(PASSWORD_CHANGE)),
)

_SESSION = re.compile(
    r"pam_unix\((?P<service>[\w.-]+):session\): (?P<what>session (?:opened|closed)) for user (?P<user>[^(\s]+)"
    r"(?:\(uid=(?P<uid>\d+)\))?(?: by (?P<actor>[^(\s]*)\(uid=\d+\))?"
)
_SESSION_FORM = _form(
    AUTHENTICATION,
    OTHER,
    "user.name=user user.uid=uid actor.user.name=actor service.name=service status_detail=what",
)
_PLAIN = _form(BASE, OTHER, "message=message")


def auth(raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
    """Returns the OCSF object of a syslog line. A message no row knows is a base event with its text."""
    message, program = raw["message"], raw["program"]
    session = _SESSION.fullmatch(message)
    if session:
        return fill(_SESSION_FORM, {**raw, **session.groupdict()}, at, program)
    for row in ROWS:
        found = row.pattern.fullmatch(message) if program in row.programs else None
        if found:
            return fill(row.form, {**raw, **found.groupdict()}, at, program)
    return fill(_PLAIN, raw, at, program)
