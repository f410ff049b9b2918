import re

import pytest

from safeconduct.web.page import DENSE_FROM, table, visible
from safeconduct.web.report import QUOTE_CHARS_MAX, render_report

HOSTILE = "</code><script>alert(1)</script>\u202e\x1b[31m'\""


def document(quote):
    return {
        "incident": {"id": "inc-1", "summary": "Somebody guessed a password.\nThen they logged in."},
        "left_the_house": [{"to": "model", "bytes": 12, "what": HOSTILE}],
        "claims": [
            {
                "author": "model",
                "text": HOSTILE,
                "outcome": "rejected",
                "reason": "quote-differs",
                "evidence": [{"event": "e1", "pointer": "/raw/user_agent", "quote": quote}],
            }
        ],
        "action": {"kind": "block-ip", "target": "203.0.113.66", "states": [{"state": "done", "at": "t", "by": "bo"}]},
        "refusals": [{"try": "another purpose", "code": "purpose-mismatch", "clause": "path soc-triage"}],
        "log": {"origin": "o", "size": 3, "root": "r", "verified": True, "verified_by": "partner"},
    }


def test_hostile_text_stays_text():
    page = render_report(document(HOSTILE))
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\\u202e\\u001b[31m" in page
    assert page.count("&lt;script&gt;") == 3


def test_nothing_is_loaded_from_anywhere():
    page = render_report(document("q"))
    assert "default-src 'none'" in page
    assert not re.search(r"\b(src|href)=", page)


def test_each_part_of_the_document_is_on_the_page():
    page = render_report(document("quoted value"))
    for part in (
        "inc-1",
        "Then they logged in.",
        "quoted value",
        "203.0.113.66",
        "purpose-mismatch",
        "partner",
        "quote-differs",
    ):
        assert part in page


def test_an_empty_document_says_nothing_in_every_section():
    page = render_report({})
    assert page.count("Nothing.") == page.count("<h2>") == 6


def test_a_quote_is_cut_at_its_limit_and_not_before():
    assert "q" * QUOTE_CHARS_MAX in render_report(document("q" * QUOTE_CHARS_MAX))
    assert "q" * QUOTE_CHARS_MAX + "z" not in render_report(document("q" * QUOTE_CHARS_MAX + "z"))


def test_visible_keeps_lines_and_shows_what_hides():
    assert visible("a\nb\tc\u200bd\x00") == "a\nb\tc\\u200bd\\u0000"


@pytest.mark.parametrize(("columns", "dense"), [(DENSE_FROM - 1, False), (DENSE_FROM, True)])
def test_a_table_of_many_columns_is_set_smaller(columns, dense):
    assert ("class=dense" in table(["head"] * columns, [["cell"] * columns])) is dense
