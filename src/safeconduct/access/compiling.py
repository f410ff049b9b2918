"""The standing of records, compiled from all of them or patched from the standing before."""

from dataclasses import replace
from functools import cache

from safeconduct.access import authorization as cedar
from safeconduct.access import records as kept
from safeconduct.access.marks import Freezes
from safeconduct.access.patching import all_rows, patched, touched_rows
from safeconduct.access.standing import Standing
from safeconduct.kernel.maps import PersistentMap
from safeconduct.kernel.ports import Records
from safeconduct.policy import Entities


def compile_standing(records: Records, previous: Standing | None = None) -> Standing:
    """Compiles the standing from the records. Without policies in force it permits nothing.

    Of `previous` it takes all that no change since has touched: a freeze must not wait for thousands of entities.
    """
    touched = kept.touched_since(records, previous.epoch) if previous else None
    if previous is None or touched is None:
        compiled = patched(_nothing(), all_rows(records))
    else:
        compiled = patched(previous, touched_rows(records, touched))
    return replace(compiled, epoch=kept.epoch(records))


@cache
def _nothing() -> Standing:
    return Standing(
        epoch=0,
        program=None,
        policies=cedar.compile_policies(""),
        entities=Entities.compile(()),
        tokens=PersistentMap(),
        token_hashes=PersistentMap(),
        organizations=PersistentMap(),
        principals=PersistentMap(),
        paths=PersistentMap(),
        compiled=PersistentMap(),
        agreements=PersistentMap(),
        granted=PersistentMap(),
        grants=PersistentMap(),
        freezes=Freezes(),
    )
