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


def luminance(color):
    parts = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    lit = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * lit[0] + 0.7152 * lit[1] + 0.0722 * lit[2]


@pytest.mark.parametrize(("scheme", "paper"), [(0, "#ffffff"), (1, "#121212")])
def test_each_color_of_words_can_be_read_on_its_paper(scheme, paper):
    """WCAG 2.2, 1.4.3: 4.5 to 1. The papers are Chromium's own; a page that is printed has the light one's colors."""
    schemes = re.findall(r":root \{(.*?)\}", render_report(document("q")))
    colors = dict(re.findall(r"--(soft|yes|no): (#[0-9a-f]{6})", schemes[scheme]))
    assert set(colors) == {"soft", "yes", "no"}
    for name, color in colors.items():
        light, dark = sorted((luminance(color), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name


def test_a_time_in_a_table_is_not_broken_within_its_digits():
    made = table(("what", "at"), [("x", "2026-11-21T19:20:10.672000Z"), ("x", "at 2026-11-21T19:20:10Z")])
    assert made.count("<td class=when data-head='at'>2026-11-21T19:20:10.672000Z</td>") == 1
    assert made.count("class=when") == 1
    assert "td.when { overflow-wrap: break-word; }" in render_report(document("q"))


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
