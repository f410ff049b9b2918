"""A prompt is registered, tried on what people closed, and in force only when the trial shows it to be not worse."""

import json
from dataclasses import replace

import pytest

from safeconduct.access import records as kept
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.instants import seconds
from safeconduct.soc.prompts import registry
from safeconduct.soc.prompts.shipped import SHIPPED
from safeconduct.soc.trials.judging import PAIRS_MIN, SIDE_MIN
from safeconduct.soc.trials.model import ATTEMPTS_MAX, LEASE
from support.operations_house import House
from support.past_incidents import copied, house_with_past, protecting
from support.programs import demo_program, in_force

ATTACK, ERROR = "true-positive", "false-positive"
OWN = {"kind": "triage", "system": "NEW. Data is between <data> and </data>.", "request": "{data}\nJudge."}
PATH = "soc-triage"
SHIPPED_TRIAGE = SHIPPED["triage"].version


def act(house, path, body=b"{}", **named):
    house.writer.now += seconds(1)
    return house.post(path, body, **named)


def says(judgment=ATTACK, *, claims=1, new=ATTACK):
    """Answers the baseline with one judgment and the candidate with another, after claims that hold."""

    def say(body):
        if body["response_format"]["json_schema"]["name"] == "hunts":
            return json.dumps({"hunts": []})
        properties = body["response_format"]["json_schema"]["schema"]["properties"]
        found = [
            {name: value["const"] for name, value in one["properties"].items()}
            for one in properties["observations"]["items"]["anyOf"][:claims]
        ]
        said = new if body["messages"][0]["content"].startswith("NEW") else judgment
        return json.dumps({"observations": found, "verdict": {"judgment": said, "claims": [1]}})

    return say


def registered(house, texts=OWN):
    status, told = act(house, "prompts", texts)
    assert status == 200, told
    return told["registered"]["version"]


def opened(house, candidate, **more):
    status, told = act(house, "trials", {"candidate": candidate, "path": "soc-triage", **more})
    assert status == 200, told
    return told["trial"]


def run(house, trial):
    while not house.get(f"trials/{trial}")[1]["complete"]:
        assert act(house, f"trials/{trial}/next")[0] == 200
    return house.get(f"trials/{trial}")[1]


def in_force_now(house, kind="triage"):
    return [one["version"] for one in house.get("prompts")[1] if one["in_force"] and one["kind"] == kind]


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """A trial that is over: as many incidents as a promotion takes, of which the new words judge one more rightly."""
    closed = [ATTACK] * (PAIRS_MIN - SIDE_MIN) + [ERROR] * SIDE_MIN
    house = house_with_past(tmp_path_factory.mktemp("house"), closed)
    house.model.say = says(new=ATTACK)
    version = registered(house)
    return house, version, run(house, opened(house, version))


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A house with two past incidents: whoever uses it leaves what is in force as it is."""
    house = house_with_past(tmp_path_factory.mktemp("house"), [ATTACK, ERROR])
    return house, registered(house)


@pytest.fixture
def small(pair):
    house, version = pair
    house.model.say, house.model.sent = says(), []
    return house, version


def test_one_prompt_more_than_a_list_takes_is_refused(pair, monkeypatch):
    monkeypatch.setattr(registry, "PROMPTS_MAX", 2)
    house, _ = pair
    assert registered(house, OWN | {"kind": "explain"})
    assert act(house, "prompts", OWN | {"kind": "explain", "request": "{data}"})[1]["code"] == "prompts-too-many"


def test_a_trial_counts_both_versions_on_the_same_incidents(tried):
    _, version, told = tried
    assert (told["candidate"], told["baseline"], told["over"]) == (version, SHIPPED_TRIAGE, PAIRS_MIN)
    for side in ("candidate", "baseline"):
        found = told["comparison"][side]
        assert (found["right"], found["claims"], found["verified"], found["failed"]) == (
            PAIRS_MIN - SIDE_MIN, 2 * PAIRS_MIN, PAIRS_MIN, 0,
        )  # fmt: skip
    assert (told["comparison"]["only_candidate"], told["comparison"]["only_baseline"]) == (0, 0)
    assert told["against"] == []
    calls = [call for pair in told["pairs"] for side in ("candidate", "baseline") for call in pair[side]["calls"]]
    assert len(set(calls)) == len(calls) == 2 * PAIRS_MIN


def test_a_trial_is_no_triage(tried):
    house, _, told = tried
    assert house.get("reviews")[1] == []
    assert house.get(f"incidents/{told['pairs'][0]['incident']}/claims")[1] == []


@pytest.mark.parametrize("changed", [lambda sealed: [replace(sealed, digest="another")], lambda _: []])
def test_what_was_tried_on_another_version_of_the_path_is_not_promoted(tried, changed):
    house, _, told = tried
    sealed = house.writer.state.get(kept.PATHS, PATH)
    house.writer.state.delete(kept.PATHS, PATH)
    for after in changed(sealed):
        house.writer.state.put(kept.PATHS, PATH, after)
    status, answer = act(house, f"trials/{told['trial']}/promote")
    house.writer.state.put(kept.PATHS, PATH, sealed)
    assert (status, answer["code"], in_force_now(house)) == (409, "trial-stale", [SHIPPED_TRIAGE])
    assert PATH in answer["detail"]


def test_what_was_tried_is_promoted_used_named_and_demoted(tried):
    house, version, told = tried
    incident = told["pairs"][0]["incident"]
    status, answer = act(house, f"trials/{told['trial']}/promote")
    assert (status, answer["promoted"]["version"], in_force_now(house)) == (200, version, [version])
    _, answered = act(house, f"incidents/{incident}/triage", {})
    assert answered["model"]["prompt"] == version
    assert answered["left_the_house"][0]["body"]["messages"][0]["content"] == OWN["system"]
    assert house.get("reviews")[1][-1]["prompt"] == version
    assert act(house, f"trials/{told['trial']}/promote")[1]["code"] == "trial-stale"
    assert act(house, "prompts/demote", {"kind": "triage", "reason": "INC-7"})[1]["in_force"] == SHIPPED_TRIAGE
    assert in_force_now(house) == [SHIPPED_TRIAGE]
    assert act(house, f"incidents/{incident}/triage", {})[1]["model"]["prompt"] == SHIPPED_TRIAGE
    assert act(house, "prompts/demote", {"kind": "triage", "reason": "INC-7"})[1]["code"] == "prompt-shipped"


def test_no_word_of_a_prompt_stands_in_the_clear(tried):
    house, version, _ = tried
    (entry,) = [one for one in house.writer.entries if one.type == "soc.prompt.registered/1"]
    assert (entry.body["version"], entry.body["number"]) == (version, 2)
    assert "Judge" not in str([one.body for one in house.writer.entries])
    assert house.writer.drafts[entry.id].sealed["texts"]["request"] == OWN["request"]
    assert house.get(f"prompts/{version}")[1]["system"] == OWN["system"]


def test_what_was_tried_on_too_few_is_not_promoted(small):
    house, version = small
    trial = opened(house, version)
    told = run(house, trial)
    assert [one["code"] for one in told["against"]] == ["trial-too-small", "trial-one-sided", "verdicts-worse"]
    status, answer = act(house, f"trials/{trial}/promote")
    assert (status, answer["code"]) == (403, "trial-not-enough")
    assert in_force_now(house) == [SHIPPED_TRIAGE]


def test_a_trial_goes_on_where_it_stopped(small):
    house, version = small
    trial = opened(house, version)
    first = act(house, f"trials/{trial}/next")[1]
    assert (first["over"], first["complete"]) == (1, False)
    second = act(house, f"trials/{trial}/next")[1]
    assert (second["over"], second["complete"]) == (2, True)
    assert first["pair"]["incident"] != second["pair"]["incident"]
    assert act(house, f"trials/{trial}/next")[1]["code"] == "trial-over"
    assert len(house.model.sent) == 4


def test_what_fails_is_asked_again_and_in_the_end_counts_against_the_new_words(small):
    house, version = small
    trial = opened(house, version)
    house.model.say = lambda _body: UnavailableError("away", code="upstream-down")
    for _ in range(2 * ATTEMPTS_MAX):
        status, told = act(house, f"trials/{trial}/next")
        assert (status, told["pair"]["candidate"]["failed"]) == (200, "upstream-down")
    assert act(house, f"trials/{trial}/next")[1]["code"] == "trial-over"
    found = house.get(f"trials/{trial}")[1]
    assert (found["comparison"]["only_baseline"], found["comparison"]["candidate"]["failed"]) == (2, 2)
    assert {"verdicts-worse", "nothing-shown"} <= {one["code"] for one in found["against"]}


def test_a_pair_that_was_lost_waits_and_stays_paid_for(small):
    house, version = small
    trial = opened(house, version, cases=1)
    kept, house.writer.submit = house.writer.submit, _failing_after_begin(house)
    with pytest.raises(RuntimeError):
        act(house, f"trials/{trial}/next")
    house.writer.submit = kept
    reserved = house.get(f"trials/{trial}")[1]["tokens"]
    assert reserved > 0
    assert act(house, f"trials/{trial}/next")[1]["code"] == "trial-busy"
    house.writer.now += LEASE
    assert act(house, f"trials/{trial}/next")[1]["complete"]
    assert house.get(f"trials/{trial}")[1]["tokens"] == 2 * reserved  # the stand-in counts nothing: the worst holds


def _failing_after_begin(house):
    inner, seen = house.writer.submit, []

    def submit(command):
        seen.append(command)
        if len(seen) > 1:
            raise RuntimeError("killed")
        return inner(command)

    return submit


def test_the_tokens_of_a_trial_bound_it(small):
    house, version = small
    trial = opened(house, version, tokens=2_999)
    assert act(house, f"trials/{trial}/next")[0] == 200
    assert act(house, f"trials/{trial}/next")[1]["code"] == "trial-spent"
    codes = [one["code"] for one in house.get(f"trials/{trial}")[1]["against"]]
    assert "trial-unfinished" in codes


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"cases": 0}, "trial-invalid"), ({"cases": 201}, "trial-invalid"), ({"tokens": 0}, "trial-invalid"),
        ({"tokens": 10_000_001}, "trial-invalid"), ({"path": "nowhere"}, "path-unknown"),
        ({"candidate": "triage/0000000000000000"}, "prompt-unknown"),
        ({"candidate": SHIPPED_TRIAGE}, "prompt-in-force"),
        ({"principal": "ana"}, "trial-unrestored"), ({"principal": "bo"}, "not-yours"),
    ],
)  # fmt: skip
def test_what_is_no_trial(small, more, code):
    house, version = small
    plan = {"candidate": version, "path": "soc-triage"} | more
    assert act(house, "trials", plan)[1]["code"] == code


def test_on_a_path_that_lets_the_past_out_raw_nothing_is_tried(tmp_path):
    house = House(tmp_path, in_force(demo_program()))
    copied(house, house.detected(), "0" * 32, ATTACK)
    _, told = act(house, "trials", {"candidate": registered(house), "path": "soc-triage"})
    assert (told["code"], house.model.sent) == ("trial-unprotected", [])


def test_what_models_closed_is_no_measure(tmp_path):
    house = House(tmp_path, in_force(protecting()))
    copied(house, house.detected(), "0" * 32, ATTACK, path="soc-triage")
    _, told = act(house, "trials", {"candidate": registered(house), "path": "soc-triage"})
    assert told["code"] == "no-past-incidents"


def test_words_are_registered_once_by_who_may(small):
    house, _ = small
    assert act(house, "prompts", OWN)[1]["code"] == "prompt-known"
    assert act(house, "prompts", OWN | {"request": "{data}"}, by="ops")[1]["code"] == "role-missing"
    assert act(house, "prompts", OWN | {"system": "{data}"})[1]["code"] == "prompt-invalid"
    assert act(house, "prompts", OWN | {"kind": "poem"})[0] == 400


def test_words_that_were_changed_on_disk_are_used_by_nobody(small):
    house, _ = small
    version = registered(house, OWN | {"request": "{data} OLD"})
    digest = next(one["digest"] for one in house.get("prompts")[1] if one["version"] == version)
    for file in (house.folder / "raw").rglob(f"*{digest[2:]}*"):
        if file.read_bytes().startswith(b"{") and b"OLD" in file.read_bytes():
            file.chmod(0o600)
            file.write_bytes(file.read_bytes().replace(b"OLD", b"BAD"))
    assert house.get(f"prompts/{version}")[1]["code"] == "prompt-changed"
    told = act(house, f"trials/{opened(house, version)}/next")[1]
    assert (told["pair"]["candidate"]["failed"], house.model.sent) == ("prompt-changed", [])


def test_a_hunting_prompt_is_tried_by_its_hunts(tmp_path):
    source = protecting(demo_program().replace(b"autonomy: triage", b"autonomy: hunt"))
    house = house_with_past(tmp_path, [ATTACK], source)
    house.model.say = says()
    version = registered(house, OWN | {"kind": "hunt", "found": "{data} Found."})
    told = run(house, opened(house, version))
    assert (told["complete"], told["kind"], len(house.model.sent)) == (True, "hunt", 2)
