"""Holding a small installation's logs as anybody outside can: from an export, with public keys alone."""

from safeconduct.ledger.export import export_files, verify_files
from safeconduct.ledger.rebuild import check_sealed
from safeconduct.ledger.trust import Trust
from support.logs import CALLS, OTHER, cosigner, signer


def wrong_from_outside(rig):
    """Returns what an outsider finds wrong in the logs of a rig, and whoever holds its keys in the sealed fields."""
    found = []
    for origin in (CALLS, OTHER):
        if rig.store.size(origin):
            files = dict(export_files(rig.store, origin, signer(origin), payloads=True))
            trust = Trust(log=signer(origin).verifier, witnesses=(cosigner().verifier,))
            found += [finding.text for finding in verify_files(files.get, sorted(files), trust).findings]
        found += [finding.text for finding in check_sealed(rig.reader, rig.store, origin)]
    return found
