"""`safeconduct policy check` and `test`: what is wrong is told where it is, and tests run on what decides calls."""

import json
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from safeconduct.access.authorization import default_policies
from safeconduct.cli.main import app
from safeconduct.cli.policy_tests import TESTS_BYTES_MAX
from support.programs import demo_program

CALLS = """
program: program.yaml
at: 2026-11-21T08:00:00Z
tests:
  analyst-triages:
    principal: ana
    path: soc-triage
    targets: [198.51.100.7]
    expect: allow
    reasons: []
    determining: [grant-covers-call]
  for-another-purpose:
    principal: ana
    path: soc-triage
    purpose: hunting
    expect: deny
    reasons: [purpose-mismatch, policy-forbids]
    determining: [purpose-matches]
  after-the-agreement:
    principal: ana
    path: soc-triage
    at: 2028-01-01T00:00:00Z
    expect: deny
"""
TODO = """
policies = "todo.cedar"
schema = "todo.cedarschema"
[[entities]]
uid = {type = "User", id = "ana"}
attrs = {trusted = true, home = {"__extn" = {fn = "ip", arg = "192.0.2.1"}}}
[[entities]]
uid = {type = "Doc", id = "d"}
attrs = {owner = {"__entity" = {type = "User", id = "ana"}}}
[tests.trusted]
principal = {type = "User", id = "ana"}
action = {type = "Action", id = "read"}
resource = {type = "Doc", id = "d"}
context = {late = false}
expect = "allow"
"""
SCHEMA = """
entity User = { trusted: Bool, home: ipaddr }; entity Doc = { owner: User };
action read appliesTo { principal: User, resource: Doc, context: { late: Bool } };
"""
POLICIES = """
@id("trusted") permit (principal, action, resource)
when { principal.trusted && resource.owner == principal && principal.home.isInRange(ip("192.0.2.0/24")) };
@id("late") forbid (principal, action, resource) when { context.late };
"""


@pytest.fixture
def folder(tmp_path):
    for name, text in {
        "program.yaml": demo_program().decode(),
        "calls.yaml": CALLS,
        "todo.toml": TODO,
        "todo.cedar": POLICIES,
        "todo.cedarschema": SCHEMA,
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, ["policy", *map(str, arguments)])


def edit(folder, name, old, new):
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


def test_tests_of_a_folder_are_decided_and_what_none_reached_is_named(folder):
    result = run("test", folder)
    assert (result.exit_code, result.exception) == (0, None)
    assert result.stdout.splitlines()[-1] == "4 tests, 0 failed"
    document = json.loads(run("test", folder, "--json").stdout)
    calls, todo = document["files"]
    assert calls["unreached"] == ["not-while-frozen", "model-on-path", "data-classes-on-path", "stay-in-scope"]
    assert [test["effect"] for test in calls["tests"]] == ["allow", "deny", "deny"]
    assert todo["tests"][0]["determining"] == ["trusted"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("expect: allow", "expect: deny", "analyst-triages: expected deny, got allow"),
        ("reasons: []", "reasons: [frozen]", "analyst-triages: expected reasons frozen, got none"),
        ("[grant-covers-call]", "[other]", "expected to be determined by other, got grant-covers-call"),
        ("targets: [198.51.100.7]", "targets: [9.9.9.9]", "target-outside-scope (scope:northwind-perimeter/targets)"),
    ],
)  # fmt: skip
def test_a_test_that_is_not_as_expected_fails(folder, old, new, said):
    edit(folder, "calls.yaml", old, new)
    if "targets" in old:
        edit(folder, "program.yaml", "targets: any", "targets: in-scope")
    result = run("test", folder / "calls.yaml")
    assert result.exit_code == 1
    assert said in result.stdout


def test_a_proposed_text_is_tried_in_place_of_the_program_s(folder):
    (folder / "proposed.cedar").write_text(default_policies().replace("context.frozen", "true"))
    result = run("test", folder / "calls.yaml", "--policies", folder / "proposed.cedar")
    assert result.exit_code == 1
    assert "analyst-triages: expected allow, got deny: policy-forbids (policy:not-while-frozen)" in result.stdout


def test_results_are_written_for_build_servers(folder):
    edit(folder, "calls.yaml", "expect: allow", "expect: deny")
    assert run("test", folder, "--junit", folder / "out.xml").exit_code == 1
    root = ET.parse(folder / "out.xml").getroot()  # noqa: S314 - our own
    assert root.attrib == {"tests": "4", "failures": "1"}
    (failure,) = root.iter("failure")
    assert failure.attrib["message"] == "expected deny, got allow"
    assert run("test", folder, "--junit", folder / "out.xml").exception.code == "file-unwritable"


@pytest.mark.parametrize(
    ("name", "old", "new", "refused"),
    [
        ("calls.yaml", "expect: allow", "expect: maybe", ("tests-invalid", "maybe")),
        ("calls.yaml", "expect: allow", "expects: allow", ("tests-invalid", "expect")),
        ("calls.yaml", "at: 2026-11-21T08:00:00Z\n", "", ("tests-invalid", "does not say when")),
        ("calls.yaml", "at: 2026-11-21T08:00:00Z", "at: soon", ("invalid-input", "soon")),
        ("calls.yaml", "program: program.yaml", "program: none.yaml", ("file-unreadable", "none.yaml")),
        ("calls.yaml", "path: soc-triage", "path: &a soc-triage", ("tests-invalid", "anchors")),
        ("calls.yaml", CALLS[CALLS.index("tests:") :], "tests: {}\n", ("tests-invalid", "no test")),
        ("todo.toml", "[tests", "[tests.x", ("tests-invalid", "tests")),
        ("todo.toml", "trusted = true", "trusted = 1.5", ("value-invalid", "1.5")),
        ("todo.toml", '{type = "Doc", id = "d"}', '{type = "Doc"}', ("value-invalid", "expected an entity")),
        ("todo.cedar", "context.late", "context.lat", ("policy-invalid", "todo.cedar:4:65: policy late")),
    ],
)  # fmt: skip
def test_what_is_no_file_of_tests_is_refused(folder, name, old, new, refused):
    edit(folder, name, old, new)
    error = run("test", folder).exception
    assert error.code == refused[0], error
    assert refused[1] in error.message


def test_no_tests_at_all_is_a_failure(folder):
    assert run("test", folder / "program.yaml").exception.code == "tests-invalid"
    (folder / "empty").mkdir()
    assert run("test", folder / "empty").exception.code == "no-tests"


def test_the_limit_on_a_file_of_tests(folder):
    text = CALLS + "#" * (TESTS_BYTES_MAX - len(CALLS))
    (folder / "calls.yaml").write_text(text)
    assert run("test", folder / "calls.yaml").exit_code == 0
    (folder / "calls.yaml").write_text(text + "#")
    assert run("test", folder / "calls.yaml").exception.code == "too-large"


def test_check_tells_the_place_of_what_is_wrong_and_what_has_no_effect(folder):
    file = folder / "p.cedar"
    file.write_text(default_policies().replace("context.window_open", "context.window_opn"))
    line, column = default_policies()[: default_policies().index("window_open")].count("\n") + 1, 11
    assert run("check", file).exception.message.startswith(f"{file}:{line}:{column}: policy grant-covers-call does not")
    file.write_text(default_policies() + '\n  @id("more") forbid (principal, action, resource is Path) when { false };')
    result = run("check", file)
    last = file.read_text().count("\n") + 1
    assert result.stdout.splitlines()[-1] == f"{file}:{last}:3: policy more never holds: one of its conditions is false"
    assert json.loads(run("check", file, "--json").stdout)["hints"][0]["kind"] == "never-holds"
