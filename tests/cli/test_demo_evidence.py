"""The recording through the commands: under other names, at another time, and with one field changed in store."""

import json
import re
import shutil
import sqlite3
from datetime import datetime, timedelta

import pytest

from safeconduct.cli.demo.story import RECORDING as NAMES
from support.shell import House, agreed
from support.telemetry import RECORDING

LATER = timedelta(days=77)
RENAMED = {
    "198.51.100.": "172.20.5.",
    "192.0.2.": "10.20.30.",
    "web-01": "zeta",
    "ns1": "yps2",
    "dana": "erin",
    "bruno": "karl",
    "amara": "luis",
    "example.org": "corp.test",
    "example.net": "evil.test",
}
OUTSIDE = re.compile(r"\b203\.0\.113\.(\d+)")
"""Stays in its range, the one that the program lets block; each address becomes another one."""

OLD = re.compile("|".join(map(re.escape, RENAMED)))
DATE = re.compile(r"2026-11-21(?=T)")
EPOCH = re.compile(r"\b1795\d{6}")
"""Seconds since 1970 of the recording's day, also where thousandths follow without a point."""


def renamed(text):
    text = OLD.sub(lambda found: RENAMED[found[0]], text)
    text = OUTSIDE.sub(lambda found: f"203.0.113.{255 - int(found[1])}", text)
    text = DATE.sub(lambda found: str((datetime.fromisoformat(found[0]) + LATER).date()), text)
    return EPOCH.sub(lambda found: str(int(found[0]) + int(LATER.total_seconds())), text)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return agreed(tmp_path_factory.mktemp("template") / "house")[0]


def worked(template, root, change=lambda text: text):
    """Takes the recording in, detects and triages without a model; returns the house and what it says."""
    shutil.copytree(template.root, root)
    house = House(root)
    folder = root / "telemetry"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_text(change((RECORDING / name).read_text()))
    assert house("ingest", folder, by="ana").code == 0
    detected = house("detect", "--json", by="ana").json
    (incident,) = house("incident", "list", "--json").json
    shown = house("incident", "show", incident["id"], "--json").json
    triaged = house("incident", "triage", incident["id"], "--no-model", "--json", by="ana").json
    return house, {"detected": detected, "shown": shown, "triaged": triaged, "id": incident["id"]}


@pytest.fixture(scope="module")
def recorded(template, tmp_path_factory):
    return worked(template, tmp_path_factory.mktemp("recorded") / "house")


def story(found):
    """Returns what must not depend on names and times.

    Not which two events of one millisecond are tied by which relation: they stand in the order of their ids.
    """
    steps = found["triaged"]["summary"]["steps"]
    claims = [one for one in found["triaged"]["claims"] if one["kind"] != "relation"]
    return {
        "events": found["detected"]["events"],
        "alerts": [alert["title"] for alert in found["detected"]["alerts"]],
        "incidents": len(found["detected"]["incidents"]),
        "edges": len(found["shown"]["edges"]),
        "score": found["shown"]["score"],
        "steps": [(step["title"], step["techniques"], step["alerts"]) for step in steps],
        "lines": len(found["triaged"]["summary"]["text"]),
        "claims": sorted((one["kind"], one["outcome"]) for one in claims),
    }


def test_a_renamed_recording_tells_the_same_story(template, recorded, tmp_path):
    _, before = recorded
    _, after = worked(template, tmp_path / "house", renamed)
    assert story(after) == story(before)
    assert {one["outcome"] for one in after["triaged"]["claims"]} == {"verified"}
    (candidate,) = before["triaged"]["candidates"]
    (other,) = after["triaged"]["candidates"]
    assert other["target"] == renamed(candidate["target"]) != candidate["target"]
    text = json.dumps(after["triaged"]["summary"])
    assert not [name for name in RENAMED if name in text]
    assert "2026-11-21" not in text
    first = datetime.fromisoformat(before["triaged"]["summary"]["first"]) + LATER
    assert datetime.fromisoformat(after["triaged"]["summary"]["first"]) == first


def test_one_stored_field_changed_turns_exactly_the_claims_on_it(recorded):
    house, found = recorded
    claims = [one for one in found["triaged"]["claims"] if one["evidence"]]
    piece = next(one["evidence"][0] for one in claims if one["evidence"][0]["pointer"] == "/ocsf/src_endpoint/ip")
    before = house("incident", "claims", found["id"], "--json")
    assert (before.code, {one["outcome"] for one in before.json}) == (0, {"verified"})
    with sqlite3.connect(house.data / "events.db") as database:
        (stored,) = database.execute("SELECT ocsf FROM events WHERE id = ?", (piece["event"],)).fetchone()
        document = json.loads(stored)
        document["src_endpoint"]["ip"] = "203.0.113.67"
        changed = json.dumps(document).encode()
        database.execute("UPDATE events SET ocsf = ? WHERE id = ?", (changed, piece["event"]))
    database.close()
    after = house("incident", "claims", found["id"], "--json")
    assert after.code == 1
    turned = {one["id"] for one in after.json if one["outcome"] == "rejected"}
    place = (piece["event"], piece["pointer"])
    direct = {one["id"] for one in claims if place in [(each["event"], each["pointer"]) for each in one["evidence"]]}
    resting = {one["id"] for one in found["triaged"]["claims"] if direct & set(one["rests_on"])}
    assert direct
    assert direct <= turned <= direct | resting
    assert all(one["recorded"] == "verified" for one in after.json)
    assert house("incident", "claims", found["id"]).out.count("was verified when it was recorded") == len(turned)
