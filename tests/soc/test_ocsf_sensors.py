"""Zeek, Suricata, CloudTrail and OCSF: every public sample is read, fits the schema, and means what others say."""

import json
from collections import Counter

import pytest

from safeconduct.kernel.canonical import canonical
from safeconduct.soc.correlation import correlate, recompute
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.parsing import check
from safeconduct.soc.detection.shipped import shipped_rules
from safeconduct.soc.entities import mentions
from safeconduct.soc.inventory import NOTHING
from safeconduct.soc.normalizing import event_id
from support import sensors
from support.ocsf import faults
from support.sigma_corpora import rule_files
from support.telemetry import taken

SHAPES_MAX = 3
"""Events of one log, class and set of attributes that are held against the schema: the rest differ in values alone."""


@pytest.fixture(scope="module")
def samples():
    """Returns the events and the dead letters of each sample file, by kind and name."""
    kinds = {"zeek": [*sensors.zeek_json(), *sensors.zeek_tables()], "eve": sensors.suricata(),
             "cloudtrail": sensors.cloudtrail()}  # fmt: skip
    return {kind: {name: taken(content) for name, content in files} for kind, files in kinds.items()}


@pytest.mark.parametrize(("kind", "files", "events"), [("zeek", 59, 21285), ("eve", 4, 504), ("cloudtrail", 78, 3166)])
def test_every_sample_is_read_under_its_source(samples, kind, files, events):
    read = samples[kind]
    assert (len(read), sum(len(found) for found, _ in read.values())) == (files, events)
    assert {event.source for found, _ in read.values() for event in found} == {kind}
    dead = Counter(letter.code for _, letters in read.values() for letter in letters)
    assert dead == ({"time-without-offset": 44} if kind == "eve" else {})


@pytest.mark.parametrize("kind", ["zeek", "eve", "cloudtrail"])
def test_every_shape_of_event_fits_the_published_schema(samples, kind):
    seen, against = Counter(), {}
    for name, (found, _) in samples[kind].items():
        for event in found:
            shape = (event.ocsf["metadata"]["log_name"], event.ocsf["type_uid"], frozenset(event.ocsf))
            seen[shape] += 1
            if seen[shape] <= SHAPES_MAX and (told := faults(event.ocsf)):
                against[name, shape] = told
    assert against == {}


CLASSES = {
    "zeek": {4001, 4002, 4003, 4004, 4005, 4006, 4007, 4008, 4009, 4013, 3002, 2004, 0},
    "eve": {2004},
    "cloudtrail": {6003, 3001, 3002},
}


@pytest.mark.parametrize("kind", CLASSES)
def test_the_classes_are_those_of_the_tables(samples, kind):
    found = {event.ocsf["class_uid"] for events, _ in samples[kind].values() for event in events}
    assert found == CLASSES[kind]


def test_an_alert_of_suricata_is_a_finding_with_its_evidence(samples):
    ((first, *_), _) = next(read for name, read in samples["eve"].items() if "first-org" in name)
    assert first.ocsf["finding_info"]["analytic"]["uid"] == "1:2001219"
    assert first.ocsf["severity_id"] == 3
    assert first.ocsf["evidences"][0]["src_endpoint"] == {"ip": "222.186.56.46", "port": 4904}
    assert first.ocsf["disposition"] == "Allowed"
    assert {mention.entity.value for mention in mentions(first)} >= {"222.186.56.46", "192.168.0.2"}


def test_what_suricata_saw_between_two_addresses_is_an_incident_and_a_single_policy_is_none(samples):
    by_id = {event.id: event for found, _ in samples["eve"].values() for event in found}
    alerts = detect(by_id.values(), shipped_rules())
    assert Counter(alert.level for alert in alerts) == {"medium": 203, "high": 13}
    incidents = correlate(alerts, by_id, NOTHING)
    assert [len(incident.alerts) for incident in incidents] == [4, 32, 4, 5, 2, 4, 4, 4, 2, 5, 4, 4]
    for incident in incidents:
        assert (
            len({tuple(sorted((by_id[key].raw["src_ip"], by_id[key].raw["dest_ip"]))) for key in incident.events}) == 1
        )
        assert all(recompute(edge, *(by_id[key] for key in edge.events), NOTHING) for edge in incident.edges)


OURS_ALONE = {
    "connection_info.direction_id": "worked out of local_orig and local_resp",
    "duration": "OCSF counts milliseconds, the sample seconds",
    "email.to[0]": "the schema wants the address alone",
    "actor.user.uid": "the first drafts had the principal here, later samples the ARN, as we do",
    "class_uid": "the first draft's class of API calls; the certificate's sample names no connection",
    "category_uid": "follows from the class",
    "activity_id": "SSH sessions and certificates have no activity of their own in 1.8.0",
    "type_uid": "follows from class and activity",
}
"""Attributes in which we differ from a sample of ocsf/examples, and why."""

PASSED = ("observables", "unmapped", "metadata.", "time", "start_time")


def objects(content):
    text, at, decoder = content.decode(), 0, json.JSONDecoder()
    while at < len(text) and (rest := text[at:].lstrip()):
        at = len(text) - len(rest)
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:
            return  # three of the samples are no JSON
        yield value


def leaves(value, at=""):
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if pairs is None:
        yield at, value
        return
    for name, item in pairs:
        step = f"{at}[{name}]" if isinstance(value, list) else f"{at}.{name}" if at else name
        yield from leaves(item, step)


def test_mapped_samples_of_others_say_the_same():
    files = sensors.ocsf_samples()
    mapped = [n for n in files if n.startswith("mappings/markdown/") and n.endswith(".ocsf")]
    ours = [n for n in mapped if "/Zeek/" in n or "/CloudTrail/" in n]
    same, other = 0, set()
    for name in ours:
        made, _ = taken(files[name.removesuffix(".ocsf") + ".raw"])
        for theirs, event in zip(objects(files[name]), made, strict=False):
            has = dict(leaves(event.ocsf))
            held = [(n, value == has[n]) for n, value in leaves(theirs) if n in has and not n.startswith(PASSED)]
            same += sum(agrees for _, agrees in held)
            other |= {n for n, agrees in held if not agrees}
    assert (len(ours), other) == (19, set(OURS_ALONE))
    assert same > 280


def test_mapped_samples_are_taken_as_they_are():
    files = {name: content for name, content in sensors.ocsf_samples().items() if name.endswith(".ocsf")}
    read = [found for content in files.values() for found in [*objects(content)]]
    events = [event for one in read for event in taken(json.dumps(one))[0]]
    assert (len(files), {event.source for event in events}) == (79, {"ocsf"})
    for event in events:
        assert {**event.ocsf, "time": 0} == {**event.ocsf, **event.raw, "time": 0}
        assert event.id == event_id(event.source, event.raw)
        canonical(event.raw)


@pytest.fixture(scope="module")
def written_for_sensors():
    """Returns SigmaHQ's rules for CloudTrail and for Zeek."""
    wanted = ("service: cloudtrail", "product: zeek")
    return check([file for file in rule_files().values() if any(mark in file[1] for mark in wanted)])


FIRED = {"cloudtrail": (197, 11), "zeek": (69, 2)}


@pytest.mark.parametrize("kind", FIRED)
def test_rules_of_others_fire_on_the_samples(samples, written_for_sensors, kind):
    rules, problems = written_for_sensors
    assert problems == []
    alerts = detect([event for found, _ in samples[kind].values() for event in found], rules)
    assert (len(alerts), len({alert.rule for alert in alerts})) == FIRED[kind]
