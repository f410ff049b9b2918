"""No refusal without what decided, what would make it pass and where to appeal, in either dialect's shape."""

import ast
import json
from pathlib import Path

import pytest

import safeconduct
from safeconduct.gateway.dialects.registry import ANTHROPIC_MESSAGES, OPENAI_CHAT
from safeconduct.gateway.remedies import REMEDIES, clause_of, remedy_of
from safeconduct.kernel import errors

SOURCES = Path(safeconduct.__file__).parent
CALL = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
OF_USAGE = {"no-program", "window-invalid", "tolerance-invalid", "upstream-unknown"}
OF_BREACHES = {
    "not-restored-for",
    "session-missing",
    "token-invalid",
    "nothing-to-recheck",
    "recheck-unknown",
    "breach-on-record",
    "breach-unknown",
    "data-class-invalid",
    "log-damaged",
}
OF_OTHERS = {"call-ended", "attempt-out-of-order", "approval-unknown", *OF_USAGE, *OF_BREACHES}  # no call ends so
ASKED = (
    *sorted((SOURCES / "gateway").rglob("*.py")),
    SOURCES / "access" / "floor.py",
    SOURCES / "access" / "standing.py",
    SOURCES / "policy" / "decide.py",
    *(SOURCES / "http" / f"{name}.py" for name in ("gateway", "arrivals", "proofs")),
    *(
        SOURCES / "runtime" / f"{name}.py"
        for name in ("allowed", "asking", "calls", "confirming", "governed", "intending", "one_call", "recording")
    ),
)


def raised():
    """Yields every code that is written down where a caller's call can end, and whether a remedy stands beside it."""
    for file in ASKED:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                named = {one.arg: one.value for one in node.keywords}
                is_reason = isinstance(node.func, ast.Name) and node.func.id == "Reason"
                code = node.args[0] if is_reason else named.get("code")
                if isinstance(code, ast.Constant):
                    yield code.value, "remedy" in named or (is_reason and len(node.args) == 4)


def test_every_code_says_what_would_make_the_call_pass():
    found = list(raised())
    assert len({code for code, _ in found}) > 80
    bare = {code for code, remedied in found if not remedied} - OF_OTHERS - REMEDIES.keys()
    assert bare == set()


def test_no_remedy_is_kept_for_a_code_that_is_gone():
    text = "".join(file.read_text("utf-8") for file in ASKED if file.name != "remedies.py")
    assert {code for code in REMEDIES if f'"{code}"' not in text} == set()


@pytest.mark.parametrize(
    "kind", [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.SafeconductError)]
)
def test_an_error_of_any_kind_has_a_remedy_in_both_shapes(kind):
    error = kind("it is not so", code="of-the-log", clause="path:p/x")
    for dialect in (OPENAI_CHAT, ANTHROPIC_MESSAGES):
        told = json.loads(dialect.error(error, CALL))["error"]
        assert (told["code"], told["clause"], told["call"]) == ("of-the-log", "path:p/x", CALL)
        assert told["remedy"] == remedy_of(error)
        assert told["remedy"] in told["message"]
        assert told["appeal"] == f"/calls/{CALL}/appeal"


def test_without_an_entry_there_is_nothing_to_appeal():
    told = json.loads(OPENAI_CHAT.error(errors.UnauthenticatedError("who"), ""))["error"]
    assert (told["call"], told["appeal"], bool(told["remedy"])) == (None, None, True)


def test_a_path_s_rule_is_named_where_the_reader_knew_no_path():
    error = errors.InvalidInputError("no images", code="images-not-allowed")
    assert clause_of(error, "soc-triage") == "path:soc-triage/media"
    assert clause_of(error, "") == ""
    assert clause_of(errors.InvalidInputError("no JSON", code="body-not-json"), "soc-triage") == ""
    assert clause_of(errors.InvalidInputError("", code="tools-not-allowed", clause="own"), "soc-triage") == "own"
