"""Books to each test file the product's modules of which a function ran: docs/traceability.md is held against that.

A tracer of lines would tell more than is asked, and makes everything two to ten times slower. Here each function of the
product sets its module's flag as it begins, which costs nothing that could be measured.
"""

import ast
import copy
import json
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FLAG = "__ran__"
_SET = ast.parse(f"{_FLAG}[0] = 1").body[0]


class Books:
    """Flags of modules, and what they were when the tests of a file had run."""

    def __init__(self, root=ROOT):
        self._root = root
        self._flags = {}
        self._file = ""
        self._booked = {}

    def flag(self, path):
        return self._flags.setdefault(str(Path(path).relative_to(self._root)), [0])

    def turn_to(self, file):
        """Books what ran since the last turn to the file that was at work, and begins anew for another."""
        if file == self._file:
            return
        ran = {module for module, flag in self._flags.items() if flag[0]}
        self._booked.setdefault(self._file, set()).update(ran)
        for flag in self._flags.values():
            flag[0] = 0
        self._file = file

    def write(self, path):
        self.turn_to("")
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({file: sorted(ran) for file, ran in self._booked.items() if file}))


class _Finder(PathFinder):
    """Finds the product's modules only, and has them say that they ran."""

    def __init__(self, books):
        self._books = books

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] != "safeconduct":
            return None
        spec = super().find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Booked(spec.loader.name, spec.loader.path, self._books)
        return spec


class Booked(SourceFileLoader):
    """Loads a module whose functions say that they ran."""

    def __init__(self, name, path, books):
        super().__init__(name, path)
        self._books = books

    def get_code(self, fullname):
        """Compiles anew: what is cached says nothing."""
        tree = ast.parse(Path(self.path).read_bytes(), self.path)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                after_docstring = int(ast.get_docstring(node, clean=False) is not None)
                node.body.insert(after_docstring, _marking(node.body[0]))
        return compile(tree, self.path, "exec", dont_inherit=True)

    def exec_module(self, module):
        setattr(module, _FLAG, self._books.flag(self.path))
        super().exec_module(module)


def _marking(first):
    """Returns a statement that sets the flag, at the place of a function's first one."""
    made = copy.deepcopy(_SET)
    for node in ast.walk(made):
        ast.copy_location(node, first)
    return made


def begin():
    """Has all modules of the product that are imported from now on booked; returns the books."""
    books = Books()
    sys.meta_path.insert(0, _Finder(books))
    return books


def booked(folder):
    """Returns test file -> modules, as all processes of a run wrote it."""
    found = {}
    for part in folder.glob("*.json"):
        for file, ran in json.loads(part.read_text()).items():
            found.setdefault(file, set()).update(ran)
    return found
