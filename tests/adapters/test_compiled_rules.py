"""Compiled rules are kept: what comes back answers the same, and what somebody else could have written is not read."""

import os
import pickle

import pytest

from safeconduct.adapters.clock import system_entropy
from safeconduct.adapters.telemetry.compiled_rules import FILES_MAX, KEY, MAC_BYTES, CompiledRulesFolder
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.in_use import Kept, in_use
from safeconduct.soc.detection.keeping import decode, encode, key_of
from safeconduct.soc.detection.scanning import WORTH_A_PASS
from safeconduct.soc.inventory import NOTHING
from support.sigma import counting, record, rule

WORDS = [f"word{number}" for number in range(2 * WORTH_A_PASS)]
FILES = [
    ("many.yml", rule({"s": {"name|contains": WORDS}, "k": ["pin"], "condition": "s or k"})),
    ("count.yml", counting("two", "event_count", ["one"], condition={"gte": 2})),
    ("bad.yml", "title: no rule"),
]
EVENTS = [record(1, name="a Word7"), record(2, other="PIN"), record(3, name="nothing")]


@pytest.fixture
def folder(tmp_path):
    return CompiledRulesFolder(tmp_path / "compiled-rules", system_entropy)


def used(folder, digest="1"):
    return in_use((), NOTHING, (Kept("own", digest, lambda: FILES),), folder)


def test_what_was_kept_answers_the_same_without_a_rule_being_read(tmp_path, folder):
    made = used(folder)
    (kept,) = (path for path in (tmp_path / "compiled-rules").iterdir() if path.name != KEY)
    number = kept.stat().st_ino
    again = used(CompiledRulesFolder(tmp_path / "compiled-rules", system_entropy))
    assert again is not made
    assert kept.stat().st_ino == number  # not made anew
    assert again.rules == made.rules
    assert again.rules.databases["name"].literals.size() == made.rules.databases["name"].literals.size()
    assert detect(EVENTS, again.rules) == detect(EVENTS, made.rules)
    assert len(detect(EVENTS, made.rules)) == 1
    assert [(one.name, one.error.code, one.error.message) for one in again.aside] == [
        (one.name, one.error.code, one.error.message) for one in made.aside
    ]
    assert len(again.aside) == 1


@pytest.mark.parametrize("changed", [[("a.yml", "1"), ("b.yml", "")], [("a.yml", ""), ("b.yml", "1")], [("a.yml", "")]])
def test_other_files_have_another_key(changed):
    kept = [("a.yml", ""), ("b.yml", "")]
    assert key_of(kept, {}) == key_of(list(kept), {})
    assert key_of(changed, {}) != key_of(kept, {})
    assert key_of(kept, {"hosts": ["x"]}) != key_of(kept, {"hosts": ["y"]})


def test_exactly_what_was_kept_comes_back_under_its_own_key(tmp_path, folder):
    folder.keep("one", b"content")
    assert folder.read("one") == b"content"
    assert folder.read("two") is None
    (tmp_path / "compiled-rules/one").rename(tmp_path / "compiled-rules/two")
    assert folder.read("two") is None


@pytest.mark.parametrize("place", [0, MAC_BYTES, -1])
def test_a_changed_file_is_not_read(tmp_path, folder, place):
    folder.keep("one", b"content")
    path = tmp_path / "compiled-rules/one"
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert folder.read("one") is None
    path.write_bytes(b"")
    assert folder.read("one") is None


@pytest.mark.parametrize("name", [".", "one", KEY])
@pytest.mark.parametrize(("mode", "read"), [(0o755, True), (0o775, False), (0o757, False)])
def test_what_others_may_write_is_not_read(tmp_path, folder, name, mode, read):
    folder.keep("one", b"content")
    (tmp_path / "compiled-rules" / name).chmod(mode)
    assert (folder.read("one") == b"content") is read


def test_a_link_is_not_followed(tmp_path, folder):
    folder.keep("one", b"content")
    (tmp_path / "compiled-rules/two").symlink_to("one")
    assert folder.read("two") is None


def test_the_oldest_go(tmp_path, folder):
    for number in range(FILES_MAX + 1):
        folder.keep(f"{number}", b"")
        os.utime(tmp_path / f"compiled-rules/{number}", (number, number))
    assert folder.read("0") is None
    assert folder.read("1") == b""


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    folder = CompiledRulesFolder(tmp_path / "file", system_entropy)
    folder.keep("one", b"content")
    assert folder.read("one") is None


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


@pytest.mark.parametrize(
    "content",
    [b"", b"nothing", pickle.dumps(Evil()), pickle.dumps((Evil(), {}, [])), pickle.dumps(os.system), pickle.dumps([])],
)
def test_bytes_that_are_no_rules_make_nothing(content):
    assert decode(content) is None


def test_a_cut_form_makes_nothing():
    content = encode(in_use((), NOTHING, ()).rules, [])
    assert decode(content) is not None
    assert all(decode(content[:-cut]) is None for cut in (1, 2, 100, len(content) - 1))
