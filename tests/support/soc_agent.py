"""An agent of a security operations center, scripted: what it calls for an incident, and how step 12 decides it.

Its user says the incident's id and nothing else of it. What it reads is untrusted, so whatever it writes is.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

from msgspec import structs

from safeconduct.access.inventory import NO_INVENTORY
from safeconduct.access.program import parse_program
from safeconduct.boundary.hints import hints
from safeconduct.boundary.model import Block, Integrity, Label, Source, ToolCall
from safeconduct.boundary.recognizing import recognize
from safeconduct.boundary.resolving import resolved
from safeconduct.boundary.sinks import CallDecision, Ground, Proposed, Verdict, decide_turn, leaves
from safeconduct.boundary.words import Words
from safeconduct.cli.playbooks import NEVER, render
from safeconduct.soc.claims import Author, AuthorKind, make_claim
from safeconduct.soc.entities import mentions
from safeconduct.soc.grounding.checker import check_all
from safeconduct.soc.grounding.model import Context, Shown
from safeconduct.soc.model import Entity, EntityKind
from safeconduct.soc.predicates import Evidence, Observation
from safeconduct.soc.quotes import quote_at
from support.incident_corpora import Case
from support.programs import demo_program
from support.soc_world import TECHNIQUES

AUTHOR = Author(kind=AuthorKind.MODEL, name="scripted", version="1", call="01JD0000000000000000000000")
READ_MAX, CLAIMS_MAX, ENRICHED_MAX = 50, 60, 10
AN_HOUR = 10
"""Incidents in an hour: after so many the playbooks' counts begin anew."""

Call = tuple[str, dict[str, Any]]


@cache
def path() -> Any:
    """Returns the demo's path with all shipped tools and playbooks."""
    return path_with(render(()))


def path_with(sections: str) -> Any:
    """Returns the demo's path with all tools of pasted sections."""
    names = ", ".join(re.findall(r"(?m)^  ([a-z_]+):", sections.partition("\nplaybooks:")[0]))
    text = demo_program().decode().replace("paths:\n", f"{sections}\npaths:\n", 1)
    source = text.replace("    tools: []\n", f"    tools: [{names}]\n", 1).encode()
    return next(one for one in parse_program(source).paths if one.id == "soc-triage")


@dataclass
class Work:
    """One incident's work: what the agent read, on what its calls rest, and what became of them."""

    case: Case
    uses: Counter[str] = field(default_factory=Counter)
    ground: Ground = field(default_factory=Ground)
    label: Label = field(default_factory=lambda: Label(integrity=Integrity.USER, readers=frozenset({"staff"})))
    record: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        said = f"Triage incident {self.id}: enrich what it names, write it down, block who attacks from outside."
        self.ground = Ground(words=Words.of([said]), secret=_secret, uses=self.uses)

    @property
    def id(self) -> str:
        return str(self.case.incident.id)

    def read(self, order: str = "", *, detector: bool = True) -> None:
        """Reads the incident: its events, with an order in one where there is any, and what its claims bear out."""
        document = [one.document() for one in list(self.case.events.values())[:READ_MAX]]
        text = json.dumps([*document, {"command_line": order}] if order else document)
        hinted = detector and hints([Block(pointer="/messages/2/content", source=Source.TOOL, text=text)])
        self.label = structs.replace(self.label, integrity=Integrity.HOSTILE if hinted else Integrity.UNTRUSTED)
        self.record = claimed(self.case)
        asked = ToolCall(id="v", name="verified_claims", arguments={"incident": self.id})
        tool = next(one for one in path().sinks if one.name == asked.name)
        found = resolved(asked, json.dumps(self.record), tool, self.ground)
        self.ground = replace(self.ground, resolved=found)

    def decide(self, *calls: Call) -> tuple[CallDecision, ...]:
        """Decides a turn, and counts what playbooks allowed."""
        turn = [ToolCall(id=str(n), name=name, arguments=given) for n, (name, given) in enumerate(calls)]
        labelled = [
            Proposed(call=one, labels=dict.fromkeys((at for at, _ in leaves(one.arguments)), self.label))
            for one in turn
        ]
        decided = decide_turn(labelled, path().sinks, path().playbooks, self.ground)
        self.uses.update(one.playbook for one in decided if one.playbook and one.verdict is Verdict.ALLOW)
        return decided


def turns(work: Work) -> Iterator[list[Call]]:
    """Yields what the agent does after it read, turn by turn."""
    named = [one.entity for event in work.case.events.values() for one in mentions(event)]
    hosts = list(dict.fromkeys(one.value for one in named if one.kind is EntityKind.HOST))
    users = list(dict.fromkeys(one.value for one in named if one.kind is EntityKind.USER))
    yield [
        ("query_events", {"query": f"incident {work.id}"}),
        *(("lookup_asset", {"asset": one}) for one in hosts[:ENRICHED_MAX]),
        *(("lookup_account", {"account": one}) for one in users[:ENRICHED_MAX]),
    ]
    outside = [one for one in work.record["addresses"] if _outside(one)]
    yield [
        *(("enrich_address", {"address": one}) for one in outside[:ENRICHED_MAX]),
        *(("enrich_domain", {"domain": one}) for one in work.record["domains"][:ENRICHED_MAX]),
    ]
    yield from ([("block_address", {"address": one})] for one in outside[:1])


def written(work: Work) -> Iterator[tuple[str, list[Call]]]:
    """Yields the turn that writes the incident down: in the agent's words, else what the claims say, else by its id."""
    told = "\n".join(
        f"{alert.title}: {', '.join(dict.fromkeys(str(match.found) for match in alert.matches))}"
        for alert in work.case.incident.alerts[:10]
    )
    for how, text in (("own words", _defanged(told)), ("claims", work.record["summary"]), ("id", work.id)):
        title = work.id if how != "own words" else _defanged(work.case.incident.alerts[0].title)
        ticket = {"incident": work.id, "queue": "soc", "title": title, "text": text}
        yield how, [("open_ticket", ticket), ("comment_incident", {"incident": work.id, "text": text})]


def claimed(case: Case) -> dict[str, Any]:
    """Returns what verified claims of an incident quote, as the tool `verified_claims` answers."""
    named: dict[Entity, Evidence] = {}
    for event in list(case.events.values())[:READ_MAX]:
        for one in mentions(event):
            quote = quote_at(event, one.pointer)
            named.setdefault(one.entity, Evidence(event=event.id, pointer=one.pointer, quote=quote))
    cited = dict(list(named.items())[:CLAIMS_MAX])
    claims = [make_claim(case.incident.id, AUTHOR, Observation(field=one)) for one in cited.values()]
    context = Context(incident=case.incident, events=case.events, shown=Shown.whole(case.events), techniques=TECHNIQUES)
    checked = check_all(claims, context)
    verified = [entity for entity, one in zip(cited, checked, strict=True) if one.verified]
    return {
        "incident": str(case.incident.id),
        "addresses": [one.value for one in verified if one.kind is EntityKind.IP],
        "domains": [one.value for one in verified if one.kind is EntityKind.DOMAIN],
        "summary": "\n".join(one.text for one in checked if one.verified),
    }


def _secret(text: str) -> bool:
    return any(one.data_class == "secret" for one in recognize(text, NO_INVENTORY))


def _outside(text: str) -> bool:
    address = ip_address(text)
    return not any(address in network for network in map(ip_network, NEVER) if network.version == address.version)


def _defanged(text: str) -> str:
    """Returns a text whose links lead nowhere, as analysts write them."""
    return text.replace("://", "[:]//").replace("www.", "www[.]")
