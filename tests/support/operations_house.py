"""An installation on memory with the routes of operations, the shipped recording, and a model that a test writes."""

import asyncio
import contextlib
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import msgspec

from safeconduct.access.compiling import compile_standing
from safeconduct.access.reading_rights import reader_by
from safeconduct.adapters.memory.events import MemoryEventStore
from safeconduct.adapters.memory.hunts import ReadingHunts
from safeconduct.adapters.responses.edl import ListProbe, read_list
from safeconduct.adapters.telemetry.archive import Archive
from safeconduct.adapters.telemetry.archives import Archives
from safeconduct.adapters.telemetry.gathering import Gathering
from safeconduct.adapters.telemetry.ingestion import Ingestion
from safeconduct.adapters.telemetry.kept_hits import NAME, KeptHitsFile
from safeconduct.adapters.telemetry.lying import LyingFiles
from safeconduct.adapters.telemetry.raw_store import RawStore
from safeconduct.http import lists
from safeconduct.http.acts import HEADER, encode_act
from safeconduct.http.control import (
    anomalies,
    autonomy,
    closing,
    detections,
    hunts,
    incident_reports,
    live,
    looks,
    prompts,
    questions,
    response,
    retentions,
    reviews,
    rule_trials,
    rules,
    saved_hunts,
    scheduled_hunts,
    streams,
    telemetry,
    triage,
    trials,
    tune_outs,
    value,
)
from safeconduct.http.control import incidents as incident_routes
from safeconduct.http.control import regrouping as regrouping_routes
from safeconduct.http.control.app import control_app
from safeconduct.http.control.context import Control
from safeconduct.http.inprocess import Ask, ask
from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import CallId
from safeconduct.ledger.envelope import SealedField
from safeconduct.ledger.sealing import HOUSE
from safeconduct.runtime.in_force import InForce
from safeconduct.soc import anomaly_orders, ingesting, rule_collections
from safeconduct.soc import tune_outs as tune_out_events
from safeconduct.soc.actions import projections
from safeconduct.soc.actions.keeping import VERIFY
from safeconduct.soc.autonomy import projections as autonomy_projections
from safeconduct.soc.hunts import saved_events, scheduled_projections
from safeconduct.soc.incidents import events as incidents
from safeconduct.soc.incidents import regrouping
from safeconduct.soc.live import events as live_events
from safeconduct.soc.prompts import events as prompt_events
from safeconduct.soc.questions.model import ModelAnswer
from safeconduct.soc.retention import events as retention
from safeconduct.soc.siem import events as siem_events
from safeconduct.soc.trials import events as trial_events
from safeconduct.soc.trials import rule_events
from support.immediate import ImmediateWriter
from support.programs import in_force, signed

PARTS = (
    telemetry,
    streams,
    detections,
    incident_routes,
    closing,
    live,
    retentions,
    anomalies,
    regrouping_routes,
    rules,
    rule_trials,
    tune_outs,
    hunts,
    saved_hunts,
    scheduled_hunts,
    triage,
    incident_reports,
    questions,
    prompts,
    trials,
    reviews,
    looks,
    value,
    autonomy,
    response,
    lists,
)
LOCAL = {"authorization": "Bearer local"}
RECORDING = Path(response.__file__).parents[2] / "cli" / "demo" / "recording"
SOC = {
    **ingesting.PROJECTIONS,
    **retention.PROJECTIONS,
    **rule_collections.PROJECTIONS,
    **tune_out_events.PROJECTIONS,
    **live_events.PROJECTIONS,
    **anomaly_orders.PROJECTIONS,
    **saved_events.PROJECTIONS,
    **scheduled_projections.PROJECTIONS,
    **incidents.PROJECTIONS,
    **regrouping.PROJECTIONS,
    **autonomy_projections.PROJECTIONS,
    **prompt_events.PROJECTIONS,
    **trial_events.PROJECTIONS,
    **rule_events.PROJECTIONS,
    **projections.PROJECTIONS,
    **siem_events.PROJECTIONS,
}

TELEMETRY = (telemetry, detections, incident_routes, regrouping_routes)


def kept_secret():
    """What the installation derives from its log's key, to authenticate what it keeps of live detection."""
    return b"k" * 32


class Model:
    """Answers each question with what `say` makes of it, and keeps what it was sent."""

    def __init__(self):
        self.say = lambda _body: "{}"
        self.sent = []

    async def complete(self, path, purpose, body):
        self.sent.append((path, purpose, body))
        found = self.say(msgspec.json.decode(body))
        if isinstance(found, Exception):
            raise found
        return ModelAnswer(text=found, call=CallId(f"01JD{len(self.sent):022d}"), model="stand-in")


@dataclass
class House:
    """The installation. `asked_as` are the principals on whose grants the model was asked."""

    folder: Path
    writer: ImmediateWriter = field(default_factory=in_force)
    model: Model = field(default_factory=Model)
    asked_as: list = field(default_factory=list)
    siems: object = None

    def __post_init__(self):
        self.writer.projections = {**self.writer.projections, **SOC}
        self.events = MemoryEventStore()
        self.raws = RawStore(self.folder / "raw")
        self.telemetry = Ingestion(self.raws, self.events)
        given = {
            "writer": self.writer,
            "snapshot": lambda: contextlib.nullcontext(self.writer.state),
            "log": self,
            "clock": self,
            "entropy": bytes,
            "settle": self.settle,
            "archives": Archives(self._archive),
            "caller": self.caller,
            "lists_url": "http://lists",
            "siems": self.siems,
            "in_force": InForce(lambda: compile_standing(self.writer.state)),
            "gathering": Gathering(0.05),
        }
        self.app = control_app(
            [part.router for part in PARTS],
            control=Control(**{one.name: None for one in fields(Control)} | given),
            local_secret="local",
            check_reader=self.check_reader,
            version="0",
        )
        self.probe = ListProbe(self.writer, bytes, lambda: "")

    def _archive(self, owner):
        if not owner:
            kept = KeptHitsFile(self.folder / NAME, kept_secret)
            return Archive(self.telemetry, self.events, ReadingHunts(self.events), kept, LyingFiles(self.raws))
        events, raws = MemoryEventStore(), RawStore(self.folder / owner)
        kept = KeptHitsFile(self.folder / owner / NAME, kept_secret, owner)
        return Archive(Ingestion(raws, events), events, ReadingHunts(events), kept, LyingFiles(raws))

    def now(self):
        return self.writer.now

    def caller(self, principal):
        self.asked_as.append(principal)
        return self.model

    def entry(self, entry_id):
        found = [entry for entry in self.writer.entries if entry.id == entry_id]
        if not found:
            raise AbsentError(f"there is no entry {entry_id}")
        return found[0]

    def leaf(self, entry_id):
        sealed = self.writer.drafts[entry_id].sealed
        said = SealedField(blob="", commitment="", key="k", readers=(HOUSE,))
        return SimpleNamespace(sealed=dict.fromkeys(sealed, said))

    def open_field(self, entry, name):
        return SimpleNamespace(value=self.writer.drafts[entry].sealed[name])

    def check_reader(self, act):
        return reader_by(self.writer.state, act, self.now())

    async def settle(self):
        for _, effect in list(self.writer.state.scan(OUTBOX)):
            if effect.kind == VERIFY:
                await self.probe.carry_out(effect)

    async def fetch(self, address):
        """Stands in for the socket between the probe and the list's route."""
        path, _, query = address.partition("?")
        reply = await ask(self.app, Ask(method="GET", path=path, query=query))
        return read_list(reply.body) if reply.status == 200 else (f"list-answered-{reply.status}", frozenset())

    def get(self, path, /, **query):
        return self.send(Ask(method="GET", path=f"/api/v1/{path}", query=urlencode(query), headers=LOCAL))

    def reply(self, path, /, **query):
        """Returns the answer as it came, for what is no JSON."""
        return asyncio.run(
            ask(self.app, Ask(method="GET", path=f"/api/v1/{path}", query=urlencode(query), headers=LOCAL))
        )

    def get_as(self, by, path):
        """Reads from elsewhere, with a signed act instead of the local secret."""
        act = signed(by, f"GET /api/v1/{path}", b"", self.now())
        return self.send(Ask(method="GET", path=f"/api/v1/{path}", headers={HEADER: encode_act(act)}))

    def post(self, path, body=b"{}", *, by="ana", **query):
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        encoded = urlencode(query)
        headers = {HEADER: encode_act(signed(by, f"POST /api/v1/{path}", content, self.now(), query=encoded))}
        request = Ask(method="POST", path=f"/api/v1/{path}", query=encoded, headers=headers, body=content)
        return self.send(request)

    def send(self, request):
        reply = asyncio.run(ask(self.app, request))
        return reply.status, msgspec.json.decode(reply.body)

    def detected(self):
        """Takes the shipped recording in and returns the id of its incident."""
        assert (
            self.post("telemetry/inventory", (RECORDING / "inventory.json").read_bytes(), name="inventory.json")[0]
            == 200
        )
        for file in sorted(RECORDING.iterdir()):
            if file.suffix in (".log", ".jsonl"):
                status, told = self.post("telemetry", file.read_bytes(), name=file.name)
                assert (status, told["file"]["problem"]) == (200, "")
        status, found = self.post("detections")
        assert status == 200
        return found["incidents"][0]
