"""Alerts of the SecRL incidents (Microsoft, MIT) as findings of others: each an event that names its entities."""

import csv
import io
import json
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from safeconduct.kernel.canonical import digest
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.model import Alert, Event

FOLDER = "secgym/qagen"
HOST, ADDRESS, USER_ID, MAILBOX, URL, HASH, FILE = 1, 2, 31, 5, 23, 8, 45


@dataclass(frozen=True)
class Labeled:
    """The alerts, their events, and the incident that Microsoft's own correlation put each in."""

    alerts: tuple[Alert, ...]
    events: Mapping[EventId, Event]
    incident: Mapping[str, str]


def labeled(corpora: Path) -> Labeled:
    """Returns all alerts that are in one of the eight incidents."""
    csv.field_size_limit(sys.maxsize)
    with tarfile.open(corpora / "secrl" / "train.tar.xz") as archive:
        incidents, alerts = (list(_rows(archive, name)) for name in ("extracted_incidents.csv", "extracted_alerts.csv"))
    of = {key: row["IncidentNumber"] for row in incidents for key in json.loads(row["AlertIds"])}
    pairs = [_pair(row) for row in alerts if row["SystemAlertId"] in of]
    return Labeled(
        alerts=tuple(alert for alert, _ in pairs),
        events={event.id: event for _, event in pairs},
        incident={alert.id: of[str(event.raw["id"])] for alert, event in pairs},
    )


def _rows(archive: tarfile.TarFile, name: str) -> Iterator[Mapping[str, str]]:
    content = archive.extractfile(f"{FOLDER}/{name}").read().decode()
    yield from csv.DictReader(io.StringIO(content, newline=""), delimiter="❖")


def _pair(row: Mapping[str, str]) -> tuple[Alert, Event]:
    at = Instant(int(datetime.fromisoformat(row["StartTime"]).timestamp() * 1_000_000))
    entities = [one for one in json.loads(row["Entities"] or "[]") if "Type" in one]
    host = next((str(one["HostName"]) for one in entities if one["Type"] == "host"), "")
    seen = [{"type_id": kind, "value": value} for kind, value in dict.fromkeys(_observables(entities))]
    raw = {"id": row["SystemAlertId"]}
    event = Event(
        id=EventId(digest(raw)[:32]),
        source="ocsf",
        at=at,
        raw=raw,
        ocsf={"class_uid": 2004, "observables": seen} | ({"device": {"hostname": host}} if host else {}),
    )
    severity = row["AlertSeverity"].lower()
    alert = Alert(
        id=digest(["alert", event.id])[:32],
        rule=row["AlertName"],
        rule_digest=digest(row["AlertName"]),
        title=row["AlertName"],
        level=severity,
        techniques=tuple(json.loads(row["Techniques"] or "[]")),
        events=(event.id,),
        at=at,
        matches=(),
    )
    return alert, event


def _observables(entities: list[Mapping[str, Any]]) -> Iterator[tuple[int, str]]:
    for one in entities:
        match one["Type"]:
            case "host":
                yield HOST, str(one["HostName"])
            case "ip" if "Address" in one:
                yield ADDRESS, one["Address"]
            case "account":
                yield from ((USER_ID, one[name]) for name in ("Sid", "AadUserId") if one.get(name))
                yield from ((MAILBOX, one["UserPrincipalName"]) for _ in (1,) if one.get("UserPrincipalName"))
            case "mailbox":
                yield MAILBOX, one["MailboxPrimaryAddress"]
            case "url":
                yield URL, one["Url"]
            case "file":
                folder = one.get("Directory", "")
                yield FILE, f"{folder}\\{one['Name']}" if folder else one["Name"]
