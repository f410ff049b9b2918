"""An incident as a STIX 2.1 bundle, marked by TLP 2.0 (OASIS STIX 2.1; its extension for TLP 2.0).

Only what verified claims of rules say is in it: a model's words are not shared as facts, and what was rejected is not
shared at all. Ids are derived from content, so that the same incident gives the same bundle.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid5

from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.soc.model import Entity, EntityKind
from safeconduct.soc.reports.model import IncidentReport, Sharing
from safeconduct.soc.summary import TechniqueUse, sentences

SPEC = "2.1"
OBSERVABLES_NAMESPACE = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""STIX 2.1 section 2.9: ids of observables are UUIDs of version 5 in this namespace."""

TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP_CREATED = "2022-10-01T00:00:00.000Z"
MARKINGS: Mapping[Sharing, str] = {
    Sharing.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    Sharing.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Sharing.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Sharing.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    Sharing.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""The published markings: nobody makes one of their own."""

HASHES: Mapping[int, str] = {32: "MD5", 40: "SHA-1", 64: "SHA-256"}
"""Names of hashes by their hex digits."""

DESCRIPTION_CHARS_MAX = 20_000
"""Characters of a report's description: sixty steps of a summary, with their values cut."""


def bundle(report: IncidentReport) -> dict[str, Any]:
    """Returns the bundle: a report by the house, the techniques used and the entities seen, and how they belong."""
    marking = MARKINGS[report.sharing]
    made = _stamp(report.made_at)
    house = _object("identity", {"name": report.organization}, made, marking) | {
        "name": report.organization,
        "identity_class": "organization",
    }
    techniques = [_technique(one, house["id"], made, marking) for one in report.summary.techniques]
    observed = _observables(report.summary.entities, marking)
    seen = _observed_data(report, house["id"], observed, made, marking) if observed else []
    parts = [*techniques, *seen, *observed]
    return {
        "type": "bundle",
        "id": f"bundle--{_name('bundle', {'incident': report.summary.incident, 'made': made})}",
        "objects": [_marking(report.sharing), house, *parts, _report(report, house["id"], parts, made, marking)],
    }


def _report(
    report: IncidentReport, by: str, parts: Iterable[Mapping[str, Any]], made: str, marking: str
) -> dict[str, Any]:
    refs = [one["id"] for one in parts]
    return _object("report", {"incident": report.summary.incident}, made, marking) | {
        "created_by_ref": by,
        "name": report.title,
        "description": "\n".join(sentences(report.summary))[:DESCRIPTION_CHARS_MAX],
        "report_types": ["attack-pattern" if report.summary.techniques else "observed-data"],
        "published": made,
        "object_refs": refs or [by],
    }


def _technique(used: TechniqueUse, by: str, made: str, marking: str) -> dict[str, Any]:
    page = f"https://attack.mitre.org/techniques/{used.technique.replace('.', '/')}"
    return _object("attack-pattern", {"technique": used.technique}, made, marking) | {
        "created_by_ref": by,
        "name": used.name or used.technique,
        "external_references": [{"source_name": "mitre-attack", "external_id": used.technique, "url": page}],
    }


def _observed_data(
    report: IncidentReport, by: str, observed: Iterable[Mapping[str, Any]], made: str, marking: str
) -> list[dict[str, Any]]:
    summary = report.summary
    return [
        _object("observed-data", {"incident": summary.incident}, made, marking)
        | {
            "created_by_ref": by,
            "first_observed": _stamp(summary.first_at),
            "last_observed": _stamp(summary.last_at),
            "number_observed": max(summary.alerts, 1),
            "object_refs": [one["id"] for one in observed],
        }
    ]


def _observables(entities: Iterable[Entity], marking: str) -> list[dict[str, Any]]:
    found = (made for one in entities if (made := _observable(one)) is not None)
    return [{**one, "object_marking_refs": [marking]} for one in {made["id"]: made for made in found}.values()]


def _observable(entity: Entity) -> dict[str, Any] | None:
    value = entity.value
    match entity.kind:
        case EntityKind.IP:
            return _sco("ipv6-addr" if ":" in value else "ipv4-addr", {"value": value})
        case EntityKind.DOMAIN:
            return _sco("domain-name", {"value": value})
        case EntityKind.URL:
            return _sco("url", {"value": value})
        case EntityKind.USER:
            name = value.partition("@")[0]
            return _sco("user-account", {"user_id": value, "account_login": name})
        case EntityKind.FILE:
            return _sco("file", {"name": value})
        case EntityKind.HASH if len(value) in HASHES:
            return _sco("file", {"hashes": {HASHES[len(value)]: value}})
        case _:  # STIX has no observable for a host, nor for a process without its command line
            return None


def _sco(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    identity = uuid5(OBSERVABLES_NAMESPACE, canonical(dict(fields)).decode())
    return {"type": kind, "spec_version": SPEC, "id": f"{kind}--{identity}", **fields}


def _object(kind: str, naming: Mapping[str, Any], made: str, marking: str) -> dict[str, Any]:
    return {
        "type": kind,
        "spec_version": SPEC,
        "id": f"{kind}--{_name(kind, naming)}",
        "created": made,
        "modified": made,
        "object_marking_refs": [marking],
    }


def _name(kind: str, naming: Mapping[str, Any]) -> UUID:
    return uuid5(UUID(MARKINGS[Sharing.CLEAR].partition("--")[2]), canonical([kind, dict(naming)]).decode())


def _marking(sharing: Sharing) -> dict[str, Any]:
    return {
        "type": "marking-definition",
        "spec_version": SPEC,
        "id": MARKINGS[sharing],
        "created": TLP_CREATED,
        "name": sharing.label,
        "extensions": {TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": sharing.value}},
    }


def _stamp(at: Instant) -> str:
    return rfc3339(at)[:-4] + "Z"
