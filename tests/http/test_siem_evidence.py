"""A model's hunts are asked of a joined SIEM too: what it brings is kept and cited, where it came whole."""

import datetime as dt
import json

import pytest

from safeconduct.adapters.siem.asking.file import FILE, SiemsFile
from safeconduct.soc.siem.events import ASKED
from support.operations_house import House
from support.programs import demo_program, in_force
from support.siem import API_KEY
from support.siem_search import ElasticServer

JOINED = """
siems:
  - name: elastic
    platform: elastic
    options: {{url: "{url}", kibana: "{url}"}}
    secret: {{env: ELASTIC_KEY}}
    rows: {rows}
    searches_per_hour: {budget}
    tables:
      - {{name: processes, time: stamp, class_uid: {class_uid}, activity_id: 1,
          columns: {{host: machine, process: image, command: line, user: who}}}}
"""
TOLD = {"siem": "elastic", "table": "processes"}
COMMAND = {"field": "command", "operator": "contains", "value": "comsvcs"}
NEVER = {"field": "command", "operator": "contains", "value": "nobody ran this"}


class Joined:
    """A house whose model may hunt, and a SIEM with processes of the hour after the incident."""

    def __init__(self, folder, server):
        hunting = demo_program().replace(b"autonomy: triage", b"autonomy: hunt")
        self.folder, self.server = folder, server
        self.house = House(folder, in_force(hunting), siems=SiemsFile(folder / FILE, lambda *_: API_KEY))
        self.incident = self.house.detected()
        last = dt.datetime.fromisoformat(self.house.get(f"incidents/{self.incident}")[1]["last"])
        self.server.tables["processes"] = [
            {
                "stamp": (last + dt.timedelta(minutes=minute)).isoformat(),
                "machine": "ws-7",
                "image": "C:\\Windows\\System32\\rundll32.exe",
                "line": f"rundll32 comsvcs.dll MiniDump {minute}",
                "who": "mallory",
            }
            for minute in range(1, 4)
        ]
        self.allow()

    def allow(self, *, rows=100, budget=60, class_uid=1007):
        text = JOINED.format(url=self.server.url, rows=rows, budget=budget, class_uid=class_uid)
        (self.folder / FILE).write_text(text)

    def hunt(self, *wheres, claims=lambda _body: {}, told=TOLD):
        proposed = [{"window": "around", "source": "auth", "where": [one]} for one in wheres]

        def say(body):
            proposing = body["response_format"]["json_schema"]["name"] == "hunts"
            return json.dumps({"hunts": proposed} if proposing else claims(body))

        self.house.model.say = say
        return self.house.post(f"incidents/{self.incident}/hunt", told)

    def asked(self):
        return [ASKED.read(entry) for entry in self.house.writer.entries if entry.type == ASKED.name]


@pytest.fixture(scope="module")
def server():
    with ElasticServer() as server:
        yield server


@pytest.fixture
def joined(tmp_path, server):
    return Joined(tmp_path, server)


def first_of(body, pointer):
    """The first claim that the schema offers on a field."""
    schema = body["response_format"]["json_schema"]["schema"]["properties"]
    forms = [one["properties"] for one in schema["observations"]["items"]["anyOf"]]
    form = next(one for one in forms if one["field"]["const"] == pointer)
    return {name: value["const"] for name, value in form.items()}


def test_what_a_siem_brings_is_kept_and_claims_cite_it(joined):
    def claims(body):
        return {"observations": [first_of(body, "/ocsf/process/user/name")], "tallies": [{"hunt": 1, "count": 3}]}

    status, found = joined.hunt(COMMAND, claims=claims)
    assert (status, found["unanswered"], found["hunts"][0]["counted"]) == (200, [], 3)
    assert [(one["kind"], one["outcome"]) for one in found["claims"]] == [
        ("observation", "verified"),
        ("tally", "verified"),
    ]
    cited = joined.house.get(f"events/{found['claims'][0]['evidence'][0]['event']}")[1]
    assert (cited["source"], cited["ocsf"]["class_uid"], cited["raw"]["@siem"]) == ("json", 1007, "elastic")
    (asked,) = joined.asked()
    assert (asked.table, asked.call) == ("processes", found["left_the_house"][0]["call"])
    again = joined.house.get(f"incidents/{joined.incident}/claims")[1]
    assert {one["outcome"] for one in again} == {"verified"}


def test_without_a_siem_named_none_is_asked(joined):
    _, found = joined.hunt(COMMAND, told={})
    assert (found["hunts"][0]["counted"], joined.asked()) == (0, [])


@pytest.mark.parametrize(
    ("told", "code"),
    [({"siem": "other", "table": "processes"}, "siem-unknown"), ({**TOLD, "table": "secrets"}, "siem-table-outside")],
)
def test_what_may_not_be_asked_is_refused_before_any_model_is(joined, told, code):
    _, found = joined.hunt(COMMAND, told=told)
    assert (found["code"], joined.house.model.sent, joined.asked()) == (code, [], [])


@pytest.mark.parametrize(
    ("allowed", "where", "code"),
    [
        ({}, {"field": "agent", "operator": "contains", "value": "x"}, "siem-column-missing"),
        ({"rows": 2}, COMMAND, "siem-incomplete"),
        ({"class_uid": 0}, COMMAND, "siem-not-understood"),
    ],
)
def test_a_hunt_that_a_siem_does_not_answer_whole_gets_no_answer(joined, allowed, where, code):
    joined.allow(**allowed)
    _, found = joined.hunt(where)
    assert (found["hunts"], found["unanswered"]) == ([], [code])


def test_a_siem_that_found_nothing_leaves_the_hunt_to_what_is_stored(joined):
    _, found = joined.hunt(NEVER)
    assert (found["hunts"][0]["counted"], found["hunts"][0]["hunt"]["sources"]) == (0, ["auth", "json"])


def test_the_hours_questions_bound_what_a_model_has_asked(joined):
    joined.allow(budget=1)
    _, found = joined.hunt(COMMAND, NEVER)
    assert (len(found["hunts"]), found["unanswered"]) == (1, ["siem-over-budget"])


def test_a_siem_that_is_away_is_named_and_the_next_hunt_is_asked(joined):
    joined.server.script.append("broken")
    _, found = joined.hunt(COMMAND, NEVER)
    assert (len(found["hunts"]), found["unanswered"]) == (1, ["siem-busy"])
