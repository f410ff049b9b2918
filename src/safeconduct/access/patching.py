"""The standing from records: each collection that it is compiled from, and what a change of its records changes.

A standing from nothing is the empty one, patched with everything there is. So a patched standing and a rebuilt one
are made by the same code, and what a change costs depends on what it touched, not on how much there is.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from safeconduct.access import authorization as cedar
from safeconduct.access import records as kept
from safeconduct.access.compiled import compile_path
from safeconduct.access.inventory import compile_inventory
from safeconduct.access.lowering import lowerings
from safeconduct.access.marks import Freezes
from safeconduct.access.model.grants import Grant, GrantOrigin
from safeconduct.access.model.stops import Restriction, Selector
from safeconduct.access.ownership import proven
from safeconduct.access.standing import Standing
from safeconduct.kernel.ports import Collection, Records
from safeconduct.policy import EntityRecord, EntityUid

if TYPE_CHECKING:
    from safeconduct.kernel.ids import PathId, PrincipalId

Rows = Mapping[Any, Any]
"""Records of one collection by key; None for one that is gone."""

_Fields = dict[str, Any]


def patched(standing: Standing, rows: Mapping[str, Rows]) -> Standing:
    """Returns the standing with records changed: by collection and key, None for those that are gone.

    Raises:
        InvalidInputError: a record names another that is not there, or its policies are not valid.
    """
    for name, changed in rows.items():
        standing = replace(standing, **_PATCHES[name](standing, changed))
    return replace(standing, entities=standing.entities.patched(_entities(rows)))


def touched_rows(records: Records, touched: Iterable[tuple[str, str]]) -> dict[str, Rows]:
    """Returns the records that a change touched, as they are now."""
    keys = defaultdict[str, list[str]](list)
    for name, key in touched:
        keys[name].append(key)
    return {name: _rows(records, COLLECTIONS[name], of) for name, of in keys.items()}


def _rows(records: Records, collection: Collection[Any], keys: Iterable[str]) -> Rows:
    if collection.name in _READ_WHOLE:
        return dict(records.scan(collection))
    if collection in _GRANTS:
        return {key: kept.grant(records, key) for key in keys}
    return {key: records.get(collection, key) for key in keys}


def all_rows(records: Records) -> dict[str, Rows]:
    """Returns all records that a standing is compiled from."""
    return {name: dict(records.scan(collection)) for name, collection in COLLECTIONS.items()}


def entity_of(collection: str, key: str) -> EntityUid | None:
    """Returns the entity that a record is to policies, if it is one."""
    found = ENTITIES.get(collection)
    return EntityUid(found[0], key) if found else None


def _entities(rows: Mapping[str, Rows]) -> dict[EntityUid, EntityRecord | None]:
    return {
        EntityUid(kind, key): None if value is None else entity(value)
        for name, (kind, entity) in ENTITIES.items()
        for key, value in rows.get(name, {}).items()
    }


def _organizations(standing: Standing, rows: Rows) -> _Fields:
    return {"organizations": standing.organizations.patched(rows)}


def _agreements(standing: Standing, rows: Rows) -> _Fields:
    return {"agreements": standing.agreements.patched(rows)}


def _principals(standing: Standing, rows: Rows) -> _Fields:
    return {"principals": standing.principals.patched(rows)}


def _scopes(_standing: Standing, _rows: Rows) -> _Fields:
    return {}  # its entity is all there is of it: targets are sealed in paths


def _paths(standing: Standing, rows: Rows) -> _Fields:
    new = {key: path for key, path in rows.items() if path is None or path != standing.paths.get(key)}
    compiled = {key: None if path is None else compile_path(path) for key, path in new.items()}
    return {"paths": standing.paths.patched(new), "compiled": standing.compiled.patched(compiled)}


def _grants(standing: Standing, rows: Rows) -> _Fields:
    held: dict[tuple[PrincipalId, PathId], tuple[Grant, ...]] = {}
    for key, grant in rows.items():
        former = standing.granted.get(key)
        for one in (former, grant):
            if one is not None:
                pair = one.principal, one.path
                others = (other for other in held.get(pair, standing.grants.get(pair, ())) if other.id != key)
                held[pair] = (*others, *((grant,) if one is grant else ()))
    ordered = {pair: tuple(sorted(grants, key=_order)) or None for pair, grants in held.items()}
    return {"granted": standing.granted.patched(rows), "grants": standing.grants.patched(ordered)}


def _order(grant: Grant) -> tuple[bool, str]:
    return grant.origin is not GrantOrigin.PROGRAM, grant.id


def _policies(_standing: Standing, rows: Rows) -> _Fields:
    found = rows.get(kept.POLICIES_KEY)
    return {"policies": cedar.compile_policies(found.text if found else "")}


def _tokens(standing: Standing, rows: Rows) -> _Fields:
    former = {standing.token_hashes[key]: None for key in rows if key in standing.token_hashes}
    new = {token.hash: token for token in rows.values() if token is not None}
    hashes = {key: None if token is None else token.hash for key, token in rows.items()}
    return {"tokens": standing.tokens.patched(former | new), "token_hashes": standing.token_hashes.patched(hashes)}


def _honeytokens(_standing: Standing, rows: Rows) -> _Fields:
    return {"honeytokens": {one.hash: one.id for one in rows.values()}}


def _freezes(_standing: Standing, rows: Rows) -> _Fields:
    return {"freezes": Freezes(tuple(rows[key] for key in sorted(rows)))}


def _restrictions(_standing: Standing, rows: Rows) -> _Fields:
    found = defaultdict[Selector, tuple[Restriction, ...]](tuple)
    for one in rows.values():
        found[one.selector] += (one,)
    return {"restrictions": dict(found)}


def _lowered(_standing: Standing, rows: Rows) -> _Fields:
    return {"lowered": lowerings(rows.values())}


def _approvals(_standing: Standing, rows: Rows) -> _Fields:
    return {"approved": frozenset(rows)}


def _vetting(standing: Standing, rows: Rows) -> _Fields:
    required = rows.get(kept.VETTING_KEY) is not None
    return {"admissions": replace(standing.admissions, required=required)}


def _inventory(_standing: Standing, rows: Rows) -> _Fields:
    return {"inventory": compile_inventory(rows.values())}


def _admissions(standing: Standing, rows: Rows) -> _Fields:
    return {"admissions": replace(standing.admissions, facts=standing.admissions.facts.patched(rows))}


def _proofs(standing: Standing, rows: Rows) -> _Fields:
    return {"admissions": replace(standing.admissions, proofs=standing.admissions.proofs.patched(rows))}


def _authorizations(_standing: Standing, rows: Rows) -> _Fields:
    return {"proven": proven(rows.values())}


def _programs(_standing: Standing, rows: Rows) -> _Fields:
    return {"program": rows.get(kept.PROGRAM_KEY)}


_ROWS: tuple[tuple[Collection[Any], Callable[[Standing, Rows], _Fields]], ...] = (
    (kept.ORGANIZATIONS, _organizations),
    (kept.AGREEMENTS, _agreements),
    (kept.PRINCIPALS, _principals),
    (kept.SCOPES, _scopes),
    (kept.PATHS, _paths),
    (kept.ISSUED_GRANTS, _grants),
    (kept.GRANTS, _grants),  # after the issued: of two with one id the program's counts, as in `records.grant`
    (kept.POLICIES, _policies),
    (kept.TOKENS, _tokens),
    (kept.HONEYTOKENS, _honeytokens),
    (kept.FREEZES, _freezes),
    (kept.RESTRICTIONS, _restrictions),
    (kept.LOWERED, _lowered),
    (kept.MODEL_APPROVALS, _approvals),
    (kept.VETTING, _vetting),
    (kept.INVENTORY, _inventory),
    (kept.ADMISSIONS, _admissions),
    (kept.PATH_PROOFS, _proofs),
    (kept.AUTHORIZATIONS, _authorizations),
    (kept.PROGRAMS, _programs),
)
COLLECTIONS: Mapping[str, Collection[Any]] = {collection.name: collection for collection, _ in _ROWS}
_PATCHES = {collection.name: patch for collection, patch in _ROWS}

_GRANTS = (kept.GRANTS, kept.ISSUED_GRANTS)

_READ_WHOLE = frozenset(
    one.name
    for one in (
        kept.HONEYTOKENS,
        kept.FREEZES,
        kept.RESTRICTIONS,
        kept.LOWERED,
        kept.MODEL_APPROVALS,
        kept.AUTHORIZATIONS,
        kept.INVENTORY,
    )
)
"""Collections of few records, whose patches are given all of them."""

ENTITIES: Mapping[str, tuple[str, Callable[[Any], EntityRecord]]] = {
    kept.ORGANIZATIONS.name: ("Organization", cedar.organization_entity),
    kept.AGREEMENTS.name: ("Agreement", cedar.agreement_entity),
    kept.PRINCIPALS.name: ("Principal", cedar.principal_entity),
    kept.SCOPES.name: ("Scope", cedar.scope_entity),
    kept.PATHS.name: ("Path", cedar.path_entity),
    kept.ISSUED_GRANTS.name: ("Grant", cedar.grant_entity),
    kept.GRANTS.name: ("Grant", cedar.grant_entity),
}
"""Collections whose records policies see: the type of their entities, and how a record becomes one."""
