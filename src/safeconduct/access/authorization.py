"""A governed call as Cedar sees it: the schema, the default policies, the entities and the request.

Grants are entities and not policies: evaluation is linear in policies and independent of the number of entities.
"""

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib.resources import files

from safeconduct.access.model.agreements import Agreement
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.model.grants import Grant
from safeconduct.access.model.parties import Organization, Principal
from safeconduct.access.model.paths import Scope, SealedPath
from safeconduct.access.target_rules import Place
from safeconduct.policy import EntityRecord, EntityUid, PolicyRequest, PolicySet, Schema

CALL = EntityUid("Action", "call")

TARGETS = ("targets_in_scope", "targets_outside", "targets_mentioned")
"""The members of a call's context that name targets."""


@cache
def call_schema() -> Schema:
    """Returns the schema that every policy must fit."""
    return Schema.compile(_shipped("call.cedarschema"))


def default_policies() -> str:
    """Returns the Cedar text that a new program begins with."""
    return _shipped("default.cedar")


@lru_cache(maxsize=8)
def compile_policies(text: str) -> PolicySet:
    """Compiles policies for calls. Pure, so that an unchanged text is compiled once.

    Raises:
        PolicyInvalidError: they do not parse or do not fit the schema.
        TooLargeError: over a limit of `policy.source`.
    """
    return PolicySet.compile(text, call_schema())


def uid(value: Organization | Agreement | Principal | Scope | SealedPath | Grant) -> EntityUid:
    """Returns the uid of a record."""
    return EntityUid("Path" if isinstance(value, SealedPath) else type(value).__name__, value.id)


def organization_entity(organization: Organization) -> EntityRecord:
    """Returns an organization's entity."""
    return EntityRecord(uid(organization), {"role": organization.role.value})


def agreement_entity(agreement: Agreement) -> EntityRecord:
    """Returns an agreement's entity."""
    parties = {"provider": agreement.provider, "partner": agreement.partner}
    return EntityRecord(uid(agreement), {name: EntityUid("Organization", party) for name, party in parties.items()})


def principal_entity(principal: Principal) -> EntityRecord:
    """Returns a principal's entity, a member of its organization."""
    return EntityRecord(
        uid(principal),
        {"kind": principal.kind.value, "roles": frozenset(role.value for role in principal.roles)},
        (EntityUid("Organization", principal.organization),),
    )


def scope_entity(scope: Scope) -> EntityRecord:
    """Returns a scope's entity. Whether a target is in it is decided before, and enters by the context."""
    return EntityRecord(uid(scope))


def path_entity(path: SealedPath) -> EntityRecord:
    """Returns a path's entity."""
    return EntityRecord(
        uid(path),
        {
            "agreement": EntityUid("Agreement", path.agreement),
            "purpose": path.purpose,
            "models": frozenset(path.models),
            "scope": EntityUid("Scope", path.scope),
            "target_rule": path.target_rule.value,
            "release": path.release,
            "data_classes": frozenset(path.data_classes),
            "tools": frozenset(path.tools),
            "autonomy": path.autonomy,
        },
    )


def grant_entity(grant: Grant) -> EntityRecord:
    """Returns a grant's entity. Its window enters by the context, as `window_open`."""
    return EntityRecord(
        uid(grant),
        {
            "principal": EntityUid("Principal", grant.principal),
            "path": EntityUid("Path", grant.path),
            "purpose": grant.purpose,
            "scope": EntityUid("Scope", grant.scope),
        },
    )


def policy_request(
    request: CallRequest, grant: Grant, *, model: str, agreement_valid: bool, frozen: bool, outside: Mapping[str, Place]
) -> PolicyRequest:
    """Returns the Cedar request of a call under a grant. It holds no clock: equal facts give equal requests.

    `model` is the name that the path lists, whatever name was asked for.
    """
    return PolicyRequest(
        principal=EntityUid("Principal", request.principal),
        action=CALL,
        resource=EntityUid("Path", request.path),
        context={
            "purpose": request.purpose,
            "model": model,
            "grant": uid(grant),
            "window_open": grant.window.holds(request.now),
            "agreement_valid": agreement_valid,
            "frozen": frozen,
            **content(request.data_classes, request.targets, outside),
        },
    )


def content(
    data_classes: Iterable[str], targets: Mapping[str, Place], outside: Mapping[str, Place]
) -> dict[str, frozenset[str]]:
    """Returns what policies are told of what a request holds. `outside` are those targets that are out of scope."""
    return {
        "data_classes": frozenset(data_classes),
        "targets_in_scope": frozenset(targets.keys() - outside.keys()),
        "targets_outside": frozenset([one for one, place in outside.items() if place is not Place.PROSE]),
        "targets_mentioned": frozenset([one for one, place in outside.items() if place is Place.PROSE]),
    }


def _shipped(name: str) -> str:
    return files("safeconduct.access").joinpath(name).read_text("utf-8")
