"""Finds in free text what is an organization's own or a secret, and what is kept by rule. docs/spec/recognizers.md.

Pure and linear in the text, whatever it holds and whatever an inventory says.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from safeconduct.access.inventory import NO_INVENTORY, Inventory
from safeconduct.boundary import (
    account_shapes,
    address_shapes,
    host_shapes,
    kept_shapes,
    number_shapes,
    secret_shapes,
    unix_shapes,
)
from safeconduct.boundary.aligned import Aligned, aligned
from safeconduct.boundary.model import Finding
from safeconduct.boundary.names import NO_NAMES, Names, own_names
from safeconduct.boundary.patterns import OwnPatterns, Scan, Shape

INVENTORIES_KEPT_MAX = 8
"""Inventories whose tables are kept, some MiB each: those of the programs in force, and the ones before them."""


class _Recognizer(NamedTuple):
    scan: Scan
    names: Names
    own: OwnPatterns


def recognize(text: str, inventory: Inventory = NO_INVENTORY, known: Names = NO_NAMES) -> tuple[Finding, ...]:
    """Returns what is found in a text, in order, without overlaps. `known` are further names, such as a request's own.

    At one place what is wider counts, then what is surer: an operator's pattern, a known name, a shape, an own name.
    """
    reading = aligned(text)
    recognizer = _recognizer(inventory)
    found = _merged(recognizer.scan.found(reading.data, inventory), recognizer.names.found(reading.data))
    for more in (known.found(reading.data), recognizer.own.found(reading.data)):
        if more:
            found = _merged(*_settled(_apart(more), found))
    if reading.places is None:
        return tuple(found)
    return tuple([_finding(one, reading) for one in found])


def _finding(one: Finding, reading: Aligned) -> Finding:
    start, end = reading.span(one.start, one.end)
    return Finding(kind=one.kind, data_class=one.data_class, start=start, end=end)


@lru_cache(maxsize=INVENTORIES_KEPT_MAX)
def _recognizer(inventory: Inventory) -> _Recognizer:
    return _Recognizer(Scan(_shapes(inventory)), own_names(inventory), _patterns(inventory))


def _shapes(inventory: Inventory) -> tuple[Shape, ...]:
    return (
        *kept_shapes.SHAPES,
        *secret_shapes.SHAPES,
        *number_shapes.SHAPES,
        *unix_shapes.SHAPES,
        *account_shapes.SHAPES,
        *host_shapes.SHAPES,
        *address_shapes.own_address_shapes(inventory),
        *address_shapes.SHAPES,
    )


def _patterns(inventory: Inventory) -> OwnPatterns:
    return OwnPatterns([(one.id, one.data_class, one.pattern) for one in inventory.patterns])


def _apart(found: Iterable[Finding]) -> list[Finding]:
    """Returns in order what does not overlap; of two the one that begins first."""
    kept: list[Finding] = []
    for one in sorted(found, key=lambda judged: judged.start):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


def _settled(sure: list[Finding], found: list[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Leaves out what is sure where something wider was found. Both are in order and without overlaps."""
    kept, at = [], 0
    for one in sure:
        while at < len(found) and found[at].end <= one.start:
            at += 1
        wider = at < len(found) and found[at].start <= one.start and one.end <= found[at].end
        if not wider or (found[at].start, found[at].end) == (one.start, one.end):
            kept.append(one)
    return kept, found


def _merged(found: list[Finding], more: list[Finding]) -> list[Finding]:
    """Adds what does not overlap. Both are in order."""
    if not more or not found:
        return found or more
    merged: list[Finding] = []
    rest = iter(found)
    ahead = next(rest, None)
    for one in more:
        while ahead is not None and ahead.end <= one.start:
            merged.append(ahead)
            ahead = next(rest, None)
        if ahead is None or one.end <= ahead.start:
            merged.append(one)
    return [*merged, *([ahead] if ahead else []), *rest]
