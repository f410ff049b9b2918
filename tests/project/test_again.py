"""Tests that failed among all others run once more alone, and fail if they fail again."""

import pytest

import again
from again import AGAIN_MAX, failed, main

BAD = "<failure/>"


def results(path, *cases):
    body = "".join(f'<testcase classname="{where}" name="{name}">{child}</testcase>' for where, name, child in cases)
    path.write_text(f"<testsuites><testsuite>{body}</testsuite></testsuites>")
    return path


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A project with one test that passes when it is run alone, and one that never does."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text(
        "class TestIt:\n    def test_good(self): pass\n\n\ndef test_bad(): raise ValueError\n"
    )
    monkeypatch.setattr(again, "ROOT", tmp_path)
    return tmp_path


def test_what_failed_or_broke_is_named_as_pytest_names_it(tree):
    file = results(
        tree / "r.xml",
        ("tests.test_a", "test_x[a.b-1]", BAD),
        ("tests.test_a.TestIt", "test_good", "<error/>"),
        ("tests.test_a", "test_skipped", "<skipped/>"),
        ("tests.test_a", "test_passed", ""),
    )
    assert failed(file.read_bytes(), tree) == ["tests/test_a.py::test_x[a.b-1]", "tests/test_a.py::TestIt::test_good"]


def test_what_passes_alone_is_said_and_what_fails_again_fails(tree, capsys):
    good = results(tree / "r.xml", ("tests.test_a.TestIt", "test_good", BAD))
    assert main(good, tree / "again.xml") == 0
    assert "PASSED ALONE, and wants an issue: tests/test_a.py::TestIt::test_good" in capsys.readouterr().out
    assert (tree / "again.xml").is_file()
    both = results(tree / "r.xml", ("tests.test_a.TestIt", "test_good", BAD), ("tests.test_a", "test_bad", BAD))
    assert main(both, tree / "again.xml") == 1
    assert "PASSED ALONE" not in capsys.readouterr().out


@pytest.mark.parametrize(("count", "says"), [(0, "0 tests failed"), (AGAIN_MAX + 1, f"{AGAIN_MAX + 1} tests failed")])
def test_a_run_that_failed_otherwise_or_in_more_tests_stays_failed(tree, count, says, capsys):
    file = results(tree / "r.xml", *(("tests.test_a.TestIt", "test_good", BAD) for _ in range(count)))
    assert main(file, tree / "again.xml") == 1
    assert says in capsys.readouterr().out
    assert not (tree / "again.xml").exists()


@pytest.mark.parametrize("left", [None, b"<testsuites><testsuite>"])
def test_a_run_that_left_no_whole_results_stays_failed(tree, left, capsys):
    if left is not None:
        (tree / "r.xml").write_bytes(left)
    assert main(tree / "r.xml", tree / "again.xml") == 1
    assert "no whole results" in capsys.readouterr().out
