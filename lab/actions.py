"""What actors do: run a command on a client, or type into an SSH session, at human speed."""

import subprocess
import time
from dataclasses import dataclass

from lab.nodes import Node

SSH_OPTIONS = (
    "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o NumberOfPasswordPrompts=1 -o ConnectTimeout=10 "
    "-o LogLevel=ERROR"
)
TARGET = "web-01.example.org"
# Longest any single command may take: the whole-disk search of the attack needs most of it.
COMMAND_S_MAX = 120.0


@dataclass(frozen=True)
class Run:
    """One command on a client node."""

    at_s: float
    node: str
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Session:
    """One interactive login with the lines its user types."""

    at_s: float
    node: str
    argv: tuple[str, ...]
    lines: tuple[str, ...]
    pause_s: float


Action = Run | Session


def by_password(user: str, password: str, *remote: str, terminal: bool = False) -> tuple[str, ...]:
    """Log in with a password."""
    only = ("-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password")
    return (
        "sshpass",
        "-p",
        password,
        "ssh",
        *SSH_OPTIONS.split(),
        *only,
        *_terminal(terminal),
        f"{user}@{TARGET}",
        *remote,
    )


def by_key(user: str, *remote: str, terminal: bool = False) -> tuple[str, ...]:
    """Log in with the key which lies on the client."""
    key = ("-i", f"/root/.ssh/id_{user}", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes")
    return ("ssh", *SSH_OPTIONS.split(), *key, *_terminal(terminal), f"{user}@{TARGET}", *remote)


def copy_from(user: str, path: str) -> tuple[str, ...]:
    """Fetch a file with scp and the client's key."""
    return ("scp", "-q", *SSH_OPTIONS.split(), "-i", f"/root/.ssh/id_{user}", f"{user}@{TARGET}:{path}", "/tmp/")  # noqa: S108 - its own


def _terminal(wanted: bool) -> tuple[str, ...]:  # noqa: FBT001 - private
    return ("-tt",) if wanted else ()


class Keyboard:
    """An open session which takes typed lines."""

    def __init__(self, node: Node, argv: tuple[str, ...]) -> None:
        """Open the session and give the login a moment."""
        self._ssh = node.spawn(*argv, stdin=subprocess.PIPE)
        time.sleep(2.5)

    def type(self, line: str) -> None:
        """Type one line."""
        assert self._ssh.stdin is not None  # noqa: S101 - a pipe was asked for
        self._ssh.stdin.write(line + "\n")
        self._ssh.stdin.flush()

    def close(self) -> None:
        """Log out and wait for the end."""
        self.type("exit")
        finish(self._ssh, 30.0)


def perform(nodes: dict[str, Node], action: Action) -> None:
    """Carry out one action to its end."""
    match action:
        case Run():
            finish(nodes[action.node].spawn(*action.argv), COMMAND_S_MAX)
        case Session():
            keyboard = Keyboard(nodes[action.node], action.argv)
            for line in action.lines:
                keyboard.type(line)
                time.sleep(action.pause_s)
            keyboard.close()


def finish(process: subprocess.Popen[str], timeout_s: float) -> None:
    """Wait for a process which the lab started; end it if it takes too long."""
    try:
        process.wait(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait(timeout=10.0)
