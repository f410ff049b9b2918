"""What a function ran is booked to the file that was at work, and what is booked changes nothing else."""

import asyncio
import importlib.util
import traceback
from textwrap import dedent

import pytest

from support.booking import Booked, Books, booked

MODULE = '''
    """A module."""
    from __future__ import annotations

    CONSTANT = 1

    def documented():
        """Says what it does."""

    class Kind:
        async def later(self):
            return CONSTANT

    def one_after_another():
        yield CONSTANT

    def fails():
        raise ValueError(CONSTANT)
'''


@pytest.fixture
def books(tmp_path):
    return Books(tmp_path)


@pytest.fixture
def module(tmp_path, books):
    path = tmp_path / "one.py"
    path.write_text(dedent(MODULE))
    loader = Booked("one", str(path), books)
    made = importlib.util.module_from_spec(importlib.util.spec_from_loader("one", loader))
    loader.exec_module(made)
    return made


def booked_of(books, folder):
    books.write(folder / "ran" / "main.json")
    return booked(folder / "ran")


@pytest.mark.parametrize(
    "run",
    [
        lambda one: one.documented(),
        lambda one: asyncio.run(one.Kind().later()),
        lambda one: next(one.one_after_another()),
    ],
)
def test_a_function_that_ran_is_booked_to_the_file_at_work(books, module, tmp_path, run):
    books.turn_to("tests/a.py")
    run(module)
    books.turn_to("tests/b.py")
    assert booked_of(books, tmp_path) == {"tests/a.py": {"one.py"}, "tests/b.py": set()}


@pytest.mark.parametrize("run", [lambda one: one.CONSTANT, lambda one: one.Kind(), lambda one: one.one_after_another()])
def test_what_ran_no_function_is_booked_to_nobody(books, module, tmp_path, run):
    books.turn_to("tests/a.py")
    run(module)
    assert booked_of(books, tmp_path) == {"tests/a.py": set()}


def test_several_processes_are_read_together(tmp_path):
    for name, ran in (("a", "one.py"), ("b", "two.py")):
        made = Books(tmp_path)
        made.turn_to("tests/a.py")
        made.flag(tmp_path / ran)[0] = 1
        made.write(tmp_path / "ran" / f"{name}.json")
    assert booked(tmp_path / "ran") == {"tests/a.py": {"one.py", "two.py"}}


def test_docstrings_and_lines_stay_what_they_are(module, tmp_path):
    assert module.documented.__doc__ == "Says what it does."
    with pytest.raises(ValueError, match="1") as told:
        module.fails()
    assert traceback.extract_tb(told.tb)[-1].line == "raise ValueError(CONSTANT)"
