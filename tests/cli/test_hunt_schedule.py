"""`safeconduct hunt schedule` against a server that comes and goes: what is due is asked once, whoever was away."""

import json

import pytest

from support.patience import until
from support.shell import agreed, serving
from support.telemetry import visit


@pytest.fixture
def house(tmp_path):
    return agreed(tmp_path / "house")[0]


def runs(house):
    return house("hunt", "runs", "visits", "--json", by="ana").json


def test_a_hunt_that_was_due_while_nothing_ran_is_asked_once_when_a_server_comes(house, tmp_path):
    (tmp_path / "access.log").write_text(f"{visit('/a')}\n{visit('/b', at_s=1)}\n")
    for words in (("ingest", tmp_path / "access.log"), ("hunt", "save", "visits", "url~/a")):
        assert house(*words, by="ana").code == 0
    assert "hunt runs visits" in house("hunt", "schedule", "visits", "--every", "1d", by="ana").out
    assert house("hunt", "schedule", "visits", "--every", "1w", by="ana").code == 2
    found = runs(house)
    assert (found["runs"], found["scheduled"][0]["every_s"], found["scheduled"][0]["last"]) == ([], 86_400, None)
    for _ in range(2):
        with serving(house.data):
            until(lambda: [one["outcome"] for one in runs(house)["runs"]] == ["answered"])
    (run,) = runs(house)["runs"]
    assert (run["counted"], run["scanned"], len(run["events"])) == (1, 2, 1)
    assert run["events"][0] in house("hunt", "runs", by="ana").out
    notices = json.dumps(house("notify", "list", "--json", by="ana").json)
    assert notices.count("the scheduled hunt visits found 1 new events") == 1
    assert "no more" in house("hunt", "unschedule", "visits", by="ana").out
    assert runs(house)["scheduled"] == []
