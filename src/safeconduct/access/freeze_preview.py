"""Whom a freeze would stop, without freezing: every call that could be made under the grants in force, held against it.

docs/spec/freeze.md section 2.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.access.catalogue import SealedModel
from safeconduct.access.marks import Marks, caller_marks, grant_marks, path_marks, picker
from safeconduct.access.model.grants import Grant
from safeconduct.access.model.parties import Organization, Principal
from safeconduct.access.model.paths import SealedPath
from safeconduct.access.model.stops import Selection, SelectorKind
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.ids import GrantId, PathId, PrincipalId
from safeconduct.kernel.ports import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Grants, and the principals and paths of those."""

    grants: tuple[GrantId, ...]
    principals: tuple[PrincipalId, ...]
    paths: tuple[PathId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Whom a freeze would stop. A grant is `cut` if no call under it is left, and `narrowed` if some calls are.

    `digest` covers all of it: who freezes everybody names it, and so says that they saw whom.
    """

    selector: str
    everybody: bool
    digest: str
    cut: Parts
    narrowed: Parts
    unaffected: Parts


@dataclass(frozen=True, slots=True)
class _Possible:
    """A grant with what every call under it bears, and the models and tokens that such a call may be of."""

    grant: Grant
    marks: Marks
    models: tuple[SealedModel, ...]
    tokens: tuple[str, ...]

    def calls(self) -> Iterator[Marks]:
        """Yields the marks of each call there may be."""
        for model in self.models:
            own = self.marks | grant_marks(self.grant.id, model)
            yield from (own | {f"key:{token}"} if token else own for token in self.tokens)


class _Known:
    """Records as `_possible` asks for them, each read once."""

    def __init__(self, records: Records, selection: Selection) -> None:
        self._records = records
        self._paths: dict[str, tuple[SealedPath, Marks] | None] = {}
        self._organizations: dict[str, Organization | None] = {}
        self._tokens = defaultdict[str, list[str]](list)
        if any(term.kind is SelectorKind.KEY for term in selection.terms):  # else it makes no difference which
            for _, token in records.scan(kept.TOKENS):
                self._tokens[token.principal].append(token.id)

    def path(self, path_id: PathId) -> tuple[SealedPath, Marks] | None:
        if path_id not in self._paths:
            found = self._records.get(kept.PATHS, path_id)
            self._paths[path_id] = None if found is None else (found, path_marks(found))
        return self._paths[path_id]

    def organization(self, principal: Principal) -> Organization | None:
        name = principal.organization
        if name not in self._organizations:
            self._organizations[name] = self._records.get(kept.ORGANIZATIONS, name)
        return self._organizations[name]

    def tokens(self, principal: Principal) -> tuple[str, ...]:
        return tuple(self._tokens.get(principal.id, ("",)))


def preview(records: Records, selection: Selection) -> Preview:
    """Returns whom a freeze would stop, and whom not."""
    picks = picker(selection).picks
    cut, narrowed, unaffected = list[Grant](), list[Grant](), list[Grant]()
    for one in _possible(records, selection):
        picked = {picks(marks) for marks in one.calls()}
        group = unaffected if True not in picked else cut if picked == {True} else narrowed
        group.append(one.grant)
    parts = _parts(cut), _parts(narrowed), _parts(unaffected)
    everybody = _is_all(selection) or (bool(cut) and not (narrowed or unaffected))
    seen = digest({"selector": str(selection), "grants": [list(part.grants) for part in parts]})
    return Preview(
        selector=str(selection),
        everybody=everybody,
        digest=seen,
        cut=parts[0],
        narrowed=parts[1],
        unaffected=parts[2],
    )


def cuts_everybody(records: Records, selection: Selection) -> bool:
    """Tells whether no call would be left, however that is written. Looks only as far as the first that would be."""
    if _is_all(selection):
        return True
    picks, any_calls = picker(selection).picks, False
    for one in _possible(records, selection):
        for marks in one.calls():
            any_calls = True
            if not picks(marks):
                return False
    return any_calls


def _is_all(selection: Selection) -> bool:
    return selection.terms[0].kind is SelectorKind.ALL


def _possible(records: Records, selection: Selection) -> Iterator[_Possible]:
    known = _Known(records, selection)
    for grant in kept.grants(records):
        principal, found = records.get(kept.PRINCIPALS, grant.principal), known.path(grant.path)
        if principal is None or found is None:
            continue
        path, marks = found
        organization = known.organization(principal)
        reach = grant.reach(principal, organization.tier if organization else 0)
        models = tuple(model for model in path.catalogue if model.tier <= reach)
        yield _Possible(grant, marks | caller_marks(principal, organization), models, known.tokens(principal))


def _parts(grants: list[Grant]) -> Parts:
    return Parts(
        grants=tuple(sorted(one.id for one in grants)),
        principals=tuple(sorted({one.principal for one in grants})),
        paths=tuple(sorted({one.path for one in grants})),
    )
