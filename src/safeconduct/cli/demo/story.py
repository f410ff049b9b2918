"""The demo's eight steps. Each asks the control API as a person of the story would, and notes what it answered."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import msgspec

from safeconduct.approvals import Verdict, ballot
from safeconduct.cli.call import open_field
from safeconduct.cli.client import place
from safeconduct.cli.demo.document import Document
from safeconduct.cli.demo.screen import Screen
from safeconduct.cli.demo.world import AGREEMENT, World
from safeconduct.cli.ingest import take_in
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.soc.wording import number_of

RECORDING = ("inventory.json", "auth.log", "access.log", "audit.log", "http.jsonl", "dns.jsonl", "flow.jsonl")

WITNESS_S = 30.0
"""Seconds for the witness to cosign the newest head. It is asked every second."""

JOINERS = ("ip", "user", "domain", "host", "url", "file", "process")
JOINED_SHOWN = 4


@dataclass(slots=True)
class Story:
    """The story so far."""

    world: World
    screen: Screen
    document: Document
    corpus: Sequence[Path] = ()
    rules: dict[str, Any] = field(default_factory=dict)

    def tell(self) -> None:
        """Tells the eight steps. A corpus without an incident, or without an address to block, tells so and goes on."""
        self.agree()
        self.take_telemetry()
        incident = self.find_incident()
        if incident:
            self.triage(incident)
            self.respond(incident)
        self.verify("8")

    def agree(self) -> None:
        """Step 1: the program comes into force."""
        self.screen.step("1", "Two parties agree")
        self.screen.say(
            "Meridian (provider) and Northwind (partner) sign one program: who may ask which model, for what."
        )
        program = (self.world.root / "program.yaml").read_bytes()
        applied = self.world.acting("ops").post("/api/v1/programs/apply", program)
        if applied["state"] != "in-force":
            raise UnavailableError("the partner's witness did not cosign the program", code="not-in-force")
        self.screen.fact("changes", len(applied["plan"]["changes"]))
        self.screen.fact("in force because", f"{applied['plan']['waits_for']} cosigned entry {applied['request']}")
        self.document.setup |= {
            "version": metadata.version("safeconduct"),
            "python": platform.python_version(),
            "cores": len(os.sched_getaffinity(0)),
            "model": self.world.model.name,
            "upstream": self.world.model.upstream,
            "program": applied["plan"]["program"],
            "request": applied["request"],
        }

    def take_telemetry(self) -> None:
        """Step 2: telemetry comes in."""
        self.screen.step("2", "Telemetry comes in")
        folder = Path(str(resources.files("safeconduct.cli.demo").joinpath("recording")))
        taken = take_in(self.world.acting("ana"), list(self.corpus) or [folder / name for name in RECORDING])
        for report in taken["files"]:
            self._report(report)
        counts = self.world.acting("ana").get("/api/v1/telemetry")["events"]
        self.screen.fact("events", f"{sum(counts.values()):,}, each with its raw record and an id from its content")
        self.document.setup["telemetry"] = {"events": counts, "files": taken["files"]}

    def _report(self, report: dict[str, Any]) -> None:
        if report["problem"]:
            self.screen.fact(report["name"], f"not read: {report['detail']}")
            return
        dead = sum(report["dead"].values())
        lost = f", {number_of(dead, 'line')} could not be read; kept" if dead else ""
        self.screen.fact(report["name"], f"{number_of(report['lines'], 'line')}{lost}")

    def find_incident(self) -> str:
        """Step 3: rules find alerts, entities join them. Returns the gravest incident's id, or nothing."""
        self.screen.step("3", "Rules find, entities join")
        ana = self.world.acting("ana")
        detected = ana.post("/api/v1/detections")
        incidents = ana.get("/api/v1/incidents")
        self.screen.fact("alerts", f"{len(detected['alerts'])} by Sigma rules")
        if not incidents:
            self.screen.say("No alerts that belong together, so there is no incident and no response to propose.")
            return ""
        shown = ana.get(f"/api/v1/incidents/{incidents[0]['id']}")
        shared = {(edge["entity"]["kind"], edge["entity"]["value"]) for edge in shown["edges"]}
        self.screen.fact("incident", f"{shown['id']}, score {shown['score']}")
        self.screen.fact("joined by", _joined(shared))
        self.screen.fact("events", f"{len(shown['events'])} of {detected['events']:,}")
        self.document.incident = {
            "id": shown["id"],
            "summary": "",
            "events": shown["events"],
            "alerts": shown["alerts"],
            "edges": len(shown["edges"]),
        }
        return str(shown["id"])

    def triage(self, incident: str) -> None:
        """Steps 4 and 5: a model is asked on a bounded path, and every claim is checked."""
        self.screen.step("4", "A model is asked, on a bounded path")
        ana = self.world.acting("ana")
        asking = place("incidents", incident, "triage")
        self.rules = ana.post(asking, {"model": False})
        began = time.monotonic()
        with self.screen.working(
            f"{self.world.model.name} is reading and writing; on a small machine for half a minute"
        ):
            asked = ana.post(asking, {})
        self.document.setup["model_seconds"] = round(time.monotonic() - began, 1)
        self._left_the_house()
        self.screen.step("5", "Claims are checked")
        self._claims(asked)

    def _left_the_house(self) -> None:
        ana = self.world.acting("ana")
        for call in reversed(ana.get("/api/v1/calls")):
            if call["state"] == "refused":
                continue
            whole = ana.get(f"/api/v1/calls/{call['call']}")
            fields = {one["field"]: one for one in whole["sealed"]["request"]}
            sent = open_field(ana, fields.get("sent", fields["request"]), "the demo shows what left the house")
            self.document.left_the_house.append(
                {"to": call["upstream"], "call": call["call"], "bytes": len(sent.encode()), "what": sent}
            )
            self.screen.fact("decided by", ", ".join(call["determining"]))
            self.screen.fact("recorded first", f"entry {call['index']} of {call['origin']}: {call['call']}")
            self.screen.fact("ended", f"{call['state']} {call['why']}".strip())
            self._show_sent(call["call"], call["upstream"], sent)

    def _show_sent(self, call: str, upstream: str, sent: str) -> None:
        body = msgspec.json.decode(sent)
        texts = [f"{message['role']}: {message['content']}" for message in body.pop("messages")]
        size = len(sent.encode())
        self.screen.body(f"what left the house, to {upstream}: {size:,} bytes", "\n\n".join(texts))
        rest = size - len(msgspec.json.encode(texts))
        self.screen.say(
            f"  The other {rest:,} bytes are {', '.join(body)}: a schema in which the ids, pointers and values above "
            f"are all that can be answered. Every byte: safeconduct call show {call} --open --reason TEXT",
            "dim",
        )

    def _claims(self, asked: dict[str, Any]) -> None:
        by_model = [claim for claim in asked["claims"] if claim["author"] == "model"]
        self.document.claims = asked["claims"]
        if self.document.incident is not None:
            self.document.incident["summary"] = "\n".join(asked["summary"]["text"])
        tiny = self.world.model.upstream == "local"
        note = "tiny model: shows the plumbing, not skill" if tiny else self.world.model.name
        steps = [f"{step['at'][11:19]} {step['title']}" for step in asked["summary"]["steps"]]
        self.screen.columns([asked["summary"]["text"][0], "", *steps], by_model, note)
        error = asked["model"].get("error")
        if error:
            self.screen.say(f"The model gave no answer: {error['message']} ({error['code']}). The rules stand alone.")
        for author in ("rule", "model"):
            own = [claim for claim in asked["claims"] if claim["author"] == author]
            verified = sum(claim["outcome"] == "verified" for claim in own)
            self.screen.fact(f"claims by {author}", f"{verified} of {len(own)} verified by the same checker")

    def respond(self, incident: str) -> None:
        """Steps 6 and 7: an address is blocked by two people, and unblocked."""
        self.screen.step("6", "A response is proposed, and a second person approves")
        found = self.world.acting("ana").get(place("incidents", incident, "candidates"))
        if not found:
            self.screen.say("No verified claim names an address that may be blocked: there is no response to propose.")
            return
        target = found[0]["target"]
        action = self.world.acting("ana").post(place("incidents", incident, "actions"), {"target": target})
        proposed = place("actions", action["id"])
        vote = ballot(action["approval"]["draft"], Verdict.APPROVE)
        self.screen.fact("proposed by ana", f"block-ip {target}, on {len(action['claims'])} verified claims")
        self.refuse("ana approves what she proposed", lambda: self.world.acting("ana").post(f"{proposed}/vote", vote))
        self.world.acting("bo").post(f"{proposed}/vote", vote)
        self.screen.fact("approved by bo", "a signature over exactly this proposal")
        done = self.world.acting("bo").post(f"{proposed}/run")
        self.screen.fact("executed", f"on the list until {done['expires_at']}; fetched over HTTP: {done['state']}")
        self.screen.step("7", "It is rolled back")
        back = self.world.acting("bo").post(f"{proposed}/roll-back")
        gone = back["absence"] == "verified"
        self.screen.fact(
            "rolled back", "fetched over HTTP again: the address is " + ("gone" if gone else "STILL THERE")
        )
        self.screen.fact("states", " > ".join(back["states"]))
        self.document.action = {"kind": back["kind"], "target": target, "id": back["id"], "states": self._states(back)}

    def _states(self, action: dict[str, Any]) -> list[dict[str, str]]:
        entries = self.world.acting("ana").get("/api/v1/logs/entries", origin=AGREEMENT, start=0, count=1000)
        prefix = "soc.action."
        about = [
            entry
            for entry in entries
            if entry["type"].startswith(prefix) and action["id"] in (entry["id"], entry["body"].get("action"))
        ]
        return [
            {
                "state": entry["type"].removeprefix(prefix).split("/")[0],
                "at": entry["at"],
                "by": str(entry["body"].get("by", "safeconduct")),
                "entry": entry["id"],
            }
            for entry in about
        ]

    def refuse(self, tried: str, attempt: Callable[[], object]) -> str:
        """Tries what must be refused, notes by which clause, and returns the code.

        Raises:
            UnavailableError: it was not refused.
        """
        try:
            attempt()
        except SafeconductError as error:
            self.document.refused(tried, error.code, error.clause)
            self.screen.fact("refused", f"{tried}: {error.code} {error.clause}".rstrip())
            return error.code
        raise UnavailableError(f"not refused: {tried}", code="demo-untrue")

    def verify(self, number: str) -> None:
        """Step 8: the partner brings its own copy up to date and verifies it, in processes of its own."""
        self.screen.step(number, "The partner verifies the joint log from its own copy")
        mirror = self.world.root / "partner" / "mirror"
        with self.screen.working("the partner's witness cosigns the head"):
            self._wait_for_witness()
        verified = verify_mirror(self.world, mirror, pull=True)
        cosigned = ", ".join(verified["cosigned_by"])
        self.screen.fact("log", f"{verified['origin']}, {verified['size']} entries")
        self.screen.fact("root", verified["root"])
        self.screen.fact("verified", "yes" if verified["verified"] else "NO")
        self.screen.fact("cosigned by", cosigned or "nobody")
        self.document.log = {
            "origin": verified["origin"],
            "size": verified["size"],
            "root": verified["root"],
            "verified": verified["verified"],
            "verified_by": f"partner ({cosigned})",
            "copy": str(mirror),
        }

    def _wait_for_witness(self) -> None:
        deadline = time.monotonic() + WITNESS_S
        while time.monotonic() < deadline:
            logs = self.world.acting("ana").get("/api/v1/logs")
            if all(log["head_cosigned"] for log in logs if log["origin"] == AGREEMENT):
                return
            time.sleep(0.1)
        raise UnavailableError(f"the witness did not cosign the head in {WITNESS_S:.0f} s", code="not-cosigned")


def _joined(shared: set[tuple[str, str]]) -> str:
    ranked = sorted(shared, key=lambda one: (JOINERS.index(one[0]) if one[0] in JOINERS else len(JOINERS), one))
    more = f" and {len(ranked) - JOINED_SHOWN} more" if len(ranked) > JOINED_SHOWN else ""
    return ", ".join(f"{kind} {value}" for kind, value in ranked[:JOINED_SHOWN]) + more


def verify_mirror(world: World, mirror: Path, *, pull: bool) -> dict[str, Any]:
    """Returns what the partner's verifier says of a copy, brought up to date first if asked.

    Raises:
        UnavailableError: the partner's command failed.
    """
    trust = ("--witness", world.witness_key)
    if pull:
        url = f"{world.server.url}/log/{AGREEMENT}"
        code, said = world.partner(
            "log", "mirror", url, "--dir", mirror, "--log-key", world.log_key, *trust, "--key", world.key_file("bo")
        )
        if code:
            raise UnavailableError(f"the partner could not bring its copy up to date: {said.strip()}", code="mirror")
    code, said = world.partner("log", "verify", mirror, "--key", world.log_key, *trust, "--json")
    try:
        document: dict[str, Any] = msgspec.json.decode(said)
    except msgspec.DecodeError as error:
        raise UnavailableError(f"the partner's verifier failed: {said.strip()}", code="verify") from error
    return document
