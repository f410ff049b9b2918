"""A program's own hint rules: what each must be and show of itself, and what a path takes of them."""

import pytest

from safeconduct.access import hint_schema
from safeconduct.access.document import ProgramInvalidError
from safeconduct.access.hint_schema import PATTERN_MAX, RULES_MAX, compiled, own_hint_rules
from safeconduct.access.program import parse_program
from safeconduct.kernel.errors import InvalidInputError
from support.costs import least_cpu_s
from support.programs import demo_program

RULE = "hint_rules: {vendor: {family: override, pattern: PATTERN, finds: [Obey VENDOR-9 now], spares: [vendor 9]}}\n"
GOOD = r"'\bobey\s+vendor-\d+'"


def program(pattern=GOOD, path="hint_rules: [vendor]"):
    rules = RULE.replace("PATTERN", pattern)
    source = demo_program().decode().replace("paths:\n", f"{rules}\npaths:\n", 1)
    return source.replace("    upstream: local\n", f"    upstream: local\n    {path}\n", 1).encode()


def problem(source):
    with pytest.raises(ProgramInvalidError) as caught:
        parse_program(source)
    return str(caught.value)


def test_a_path_takes_the_rules_that_it_names_and_not_their_examples():
    triage, *_ = (one for one in parse_program(program()).paths if one.id == "soc-triage")
    assert [(rule.id, rule.family, rule.where, rule.pattern) for rule in triage.hint_rules] == [
        ("vendor", "override", "data", GOOD.strip("'"))
    ]
    assert triage.looks_for_hints


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("'(?=x)obey'", "expected a pattern of RE2"),
        ("'x*'", "found in an empty text"),
        (f"'{'x' * (PATTERN_MAX + 1)}'", f"pattern of RE2 of up to {PATTERN_MAX}"),
        ("'(?:obey.{70}){9}'", "instructions"),
        ("'obey  vendor'", "expected to be found here"),
        ("'vendor'", "found here"),
    ],
)
def test_a_rule_that_is_not_what_it_must_be_is_refused_where_it_stands(pattern, told):
    assert told in problem(program(pattern))


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("hint_rules: [other]", "no hint rule 'other'"),
        ("hint_families: {overide: hold}", "did you mean 'override'"),
        ("hint_families: {override: hide}", "expected one of lower, mark, hold, refuse"),
        ("hint_limits: {user: 200}", "expected hint_model: true"),
    ],
)
def test_a_path_names_what_there_is(path, told):
    assert told in problem(program(path=path))


def test_as_many_rules_as_the_limit_and_no_more():
    rule = "{family: override, pattern: obey, finds: [obey], spares: [x]}"
    rules = "hint_rules:\n" + "".join(f"  r{number}: {rule}\n" for number in range(RULES_MAX))
    assert len(own_hint_rules(rules.encode(), "rules.yaml")) == RULES_MAX
    with pytest.raises(ProgramInvalidError, match=f"expected 0 to {RULES_MAX} names"):
        own_hint_rules(f"{rules}  more: {rule}\n".encode(), "rules.yaml")


def test_a_file_without_rules_says_so():
    with pytest.raises(InvalidInputError, match="has no hint_rules"):
        own_hint_rules(b"program: 1\n", "program.yaml")


@pytest.mark.parametrize("pattern", [r"(?:a|a)*(?:a|a)*b", r"(?:\w+\s?)*!", r"(?:x+x+)+y", r"a.{400}b"])
def test_the_worst_patterns_take_time_in_the_length_of_a_text(pattern):
    """CPU of 8 times the text; backtracking would take over 60 times as long, or never end."""
    found = compiled(pattern)

    def cost(length):
        texts = (b"a" * length, b"x" * length, b"a " * (length // 2))
        return least_cpu_s(lambda: [found.search(text) for text in texts])

    large = cost(400_000)  # first: once its states fill RE2's memory, it goes the slower way through any text
    assert large < 40 * cost(50_000) + 0.05


def test_the_largest_pattern_is_taken_and_one_beyond_is_not(monkeypatch):
    size = compiled("obey.{10}").programsize
    monkeypatch.setattr(hint_schema, "PROGRAM_MAX", size)
    assert compiled("obey.{10}")
    with pytest.raises(InvalidInputError, match="instructions"):
        compiled("obey.{11}")
