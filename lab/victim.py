"""The victim web-01 and its name server: accounts, files, services."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from lab import content
from lab.nodes import ENVIRONMENT, Node, namespace

CONFIG = Path(__file__).with_name("config")
AUDIT_RULE = "always,exit -F arch=b64 -S execve,execveat -F auid>=1000 -F auid!=-1 -k wg"
# There is no systemd here, the machine's limits cannot be raised, and a message of the day is only noise.
PAM_WITHOUT = r"/pam_(systemd|motd|limits)\.so|user_readenv=1/d"


@dataclass(frozen=True)
class User:
    """One account of web-01; `password` is empty where only a key is accepted."""

    name: str
    uid: int
    role: str
    password: str = ""
    key_nodes: tuple[str, ...] = ()


USERS = (
    User("amara", 1001, "web editor", password="harbour-Quill-82"),  # noqa: S106 - a lab account
    User("bruno", 1002, "analyst", password="tidal!ledger-19", key_nodes=("pc-bruno",)),  # noqa: S106 - a lab account
    User("chen", 1003, "system administrator", key_nodes=("pc-chen",)),
    User("dana", 1004, "project office", password="autumn2026"),  # noqa: S106 - weak on purpose: the way in
    User("deploy", 1005, "release account of the CI runner", key_nodes=("ci-runner",)),
)
CRONTABS = {
    "deploy": "*/3 * * * * curl -fsS -o /home/deploy/health.json http://intranet.example.org/health.json\n",
    "bruno": "*/10 * * * * wc -l /var/log/nginx/access.log >>/home/bruno/counts.txt\n",
}


def prepare(nodes: dict[str, Node], seed: int) -> None:
    """Make accounts, keys and files; nothing of this is recorded."""
    web = nodes["web-01"]
    for user in USERS:
        _add_user(web, user)
    for path, made in content.files(seed).items():
        web.write(path, made)
    web.run("sh", "-c", "chown -R dana:dana /srv/shared && chmod -R a+rX /srv && mkdir -m 0700 /srv/backup")
    web.write("/etc/sudoers.d/ops", "chen ALL=(ALL) NOPASSWD: ALL\n", 0o440)
    web.run("sh", "-c", f"sed -i -E '{PAM_WITHOUT}' /etc/pam.d/*")
    web.run("su", "-", "amara", "-c", _FIRST_COMMIT)
    for name, table in CRONTABS.items():
        web.run("crontab", "-u", name, "-", text=table)
    _make_keys(nodes)


_FIRST_COMMIT = (
    "git config --global user.name Amara && git config --global user.email amara@example.org && "
    "git init -q -b main site && cp -r /srv/www/public/*.html /srv/www/public/news site/ && cd site && git add -A && "
    "git commit -qm 'First import'"
)


def _add_user(web: Node, user: User) -> None:
    web.run("useradd", "-m", "-u", str(user.uid), "-c", user.role, "-s", "/bin/bash", user.name)
    if user.password:
        web.run("chpasswd", text=f"{user.name}:{user.password}\n")


def _make_keys(nodes: dict[str, Node]) -> None:
    for user in USERS:
        for name in user.key_nodes:
            install_key(nodes["web-01"], user.name, make_key(nodes[name], user.name, name))


def make_key(node: Node, user: str, machine: str) -> str:
    """Make a key pair on a client and return its public half."""
    private = f"/root/.ssh/id_{user}"
    node.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{user}@{machine}", "-f", private)
    return node.path(f"{private}.pub").read_text(encoding="ascii")


def install_key(web: Node, user: str, public: str) -> None:
    """Let a public key in, as the user's own work before the recording."""
    web.run("install", "-d", "-m", "0700", "-o", user, "-g", user, f"/home/{user}/.ssh")
    web.run("tee", "-a", f"/home/{user}/.ssh/authorized_keys", text=public)


def start(nodes: dict[str, Node]) -> list[subprocess.Popen[str]]:
    """Start the real programs; the caller ends them, last one first."""
    web, dns = nodes["web-01"], nodes["ns1"]
    for name, target in _CONFIG_FILES.items():
        web.write(target, (CONFIG / name).read_bytes(), 0o640)
    dns.write("/etc/dnsmasq.conf", (CONFIG / "dnsmasq.conf").read_bytes())
    web.run("ssh-keygen", "-A")
    web.run("mkdir", "-p", "-m", "0755", "/var/log/nginx", "/var/log/audit", "/etc/audit/plugins.d")
    started = [
        dns.spawn("dnsmasq", "--conf-file=/etc/dnsmasq.conf"),
        web.spawn("auditd", "-n"),
        web.spawn("rsyslogd", "-n", "-f", "/etc/rsyslog.conf", "-i", "/run/rsyslogd.pid"),
    ]
    time.sleep(2)
    web.run("auditctl", "-a", *AUDIT_RULE.split())
    started += [web.spawn("nginx", "-g", "daemon off;"), web.spawn("/usr/sbin/sshd", "-D"), web.spawn("cron", "-f")]
    time.sleep(1)
    return started


_CONFIG_FILES = {
    "rsyslog.conf": "/etc/rsyslog.conf",
    "auditd.conf": "/etc/audit/auditd.conf",
    "sshd_config": "/etc/ssh/sshd_config",
    "nginx.conf": "/etc/nginx/nginx.conf",
}


def start_receiver(python: str) -> subprocess.Popen[str]:
    """Start the attacker's web server in the attacker's network namespace."""
    argv = ["ip", "netns", "exec", namespace("attacker"), python, str(Path(__file__).with_name("receiver.py"))]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        [*argv, "203.0.113.66"], stdin=quiet, stdout=quiet, stderr=quiet, env=ENVIRONMENT, text=True
    )


def stop_audit() -> None:
    """Take the lab's rule away and switch auditing off again."""
    for argv in (["auditctl", "-D"], ["auditctl", "-e", "0"]):
        subprocess.run(argv, capture_output=True, check=False)
