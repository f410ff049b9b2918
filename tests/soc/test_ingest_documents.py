"""JSON documents: every whole record is read, whatever the writer's layout, and what was cut is told."""

import io
import json

import pytest

from safeconduct.adapters.telemetry import documents
from safeconduct.adapters.telemetry.documents import records_of
from safeconduct.adapters.telemetry.forms import Form, form_of
from safeconduct.adapters.telemetry.lines import LINE_BYTES_MAX
from support.telemetry import taken

ONE = {"time": 1795287091, "what": 'a "quoted" } \\ brace', "in": {"side": [{"x": {}}]}}
TWO = {"time": 1795287092, "what": "two"}


def texts(content):
    return [json.loads(line.text) for line in records_of(io.BytesIO(content.encode()))]


LAYOUTS = [
    json.dumps([ONE, TWO]),
    json.dumps([ONE, TWO], indent=2),
    json.dumps({"Records": [ONE, TWO]}),
    json.dumps({"Records": [ONE, TWO]}, indent=1),
    json.dumps({"Records": [ONE]}) + json.dumps({"Records": [TWO]}),
    json.dumps(ONE, indent=2) + "\n" + json.dumps(TWO, indent=2),
]


@pytest.mark.parametrize("content", LAYOUTS)
def test_every_layout_holds_the_same_events(content):
    assert form_of(content.encode()) is Form.DOCUMENT
    (first, second), dead = taken(content)
    assert ([first.raw, second.raw], dead) == ([ONE, TWO], [])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("content", LAYOUTS[:4])
def test_no_piece_of_a_file_cuts_a_record(monkeypatch, content, size):
    monkeypatch.setattr(documents, "CHUNK_BYTES", max(size, 24) if "Records" in content else size)
    assert texts(content) == [ONE, TWO]


@pytest.mark.parametrize("content", [LAYOUTS[0][:-30], LAYOUTS[0][:-1], LAYOUTS[2][:-30], LAYOUTS[2][:-1]])
def test_of_a_cut_document_the_whole_records_are_read_and_the_rest_told(content):
    found, (letter,) = taken(content)
    assert found[0].raw == ONE
    assert (letter.line, letter.code) == (len(found) + 1, "line-cut")


def test_a_document_of_something_else_is_refused_and_a_line_is_no_document():
    assert form_of(json.dumps(TWO).encode()) is Form.JSON
    assert form_of(b'[{"when": 1795287091}]', "when") is Form.DOCUMENT


@pytest.mark.parametrize(("size", "fits"), [(LINE_BYTES_MAX, True), (LINE_BYTES_MAX + 1, False)])
def test_a_record_holds_so_many_bytes_and_the_next_is_read(size, fits):
    long = {"time": 1795287091, "pad": ""}
    long["pad"] = "x" * (size - len(json.dumps(long)))
    found, dead = taken(json.dumps([TWO, long, TWO | {"what": "three"}]))
    assert len(found) == 2 + fits
    assert [(letter.line, letter.code) for letter in dead] == ([] if fits else [(2, "line-too-long")])
