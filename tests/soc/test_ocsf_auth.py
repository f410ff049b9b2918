"""Messages of sshd, sudo, cron and their like, word for word as Debian's programs write them."""

import pytest

from support.telemetry import auth, events


def meaning(program, message):
    (event,) = events(auth(program, message))
    return event.ocsf


def flat(value, prefix=""):
    if isinstance(value, dict):
        return {path: leaf for name, item in value.items() for path, leaf in flat(item, f"{prefix}{name}.").items()}
    return {prefix[:-1]: value}


SSHD = "sshd[7740]"
CASES = [
    (SSHD, "Accepted password for dana from 203.0.113.66 port 50001 ssh2", 3002, 1,
     {"user.name": "dana", "src_endpoint.ip": "203.0.113.66", "src_endpoint.port": 50001, "status": "Success",
      "auth_protocol": "password", "service.name": "sshd"}),
    (SSHD, "Accepted publickey for bruno from 2001:db8:0::7 port 5 ssh2: ED25519 SHA256:fXtxgj", 3002, 1,
     {"user.name": "bruno", "src_endpoint.ip": "2001:db8::7", "user.credential_uid": "ED25519 SHA256:fXtxgj"}),
    ("sshd-session[9]", "Failed password for root from ::ffff:203.0.113.66 port 5 ssh2", 3002, 1,
     {"user.name": "root", "src_endpoint.ip": "203.0.113.66", "status": "Failure",
      "status_detail": "wrong credential"}),
    (SSHD, "Failed password for invalid user oracle from 203.0.113.66 port 5 ssh2", 3002, 1,
     {"user.name": "oracle", "status": "Failure", "status_detail": "invalid user"}),
    (SSHD, "Failed none for invalid user  from 203.0.113.66 port 5 ssh2", 3002, 1, {"status_detail": "invalid user"}),
    (SSHD, "Invalid user oracle from 203.0.113.66 port 5", 3002, 99, {"user.name": "oracle", "status": "Failure"}),
    (SSHD, "Connection closed by authenticating user amara 198.51.100.21 port 57756 [preauth]", 3002, 99,
     {"user.name": "amara", "src_endpoint.ip": "198.51.100.21"}),
    (SSHD, "Disconnected from user bruno 198.51.100.22 port 55634", 3002, 2, {"user.name": "bruno"}),
    (SSHD, ("pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=198.51.100.21  "
     "user=amara"), 3002, 99, {"user.name": "amara", "src_endpoint.ip": "198.51.100.21", "status": "Failure"}),
    (SSHD, "pam_unix(sshd:session): session opened for user bruno(uid=1002) by (uid=0)", 3002, 99,
     {"user.name": "bruno", "user.uid": "1002", "service.name": "sshd", "status_detail": "session opened"}),
    ("sudo", "    chen : TTY=pts/1 ; PWD=/home/chen ; USER=root ; COMMAND=/usr/bin/tail -n 15 /var/log/auth.log",
     3002, 7,
     {"actor.user.name": "chen", "user.name": "root", "status": "Success",
      "unmapped.command": "/usr/bin/tail -n 15 /var/log/auth.log"}),
    ("sudo", "    dana : a password is required ; TTY=pts/0 ; PWD=/home/dana ; USER=root ; COMMAND=list", 3002, 7,
     {"actor.user.name": "dana", "status": "Failure", "status_detail": "a password is required"}),
    ("sudo", "    dana : user NOT in sudoers ; TTY=pts/0 ; PWD=/tmp ; USER=root ; COMMAND=/bin/sh", 3002, 7,
     {"status": "Failure", "status_detail": "user NOT in sudoers", "unmapped.command": "/bin/sh"}),
    ("su", "(to root) dana on pts/2", 3002, 7, {"actor.user.name": "dana", "user.name": "root", "status": "Success"}),
    ("su", "FAILED SU (to root) dana on pts/2", 3002, 7, {"actor.user.name": "dana", "status": "Failure"}),
    ("CRON[9406]", "(deploy) CMD (curl -o /home/deploy/h.json http://x.example/)", 1006, 6,
     {"job.user.name": "deploy", "job.cmd_line": "curl -o /home/deploy/h.json http://x.example/"}),
    ("crontab[8]", "(root) REPLACE (dana)", 1006, 2, {"actor.user.name": "root", "job.user.name": "dana"}),
    ("crontab[8]", "(dana) LIST (dana)", 1006, 99, {"unmapped.operation": "LIST"}),
    ("systemd-logind[1]", "New session 12 of user dana.", 3002, 99, {"user.name": "dana", "session.uid": "12"}),
    ("useradd[5]", "new user: name=eve, UID=1006, GID=1006, home=/home/eve, shell=/bin/bash, from=none", 3001, 1,
     {"user.name": "eve", "user.uid": "1006"}),
    ("usermod[5]", "add 'eve' to group 'sudo'", 3001, 99, {"user.name": "eve", "unmapped.group": "sudo"}),
    ("passwd[5]", "pam_unix(passwd:chauthtok): password changed for eve", 3001, 3, {"user.name": "eve"}),
    ("kernel", "something nobody knows", 0, 99, {"message": "something nobody knows"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("program", "message", "class_uid", "activity", "expected"), CASES, ids=lambda case: str(case)[:40]
)
def test_a_message_is_mapped(program, message, class_uid, activity, expected):
    found = meaning(program, message)
    assert (found["class_uid"], found["activity_id"]) == (class_uid, activity)
    assert expected.items() <= flat(found).items()


@pytest.mark.parametrize(
    "message",
    [
        "Invalid user x from 192.0.2.1 port 1 from 203.0.113.66 port 5",
        "Failed password for invalid user x from 192.0.2.1 port 1 ssh2 from 203.0.113.66 port 5 ssh2",
        "Failed password for root from 192.0.2.1 port 1 ssh2 from 203.0.113.66 port 5 ssh2",
        "Connection closed by invalid user x 192.0.2.1 port 1 203.0.113.66 port 5 [preauth]",
    ],
)
def test_a_user_name_cannot_forge_the_peers_address(message):
    assert meaning(SSHD, message)["src_endpoint"] == {"ip": "203.0.113.66", "port": 5}


@pytest.mark.parametrize(
    "message", ["Accepted password for ana from 203.0.113.66 port 5 ssh2", "(ana) CMD (id)", "(root) REPLACE (ana)"]
)
def test_a_message_counts_only_from_the_program_that_writes_it(message):
    assert meaning("myapp[1]", message)["class_uid"] == 0


def test_a_logon_needs_the_whole_message():
    assert meaning(SSHD, "note: Accepted password for ana from 203.0.113.66 port 5 ssh2")["class_uid"] == 0
