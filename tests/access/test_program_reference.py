from pathlib import Path

from safeconduct.access import document, programs, schema
from safeconduct.access.acts import ACT_AGE_MAX, ACT_AHEAD_MAX, ROLES
from safeconduct.access.reading import Section
from safeconduct.kernel.instants import seconds
from safeconduct.policy import source

PAGE = (Path(__file__).parents[2] / "docs" / "spec" / "program.md").read_text("utf-8")


def test_the_page_lists_every_key_as_the_schema_has_it():
    begin = PAGE.index("-->\n") + len("-->\n")
    assert PAGE[begin : PAGE.index("<!-- end of generated -->")] == schema.reference()


def test_the_reference_goes_to_the_deepest_key():
    assert "| `paths.<name>.limits.deadline_s` | whole number, 1 to 3600 | yes |" in schema.reference()
    assert "| `approvals.<name>.groups[].count` |" in schema.reference()
    assert schema.reference().count("\n| `") == count(schema.PROGRAM)


def count(reader):
    if isinstance(reader, Section):
        return sum(1 + count(spec.reader) for spec in reader.fields)
    item = getattr(reader, "item", None)
    return count(item) if item else 0


def test_the_page_lists_every_capability_with_its_roles():
    for capability, roles in ROLES.items():
        assert f"| `{capability.value}` | {', '.join(sorted(role.value for role in roles))} |" in PAGE


def test_the_page_states_the_limits_as_they_are():
    assert f"at most {document.PROGRAM_BYTES_MAX // 1024} KiB, nested at most {document.DEPTH_MAX} levels" in PAGE
    assert f"up to {document.PROBLEMS_MAX} at once" in PAGE
    assert f"{source.POLICIES_MAX} policies of at most {source.POLICY_TOKENS_MAX} tokens" in PAGE
    assert f"at most {programs.PART_BYTES_MAX // 1024} KiB in canonical JSON" in PAGE
    assert f"{ACT_AGE_MAX // seconds(1)} s after and {ACT_AHEAD_MAX // seconds(1)} s before" in PAGE
