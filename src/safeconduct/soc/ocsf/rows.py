"""Rows of mapping tables that are compiled once, for sources that write thousands of events a second."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from safeconduct.ledger.ocsf import put

Convert = Callable[[Any], Any]
"""Field -> attribute, in its type and normal form; None where the field has none."""

Taken = tuple[str, Convert]
"""A field, and what is made of it."""

NOTHING = frozenset({"", "-"})
"""What Windows writes where there is nothing to say."""

HEADER = "@"
_SCALARS = frozenset({str, int, bool})
_NEED_A_NUMBER = frozenset({"process", "parent_process"})  # OCSF: one of pid, uid and cpid


@dataclass(frozen=True)
class Row:
    """What one kind of event means: class, activity, and where each attribute comes from.

    `copy` maps a dotted OCSF attribute to a field, or to a field and what is made of it. A field that is absent, `-`,
    empty or a list sets nothing, and an object of which nothing is set is left out. `fixed` holds what the row alone
    says. `headed` tells that fields of the record's header are among them, whose names begin with HEADER.
    """

    class_uid: int
    activity_id: int
    copy: Mapping[str, str | Taken]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    fill: Callable[[Mapping[str, Any]], dict[str, Any]] = field(init=False, repr=False)
    headed: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tree: dict[str, Any] = {}
        sources = {path: (source, None) if isinstance(source, str) else source for path, source in self.copy.items()}
        for path, taken in sources.items():
            put(tree, path, taken)
        object.__setattr__(self, "fill", _compiled(tree))
        object.__setattr__(self, "headed", any(name.startswith(HEADER) for name, _ in sources.values()))


def _compiled(tree: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    leaves = [(name, *source) for name, source in tree.items() if isinstance(source, tuple)]
    branches = [(name, _compiled(part)) for name, part in tree.items() if isinstance(part, dict)]

    def fill(fields: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, source, convert in leaves:
            value = fields.get(source)
            if type(value) not in _SCALARS or value in NOTHING:
                continue
            if convert is None:
                made[name] = value if type(value) is str else str(value)
            elif (converted := convert(value)) is not None:
                made[name] = converted
        for name, part in branches:
            if (inner := part(fields)) and (name not in _NEED_A_NUMBER or "pid" in inner or "uid" in inner):
                made[name] = inner
        return made

    return fill
