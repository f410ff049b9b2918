"""Triage whose vendor sees tokens: how many claims survive the same checker, with protection, and without.

The model is a script that copies from the prompt it got: no weights here are strong enough to be measured by.
`SAFECONDUCT_LONG=1 pytest -s tests/soc/test_protected_triage.py` prints the figures of docs/security-results.md.
"""

import asyncio
import json
import os
import re
import sys
from dataclasses import dataclass, replace
from itertools import pairwise

import msgspec
import pytest

from safeconduct.access import records as kept
from safeconduct.access.data_handling import DataHandling
from safeconduct.access.inventory import Inventory
from safeconduct.boundary.pseudonyms import Known, Pseudonyms
from safeconduct.boundary.restoring import Restorable
from safeconduct.gateway.arriving import Arrival
from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.dialects.registry import OPENAI_CHAT
from safeconduct.gateway.inspecting import inspect_request
from safeconduct.gateway.protecting import protected_request
from safeconduct.gateway.restoring import restored_answer
from safeconduct.kernel.ids import CallId, PathId, PrincipalId
from safeconduct.soc.autonomy.levels import Autonomy
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.questions.model import ModelAnswer
from safeconduct.soc.summary import rule_context
from safeconduct.soc.triage_service import WIDE, Asking, ask
from support.programs import in_force
from support.soc_world import HOSTS, START, TECHNIQUES, USERS, world
from support.wilson import told

WORLDS = 200 if os.environ.get("SAFECONDUCT_LONG") else 8
NAMES = frozenset(one for one in USERS if one != "root")
OWN = Inventory(hosts=frozenset(HOSTS), accounts=NAMES)
CLASSES = ("account", "host", "internal-address", "mail", "phone", "payment", "national-id", "secret", "indicator")
RULES = dict.fromkeys(CLASSES, DataHandling.PSEUDONYMIZE) | {
    "secret": DataHandling.REDACT,
    "indicator": DataHandling.ALLOW,
}
_OWN = re.compile(rf"\b(?:{'|'.join((*NAMES, *HOSTS))})\b")
_EVENT = re.compile(r"event (\w+) at ")
_FIELD = re.compile(r"(/\S+) = (.*)")
_ALERT = re.compile(r"alert (\w+) on .* (T\d{4}(?:\.\d{3})?)$")


def copied(body: bytes) -> str:
    """Answers as a model that reads its prompt well: what it was shown, in the form that it was asked for."""
    lines = json.loads(body)["messages"][-1]["content"].splitlines()
    event, seen, events, techniques = "", [], [], []
    for line in lines:
        if found := _EVENT.match(line):
            event = found[1]
            events.append(event)
        elif found := _FIELD.match(line):
            seen.append({"event": event, "field": found[1], "value": json.loads(found[2])})
        elif found := _ALERT.match(line):
            techniques.append({"technique": found[2], "alert": found[1]})
    observations = seen[: WIDE.claims["observations"][1]]
    said = {
        "observations": observations,
        "sequences": [{"first": one, "order": "before", "second": other} for one, other in pairwise(events)][:6],
        "techniques": techniques[:6],
        "verdict": {"judgment": Judgment.TRUE_POSITIVE, "claims": [1]},
    }
    return json.dumps(said)


@dataclass
class Vendor:
    """A caller whose way to the model is that of a path: `protects` has it inspected, `restores` clears its reader."""

    path: object
    principal: object
    protects: bool = True
    restores: bool = True
    shown: int = 0

    async def complete(self, path, purpose, body):
        if not self.protects:
            return self._answer(copied(body))
        asked = OPENAI_CHAT.read(body, Shapes())
        arrival = Arrival(path=PathId(path), at=START)
        made = protected_request(self.path, self.principal, arrival, inspect_request(self.path, asked, OWN), tokens)
        self.shown += len(_OWN.findall(made.body.decode()))
        text = copied(made.body)
        if self.restores:
            answer = msgspec.json.encode({"choices": [{"message": {"content": text}}]})
            restored, _ = restored_answer(answer, Restorable(originals=made.used), OPENAI_CHAT.speech)
            text = json.loads(restored)["choices"][0]["message"]["content"]
        return self._answer(text)

    def _answer(self, text):
        return ModelAnswer(text=text, call=CallId("01JD0000000000000000000000"), model="script/1")


def tokens(_space, *, keep_subnets):
    return Pseudonyms(lambda: b"k" * 32, Known(), keep_subnets=keep_subnets)


def verified(seed, **way):
    """Returns how many claims hold for one incident, of how many parts of the answer, and names that were sent."""
    state, here = in_force().state, world(seed)
    path = replace(state.get(kept.PATHS, "soc-triage"), handling=RULES, data_classes=(*CLASSES, "text"))
    vendor = Vendor(path, state.get(kept.PRINCIPALS, "ana"), **way)
    asking = Asking(
        path=path.id,
        purpose="incident-triage",
        upstream="vendor",
        principal=PrincipalId("ana"),
        model="smollm2-135m",
        budget=WIDE,
        autonomy=Autonomy.TRIAGE,
    )
    found = asyncio.run(ask(rule_context(here.incident, here.events, TECHNIQUES), vendor, asking))
    holds = sum(one.verified for one in found.claims)
    return holds, len(found.claims) + len(found.reading.unreadable), vendor.shown


@pytest.fixture(scope="module")
def measured():
    ways = {"off": {"protects": False}, "on": {}, "tokens": {"restores": False}}
    sums = {}
    for name, way in ways.items():
        found = [verified(seed, **way) for seed in range(WORLDS)]
        sums[name] = tuple(map(sum, zip(*found, strict=True)))
        sys.stdout.write(f"\n{name}: {told(*sums[name][:2])}, own names sent: {sums[name][2]}")
    return sums


def test_protection_costs_a_cleared_reader_no_claim(measured):
    assert measured["on"][:2] == measured["off"][:2]
    assert measured["off"][0] > 10 * WORLDS


def test_the_vendor_gets_no_name_of_the_house(measured):
    assert measured["on"][2] == 0


def test_whoever_is_not_cleared_has_claims_about_tokens_which_the_checker_rejects(measured):
    assert measured["tokens"][0] < measured["on"][0]
