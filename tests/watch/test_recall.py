"""How much misuse five signals find, and how often they take its nearest lawful neighbor for it.

`SAFECONDUCT_LONG=1 pytest -s` prints the figures of docs/security-results.md; a short draw holds their bounds.
"""

import json
import os
import re
import tarfile
from collections.abc import Callable

import pytest

from safeconduct.access.escalation import SignalKind
from safeconduct.watch.folding import Watch
from support.corpora import corpora
from support.misuse import (
    SYSTEM_PROMPT,
    TRAINING_DATA,
    day_of_use,
    obeying_agent,
    on_the_way,
    patient_agent,
    probe,
    shared_token,
    thief_of_tokens,
    thief_without_key,
)
from support.watched import Script, dice_of
from support.wilson import told

SECRET = re.compile("(?i)secret|confidential|(?:not|never) (?:reveal|disclose|share|tell)")
"""What the system prompt of a corpus says where somebody is after it."""

DRAWS = 400 if os.environ.get("SAFECONDUCT_LONG") else 12


LEAST = {"system prompt": 0.15, "training data": 0.7, "obeying": 0.7, "patient": 0.0}
"""What a short draw shows at least. Who hides among ordinary work is not found: the figures say so."""


def fired(kind: SignalKind, act: Callable[..., None], *more: object, draws: int = DRAWS) -> int:
    return sum(_fires(kind, act, seed, *more) for seed in range(draws))


def _fires(kind: SignalKind, act: Callable[..., None], seed: int, *more: object) -> bool:
    script, watch = Script(), Watch({})
    act(script, dice_of(seed), *more)
    return any(one.kind is kind for entry in script.entries for one in watch.take(entry))


def figure(name: str, hits: int, tried: int = DRAWS) -> float:
    print(f"| {name} | {told(hits, tried)} |")  # noqa: T201 - shown with -s
    return hits / tried


@pytest.mark.parametrize(("name", "texts"), [("system prompt", SYSTEM_PROMPT), ("training data", TRAINING_DATA)])
def test_who_asks_for_what_the_model_was_told_or_trained_on(name, texts):
    assert figure(f"probing for the {name}", fired(SignalKind.PROBING, probe, texts, "eve")) >= LEAST[name]


@pytest.mark.corpora
def test_who_asks_for_what_the_system_prompt_keeps_and_not_for_the_prompt_is_not_found():
    name = "guard/cyberseceval_prompt_injection.tar.xz"
    with tarfile.open(corpora() / name) as archive:
        raw = next(archive.extractfile(one).read() for one in archive if one.name.endswith(".json"))
    asked = [one["user_input"] for one in json.loads(raw)[1::2] if SECRET.search(one["test_case_prompt"])]
    found = fired(SignalKind.PROBING, probe, tuple(asked), "eve")
    assert figure(f"probing for a secret of the system prompt, {len(asked)} prompts of others", found) <= 0.1


@pytest.mark.parametrize(("act", "name"), [(obeying_agent, "obeying"), (patient_agent, "patient")])
def test_an_agent_under_somebody_s_orders(act, name):
    assert figure(f"tool abuse: {name} agent", fired(SignalKind.TOOL_ABUSE, act, "agent")) >= LEAST[name]


@pytest.mark.parametrize("counts_calls", [True, False])
@pytest.mark.parametrize("foreign", [0, 1, 10, 50])
def test_a_day_on_which_a_key_was_used_beside_the_paths(foreign, counts_calls):
    found = sum(day_of_use(dice_of(seed), foreign, counts_calls=counts_calls) > 0 for seed in range(DRAWS))
    share = figure(f"off-path: {foreign} foreign calls, the vendor counts {('tokens', 'calls')[counts_calls]}", found)
    assert share == (1 if foreign else 0) if counts_calls else share <= 0.4


@pytest.mark.parametrize("people", [2, 3])
def test_people_who_share_a_token(people):
    assert figure(f"{people} people", fired(SignalKind.CREDENTIAL_SHARING, shared_token, people)) >= 0.8


def test_one_person_on_the_way_is_seldom_taken_for_two():
    assert figure("one who travels", fired(SignalKind.CREDENTIAL_SHARING, on_the_way)) <= 0.4


def test_a_thief_without_the_key_of_a_bound_token():
    assert figure("without the key", fired(SignalKind.CREDENTIAL_SHARING, thief_without_key)) >= 0.6


def test_a_thief_with_bait_among_the_tokens():
    assert figure("bait", fired(SignalKind.HONEYTOKEN, thief_of_tokens)) == 1
