"""Each write of an installation fails once, or fails and is applied nevertheless: no promise is broken or made twice.

After each the process starts again over what is stored, tries what it was not promised, and the logs are verified from
outside.
"""

import asyncio
import contextlib
from dataclasses import dataclass

import pytest

from safeconduct.adapters.files import FileHeads
from safeconduct.adapters.memory.keys import MemoryKeys
from safeconduct.adapters.memory.log import MemoryHeads, MemoryStore
from safeconduct.adapters.sqlite.control import SqliteStore
from safeconduct.kernel.effects import OUTBOX, finish_effect, order_effect
from safeconduct.kernel.errors import ConflictError, SafeconductError, UnavailableError
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.events import EventType
from safeconduct.runtime.effects import EffectRunner
from support.faulty import Faulty
from support.logs import CALLS, OTHER, PROJECTIONS, Counting, Rig, cosigner, sqlite_keys, thing
from support.outside import wrong_from_outside

COUNT = 6


@dataclass(frozen=True)
class Reported:
    entry: str


DONE = EventType("test.work.done/1", Reported)


def put(state, entry):
    PROJECTIONS["test.thing.done/1"](state, entry)
    if entry.body["n"] % 2:
        order_effect(state, entry, "work")


WORKING = {
    **PROJECTIONS,
    "test.thing.done/1": put,
    DONE.name: lambda state, entry: finish_effect(state, DONE.read(entry).entry, "work"),
}


def command(n):
    draft = thing(f"k{n}", sealed={"request": f"secret {n}"}, n=n)
    return lambda tx: tx.append(OTHER if n % 3 == 0 else CALLS, draft._replace(subject=f"subject {n}"))


class Parts:
    """What outlives a process."""

    def __init__(self, folder):
        self.folder = folder
        self.store, self.heads, self.keys = MemoryStore(), MemoryHeads(), MemoryKeys(Counting("keys"))
        self.work = []  # what was done outside, by the entry that ordered it

    def rig(self, fault=lambda _name, port: port):
        if self.folder is not None:
            self.store, self.heads = SqliteStore(self.folder / "safeconduct.db"), FileHeads(self.folder / "heads")
            self.keys = sqlite_keys(self.folder, Counting(f"keys {len(self.work)}"))
        given = {name: fault(name, getattr(self, name)) for name in ("store", "heads", "keys")}
        rig = Rig(self.folder, **given, projections=WORKING)
        rig.findings = rig.writer.start()
        return rig

    def close(self, rig):
        with contextlib.suppress(UnavailableError):  # the failure may fall into the last flush
            rig.writer.close()
        if self.folder is not None:
            self.store.close()
            self.keys.close()

    def carry_out(self, rig):
        """Does the work that entries ordered, each by its entry and reported by a second one, as far as it goes."""

        def work(effect):
            if effect.key not in self.work:
                self.work.append(effect.key)
            rig.run(lambda tx: tx.append(CALLS, DONE.draft(Reported(effect.key))))

        async def run():
            async with EffectRunner(rig.writer, rig.store.snapshot, rig.clock) as runner:
                runner.on("work", work)
                await runner.settle()

        asyncio.run(run())


def cosign(rig):
    signed = rig.reader.checkpoint(CALLS)
    note = signed.note.with_signatures([cosigner().cosign(signed.note.text, 1_795_248_000)])
    rig.writer.keep_cosigned(SignedCheckpoint(signed.checkpoint, note), cosigner().verifier)
    return signed.checkpoint.size


def tried(parts, rig):
    """Lets a process try all there is to do; returns what it was promised."""
    promised, cosigned = set(), []
    for n in range(COUNT):
        with contextlib.suppress(SafeconductError):
            promised.add(rig.run(command(n)).receipts[0].entry_id)
        with contextlib.suppress(SafeconductError):
            cosigned.append(cosign(rig))
    parts.carry_out(rig)
    return promised, cosigned


WRITES = [
    *(("store", "commit", at) for at in range(1, COUNT + 2)),
    *(("keys", "commit", at) for at in (1, 2, COUNT)),
    *(("heads", "replace", at) for at in range(1, COUNT + 3)),
    *(("heads", "flush", at) for at in (1,)),
    *(("store", "keep_cosigned", at) for at in (1, COUNT - 1)),
]


@pytest.mark.parametrize("applied", [False, True], ids=["failed", "failed but applied"])
@pytest.mark.parametrize("write", WRITES, ids=lambda one: "-".join(map(str, one)))
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_write_that_fails_once_breaks_no_promise(tmp_path, kind, write, applied):
    part, method, at = write
    parts, faulty = Parts(tmp_path if kind == "sqlite" else None), []

    def fault(name, port):
        if name != part:
            return port
        faulty.append(Faulty(port, method, at, applied=applied))
        return faulty[0]

    rig = parts.rig(fault)
    promised, cosigned = tried(parts, rig)
    parts.close(rig)
    assert faulty[0].left <= 0, "the write that was to fail was never made"
    rig = parts.rig()
    try:
        assert [finding.text for finding in rig.findings] == []
        there = {entry.id for origin in (CALLS, OTHER) for entry in rig.reader.entries(origin)}
        assert promised <= there
        assert set(cosigned) <= {size for size, _note, _key in rig.store.cosigned(CALLS)}
        for n in range(COUNT):
            with contextlib.suppress(ConflictError):
                rig.run(command(n))
        parts.carry_out(rig)
        things = [e for origin in (CALLS, OTHER) for e in rig.reader.entries(origin) if e.type != DONE.name]
        assert sorted(entry.body["n"] for entry in things) == list(range(COUNT))  # each once
        ordered = {entry.id for entry in things if entry.body["n"] % 2}
        reports = [DONE.read(e).entry for e in rig.reader.entries(CALLS) if e.type == DONE.name]
        assert sorted(reports) == sorted(ordered) == sorted(parts.work)  # and so its work, and the report of it
        with rig.store.snapshot() as records:
            assert list(records.scan(OUTBOX)) == []
        assert wrong_from_outside(rig) == []
        assert rig.audit() == []
    finally:
        parts.close(rig)
