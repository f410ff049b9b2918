"""Which table maps which source."""

from collections.abc import Callable, Mapping
from typing import Any

from safeconduct.kernel.instants import Instant
from safeconduct.ledger.ocsf import put
from safeconduct.soc.entity_forms import normal_host
from safeconduct.soc.inventory import Inventory
from safeconduct.soc.ocsf import network
from safeconduct.soc.ocsf.audit import audit
from safeconduct.soc.ocsf.auth import auth
from safeconduct.soc.ocsf.cloudtrail import cloudtrail
from safeconduct.soc.ocsf.eve import eve
from safeconduct.soc.ocsf.forms import (
    FILE,
    MODULE,
    PROCESS,
    REGISTRY_KEY,
    REGISTRY_VALUE,
    SCHEDULED_JOB,
    SCRIPT,
    WINDOWS_SERVICE,
)
from safeconduct.soc.ocsf.own import NO_MAPPING, OwnMapping
from safeconduct.soc.ocsf.records import as_it_says
from safeconduct.soc.ocsf.siem_alerts import siem_alert
from safeconduct.soc.ocsf.windows import windows
from safeconduct.soc.ocsf.zeek import zeek

Table = Callable[[Mapping[str, Any], Instant], dict[str, Any]]

TABLES: Mapping[str, Table] = {
    "auth": auth,
    "access": network.access,
    "http": network.http,
    "dns": network.dns,
    "flow": network.flow,
    "windows": windows,
    "zeek": zeek,
    "eve": eve,
    "cloudtrail": cloudtrail,
    "siem-alert": siem_alert,
}
NEED_DEVICE = frozenset({FILE, MODULE, PROCESS, REGISTRY_KEY, REGISTRY_VALUE, SCHEDULED_JOB, SCRIPT, WINDOWS_SERVICE})
CAPTURED = frozenset({"http", "dns", "flow", "zeek", "eve", "cloudtrail", "siem-alert"})
"""Sources that saw what passed between others: no one machine's records."""


def to_ocsf(
    source: str,
    raw: Mapping[str, Any],
    at: Instant,
    inventory: Inventory,
    host: str = "",
    *,
    mapping: OwnMapping = NO_MAPPING,
) -> dict[str, Any]:
    """Returns what a raw record means. `host` names the machine of records that don't say it themselves."""
    if source == "ocsf":
        return as_it_says(raw, at)
    document = _mapped(source, raw, at, inventory, mapping)
    if source not in CAPTURED and not document.get("device", {}).get("hostname"):
        _name_device(document, normal_host(host))
    if "device" in document:
        document["device"].setdefault("type_id", 0)
        document["metadata"].setdefault("profiles", ["host"])  # the profile that brings `device` to every class
    return document


def _mapped(
    source: str, raw: Mapping[str, Any], at: Instant, inventory: Inventory, mapping: OwnMapping
) -> dict[str, Any]:
    if source == "audit":
        return audit(raw, at, inventory)
    return mapping.document(raw, at) if source == "json" else TABLES[source](raw, at)


def _name_device(document: dict[str, Any], host: str) -> None:
    if host:
        put(document, "device.hostname", host)
    elif "device" in document or document["class_uid"] in NEED_DEVICE:
        put(document, "device.uid", "unknown")  # the schema wants a device named; a made-up host name would join users
