"""What a SIEM brings, taken in as a file like any other: kept raw, read into events that claims can cite."""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from safeconduct.adapters.telemetry.ingestion import Ingestion, Said
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.ingesting import FileReport
from safeconduct.soc.siem.events import TakenAlert
from safeconduct.soc.siem.meaning import mapping_of
from safeconduct.soc.siem.model import SiemAlert, Table

ALERT_TIME = "@time"
MARKS = frozenset({"@siem", "@table", "@alert", "@severity", "@title", ALERT_TIME})
"""Members of a record that are our word, whatever the SIEM's record says."""


def take_rows(telemetry: Ingestion, siem: str, table: Table, rows: Sequence[Mapping[str, Any]]) -> FileReport:
    """Takes rows in. Each says which SIEM and table it is of; the same row brought twice is one event."""
    marks = {"@siem": siem, "@table": table.name}
    said = Said(time_field=table.time, mapping=mapping_of(table))
    lines = (msgspec.json.encode(_unmarked(row) | marks) for row in rows)
    return telemetry.take(f"{siem}-{table.name}.jsonl", _file(lines), said)


def take_alerts(
    telemetry: Ingestion, siem: str, alerts: Sequence[SiemAlert]
) -> tuple[FileReport, tuple[TakenAlert, ...]]:
    """Takes alerts in, and says which event each is. One whose record can't be read is a dead letter, and left out."""
    lines = (msgspec.json.encode(_record(siem, alert)) for alert in alerts)
    report = telemetry.take(f"{siem}-alerts.jsonl", _file(lines), Said(time_field=ALERT_TIME))
    if report.problem:
        return report, ()
    events = {event.raw["@alert"]: event for event in telemetry.events_of(report.digest)}
    found = ((alert, events[alert.id]) for alert in alerts if alert.id in events)
    return report, tuple(TakenAlert(alert=alert.id, event=event.id, at=alert.at) for alert, event in found)


def _unmarked(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a row without members that are called as our marks are: no row is an alert by its own word."""
    return {name: value for name, value in row.items() if name not in MARKS}


def _record(siem: str, alert: SiemAlert) -> dict[str, Any]:
    marks = {"@siem": siem, "@alert": alert.id, "@severity": alert.severity, "@title": alert.title}
    return _unmarked(alert.record) | marks | {ALERT_TIME: rfc3339(alert.at)}


def _file(lines: Iterable[bytes]) -> io.BytesIO:
    return io.BytesIO(b"".join(line + b"\n" for line in lines))
