"""A sequencer as a process of its own, and the shared database of a test looked at from outside.

python -m support.sequencing DATABASE HEADS
"""

import contextlib
import os
import subprocess
import sys
import threading

from safeconduct.adapters.postgres.heads import PostgresHeads
from safeconduct.adapters.postgres.reading import PostgresReader
from safeconduct.adapters.postgres.sequencing import PostgresSequencing
from safeconduct.ledger.audit import audit
from safeconduct.ledger.rebuild import check_state
from safeconduct.runtime.sequencer import Sequencer
from support.logs import CALLS, OTHER, signer
from support.workers import PROJECTIONS, say


@contextlib.contextmanager
def sequencer(url, heads_url, *, store=None):
    """Opens a sequencer in this process."""
    store, heads = store or PostgresSequencing(url), PostgresHeads(heads_url)
    made = Sequencer(store, heads, signer)
    try:
        yield made
    finally:
        store.close()
        heads.close()


def findings(url, heads_url):
    """Returns what is wrong with logs, heads and control state, as anybody finds who reads the databases."""
    reader, heads = PostgresReader(url), PostgresHeads(heads_url)
    copies = {origin: heads.copies(origin) for origin in (CALLS, OTHER)}
    try:
        with reader.frozen() as frozen:
            found = [one for origin in copies for one in audit(frozen, origin, signer(origin).verifier, copies[origin])]
            return found + check_state(frozen, frozen, PROJECTIONS)
    finally:
        reader.close()
        heads.close()


def waiting(url):
    """Returns how many entries have no place."""
    reader = PostgresReader(url)
    try:
        return sum(1 for origin in reader.origins() for _leaf in reader.waiting(origin))
    finally:
        reader.close()


@contextlib.contextmanager
def spawn(module, *words):
    """Starts one of these modules as a process; ends it with the block, if it still runs."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", f"support.{module}", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            yield process
        finally:
            process.kill()


def main(url, heads_url):
    with sequencer(url, heads_url) as made:
        say("ready")
        made.run(threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
