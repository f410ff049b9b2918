"""`safeconduct drill model-theft`: a provider's build credentials are stolen; both parties notice, cut and prove it.

The records are scripted, everything else is real: two parties' keys, witness, server, model, freeze and logs.
"""

import contextlib
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.cli.client import place
from safeconduct.cli.demo.breaks import frozen_stream, token
from safeconduct.cli.demo.rehearsal import rehearsal
from safeconduct.cli.demo.story import Story
from safeconduct.cli.demo.theft_records import BAIT, PATH, guarded, lines, theft
from safeconduct.cli.demo.world import AGREEMENT, ModelChoice
from safeconduct.cli.output import Json, emit
from safeconduct.soc.wording import number_of

OWNER = "meridian"
SHOWN = ("soc.telemetry.ingested/1", "soc.incident.opened/1", "access.freeze.started/1")
Root = Annotated[Path | None, typer.Option("--data", help="A new folder for all of it; by default one of its own.")]


def model_theft(*, data: Root = None, as_json: Json = False) -> None:
    """Stolen build credentials: bait trips, weights are read in bulk, a freeze by attribute, both parties' logs."""
    choice = ModelChoice()
    adapt = partial(guarded, upstream=choice.upstream, model=choice.name)
    title = "Drill: somebody takes a model with the provider's own build credentials"
    with rehearsal(title, data, choice, adapt, quiet=as_json) as story:
        told = _Drill(story).told()
    emit(told, as_json, lambda _told: None)


class _Drill:
    """The drill's steps, with the seconds that each took."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._times: dict[str, float] = {}

    def told(self) -> dict[str, Any]:
        """Tells the steps; returns what happened, with times."""
        self._story.agree()
        began = time.monotonic()
        self._noticed()
        incident = self._read_by_the_defender()
        self._cut(incident)
        self._times["in_all_s"] = round(time.monotonic() - began, 2)
        self._story.verify("5")
        for name, took in self._times.items():
            self._story.screen.fact(name.removesuffix("_s").replace("_", " "), f"{took} s")
        document = self._story.document
        return {
            "incident": incident,
            "freeze": document.freeze,
            "times": self._times,
            "entries": self._entries(),
            "log": document.log,
            "data": document.data,
        }

    def _noticed(self) -> None:
        """Step 2: the provider brings its records in, and rules on its register find what was done."""
        screen, ops = self._story.screen, self._story.world.acting("ops")
        screen.step("2", "The provider's records come in, and its register knows what was touched")
        with self._timed("noticed_s"):
            records = theft()
            ops.post("/api/v1/telemetry", lines(records), name="cloudtrail.json", host="", time_field="", owner=OWNER)
            found = ops.post("/api/v1/detections", owner=OWNER)
        screen.fact("records", f"{len(records)}, scripted: a look around, the bait {BAIT}, every shard of the weights")
        for alert in found["alerts"]:
            screen.fact(alert["level"], f"{alert['title']} ({number_of(alert['events'], 'event')})")

    def _read_by_the_defender(self) -> dict[str, Any]:
        """Step 3: the partner's defender reads it under the reverse grant; who has none finds nothing."""
        screen, world_ = self._story.screen, self._story.world
        screen.step("3", "A defender of the partner works on it, by a grant of the provider's")
        with self._timed("triaged_s"):
            (opened,) = world_.acting("ana").get("/api/v1/incidents")
            asking = place("incidents", opened["id"], "triage")
            triaged = world_.acting("ana").post(asking, {"model": False})
        for sentence in triaged["summary"]["text"][:6]:
            screen.say(f"  {sentence}")
        tried = "bo of the partner, who has no such grant, triages it"
        self._story.refuse(tried, lambda: world_.acting("bo").post(asking, {"model": False}))
        verified = sum(one["outcome"] == "verified" for one in triaged["claims"])
        screen.fact("claims verified", f"{verified} of {len(triaged['claims'])}, each with its events")
        return {"id": opened["id"], "score": opened["score"], "owner": opened["owner"], "claims": verified}

    def _cut(self, incident: dict[str, Any]) -> None:
        """Step 4: the model is frozen for everybody but those who work on its theft."""
        screen, world_ = self._story.screen, self._story.world
        screen.step("4", "The model is frozen by attribute, and its defenders go on")
        selector = f"model:{world_.model.name}&!path:{PATH}"
        seen = world_.acting("ops").get("/api/v1/freezes/preview", selector=selector)
        screen.fact("selector", selector)
        screen.fact("cuts", ", ".join(seen["cut"]["grants"]) or "nothing")
        screen.fact("leaves", ", ".join(seen["unaffected"]["grants"]) or "nothing")
        order = {"selector": selector, "reason": f"incident {incident['id']}", "seen": seen["digest"]}
        with self._timed("frozen_s"):
            frozen_stream(self._story, token(self._story), order)

    def _entries(self) -> list[dict[str, str]]:
        """Returns what of it stands in the log that both parties have."""
        ana = self._story.world.acting("ana")
        entries = ana.get("/api/v1/logs/entries", origin=AGREEMENT, start=0, count=1000)
        return [{"type": one["type"], "at": one["at"], "id": one["id"]} for one in entries if one["type"] in SHOWN]

    @contextlib.contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._times[name] = round(time.monotonic() - began, 2)
