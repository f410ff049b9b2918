"""What must be true before the lab touches anything."""

import os
import shutil
import subprocess
from pathlib import Path

# Program -> Debian package which brings it.
PROGRAMS = {
    "auditctl": "auditd",
    "auditd": "auditd",
    "cron": "cron",
    "curl": "curl",
    "dig": "bind9-dnsutils",
    "dnsmasq": "dnsmasq-base",
    "dumpcap": "wireshark-common",
    "git": "git",
    "ip": "iproute2",
    "nginx": "nginx-light",
    "nsenter": "util-linux",
    "rsyslogd": "rsyslog",
    "ssh": "openssh-client",
    "sshd": "openssh-server",
    "sshpass": "sshpass",
    "sudo": "sudo",
    "tshark": "tshark",
    "useradd": "passwd",
}
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NAMESPACE_PREFIX = "sc-lab-"


class PreflightError(Exception):
    """The lab cannot run here; the text says what is missing and what to do."""


def check() -> None:
    """Refuse to start unless the lab can run and cannot harm another's work.

    Raises:
        PreflightError: naming everything the reader has to do first.
    """
    if os.geteuid() != 0:
        raise PreflightError("the lab makes network namespaces and mounts: run it as root, in a throw-away machine")
    missing = sorted({package for name, package in PROGRAMS.items() if not shutil.which(name, path=SEARCH_PATH)})
    if missing:
        raise PreflightError(f"missing packages: run `apt-get install --no-install-recommends {' '.join(missing)}`")
    if "overlay" not in Path("/proc/filesystems").read_text(encoding="ascii"):
        raise PreflightError("this kernel has no overlay file system: run `modprobe overlay`")
    if left := namespaces():
        raise PreflightError(f"another recording runs or was cut off ({left[0]} exists): run `lab/record --clean`")
    _check_audit()


def namespaces() -> list[str]:
    """Name the lab's network namespaces which exist now."""
    directory = Path("/run/netns")
    return sorted(path.name for path in directory.glob(f"{NAMESPACE_PREFIX}*")) if directory.is_dir() else []


def _check_audit() -> None:
    status = subprocess.run(["auditctl", "-s"], capture_output=True, text=True, check=False)
    fields = dict(line.split(" ", 1) for line in status.stdout.splitlines() if " " in line)
    if status.returncode != 0 or "pid" not in fields:
        raise PreflightError(f"the kernel's audit system does not answer: {status.stderr.strip() or 'no status'}")
    if fields["pid"] != "0" or fields.get("enabled") != "0":
        raise PreflightError("an audit daemon already runs on this machine: the lab would take its records and rules")
