"""C2SP tlog-policy: which logs and cosigners are known, and how many must have cosigned a checkpoint. Pure.

The file is octets: names are opaque, so they are held as text that gives back the same octets. Reading is strict: a
line that is not understood makes the file worth nothing, since it may be the one that asked for more.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.notes import VerifierKey

POLICY_BYTES_MAX = 262_144  # 32 logs and 32 witnesses with ML-DSA-44 keys of 1.8 kB take a quarter of it
LINES_MAX = 32  # of each kind: logs, witnesses, groups; what every implementation should take
NONE = "none"
_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_BLANK = re.compile(r"[ \t]+")
_COUNT = re.compile(r"[1-9][0-9]{0,8}")


class PolicyError(InvalidInputError):
    """A policy is malformed, or a checkpoint lacks the cosignatures that it asks for."""

    default_code = "policy-invalid"


@dataclass(frozen=True, slots=True)
class KnownLog:
    """A log by its key, which bears its origin, and where it is served, if the file says so."""

    key: VerifierKey
    url: str


@dataclass(frozen=True, slots=True)
class KnownWitness:
    """A witness or mirror under the file's own name for it, and where it takes checkpoints, if the file says so."""

    name: str
    key: VerifierKey
    url: str


@dataclass(frozen=True, slots=True)
class Group:
    """Of `members`, witnesses or groups, at least `needed` must have cosigned."""

    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A parsed policy. `quorum` names a witness or a group, or is `none`: then no cosignature is asked for."""

    logs: tuple[KnownLog, ...]
    witnesses: tuple[KnownWitness, ...]
    groups: Mapping[str, Group] = field(hash=False)
    quorum: str

    @property
    def vacuous(self) -> bool:
        """Tells whether any checkpoint of a log will do."""
        return self.quorum == NONE

    def satisfied(self, cosigned: Collection[VerifierKey]) -> bool:
        """Tells whether these keys, whose cosignatures were verified, fill the quorum."""
        names = {witness.name for witness in self.witnesses if witness.key in cosigned}
        return self.vacuous or self._witnessed(self.quorum, names)

    def check(self, cosigned: Collection[VerifierKey]) -> None:
        """Returns if these keys, whose cosignatures were verified, fill the quorum.

        Raises:
            PolicyError: `quorum-missing`.
        """
        if not self.satisfied(cosigned):
            names = {witness.name for witness in self.witnesses if witness.key in cosigned}
            raise PolicyError(
                f"the quorum needs {self._told(self.quorum)}; cosigned by {', '.join(sorted(names)) or 'nobody known'}",
                code="quorum-missing",
                clause=f"policy:quorum {self.quorum}",
            )

    def _witnessed(self, name: str, names: Collection[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in names
        return sum(self._witnessed(member, names) for member in group.members) >= group.needed

    def _told(self, name: str) -> str:
        group = self.groups.get(name)
        if group is None:
            return name
        members = ", ".join(self._told(member) for member in group.members)
        return f"{group.needed} of {len(group.members)} ({members})"


def single(name: str, key: VerifierKey, url: str) -> str:
    """Returns the text of the policy that asks for one witness."""
    return f"witness {name} {key.text} {url}\nquorum {name}\n"


def all_of(witnesses: Sequence[KnownWitness]) -> Policy:
    """Returns the policy that asks for every one of these, at least one."""
    names = tuple(witness.name for witness in witnesses)
    # A group's name that no witness has: what a policy's file can't say, as it has no space.
    return Policy(logs=(), witnesses=tuple(witnesses), groups={"all of": Group(len(names), names)}, quorum="all of")


def parse_policy(content: bytes | str) -> Policy:
    """Reads a policy.

    Raises:
        PolicyError: it is malformed; the message names the line.
    """
    raw = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    if len(raw) > POLICY_BYTES_MAX:
        raise PolicyError(f"a policy has at most {POLICY_BYTES_MAX} bytes, got {len(raw)}")
    reading = _Reading()
    for number, line in enumerate(_lines(raw), start=1):
        words = [word for word in _BLANK.split(line) if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reading.line(words)
        except InvalidInputError as error:
            raise PolicyError(f"line {number}: {error.message}") from error
    return reading.done()


def _lines(raw: bytes) -> Sequence[str]:
    bad = _FORBIDDEN.search(raw)
    if bad is not None:
        line = raw[: bad.start()].count(b"\n") + 1
        raise PolicyError(f"line {line}: a policy holds no control character {bad.group()!r}")
    if raw and not raw.endswith(b"\n"):
        raise PolicyError("the last line does not end in a newline: was the file cut off?")
    return raw.decode("utf-8", "surrogateescape").split("\n")[:-1]


class _Reading:
    """What the lines so far said."""

    def __init__(self) -> None:
        self._logs: list[KnownLog] = []
        self._witnesses: dict[str, KnownWitness] = {}
        self._groups: dict[str, Group] = {}
        self._members: set[str] = set()
        self._quorum: str | None = None
        self._kinds: Mapping[str, tuple[int, int, Callable[[list[str]], None]]] = {
            "log": (1, 2, self._log),
            "witness": (2, 3, self._witness),
            "group": (3, LINES_MAX * 2 + 2, self._group),
            "quorum": (1, 1, self._named_quorum),
        }

    def line(self, words: list[str]) -> None:
        kind, *items = words
        if kind not in self._kinds:
            raise PolicyError(f"expected log, witness, group or quorum, got {kind[:40]!r}")
        least, most, read = self._kinds[kind]
        if not least <= len(items) <= most:
            raise PolicyError(f"{kind} takes {least} to {most} items, got {len(items)}")
        read(items)

    def done(self) -> Policy:
        if self._quorum is None:
            raise PolicyError("there is no quorum line; a policy that asks for no cosignature says quorum none")
        witnesses = tuple(self._witnesses.values())
        return Policy(logs=tuple(self._logs), witnesses=witnesses, groups=dict(self._groups), quorum=self._quorum)

    def _log(self, items: list[str]) -> None:
        key = VerifierKey.parse(items[0])
        if key.kind.cosigns:
            raise PolicyError(f"{key.name} has a cosigner's key (type {int(key.kind)}); a log signs with type 1")
        self._check_new_key(key, self._logs)
        self._logs.append(KnownLog(key, "".join(items[1:])))

    def _witness(self, items: list[str]) -> None:
        name, key = items[0], VerifierKey.parse(items[1])
        if not key.kind.cosigns:
            raise PolicyError(f"{name} has a log's key (type 1); a witness cosigns with type 4 or 6")
        self._check_new_name(name)
        self._check_new_key(key, self._witnesses.values())
        self._witnesses[name] = KnownWitness(name, key, "".join(items[2:]))

    def _group(self, items: list[str]) -> None:
        name, needed, *members = items
        self._check_new_name(name)
        for member in members:
            self._check_member(member)
        count = {"any": "1", "all": str(len(members))}.get(needed, needed)
        if not _COUNT.fullmatch(count) or int(count) > len(members):
            raise PolicyError(f"expected all, any or a number from 1 to {len(members)}, got {needed[:40]!r}")
        _check_count(self._groups)
        self._groups[name] = Group(int(count), tuple(members))

    def _check_member(self, member: str) -> None:
        if member not in self._names():
            raise PolicyError(f"{member[:80]!r} is no witness or group of an earlier line")
        if member in self._members:
            raise PolicyError(f"{member[:80]!r} is a member twice; each counts in one way only")
        self._members.add(member)

    def _named_quorum(self, items: list[str]) -> None:
        if self._quorum is not None:
            raise PolicyError("there is a quorum line already")
        if items[0] != NONE and items[0] not in self._names():
            raise PolicyError(f"{items[0][:80]!r} is no witness or group of an earlier line")
        self._quorum = items[0]

    def _check_new_name(self, name: str) -> None:
        if name == NONE or name in self._names():
            raise PolicyError(f"the name {name[:80]!r} is taken")

    def _check_new_key(self, key: VerifierKey, known: Collection[KnownLog] | Collection[KnownWitness]) -> None:
        _check_count(known)
        # A log that cosigns itself vouches for nothing; the text forbids a key twice among logs or among witnesses.
        keys = [log.key for log in self._logs] + [witness.key for witness in self._witnesses.values()]
        if any(one.key == key.key for one in keys):
            raise PolicyError(f"the key of {key.name} stands in the file twice")

    def _names(self) -> Iterator[str]:
        yield from self._witnesses
        yield from self._groups


def _check_count(known: Collection[object]) -> None:
    if len(known) == LINES_MAX:
        raise PolicyError(f"a policy has at most {LINES_MAX} logs, {LINES_MAX} witnesses and {LINES_MAX} groups")
