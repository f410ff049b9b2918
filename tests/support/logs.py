"""A small installation for tests of the log: two origins, one record per entry, a clock that tests set."""

import hashlib
from dataclasses import dataclass

from safeconduct.adapters.files import FileHeads
from safeconduct.adapters.memory.keys import MemoryKeys
from safeconduct.adapters.memory.log import MemoryHeads, MemoryStore
from safeconduct.adapters.sqlite.control import SqliteStore
from safeconduct.adapters.sqlite.keys import SqliteKeys
from safeconduct.adapters.wrapping_keys import FileWrappingKeys
from safeconduct.kernel.entries import Draft, Retention
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant, parse_rfc3339
from safeconduct.kernel.ports import Collection
from safeconduct.ledger.audit import audit
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import Cosigner, NoteSigner
from safeconduct.ledger.reader import LogReader
from safeconduct.ledger.rebuild import check_state
from safeconduct.ledger.recovery_events import PROJECTIONS as RECOVERY
from safeconduct.runtime.writer import GroupCommitWriter
from support.patience import PATIENCE_S

CALLS = Origin("safeconduct.example/demo/ag-1")
OTHER = Origin("safeconduct.example/demo/installation")
START = parse_rfc3339("2026-11-21T08:00:00Z")
TYPE = "test.thing.done/1"
DELETE = "test.thing.removed/1"


@dataclass(frozen=True)
class Thing:
    entry: str
    body: dict


THINGS = Collection("things", Thing)


def put_thing(state, entry):
    state.insert(THINGS, entry.body["key"], Thing(entry.id, dict(entry.body)))


def remove_thing(state, entry):
    state.delete(THINGS, entry.body["key"])


PROJECTIONS = {TYPE: put_thing, DELETE: remove_thing, **RECOVERY}


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: Instant = START) -> None:
        self.time = now

    def now(self) -> Instant:
        return self.time


class Counting:
    """Bytes that differ at each draw and are the same in each run."""

    def __init__(self, seed: str = "") -> None:
        self.seed = seed
        self.drawn = 0

    def __call__(self, count: int) -> bytes:
        self.drawn += 1
        return hashlib.shake_128(f"{self.seed}{self.drawn}".encode()).digest(count)


def sqlite_keys(folder, entropy):
    """Returns the data keys of a folder, with their key-encryption key beside them."""
    return SqliteKeys(folder / "keys.db", entropy, FileWrappingKeys(folder / "kek", entropy))


def signer(origin=CALLS):
    return NoteSigner(origin, SecretKey(hashlib.sha256(origin.encode()).digest()))


def cosigner(name="partner.example/witness"):
    return Cosigner(name, SecretKey(hashlib.sha256(name.encode()).digest()))


def thing(key, *, sealed=None, **body):
    return Draft(type=TYPE, body={"key": key, **body}, sealed=sealed or {}, subject="ana", retention=Retention.CALL)


def add(key, origin=CALLS, *, sealed=None, **body):
    """Returns a command that appends one thing."""
    return lambda tx: tx.append(origin, thing(key, sealed=sealed, **body))


class Rig:
    """A store, its keys and heads, and a writer over them. `folder` None keeps all in memory."""

    def __init__(self, folder=None, *, store=None, heads=None, keys=None, projections=PROJECTIONS, **options) -> None:
        self.clock = Clock()
        self.entropy = Counting()
        if folder is None:
            self.store = store or MemoryStore()
            self.heads = heads or MemoryHeads()
            self.keys = keys or MemoryKeys(self.entropy)
        else:
            self.store = store or SqliteStore(folder / "safeconduct.db")
            self.heads = heads or FileHeads(folder / "heads")
            self.keys = keys or sqlite_keys(folder, self.entropy)
        self.writer = GroupCommitWriter(
            self.store,
            self.heads,
            self.keys,
            signers=options.pop("signers", None) or [signer(CALLS), signer(OTHER)],
            clock=self.clock,
            entropy=self.entropy,
            projections=projections,
            **options,
        )
        self.projections = projections
        self.findings = []

    def __enter__(self):
        self.findings = self.writer.start()
        return self

    def __exit__(self, *_error):
        self.close()

    def close(self):
        self.writer.close()
        self.store.close()
        if isinstance(self.keys, SqliteKeys):
            self.keys.close()

    @property
    def reader(self):
        return LogReader(self.store.reader(), self.keys)

    def audit(self):
        """Returns what is wrong with store and heads."""
        heads = {origin: self.heads.copies(origin) for origin in (CALLS, OTHER)}
        with self.store.frozen() as frozen:
            findings = [
                one for origin in heads for one in audit(frozen, origin, signer(origin).verifier, heads[origin])
            ]
            return findings + check_state(frozen, frozen, self.projections)

    def run(self, command):
        """Runs a command and returns what it committed, or raises its error."""
        return self.writer.submit(command).result(timeout=PATIENCE_S)

    def fill(self, count, origin=CALLS, start=0):
        """Appends things in one go; returns their receipts."""
        futures = [self.writer.submit(add(f"{origin}-{start + n}", origin, n=n)) for n in range(count)]
        return [future.result(timeout=PATIENCE_S).receipts[0] for future in futures]
