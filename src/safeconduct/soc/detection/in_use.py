"""The rules that are run for one owner: those that ship, those on its model assets, and its own collections."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from safeconduct.soc.detection.keeping import CompiledRules, NotKept, compile_rules, decode, encode, key_of
from safeconduct.soc.detection.model import Problem, RuleSet
from safeconduct.soc.detection.placeholders import placeholders
from safeconduct.soc.detection.shipped import Register, asset_files, places, shipped_files
from safeconduct.soc.inventory import Inventory

OWNERS_KEPT = 8
"""Rule sets kept parsed, the latest used: one for each owner and its latest changes. 3,000 rules take some 60 MB."""

_SPECIAL = re.compile(r"([\\*?])")
_NO_WORD = re.compile(r"\W+")

Files = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Kept:
    """A collection as it is kept: `files` reads it."""

    name: str
    digest: str
    files: Callable[[], Files] = field(compare=False)


@dataclass(frozen=True, slots=True)
class InUse:
    """Rules ready to run, and those set aside with why."""

    rules: RuleSet
    aside: Sequence[Problem]


_NOT_KEPT = NotKept()


def in_use(
    register: Register,
    inventory: Inventory,
    collections: tuple[Kept, ...] = (),
    compiled: CompiledRules = _NOT_KEPT,
) -> InUse:
    """Returns an owner's rules, read once until something of them changes; `compiled` outlives the process.

    Raises:
        UnavailableError: a collection's files are not what the log says, or not there.
    """
    values = tuple(sorted((name, tuple(found)) for name, found in inventory_values(inventory).items()))
    return _read(register, values, collections, compiled)


def inventory_values(inventory: Inventory) -> Mapping[str, Sequence[str]]:
    """Returns what an inventory has for placeholders: `hosts`, `users`, `domains`, `addresses`, and `hosts_ROLE`."""
    found: dict[str, list[str]] = {"domains": list(inventory.domains)}
    for host in inventory.hosts:
        _put(found, "hosts", host.role, host.name)
        _put(found, "addresses", host.role, host.address)
    for account in inventory.users:
        _put(found, "users", account.role, account.name)
    return {name: [_SPECIAL.sub(r"\\\1", value) for value in values] for name, values in found.items() if values}


def _put(found: dict[str, list[str]], name: str, role: str, value: str) -> None:
    if value:
        found.setdefault(name, []).append(value)
        if role:
            found.setdefault(f"{name}_{_NO_WORD.sub('_', role).lower()}", []).append(value)


@lru_cache(maxsize=OWNERS_KEPT)
def _read(
    register: Register,
    values: tuple[tuple[str, tuple[str, ...]], ...],
    collections: tuple[Kept, ...],
    compiled: CompiledRules,
) -> InUse:
    of_assets = places(register)
    fitting = [(name, text) for name, text in asset_files() if placeholders(text) <= of_assets.keys()]
    own = [(f"{kept.name}/{name}", text) for kept in collections for name, text in kept.files()]
    files, filled = [*shipped_files(), *fitting, *own], {**dict(values), **of_assets}
    key = key_of(files, filled)
    content = compiled.read(key)
    found = decode(content) if content is not None else None
    if found is None:
        found = _made(files, filled)
        compiled.keep(key, encode(*found))
    return InUse(*found)


def _made(files: Files, filled: Mapping[str, Sequence[str]]) -> tuple[RuleSet, list[Problem]]:
    from safeconduct.soc.detection.parsing import check  # noqa: PLC0415 - a second and 6 MB; most read no rule

    rules, aside = check(files, filled)
    return compile_rules(rules), aside
