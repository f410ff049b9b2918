"""The program file as values: read by the schema, then checked for what no single key can say."""

import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from safeconduct.access.agreement import Side
from safeconduct.access.authorization import compile_policies
from safeconduct.access.document import Fields, Node, Problem, ProgramInvalidError, Scalar, parse_document
from safeconduct.access.escalation import Ladder
from safeconduct.access.grant_checks import check_grants
from safeconduct.access.grant_model import GrantsPolicy
from safeconduct.access.hint_schema import check_hints, sealed_hint_rules
from safeconduct.access.identity import IdentityProvider
from safeconduct.access.inventory import Site
from safeconduct.access.model.agreements import Agreement
from safeconduct.access.model.grants import Grant
from safeconduct.access.model.parties import Organization, Principal
from safeconduct.access.model.paths import Scope, SealedPath
from safeconduct.access.model.programs import Policies
from safeconduct.access.model.rules import ApprovalRule, ResponseRule
from safeconduct.access.model_assets import ModelAsset
from safeconduct.access.obligations import Obligation
from safeconduct.access.path_checks import check_paths, sealed_models, sealed_providers
from safeconduct.access.reading import Log
from safeconduct.access.recertifications import Recertification
from safeconduct.access.references import check_references
from safeconduct.access.response_kinds import check_responses, response_documents
from safeconduct.access.schema import ORIGIN, PROGRAM
from safeconduct.access.tool_checks import check_tools, sealed_sinks
from safeconduct.access.unit_costs import UnitCosts
from safeconduct.access.vetting import VettingRules
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.errors import InvalidInputError, TooLargeError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.notes import VerifierKey
from safeconduct.ledger.quorums import parse_policy, single
from safeconduct.policy import EntityUid, PolicyInvalidError

_INSTALLATION = "/installation"

Check = Callable[[Mapping[str, Any], Log], None]
"""Looks at what was read of a whole file, and notes in the log what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that is consistent in itself. Its paths are not sealed yet: version 0, no digest."""

    origin: Origin
    digest: str
    organizations: tuple[Organization, ...]
    agreement: Agreement
    principals: tuple[Principal, ...]
    scopes: tuple[Scope, ...]
    paths: tuple[SealedPath, ...]
    grants: tuple[Grant, ...]
    policies: Policies
    approvals: tuple[ApprovalRule, ...]
    responses: tuple[ResponseRule, ...]
    identity_providers: tuple[IdentityProvider, ...] = ()
    vetting: VettingRules | None = None
    grants_policy: GrantsPolicy | None = None
    obligations: tuple[Obligation, ...] = ()
    escalation: tuple[Ladder, ...] = ()
    recertifications: tuple[Recertification, ...] = ()
    model_assets: tuple[ModelAsset, ...] = ()
    inventory: tuple[Site, ...] = ()
    value: UnitCosts | None = None

    @property
    def installation(self) -> Origin:
        """The name of the installation's own log."""
        return installation_origin(self.origin)


def installation_origin(origin: str) -> Origin:
    """Returns the name of an installation's own log.

    Raises:
        InvalidInputError: `origin-invalid`: it can't be a log's name.
    """
    if not re.fullmatch(ORIGIN, origin):
        raise InvalidInputError(
            f"expected a domain, with or without a path, such as safeconduct.example/local; got {origin[:80]!r}",
            code="origin-invalid",
        )
    return Origin(origin + _INSTALLATION)


def is_installation(origin: str) -> bool:
    """Tells whether a log is an installation's own, or goes on for it."""
    return re.fullmatch(rf".*{_INSTALLATION}(?:/[0-9]+)?", origin) is not None


def parse_program(
    source: bytes,
    *,
    file: str = "program.yaml",
    upstreams: Collection[str] | None = None,
    checks: Sequence[Check] = (),
) -> Program:
    """Reads a program file. `upstreams` are the configured model servers; None where they are not known.

    `checks` are what is asked beyond what access asks itself (`program.file`).

    Raises:
        TooLargeError: the file is over its limit.
        ProgramInvalidError: with every problem found, each at its line and column. Its code is that of the first:
            `not-built-yet` where a path asks for what this release does not do.
    """
    node = parse_document(source, file)
    log = Log()
    values = PROGRAM.read(node, (), log)
    _raise(log, file)
    check_references(values, log)
    check_paths(values, upstreams, log)
    check_tools(values, log)
    check_hints(values, log)
    check_grants(values, log)
    check_responses(values, log)
    _check_policies(values, node, log)
    for check in checks:
        check(values, log)
    _raise(log, file)
    return _program(values)


def _raise(log: Log, file: str) -> None:
    if log.problems:
        raise ProgramInvalidError(file, log.problems)


def _check_policies(values: Mapping[str, Any], node: Node, log: Log) -> None:
    written = node.fields["policies"][1] if isinstance(node, Fields) else node
    try:
        policies = compile_policies(values["policies"])
    except PolicyInvalidError as error:
        _wrong_policy(written, error.line, f"{error.problem}; safeconduct policy default prints an example", log)
    except TooLargeError as error:
        log.wrong_at(("policies",), error.message, "too-large")
    else:
        declared = _declared(values)
        for mentioned, line in policies.mentions.items():
            if mentioned not in declared:
                _wrong_policy(written, line, f"a policy names {mentioned}, which the program does not declare", log)


def _wrong_policy(written: Node, line: int, message: str, log: Log) -> None:
    mark = written.mark
    if isinstance(written, Scalar) and written.block:
        mark = type(mark)(mark.line + line, 1)
    log.problems.append(Problem(mark, message, "policy-invalid"))


def _declared(values: Mapping[str, Any]) -> set[EntityUid]:
    sections = {
        "Organization": "organizations",
        "Principal": "principals",
        "Scope": "scopes",
        "Path": "paths",
        "Grant": "grants",
    }
    declared = {EntityUid(kind, name) for kind, section in sections.items() for name in values[section]}
    return declared | {EntityUid("Agreement", values["agreement"]["id"]), EntityUid("Action", "call")}


def _program(values: Mapping[str, Any]) -> Program:
    agreement = _agreement(values)
    paths = {name: _unsealed(path, agreement, values) for name, path in values["paths"].items()}
    document = {
        "origin": values["origin"],
        "organizations": _listed(values["organizations"]),
        "agreement": agreement,
        "principals": _listed(values["principals"]),
        "scopes": _listed(values["scopes"]),
        "paths": _listed(paths),
        "grants": _listed(values["grants"]),
        "policies": {"text": values["policies"]},
        "approvals": _listed(values["approvals"]),
        "responses": response_documents(values["responses"]),
        "identity_providers": _listed(values["identity_providers"]),
        "vetting": values["vetting"],
        **_grants_policy(values["grants_policy"]),
        **_obligations(values),
        **_stated("recertifications", values),
        **_stated("escalation", values),
        **_stated("model_assets", values),
        **_inventory(values["inventory"]),
        **({"value": values["value"]} if values["value"] else {}),
    }
    return msgspec.convert(document | {"digest": digest(document)}, Program)


def _agreement(values: Mapping[str, Any]) -> dict[str, Any]:
    stated = values["agreement"]
    return {name: value for name, value in stated.items() if name not in ("terms", "policy")} | {
        "terms_digest": hashlib.sha256(stated["terms"].encode()).hexdigest(),
        "keys": {side.value: values["organizations"][stated[side.value]]["key"] for side in Side},
        "witness": _witness(stated),
        "origin": f"{values['origin']}/{stated['id']}",
    }


def _grants_policy(stated: Mapping[str, Any] | None) -> dict[str, Any]:
    # A program without the section is the document that it was before there was one.
    return {"grants_policy": {**stated, "break_glass": _listed(stated["break_glass"])}} if stated else {}


def _obligations(values: Mapping[str, Any]) -> dict[str, Any]:
    stated = values["obligations"]
    owed = {name: {"organization": values["principals"][one["owner"]]["organization"]} for name, one in stated.items()}
    return {"obligations": _listed({name: one | owed[name] for name, one in stated.items()})} if stated else {}


def _stated(section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {section: _listed(values[section])} if values[section] else {}


def _inventory(stated: Mapping[str, Any]) -> dict[str, Any]:
    parts = [
        part | {"fields": _listed(part["fields"]), "patterns": _listed(part["patterns"])} for part in _listed(stated)
    ]
    return {"inventory": parts} if parts else {}


def _witness(agreement: Mapping[str, Any]) -> dict[str, str] | None:
    """Returns who must cosign; a single witness is the short form of a policy."""
    if agreement["policy"]:
        return {"name": parse_policy(agreement["policy"]).quorum, "policy": agreement["policy"]}
    if agreement["witness"] is None:
        return None
    name, key = agreement["witness"]["name"], VerifierKey.parse(agreement["witness"]["key"])
    return {"name": name, "policy": single(name, key, agreement["witness"]["url"])}


def _unsealed(path: Mapping[str, Any], agreement: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in path.items() if name != "upstream"}
    return kept | {
        "version": 0,
        "digest": "",
        "agreement": agreement["id"],
        "origin": agreement["origin"],
        **sealed_sinks(path, values),
        **sealed_hint_rules(path, values),
        "providers": sealed_providers(path, values["upstreams"]),
        "catalogue": sealed_models(path, values["models"]),
        "targets": values["scopes"][path["scope"]]["targets"],
        "telemetry_of": "" if path["telemetry_of"] == agreement["partner"] else path["telemetry_of"],
    }


def _listed(section: Mapping[str, Any]) -> list[Any]:
    return [section[name] for name in sorted(section)]
