"""The process of the disk's failures: for each, one child commits while calls fail, and a second goes on after it.

Both end as if killed. Beside the folder stand the journal of each, what it acknowledged, and what it was told.
"""

import ctypes
import os
import shutil
import sys
from pathlib import Path

from safeconduct.adapters.sqlite import control
from safeconduct.adapters.sqlite import keys as keys_store
from safeconduct.kernel.errors import SafeconductError
from support.crashing import acknowledge, command, keys
from support.logs import Rig
from support.patience import PATIENCE_S

ROUNDS = ("first", "second")


def main(base, folder, mode, failures):
    shim = ctypes.CDLL(None)
    if mode == "trusting":  # a broken store, to show that the tests notice: it goes on after what it can read
        control.write_anew = keys_store.write_anew = lambda _connection, _name: None
    for number, (op, first, times, error) in enumerate(failures):
        work = folder / str(number)
        shutil.copytree(base, work)
        for name in ROUNDS:
            child = os.fork()
            if child == 0:
                shim.journal_begin(str(folder / f"{number}.{name}.journal").encode(), f"{work}/".encode())
                if name == "first":
                    shim.journal_fail(ctypes.c_char(op.encode()), ctypes.c_long(first), ctypes.c_long(times), error)
                run(work, folder / f"{number}.{name}", name)
            os.waitpid(child, 0)


def run(work, beside, name):
    """Commits one by one what it can, and ends without closing anything."""
    acks = os.open(f"{beside}.acks", os.O_WRONLY | os.O_CREAT)
    told = os.open(f"{beside}.told", os.O_WRONLY | os.O_CREAT)
    try:
        rig = Rig(work)
        for finding in rig.writer.start():
            os.write(told, f"found {finding.text}\n".encode())
        for key in keys():
            done = rig.writer.submit(command(f"{name}-{key}"))
            error = done.exception(timeout=PATIENCE_S)
            acknowledge(acks, done, f"{name}-{key}")
            if error is not None:
                os.write(told, f"{key} {error.code}\n".encode())
    except SafeconductError as error:
        os.write(told, f"opening {error.code}\n".encode())
    finally:
        os._exit(0)


if __name__ == "__main__":
    given = [one.split(":") for one in sys.argv[4:]]
    main(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        sys.argv[3],
        [(op, int(first), int(times), int(e)) for op, first, times, e in given],
    )
