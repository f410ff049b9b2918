"""What a mirror can show of a log that does not continue the copy: from its own tree, or from the log's new one."""

from collections.abc import Callable
from pathlib import Path

from safeconduct.adapters.folder import write_file
from safeconduct.kernel.errors import SafeconductError
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.evidence import FOLDER, Claim, Evidence, fork
from safeconduct.ledger.merkle import Subtree, consistency_proof, root
from safeconduct.ledger.tiles import subtrees

Fetch = Callable[[str], bytes]
"""Returns a file of the log by its path below the log's prefix. Raises UnavailableError."""


def contradiction(held: SignedCheckpoint, held_tree: Subtree, shown: SignedCheckpoint, fetch: Fetch) -> Evidence | None:
    """Returns what shows that the log took something back, or None where it serves nothing that shows it."""
    mine, said = held.checkpoint.size, shown.checkpoint.size
    if said == mine:
        return fork(held, shown)
    if 0 < said < mine:
        here, proof = root(said, held_tree), consistency_proof(said, mine, held_tree)
        found = fork(held, shown, here, tuple(proof))
        return found or Evidence(claim=Claim.ROLLED_BACK, held=held, shown=shown)
    if said < mine:
        return Evidence(claim=Claim.ROLLED_BACK, held=held, shown=shown)
    theirs = subtrees(said, lambda tile: fetch(tile.path))
    try:
        return fork(held, shown, root(mine, theirs), tuple(consistency_proof(mine, said, theirs)))
    except SafeconductError:  # it serves no whole tree: then it has shown none that its signature covers
        return None


def keep(folder: Path, evidence: Evidence) -> str:
    """Keeps evidence durably beside the copy and returns where.

    Raises:
        UnavailableError: it can't be written.
    """
    path = f"{FOLDER}/{evidence.name}"
    write_file(folder, path, evidence.encoded.encode())
    return str(folder / path)
