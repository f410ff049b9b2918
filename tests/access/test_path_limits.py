"""Every bound of a path's and a model's keys: what is at it is taken, one more is not."""

import pytest

from safeconduct.access.budgets import TOKENS_MAX
from safeconduct.access.document import ProgramInvalidError
from safeconduct.access.path_schema import (
    ALIASES_MAX,
    CALLS_PER_MINUTE_MAX,
    CATALOGUE_MAX,
    CONCURRENT_MAX,
    MODELS_MAX,
    PROVIDERS_MAX,
)
from safeconduct.access.program import parse_program
from support.programs import demo_program

SOURCE = demo_program().decode()
LIMITS = "deadline_s: 120}"
STATES = "{vendor: acme, region: eu-west, retention: none}"


def names(letter, number):
    return [f"{letter}{n}" for n in range(number)]


def limits(text):
    return SOURCE.replace(LIMITS, f"deadline_s: 120, {text}}}")


def section(name, lines):
    return SOURCE.replace("paths:\n", "\n".join([f"{name}:", *(f"  {line}" for line in lines), "", "paths:", ""]), 1)


def with_providers(number):
    stated = section("upstreams", [f"{name}: {STATES}" for name in names("u", number)])
    return stated.replace("    upstream: local\n", f"    providers: [{', '.join(names('u', number))}]\n")


def with_aliases(number):
    return section("models", [f"smollm2-135m: {{version: v1, aliases: [{', '.join(names('a', number))}]}}"])


@pytest.mark.parametrize(
    ("most", "source"),
    [
        (CALLS_PER_MINUTE_MAX, lambda n: limits(f"calls_per_minute: {n}")),
        (CONCURRENT_MAX, lambda n: limits(f"concurrent: {n}")),
        (TOKENS_MAX, lambda n: SOURCE.replace(LIMITS, f"{LIMITS}\n    budget: {{tokens: {n}, per: day}}")),
        (MODELS_MAX, lambda n: SOURCE.replace('["smollm2-135m"]', f"[{', '.join(names('m', n))}]")),
        (PROVIDERS_MAX, with_providers),
        (ALIASES_MAX, with_aliases),
        (CATALOGUE_MAX, lambda n: section("models", [f"{name}: {{version: {name}}}" for name in names("m", n)])),
        (CATALOGUE_MAX, lambda n: section("upstreams", [f"{name}: {STATES}" for name in names("u", n)])),
    ],
    ids=["calls a minute", "at once", "tokens", "models", "providers", "aliases", "catalogue", "upstreams"],
)
def test_at_the_limit_and_one_beyond(most, source):
    assert parse_program(source(most).encode()).paths
    with pytest.raises(ProgramInvalidError) as caught:
        parse_program(source(most + 1).encode())
    assert {problem.code for problem in caught.value.problems} == {"program-invalid"}
