"""A real OpenLDAP directory with its password policy, two people, and sessions below a base of their own."""

import os
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

import ldap3
import pytest

from support.patience import until
from support.ports import lasting_port

SUFFIX = "dc=northwind,dc=example"
ADMIN, PASSWORD = f"cn=safeconduct,{SUFFIX}", "admin-secret"
PEOPLE, SESSIONS = f"ou=people,{SUFFIX}", f"ou=sessions,{SUFFIX}"
CONFIG = """include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
pidfile {folder}/slapd.pid
database mdb
suffix "{suffix}"
directory {folder}/data
rootdn "{admin}"
rootpw {password}
overlay ppolicy
ppolicy_default "cn=policy,{suffix}"
"""
BINARY = "/usr/sbin/slapd"


@contextmanager
def directory(folder):
    """Yields the port of a directory that serves while the block lasts."""
    if not Path(BINARY).exists():
        if os.environ.get("CI"):
            pytest.fail("slapd is missing: .ci/run installs it")
        pytest.skip("needs slapd")
    (folder / "data").mkdir()
    config = CONFIG.format(folder=folder, suffix=SUFFIX, admin=ADMIN, password=PASSWORD)
    (folder / "slapd.conf").write_text(config)
    port = lasting_port()
    command = [BINARY, "-f", str(folder / "slapd.conf"), "-h", f"ldap://127.0.0.1:{port}", "-d", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as serving:
        try:
            until(lambda: _answers(port), serving, says="slapd")
            _fill(port)
            yield port
        finally:
            serving.terminate()


def signs_on(port, name, password):
    """Tells whether a person can bind."""
    asking = bound(port, f"uid={name},{PEOPLE}", password)
    try:
        return asking.result["result"] == 0
    finally:
        asking.unbind()


def bound(port, who, password):
    """Returns a connection after its bind, which may have been refused."""
    connection = ldap3.Connection(ldap3.Server("127.0.0.1", port, get_info=ldap3.NONE), who, password)
    connection.bind()
    return connection


def sessions(port):
    """Returns the names of the sessions there are."""
    asking = bound(port, ADMIN, PASSWORD)
    asking.search(SESSIONS, "(objectClass=device)", attributes=["cn"])
    found = sorted(entry.cn.value for entry in asking.entries)
    asking.unbind()
    return found


def _answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


def _fill(port):
    adding = bound(port, ADMIN, PASSWORD)
    adding.add(SUFFIX, ["dcObject", "organization"], {"dc": "northwind", "o": "Northwind"})
    # Without pwdLockout the directory keeps the lock of an account and lets it in.
    policy = {"cn": "policy", "pwdAttribute": "userPassword", "pwdLockout": "TRUE"}
    adding.add(f"cn=policy,{SUFFIX}", ["device", "pwdPolicy"], policy)
    for base in ("people", "sessions"):
        adding.add(f"ou={base},{SUFFIX}", "organizationalUnit", {"ou": base})
    for name in ("alice", "bob"):
        about = {"uid": name, "cn": name, "sn": name, "userPassword": f"{name}-secret"}
        adding.add(f"uid={name},{PEOPLE}", "inetOrgPerson", about)
        for number in (1, 2):
            about = {"cn": f"{name}-{number}", "serialNumber": name}
            adding.add(f"cn={name}-{number},{SESSIONS}", "device", about)
    adding.unbind()
