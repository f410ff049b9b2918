"""Parts of large files: each can be read by itself, and together they hold what the file held."""

import io
import json

import pytest

from safeconduct.adapters.telemetry import cutting
from safeconduct.adapters.telemetry.cutting import cut
from safeconduct.adapters.telemetry.lines import LINE_BYTES_MAX
from safeconduct.kernel.errors import TooLargeError
from support.telemetry import taken, visit

RECORDS = [{"time": 1795287091 + n, "n": n, "text": "[}{" * 9} for n in range(60)]
HEAD = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
CONN = HEAD + "#path\tconn\n#fields\tts\tuid\n#types\ttime\tstring\n"
DNS = HEAD + "#path\tdns\n#fields\tts\tquery\n#types\ttime\tstring\n"


def pieces(monkeypatch, content, size):
    monkeypatch.setattr(cutting, "PART_BYTES", size)
    return [part for _, part in cut("x", io.BytesIO(content.encode()))]


@pytest.mark.parametrize("content", [json.dumps(RECORDS), json.dumps({"Records": RECORDS}, indent=1)])
def test_a_document_is_cut_between_records(monkeypatch, content):
    made = pieces(monkeypatch, content, 1500)
    assert len(made) > 2
    assert all(len(part) <= 1500 for part in made)
    assert [event.raw for part in made for event in taken(part)[0]] == RECORDS


def test_the_last_part_of_a_cut_document_is_cut(monkeypatch):
    made = [taken(part) for part in pieces(monkeypatch, json.dumps(RECORDS)[:-20], 1500)]
    assert sum(len(found) for found, _ in made) == len(RECORDS) - 1
    assert [[letter.code for letter in dead] for _, dead in made[-2:]] == [[], ["line-cut"]]


def test_a_record_that_is_too_long_is_told_in_its_part(monkeypatch):
    long = {"time": 1795287091, "pad": "x" * LINE_BYTES_MAX}
    made = [
        taken(part) for part in pieces(monkeypatch, json.dumps([RECORDS[0], long, RECORDS[1]]), LINE_BYTES_MAX + 99)
    ]
    assert [letter.code for _, dead in made for letter in dead] == ["line-too-long"]
    assert [event.raw for found, _ in made for event in found] == RECORDS[:2]


def test_each_part_of_a_table_has_the_header_in_force(monkeypatch):
    rows = "".join(f"{1795287091 + n}.5\tC{n}\n" for n in range(40))
    content = CONN + rows + DNS + rows
    made = [taken(part) for part in pieces(monkeypatch, content, 400)]
    events = [event.raw for found, _ in made for event in found]
    assert (len(made) > 3, [dead for _, dead in made if dead]) == (True, [])
    assert events == [event.raw for event in taken(content)[0]]


@pytest.mark.parametrize(("room", "fits"), [(0, True), (-1, False)])
def test_a_file_holds_so_many_bytes(monkeypatch, room, fits):
    content = (visit() + "\n") * 20
    monkeypatch.setattr(cutting, "FILE_BYTES_MAX", len(content) + room)
    if fits:
        assert "".join(part.decode() for part in pieces(monkeypatch, content, 1000)) == content
    else:
        with pytest.raises(TooLargeError):
            pieces(monkeypatch, content, 1000)
