"""Windows events: which row maps which event of which provider, and what stands in every one of them."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from safeconduct.kernel.instants import Instant
from safeconduct.ledger.ocsf import AUTHENTICATION, BASE, ENTITY_MANAGEMENT, EVENT_LOG, OTHER, put
from safeconduct.ledger.ocsf import base as base_object
from safeconduct.soc.entity_forms import normal_host
from safeconduct.soc.ocsf import forms
from safeconduct.soc.ocsf.rows import Row
from safeconduct.soc.ocsf.sysmon import REGISTRY_ACTS, SYSMON
from safeconduct.soc.ocsf.windows_security import AUDITING, OBJECTS, OTHERS, SECURITY
from safeconduct.soc.windows import WindowsRecord, windows_record

HOSTS_MAX = 4096
"""Hosts whose normal form is kept: those of a house; more is only slower."""

SYSMON_PROVIDER = "Microsoft-Windows-Sysmon"
REGISTRY_OBJECT = 12
OPENED = frozenset({4656, 4663})
"""Security events on an object of any kind: a handle requested, an access made."""

NEEDS: Mapping[int, tuple[str, ...]] = {
    forms.FILE: ("actor", "file"),
    forms.MODULE: ("actor", "module"),
    forms.PROCESS: ("actor", "process"),
    forms.SCRIPT: ("actor", "script"),
    forms.SCHEDULED_JOB: ("job",),
    forms.ACCOUNT_CHANGE: ("user",),
    forms.AUTHORIZE_SESSION: ("user", "privileges"),
    forms.GROUP_MANAGEMENT: ("group",),
    forms.NETWORK: ("src_endpoint",),
    forms.DNS: ("src_endpoint",),
    forms.RDP: ("src_endpoint",),
    forms.SMB: ("src_endpoint", "share"),
    ENTITY_MANAGEMENT: ("entity",),
    forms.REGISTRY_KEY: ("actor", "reg_key"),
    forms.REGISTRY_VALUE: ("actor", "reg_value"),
    forms.WINDOWS_SERVICE: ("actor", "win_service"),
    AUTHENTICATION: ("user", "dst_endpoint"),
    EVENT_LOG: ("log_name",),
}
"""What the schema requires of each class, beyond what every event here has. An event without it is a base event."""


def windows(raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
    """Returns the OCSF object of a Windows record; a base event where none of the rows fits it."""
    record = windows_record(raw)
    row = _row(record) if record else None
    document = _filled(row, record, raw, at) if row and record else base_object(BASE, OTHER, at)
    if record is not None:
        _name(document["metadata"], record)
        if host := _host(record.computer):
            document["device"] = {"hostname": host}
    return document


_host = lru_cache(maxsize=HOSTS_MAX)(normal_host)


def _row(record: WindowsRecord) -> Row | None:
    if record.provider == SYSMON_PROVIDER:
        if record.event_id == REGISTRY_OBJECT:
            return REGISTRY_ACTS.get(str(record.data.get("EventType")), SYSMON[REGISTRY_OBJECT])
        return SYSMON.get(record.event_id)
    if record.provider == AUDITING:
        if record.event_id in OPENED:
            return OBJECTS.get(str(record.data.get("ObjectType")))
        return SECURITY.get(record.event_id)
    return OTHERS.get((record.provider, record.event_id))


def _filled(row: Row, record: WindowsRecord, raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
    document = base_object(row.class_uid, row.activity_id, at)
    document |= row.fill({**record.data, **_header(raw, record)} if row.headed else record.data)
    for path, value in row.fixed.items():
        put(document, path, value)
    return document if all(name in document for name in NEEDS[row.class_uid]) else base_object(BASE, OTHER, at)


def _header(raw: Mapping[str, Any], record: WindowsRecord) -> dict[str, Any]:
    event, named = raw.get("Event"), {"@computer": record.computer}
    if event is None:
        return named | {"@process": raw.get("ExecutionProcessID"), "@user": raw.get("UserID")}
    process = _attribute(event["System"], "Execution", "ProcessID")
    return named | {"@process": process, "@user": _attribute(event["System"], "Security", "UserID")}


def _attribute(system: Mapping[str, Any], element: str, name: str) -> Any:  # noqa: ANN401 - JSON
    found = system.get(element)
    named = found.get("#attributes") if type(found) is dict else None
    return named.get(name) if type(named) is dict else None


def _name(metadata: dict[str, Any], record: WindowsRecord) -> None:
    metadata["event_code"] = str(record.event_id)
    if record.channel:
        metadata["log_name"] = record.channel
    if record.provider:
        metadata["log_provider"] = record.provider
    if record.record_id:
        metadata["sequence"] = record.record_id
