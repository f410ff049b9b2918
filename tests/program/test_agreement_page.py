from pathlib import Path

from safeconduct.program.duties import ACTIVITIES, CONTACT_ROLES

PAGE = (Path(__file__).parents[2] / "docs" / "spec" / "agreement.md").read_text("utf-8")


def test_the_page_lists_every_activity_and_role_as_the_code_has_them():
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{name}` | {about} |" for name, about in ACTIVITIES.items()]
    assert "reachable as " + " and ".join(", ".join(f"`{role}`" for role in CONTACT_ROLES).rsplit(", ", 1)) in PAGE
