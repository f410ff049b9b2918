"""The process that the crash tests record: commits in groups and notes each acknowledgment as it comes."""

import os
import sys
from concurrent.futures import wait
from pathlib import Path

from safeconduct.adapters.sqlite.control import SqliteStore
from support.logs import CALLS, OTHER, Rig, add
from support.patience import PATIENCE_S

GROUPS, EACH = 4, 3


class Eager(SqliteStore):
    """A broken store, to show that the tests notice: it says that a batch is committed before it is."""

    held = None

    def commit(self, batch):
        if self.held is not None:
            super().commit(self.held)
        self.held = batch


def keys():
    return [f"g{group}-{n}" for group in range(GROUPS) for n in range(EACH)]


def command(key):
    return add(key, OTHER if key.endswith("-2") else CALLS, sealed={"request": f"secret {key}"})


def main(folder, mode):
    path = folder / "safeconduct.db"
    store = Eager(path) if mode == "eager" else SqliteStore(path, synchronous="OFF" if mode == "off" else "FULL")
    store._only.execute("PRAGMA wal_autocheckpoint = 20")  # so that the log is also folded into the database
    acks = os.open(folder / "acks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with Rig(folder, store=store) as rig:
        assert rig.findings == []
        for group in range(GROUPS):
            futures = []
            for key in keys()[group * EACH : (group + 1) * EACH]:
                future = rig.writer.submit(command(key))
                future.add_done_callback(lambda done, key=key: acknowledge(acks, done, key))
                futures.append(future)
            wait(futures, timeout=PATIENCE_S)
    os.close(acks)


def acknowledge(acks, done, key):
    if done.exception() is None:
        os.write(acks, f"{key}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
