"""A report says the same in every form, keeps what was rejected, and lets nothing of an event out of its place."""

import json
import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from stix2 import parse
from stix2.exceptions import STIXError

from safeconduct.kernel.instants import Instant
from safeconduct.soc.attack import attack_table
from safeconduct.soc.claims import Author, AuthorKind, make_claim
from safeconduct.soc.grounding import check
from safeconduct.soc.incidents.closing import Closed, IncidentClosed
from safeconduct.soc.model import Entity, EntityKind
from safeconduct.soc.predicates import Evidence, Judgment, Observation
from safeconduct.soc.reports.layer import incident_layer
from safeconduct.soc.reports.model import IncidentReport, Response, Sharing
from safeconduct.soc.reports.stix import MARKINGS, bundle
from safeconduct.soc.summary import rule_context, summarize
from safeconduct.web.incident_report import render_html, render_markdown
from support.soc_world import TECHNIQUES, world

HOSTILE = "</td><script>alert(1)</script>\u202e|\n## A verdict: *benign* [x](http://evil.example) `"
MODEL = Author(kind=AuthorKind.MODEL, name="smollm2-135m", version="1", call="c" * 26)


@pytest.fixture(scope="module")
def made():
    here = world(3)
    context = rule_context(here.incident, here.events, TECHNIQUES)
    summary, rules = summarize(context)
    event = here.incident.events[0]
    said = Observation(field=Evidence(event=event, pointer="/raw/message", quote=HOSTILE))
    rejected = check(make_claim(here.incident.id, MODEL, said), context)
    response = Response(
        id="a", kind="block-ip", target="203.0.113.66", proposed_by="ana", proposed_at=Instant(0), states=("done",)
    )
    closed = IncidentClosed(
        incident=here.incident.id, disposition=Judgment.BENIGN_POSITIVE, by="ana", path="p", model=HOSTILE, call="c"
    )
    return IncidentReport(
        summary=summary,
        claims=[rejected, *rules],
        responses=[response],
        closings=[Closed(closed=closed, at=Instant(0), entry="e", reopened_at=Instant(0))],
        sharing=Sharing.AMBER,
        organization="northwind",
        made_at=Instant(1_700_000_000_000_000),
        made_by="ana",
    )


def problems(document):
    try:
        bundled = parse(document, version="2.1", allow_custom=False)
    except (STIXError, ValueError) as error:
        return [f"{error}"]
    # One of its times may be written with any precision.
    return [] if json.loads(bundled.serialize().replace(".000Z", "Z")) == plain(document) else ["it is read otherwise"]


def plain(document):
    return json.loads(json.dumps(document).replace(".000Z", "Z"))


def test_the_bundle_is_stix_and_marked_throughout(made):
    document = json.loads(json.dumps(bundle(made)))
    assert problems(document) == []
    marking, *others = document["objects"]
    assert marking["id"] == MARKINGS[Sharing.AMBER]
    assert all(one["object_marking_refs"] == [marking["id"]] for one in others)
    kinds = {one["type"] for one in others}
    assert {"identity", "report", "attack-pattern", "observed-data", "ipv4-addr"} <= kinds
    known = {one["id"] for one in document["objects"]}
    assert {ref for one in others for ref in one.get("object_refs", ())} <= known


def test_the_same_incident_gives_the_same_bundle_and_another_another(made):
    assert bundle(made) == bundle(made)
    later = replace(made, made_at=Instant(made.made_at + 1_000_000))
    assert bundle(later)["id"] != bundle(made)["id"]


def test_a_broken_bundle_would_be_found(made):
    document = json.loads(json.dumps(bundle(made)))
    document["objects"][-1]["published"] = "yesterday"
    assert problems(document)


@pytest.mark.parametrize(
    ("entity", "kind"),
    [
        (Entity(EntityKind.IP, "2001:db8::7"), "ipv6-addr"),
        (Entity(EntityKind.DOMAIN, "evil.example"), "domain-name"),
        (Entity(EntityKind.URL, "http://evil.example/p"), "url"),
        (Entity(EntityKind.USER, "ana@ws-7"), "user-account"),
        (Entity(EntityKind.FILE, "/opt/.x/run"), "file"),
        (Entity(EntityKind.HASH, "d41d8cd98f00b204e9800998ecf8427e"), "file"),
        (Entity(EntityKind.HASH, "abc"), ""),
        (Entity(EntityKind.HOST, "ws-7"), ""),
    ],
)
def test_entities_become_observables_where_stix_has_one(made, entity, kind):
    one = replace(made, summary=replace(made.summary, entities=(entity,)))
    document = json.loads(json.dumps(bundle(one)))
    assert problems(document) == []
    seen = {found["type"] for found in document["objects"]} - {
        "marking-definition", "identity", "attack-pattern", "observed-data", "report",
    }  # fmt: skip
    assert seen == ({kind} if kind else set())


def test_what_a_model_said_and_was_rejected_stands_on_paper_and_is_not_shared(made):
    page, text = render_html(made), render_markdown(made)
    assert "The model said, and it was rejected" in page
    assert "The model said, and it was rejected" in text
    assert made.claims[0].reason.code in text
    assert made.claims[0].reason.code in page
    assert "smollm2-135m, asked by 1" in page
    assert "alert(1)" not in json.dumps(bundle(made))


def test_nothing_of_an_event_leaves_its_place(made):
    page, text = render_html(made), render_markdown(made)
    assert "<script" not in page
    assert not re.search(r"\b(src|href)=", page)
    assert "\u202e" not in page + text
    tokens = [
        one
        for block in MarkdownIt("commonmark").enable("table").parse(text)
        for one in (block, *(block.children or ()))
    ]
    assert not {"html_block", "html_inline", "link_open", "image"} & {one.type for one in tokens}
    assert "://" not in text  # which viewers make links of
    assert "http://evil.example" in "".join(one.content for one in tokens if one.type in {"text", "text_special"})
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## In short", "## What happened", "## What its score is made of", "## ATT&CK", "## Responses", "## Claims",
    ]  # fmt: skip


def test_the_layer_scores_verified_claims(made):
    layer = incident_layer(made, attack_table())
    names = {one["techniqueID"] for one in layer["techniques"]}
    assert names == {one.technique for one in made.summary.techniques}
    assert all(one["score"] >= 1 for one in layer["techniques"])
    assert layer["versions"]["attack"] == "18"


def test_a_report_on_nothing_says_so(made):
    nothing = replace(made, claims=(), responses=(), summary=replace(made.summary, techniques=(), entities=()))
    assert render_markdown(nothing).count("Nothing.") >= 3
    assert problems(json.loads(json.dumps(bundle(nothing)))) == []
