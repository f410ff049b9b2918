"""That a selector names something that is there: a freeze of a misspelled name would stop nobody, and look as if."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from safeconduct.access import records as kept
from safeconduct.access.marks import caller_marks, model_marks, path_marks
from safeconduct.access.model.parties import OrganizationRole
from safeconduct.access.model.stops import Selection, SelectorKind
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.listing import there_is
from safeconduct.kernel.ports import Records


def check_selected(records: Records, selection: Selection) -> None:
    """Returns if there is something that each term names.

    Raises:
        AbsentError: `nothing-to-freeze`.
    """
    for term in selection.terms:
        names = _NAMES.get(term.kind)
        if names is None or _there(records, term.kind, term.name) or term.name in (known := sorted(names(records))):
            continue
        told = there_is(known, "declared")
        text = f"there is no {term.kind.value} {term.name!r}, so it would select nothing; {told}"
        raise AbsentError(text, code="nothing-to-freeze")


def _there(records: Records, kind: SelectorKind, name: str) -> bool:
    """Tells whether a record has that very name, without a look at the others."""
    if kind is SelectorKind.PRINCIPAL:
        return records.get(kept.PRINCIPALS, name) is not None
    return kind is SelectorKind.GRANT and kept.grant(records, name) is not None


def _keys(records: Records) -> Iterable[str]:
    # A token whose principal is gone is not there either.
    yield from (token.id for _, token in records.scan(kept.TOKENS))
    yield from _marked(records, SelectorKind.KEY)


def _marked(records: Records, kind: SelectorKind) -> set[str]:
    """Returns what callers and paths bear of a kind."""
    organizations = dict(records.scan(kept.ORGANIZATIONS))
    found = set[str]()
    for _, principal in records.scan(kept.PRINCIPALS):
        found |= caller_marks(principal, organizations.get(principal.organization))
    for _, path in records.scan(kept.PATHS):
        found |= path_marks(path)
        for model in path.catalogue:
            found |= model_marks(model.names, model.tier)
    return {mark.partition(":")[2] for mark in found if mark.startswith(f"{kind.value}:")}


def _subprocessors(records: Records) -> Iterable[str]:
    return (name for name, one in records.scan(kept.ORGANIZATIONS) if one.role is OrganizationRole.SUBPROCESSOR)


_NAMES: Mapping[SelectorKind, Callable[[Records], Iterable[str]]] = {
    SelectorKind.AGREEMENT: lambda records: (name for name, _ in records.scan(kept.AGREEMENTS)),
    SelectorKind.ORGANIZATION: lambda records: (name for name, _ in records.scan(kept.ORGANIZATIONS)),
    SelectorKind.PRINCIPAL: lambda records: (name for name, _ in records.scan(kept.PRINCIPALS)),
    SelectorKind.PATH: lambda records: (name for name, _ in records.scan(kept.PATHS)),
    SelectorKind.GRANT: lambda records: (grant.id for grant in kept.grants(records)),
    SelectorKind.SUBPROCESSOR: _subprocessors,
    SelectorKind.KEY: _keys,
    **{
        kind: partial(_marked, kind=kind)
        for kind in (
            SelectorKind.JURISDICTION,
            SelectorKind.NATIONALITY,
            SelectorKind.PURPOSE,
            SelectorKind.MODEL,
            SelectorKind.TIER,
        )
    },
}
"""The names that there are of each kind; all needs none."""
