"""The rules in use for an owner's telemetry: those that ship, those on its model assets, and those it added."""

from collections.abc import Callable

from safeconduct.adapters.telemetry.archive import Archive
from safeconduct.kernel.ports import Records
from safeconduct.soc.detection.in_use import InUse, Kept, in_use
from safeconduct.soc.owners import asset_register
from safeconduct.soc.rule_collections import collections, read_files


def rules_in_use(records: Records, archive: Archive, owner: str, *changed: Kept) -> Callable[[], InUse]:
    """Returns what reads an owner's rules: slow when something of them changed, so not for the event loop.

    A `changed` collection stands in for the one of its name, though it is not recorded yet.
    """
    register, telemetry = asset_register(records, owner), archive.telemetry

    def kept(digest: str) -> Callable[[], tuple[tuple[str, str], ...]]:
        return lambda: read_files(telemetry.kept_aside(digest, "rules"))

    found = {one.name: Kept(one.name, one.digest, kept(one.digest)) for one in collections(records, owner)}
    found |= {one.name: one for one in changed}
    return lambda: in_use(
        register, telemetry.inventory(), tuple(found[name] for name in sorted(found)), archive.compiled
    )
