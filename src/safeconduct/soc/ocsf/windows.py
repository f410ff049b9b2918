"""Windows events: which row maps which event of which provider, and what stands in every one of them."""

from collections.abc import Mapping
from typing import Any

from safeconduct.kernel.instants import Instant
from safeconduct.ledger.ocsf import BASE, OTHER
from safeconduct.ledger.ocsf import base as base_object
from safeconduct.soc.entity_forms import normal_host
from safeconduct.soc.windows import WindowsRecord, windows_record


def windows(raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
    """Returns the OCSF object of a Windows record."""
    record = windows_record(raw)
    document = base_object(BASE, OTHER, at)
    if record is not None:
        document["metadata"] |= _named(record)
        if host := normal_host(record.computer):
            document["device"] = {"hostname": host}
    return document


def _named(record: WindowsRecord) -> dict[str, Any]:
    said = {"log_name": record.channel, "log_provider": record.provider, "sequence": record.record_id}
    return {"event_code": str(record.event_id)} | {name: value for name, value in said.items() if value}
