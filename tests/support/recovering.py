"""Recovering the logs of a small installation, as bootstrap does for a real one."""

from contextlib import closing

from safeconduct.adapters.files import FileHeads
from safeconduct.adapters.folder import read_folder
from safeconduct.adapters.memory.keys import MemoryKeys
from safeconduct.adapters.mirror import pull
from safeconduct.adapters.sqlite.control import SqliteStore
from safeconduct.ledger.audit import Trust
from safeconduct.ledger.export import export_files
from safeconduct.ledger.recovery import plan_recovery
from safeconduct.ledger.stitching import open_mirror
from safeconduct.runtime.recovering import RecoveringStore, recover
from support.logs import CALLS, OTHER, PROJECTIONS, Clock, Counting, signer

TRUST = {origin: Trust(log=signer(origin).verifier) for origin in (CALLS, OTHER)}


def mirrored(rig, folder, origin=CALLS, trust=None):
    """Brings the partner's mirror up to date."""
    pull(
        dict(export_files(rig.store, origin, signer(origin), payloads=False)).__getitem__,
        folder,
        trust or TRUST[origin],
    )
    return folder


def exported(rig, folder, origin=CALLS):
    """Writes an export with payloads."""
    for path, content in export_files(rig.store, origin, signer(origin), payloads=True):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def mirror_at(folder, origin=CALLS, *, witnesses=()):
    """Opens a mirror as a recovery does."""
    return open_mirror(*read_folder(folder), Trust(log=signer(origin).verifier, witnesses=witnesses))


def plans_of(store, heads, mirrors):
    """Returns what is to be done to each log."""
    found = {
        origin: plan_recovery(store, signer(origin).verifier, heads.copies(origin), mirrors.get(origin))
        for origin in (CALLS, OTHER)
    }
    return {origin: plan for origin, plan in found.items() if plan is not None and plan.places}


def carried_out(store, heads, plans, *, clock=None, projections=PROJECTIONS):
    """Recovers; returns the receipts of the entries that tell of it."""
    return recover(
        RecoveringStore(store, plans, projections),
        heads,
        MemoryKeys(Counting()),
        plans,
        signers=[signer(CALLS), signer(OTHER)],
        clock=clock or Clock(),
        entropy=Counting("recovery"),
        projections=projections,
    ).receipts


def recovered(folder, *, projections=PROJECTIONS, **folders):
    """Recovers an installation on disk; `calls` and `other` name mirrors. Returns the plans that were carried out."""
    mirrors = {
        origin: mirror_at(folders[name], origin)
        for name, origin in (("calls", CALLS), ("other", OTHER))
        if name in folders
    }
    heads = FileHeads(folder / "heads")
    with closing(SqliteStore(folder / "safeconduct.db")) as store:
        plans = plans_of(store, heads, mirrors)
        if plans:
            carried_out(store, heads, plans, projections=projections)
    return plans
