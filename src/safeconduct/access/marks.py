"""What freezes can select a call by, as marks that it bears, and the freezes in force, compiled to be held to them.

A path's marks are compiled with it; a caller's and a model's are put together only while something is frozen.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from safeconduct.access.catalogue import SealedModel
from safeconduct.access.model.parties import Organization, OrganizationRole, Principal
from safeconduct.access.model.paths import SealedPath
from safeconduct.access.model.stops import Freeze, Selection, SelectorKind
from safeconduct.kernel.ids import GrantId

Marks = frozenset[str]
"""Attributes of a call, each as its selector says it: `path:soc-triage`, `tier:2+`."""

NO_MARKS: Marks = frozenset()

_KINDS = tuple(SelectorKind)
_KNOWN_EARLY = frozenset(SelectorKind) - {SelectorKind.MODEL, SelectorKind.TIER, SelectorKind.GRANT}


def path_marks(path: SealedPath) -> Marks:
    """Returns what every call on a path bears, by whichever of its providers it is answered."""
    found = {"all", f"agreement:{path.agreement}", f"path:{path.id}", f"purpose:{path.purpose}"}
    for one in path.providers:
        stated = ("subprocessor", one.operator), ("jurisdiction", one.jurisdiction), ("key", one.key_id)
        found.update(f"{kind}:{name}" for kind, name in stated if name)
    return frozenset(found)


def caller_marks(principal: Principal, organization: Organization | None, token: str = "") -> Marks:
    """Returns what every call of a principal bears; `token` is the id of the one it comes with, if it does."""
    found = {f"principal:{principal.id}", f"organization:{principal.organization}"}
    found.update(f"nationality:{one}" for one in principal.nationalities)
    found.update(f"subprocessor:{one}" for one in principal.employers)
    found.update(f"key:{one}" for one in (principal.key, token) if one)
    if organization is not None and organization.jurisdiction:
        found.add(f"jurisdiction:{organization.jurisdiction}")
    if organization is not None and organization.role is OrganizationRole.SUBPROCESSOR:
        found.add(f"subprocessor:{organization.id}")
    return frozenset(found)


def model_marks(names: Iterable[str], tier: int) -> Marks:
    """Returns what every call of a model bears: each of its names, its tier, and each tier that it is at or above."""
    above = (f"tier:{lower}+" for lower in range(tier + 1))
    return frozenset((*(f"model:{name}" for name in names), f"tier:{tier}", *above))


def grant_marks(grant: GrantId, model: SealedModel | None) -> Marks:
    """Returns what a call under a grant bears, for a model of its path if it is for one."""
    return frozenset((f"grant:{grant}",)) | (model_marks(model.names, model.tier) if model else NO_MARKS)


@dataclass(frozen=True, slots=True)
class Picker:
    """A selection, compiled."""

    wanted: Marks
    barred: Marks

    def picks(self, marks: Marks) -> bool:
        """Tells whether it selects a call that bears these marks and no others."""
        return self.wanted <= marks and self.barred.isdisjoint(marks)


def picker(selection: Selection) -> Picker:
    """Compiles a selection."""
    wanted = frozenset(term.mark for term in selection.terms if not term.barred)
    return Picker(wanted, frozenset(term.mark for term in selection.terms if term.barred))


@dataclass(frozen=True, slots=True)
class _Compiled:
    freeze: Freeze
    picker: Picker
    early: bool


@dataclass(frozen=True, slots=True)
class Freezes:
    """The freezes in force. Two are equal if the freezes are."""

    all: tuple[Freeze, ...] = ()
    _by_mark: dict[str, list[_Compiled]] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        for freeze in self.all:
            made = picker(freeze.selector)
            early = all(term.kind in _KNOWN_EARLY for term in freeze.selector.terms)
            anchor = max(made.wanted, default="all")
            self._by_mark.setdefault(anchor, []).append(_Compiled(freeze, made, early))

    def __bool__(self) -> bool:
        return bool(self.all)

    def stopping(self, marks: Marks, *, early: bool = False) -> Freeze | None:
        """Returns the widest freeze that selects a call. `early`: grant and model are not known yet."""
        found = [
            one.freeze
            for mark in marks & self._by_mark.keys()
            for one in self._by_mark[mark]
            if (one.early or not early) and one.picker.picks(marks)
        ]
        return min(found, key=_width, default=None)


def _width(freeze: Freeze) -> tuple[int, int, str]:
    """Returns what sorts the widest first, and the oldest of those that are as wide."""
    first = freeze.selector.terms[0]
    return len(freeze.selector.terms), _KINDS.index(first.kind), freeze.id
