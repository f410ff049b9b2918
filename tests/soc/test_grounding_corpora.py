"""Over recordings of others and our own: true claims are accepted, lies are caught. The tables of detection-results.md.

`SAFECONDUCT_LONG=1 pytest -s tests/soc/test_grounding_corpora.py` takes all files and prints them.
"""

import io
import os
import random
import tarfile
import zipfile
from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise

import pytest

from safeconduct.adapters.telemetry.forms import form_of, sample
from safeconduct.adapters.telemetry.reading import Manner, Tally, read
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.soc.attack import attack_table
from safeconduct.soc.grounding import Context, Shown, check, check_all
from safeconduct.soc.model import Event
from support.corpora import corpora
from support.corpus_claims import EVENTS, recording, truths
from support.corpus_lies import lies
from support.incident_corpora import lines
from support.soc_world import search_over
from support.telemetry import recording as shipped
from support.wilson import told

LONG = bool(os.environ.get("SAFECONDUCT_LONG"))
FILES = 1_000 if LONG else 3
READ = 400  # events of a file that are read: the incident takes the first EVENTS of them by time
KINDS = 8 if LONG else 2  # claims of each kind that are turned into lies, of each recording


def read_some(content):
    try:
        found = read(io.BytesIO(content), Manner(form_of(sample(content))), Tally())
        return [one for one in islice(found, READ) if isinstance(one, Event)]
    except InvalidInputError:
        return []


def files(path, ending):
    with tarfile.open(corpora() / path) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(ending):
                yield archive.extractfile(member).read()


def otrf():
    for content in files("otrf/atomic.tar", ".zip"):
        packed = zipfile.ZipFile(io.BytesIO(content))
        yield from (packed.read(name) for name in packed.namelist() if name.endswith(".json"))


def evtx():
    return files("evtx/attack-samples.tar.xz", ".evtx")


def cloudtrail():
    for name in ("invictus", "stratus"):
        yield from (lines(content) for content in files(f"cloudtrail/{name}.tar.xz", ".json"))


def recordings(name):
    if name == "demo":
        events = sorted(shipped()[0], key=lambda one: one.at)
        read_ones = [events[at : at + READ] for at in range(0, len(events), READ)]
    else:
        contents = {
            "otrf": otrf,
            "evtx": lambda: files("evtx/attack-samples.tar.xz", ".evtx"),
            "cloudtrail": cloudtrail,
        }
        read_ones = (read_some(content) for content in contents[name]())
    enough = (events for events in read_ones if len(events) >= EVENTS // 4)
    for events, others in pairwise(islice(enough, FILES + 1)):
        if not {one.id for one in others} & {one.id for one in events}:
            yield recording(name, events, others[0])


def context_of(here):
    events = {**here.events, here.stranger.id: here.stranger}
    return Context(
        incident=here.incident,
        events=events,
        shown=Shown.whole(events),
        techniques=attack_table().techniques,
        search=search_over(here.ordered),
    )


@pytest.fixture(scope="module", params=["demo", "otrf", "evtx", "cloudtrail"])
def tried(request):
    """Name, true claims and those refused of them, lies by kind and those that passed of them."""
    rng, accepted, refused = random.Random(7), 0, []  # noqa: S311 - repeatable, not secret
    told_lies, passed = Counter(), []
    for here in recordings(request.param):
        context, claims = context_of(here), truths(here, rng)
        checked = check_all(claims, context)
        accepted += sum(one.verified for one in checked)
        refused += [(one.claim.predicate, one.reason) for one in checked if not one.verified]
        grounds = replace(context, verified={one.claim.id: one.claim for one in checked if one.verified})
        for one in sampled([one.claim for one in checked if one.verified], rng):
            for way, lie in lies(here, one, rng):
                told_lies[way] += 1
                if check(lie, grounds).verified:
                    passed.append((way, one.predicate, lie.predicate))
    return request.param, accepted, refused, told_lies, passed


def sampled(claims, rng):
    kinds = {claim.kind for claim in claims}
    for kind in sorted(kinds):
        alike = [claim for claim in claims if claim.kind is kind]
        yield from rng.sample(alike, min(KINDS, len(alike)))


def test_true_claims_are_accepted(tried):
    name, accepted, refused, _, _ = tried
    print(f"\n{name}: accepted {told(accepted, accepted + len(refused))}")  # noqa: T201
    assert accepted > 300
    assert len(refused) <= (accepted + len(refused)) // 100, refused[:5]


def test_lies_are_caught(tried):
    name, _, _, told_lies, passed = tried
    survived = Counter(way for way, *_ in passed)
    for way, count in sorted(told_lies.items()):
        print(f"{name} | {way} | {told(count - survived[way], count)}")  # noqa: T201
    assert not passed, passed[:3]
    assert told_lies.total() > 300
