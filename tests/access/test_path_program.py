import pytest

from safeconduct.access.catalogue import Prices, Provider, SealedModel
from safeconduct.access.document import ProgramInvalidError
from safeconduct.access.program import parse_program
from support.programs import demo_program

SOURCE = demo_program().decode()
UPSTREAM = "    upstream: local\n"
EU = "{vendor: acme, region: eu-west, retention: none}"
SMALL = "version: smollm2-135m"
SECTIONS = f"""upstreams:
  local: {EU}
  second: {EU}
  us: {{vendor: acme, region: us-east, retention: none}}
  keeps: {{vendor: acme, region: eu-west, retention: 30-days}}

models:
  smollm2-135m: {{{SMALL}, aliases: [small], prices: {{input: "0.15", output: 10}}}}
  other: {{version: other-2026-10-01, tier: 2, prerelease: true, approval: true, program_value: cyber}}

paths:
"""


def edited(*changes, source=None):
    found = source or SOURCE.replace("paths:\n", SECTIONS, 1)
    for old, new in changes:
        assert found.count(old) == 1, f"{old!r} stands {found.count(old)} times"
        found = found.replace(old, new)
    return found


def providers(*names):
    return (UPSTREAM, f"    providers: [{', '.join(names)}]\n")


def path_of(source):
    return parse_program(source.encode()).paths[0]


def problems(source, **options):
    with pytest.raises(ProgramInvalidError) as caught:
        parse_program(source.encode(), **options)
    return [(problem.code, problem.message) for problem in caught.value.problems]


def test_a_path_without_the_new_keys_is_closed():
    path = path_of(SOURCE)
    assert path.providers == (Provider(upstream="local", vendor="unstated", region="unstated", retention="unstated"),)
    assert path.catalogue == (SealedModel(name="smollm2-135m", version="smollm2-135m"),)
    assert path.dialects == ("openai.chat",)
    assert (path.media, path.history, path.tools, path.provider_tools) == ((), False, (), ())
    assert (path.tier, path.gate, path.regions, path.retention) == (0, None, (), ())


def test_a_path_seals_what_the_program_states_of_its_providers_and_models():
    path = path_of(edited(providers("local", "second")))
    assert [one.upstream for one in path.providers] == ["local", "second"]
    assert path.providers[1] == Provider(upstream="second", vendor="acme", region="eu-west", retention="none")
    assert path.catalogue[0].prices == Prices(input=150_000, output=10_000_000)
    assert path.catalogue[0].names == ("smollm2-135m", "small")


@pytest.mark.parametrize("second", ["us", "keeps", "nowhere"])
def test_failover_is_planned_only_among_equals(second):
    found = problems(edited(providers("local", second)))
    assert {code for code, _ in found} == {"failover-unequal"}
    assert second in found[0][1]


def test_what_nobody_stated_equals_nothing_not_even_itself():
    source = edited((UPSTREAM, "    providers: [local, second]\n"), source=SOURCE)
    assert [code for code, _ in problems(source)] == ["failover-unequal"] * 4
    assert path_of(SOURCE).providers[0].region == "unstated"  # alone it may stand


@pytest.mark.parametrize("key", ["regions: [eu-west]", "retention: [none]", "regions: [us-east, eu-west]"])
def test_a_provider_within_what_the_path_demands_is_taken(key):
    assert path_of(edited((UPSTREAM, f"{UPSTREAM}    {key}\n"))).providers[0].upstream == "local"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("regions: [us-east]", "local has region eu-west, the path allows us-east"),
        ("retention: [30-days]", "local has retention none, the path allows 30-days"),
    ],
)
def test_a_provider_outside_what_the_path_demands_is_not(key, said):
    assert problems(edited((UPSTREAM, f"{UPSTREAM}    {key}\n"))) == [
        ("provider-outside-path", f"path soc-triage: {said}")
    ]


def test_a_provider_that_states_nothing_meets_no_demand():
    source = edited((UPSTREAM, f"{UPSTREAM}    regions: [eu-west]\n"), source=SOURCE)
    assert [code for code, _ in problems(source)] == ["provider-outside-path"]


MODELS = 'models: ["smollm2-135m"]'
ORGANIZATION = "name: Northwind Bank,"


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        (MODELS, "models: [other]", "model-tier", "other has tier 2, the path has tier 0"),
        (MODELS, "models: [small]", "program-invalid", "'small' is another name of model smollm2-135m"),
        ("aliases: [small]", "aliases: [other]", "alias-ambiguous", "'other' is what model other is called"),
        (SMALL, "version: other", "alias-ambiguous", "'other' is what model other is called"),
        (SMALL, "version: other-2026-10-01", "alias-ambiguous", "is what model smollm2-135m is called"),
        ('input: "0.15"', 'input: "0.1500001"', "program-invalid", "at most 6 places"),
        ('input: "0.15"', "input: -1", "program-invalid", "expected a decimal number such as 2.50"),
        ('input: "0.15"', "input: 1e3", "program-invalid", "expected a decimal number such as 2.50"),
        ("prerelease: true", "prerelease: yes", "program-invalid", "expected true or false, got 'yes'"),
        ("prerelease: true", 'prerelease: "true"', "program-invalid", "expected true or false, got 'true'"),
        ("tier: 2", "tier: 10", "program-invalid", "expected whole number, 0 to 9"),
        ("us-east", "unstated", "program-invalid", "leave it out"),
        (UPSTREAM, "", "program-invalid", "expected upstream or providers, one of the two"),
        (UPSTREAM, UPSTREAM + "    providers: [local]\n", "program-invalid", "expected upstream or providers"),
        (UPSTREAM, UPSTREAM + "    media: [audio]\n", "not-built-yet", "'audio' is not built yet"),
        (UPSTREAM, UPSTREAM + "    provider_tools: [mcp]\n", "not-built-yet", "'mcp' is not built yet"),
        *((UPSTREAM, f"{UPSTREAM}    closing: {{as: [{kind}], {bound}}}\n", "program-invalid", said)
          for kind, bound, said in (
              ("true-positive", "look_days: 7", "one of benign"), ("false-positive", "look_days: 32", "1 to 31"),
              ("false-positive", "look_days: 0", "1 to 31"), ("false-positive", "look_percent: 0", "1 to 100"),
              ("false-positive", "look_percent: 101", "1 to 100"),
          )),
        ("kind: service, ", "kind: service, tier: 1, ", "program-invalid", "its organization has tier 0"),
    ],
)  # fmt: skip
def test_what_can_not_be_meant_is_refused(old, new, code, said):
    found = problems(edited((old, new)))
    assert any(one == code and said in text for one, text in found), found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('input: "0.15"', 'input: "999999999.999999"'),
        ("tier: 2", "tier: 9"),
        (ORGANIZATION, f"{ORGANIZATION} tier: 9,"),
        (UPSTREAM, UPSTREAM + "    media: [image, document]\n    history: true\n"),
        (UPSTREAM, UPSTREAM + "    closing: {as: [benign-positive], look_days: 31, look_percent: 100}\n"),
        (UPSTREAM, UPSTREAM + "    closing: {as: [false-positive], look_days: 1, look_percent: 1}\n"),
        (UPSTREAM, UPSTREAM + "    media: []\n    history: false\n    gate: red-team\n"),
    ],
)  # fmt: skip
def test_what_is_just_within_is_taken(old, new):
    assert parse_program(edited((old, new)).encode()).paths


def test_only_configured_upstreams_can_be_planned():
    source = edited(providers("local", "second"))
    assert parse_program(source.encode(), upstreams=["local", "second"]).paths
    assert [code for code, _ in problems(source, upstreams=["local"])] == ["upstream-unknown"]
