"""The process of which hundreds of crashes are made: every kind of write that an installation does to its disk.

It notes each promise as it is given: an entry's receipt, a stored cosignature, a key made or destroyed, a backup, a
recovery. What a promise means after a crash, tests/runtime/test_crashes_dialogue.py says.
"""

import asyncio
import os
import sys
from contextlib import closing
from pathlib import Path

from safeconduct.adapters import files
from safeconduct.adapters.sqlite.control import SqliteStore
from safeconduct.bootstrap.backup import create
from safeconduct.gateway.events import CALL_INTENT
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.sealing import HOUSE_ONLY
from safeconduct.runtime.writer import GroupCommitWriter
from support import gateway_world
from support.call_ends import ANSWER, CHUNK, DONE, JSON_HEAD, STREAM_HEAD, ScriptedClient, ScriptedUpstream, request
from support.gateway_world import AGREEMENT, PATH, log_world
from support.logs import CALLS, START, Counting, sqlite_keys, thing
from support.programs import WITNESS
from support.recovering import recovered

HOUSE, OTHER_KEYS, DAMAGED, MIRROR, BACKUP = "house", "keys", "damaged", "mirror", "backup"


class Acks:
    """The promises given, one a line."""

    def __init__(self, folder):
        self._file = os.open(folder / "acks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __call__(self, *words):
        os.write(self._file, f"{' '.join(map(str, words))}\n".encode())


class Boasting(SqliteStore):
    """A broken store, to show that the tests notice: entries are promised before they are committed."""

    def __init__(self, path, ack):
        super().__init__(path)
        self._ack = ack

    def commit(self, batch):
        for growth in batch.growths:
            for entry in growth.entries:
                self._ack("entry", entry.id)
        super().commit(batch)


def note_receipts(ack):
    """Notes each receipt before whoever waits for it gets it."""
    deliver = GroupCommitWriter._deliver

    def noted(self, jobs, results):
        for result in results:
            for receipt in result.committed.receipts if result.committed else ():
                ack("entry", receipt.entry_id)
        deliver(self, jobs, results)

    GroupCommitWriter._deliver = noted


def call(world, *script, stream=False, dies=False):
    """Runs one governed call; one that dies leaves its intent open, as a killed process does."""

    async def main():
        calls = world.calls(ScriptedUpstream(*script))
        running = asyncio.ensure_future(
            calls.run(
                calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"]),
                request(stream=stream),
                ScriptedClient(),
            )
        )
        while dies and not any(entry.type == CALL_INTENT.name for entry in world.entries()):
            await asyncio.sleep(0)
        if not dies:
            await running

    asyncio.run(main())


def cosign(world, ack, origin):
    signed = world.reader.checkpoint(origin)
    note = signed.note.with_signatures([WITNESS.cosign(signed.note.text, 1)])
    world.writer.keep_cosigned(SignedCheckpoint(signed.checkpoint, note), WITNESS.verifier)
    ack("cosigned", origin, signed.checkpoint.size)


def keys(folder, ack):
    """Makes data keys, and destroys every other one, which changes the key-encryption key."""
    with closing(sqlite_keys(folder, Counting("other"))) as store:
        for day in range(3):
            name = HOUSE_ONLY.key_name(CALLS, thing("x"), Instant(START + seconds(86_400 * day)))
            made = [store.make(name, HOUSE_ONLY)]
            store.commit()
            ack("key", *(key.id for key in made))
        store.destroy([made[0].id])
        ack("destroyed", made[0].id)


def main(folder, mode):
    files.FLUSH_INTERVAL_S = 1e9  # no step depends on how fast this machine is, and heads lag
    ack = Acks(folder)
    if mode == "boasting":
        gateway_world.SqliteStore = lambda path: Boasting(path, ack)
    if mode == "off":
        gateway_world.SqliteStore = lambda path: SqliteStore(path, synchronous="OFF")
    note_receipts(ack)
    with log_world(folder / HOUSE) as world:
        cosign(world, ack, AGREEMENT)
        call(world, JSON_HEAD, ANSWER)
        call(world, STREAM_HEAD, CHUNK, CHUNK + DONE, stream=True)
        if mode == "full":
            create(folder / HOUSE, folder / BACKUP)
            ack("backup")
        world.run(world.revoke_command("bo"))
        cosign(world, ack, AGREEMENT)
        call(world, JSON_HEAD, ANSWER)
        world.run(world.freeze_command("path:soc-triage"))
    if mode == "full":
        keys(folder / OTHER_KEYS, ack)
        recovered(folder / DAMAGED, calls=folder / MIRROR)
        ack("recovered")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
