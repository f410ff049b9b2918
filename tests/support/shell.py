"""The command line as people use it: `run` in this process through the real `main`, `start` as a process of its own."""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from safeconduct.adapters.data_folder import running_server
from safeconduct.cli.demo.program import Parties, render
from safeconduct.cli.keys import write_key
from safeconduct.cli.main import main
from support.patience import PATIENCE_S, until
from support.ports import lasting_port
from support.programs import KEYS, NAMES, READER_KEYS, signed_by_both

COMMAND = (sys.executable, "-m", "safeconduct.cli.main")
DEMO_S = 3 * PATIENCE_S
"""Seconds for a whole demo or drill. The longest takes 40 on two idle cores, and 100 among many others."""
GRANT_RULES = """approvals:
  grant:
    groups:
      - {organization: northwind, role: administrator, count: 1}
      - {organization: meridian, role: trust-and-safety, count: 1}
"""
DATABASES = ("SAFECONDUCT_DATABASE", "SAFECONDUCT_HEADS", "SAFECONDUCT_KEYS")


@dataclass
class Said:
    """What a command said. `json` is its standard output, which must be one document."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error(self):
        """The code of the error on standard error."""
        assert self.err.startswith("error ("), self
        return self.err.removeprefix("error (").partition(")")[0]


def environment(data=None, key=None, config="/nonexistent"):
    names = ("PATH", "HOME", "SOFTHSM2_CONF", "SAFECONDUCT_SCOPE_RESOLVERS", *DATABASES)
    kept = {name: os.environ[name] for name in names if name in os.environ}
    kept |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "COLUMNS": "200"}
    given = {"SAFECONDUCT_DATA": data, "SAFECONDUCT_KEY": key, "SAFECONDUCT_CONFIG": config}
    return kept | {name: str(value) for name, value in given.items() if value}


def run(*words, data=None, key=None, config="/nonexistent"):
    """Runs a command through `main` in this process. Anything but an orderly end fails the test."""
    before = dict(os.environ), sys.argv, {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)}
    out, err = io.StringIO(), io.StringIO()
    told = environment(data, key, config)
    os.environ.clear()
    os.environ.update(told)
    sys.argv = ["safeconduct", *map(str, words)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    finally:
        os.environ.clear()
        os.environ.update(before[0])
        sys.argv = before[1]
        for number, handler in before[2].items():
            signal.signal(number, handler)
    said = Said(code, out.getvalue(), err.getvalue())
    assert "Traceback" not in said.err, said.err
    return said


@contextlib.contextmanager
def start(*words, log, data=None, key=None):
    """Starts a command; its output goes to files beside `log`. It is ended with the block, if it still runs."""
    with log.with_suffix(".out").open("wb") as out, log.with_suffix(".err").open("wb") as err:
        process = subprocess.Popen(
            [*COMMAND, *map(str, words)], stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environment(data, key)
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


@contextlib.contextmanager
def serving(data, *words, log=None):
    """Starts a server without a local model and yields its process and address."""
    log = log or data.parent / "server"
    with start("serve", "--port", 0, "--no-local-model", *words, data=data, log=log) as process:
        _served.append(data.parent)
        try:
            yield process, until(lambda: running_server(data), process, says=str(log))
        finally:
            _served.remove(data.parent)


@contextlib.contextmanager
def witness(folder, *trusted, listen=""):
    """Runs the partner's witness and yields its key and address, at which it can be run again."""
    listen = listen or f"127.0.0.1:{lasting_port()}"
    asking = [root for root in _served if root != folder.parent and _partner_of(root).endswith(f"/{listen}")]
    assert not asking, f"servers of other copies of the installation would have their logs cosigned too: {asking}"
    words = ["log", "witness", "--dir", folder, "--listen", listen, "--name", "northwind.example/witness", "--json"]
    for key in trusted:
        words += ["--trust", key]
    said = folder.with_suffix(".out")
    with start(*words, log=folder) as process:
        until(lambda: said.read_text().endswith("}\n"), process, says=str(said))
        yield json.loads(said.read_text())


def _partner_of(root):
    """Returns where the witness of an installation was last."""
    told = root / "witness.out"
    return json.loads(told.read_text())["url"] if told.exists() else ""


def drilled(name, root):
    """Runs a drill as a process of its own, and returns what it printed: one document and nothing else."""
    command = [*COMMAND, "drill", name, "--json", "--data", root]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEMO_S, check=False, env=environment())
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@dataclass
class House:
    """An installation of the demo's parties in a folder of its own."""

    root: Path

    @property
    def data(self):
        return self.root / "data"

    @property
    def agreement(self):
        return "safeconduct.example/demo/ag-2026-01"

    def key(self, name):
        return self.root / f"{name}.key"

    def __call__(self, *words, by="ops"):
        return run(*words, data=self.data, key=self.key(by))

    def program(self, told, **model):
        """Writes the program file whose witness is the one that told its key and address."""
        keys = {f"{name}_key": KEYS[name].public.text for name in NAMES} | READER_KEYS
        file = self.root / "program.yaml"
        file.write_bytes(
            signed_by_both(render(Parties(**keys, witness_key=told["key"], witness_url=told["url"]), **model))
        )
        return file

    def apply_with(self, told, people, sections):
        """Applies a program with more people, whose grants both parties approve, and with more sections.

        `people` has for each name organization and roles, as the program file does; each gets a key. Returns the file.
        """
        publics = {name: run("keys", "new", name, "--out", self.key(name)).out.split()[-1] for name in people}
        lines = [f'  {one}: {{organization: {people[one]}, kind: person, key: "{publics[one]}"}}\n' for one in people]
        file = self.program(told, upstream="custom", model="m")
        text = file.read_text().replace("  triage-service: ", "".join(lines) + "  triage-service: ", 1)
        file.write_text(text.replace("approvals:\n", GRANT_RULES, 1) + sections)
        said = self("program", "apply", file)
        assert said.code == 0, said
        return file


def made(root):
    """Makes an installation without a program; returns it and its log's key."""
    root.mkdir(parents=True, exist_ok=True)
    house = House(root)
    for name in (*NAMES, "stranger"):
        write_key(house.key(name), name, KEYS[name])
    said = house("init", "--origin", "safeconduct.example/demo", "--json")
    assert said.code == 0, said
    return house, said.json["key"]


_served = []  # the folders of the installations that have a server now
_agreed = {}  # what `agreed` made for the first test that asked, by the model


def agreed(root, *, alone=False, **model):
    """Makes an installation whose program is in force, cosigned by a witness that is away again.

    What lies in one folder is made once for all tests of this process, and copied. All copies have one log and one
    witness, which cosigns the first that asks and refuses the others: where the witness comes back while another copy
    may be served, the installation is made `alone`.
    """
    if alone or root.exists() or any(os.environ.get(name) for name in DATABASES):
        return _agreed_anew(root, **model)
    asked = tuple(sorted(model.items()))
    if asked not in _agreed:
        template = root.parent / f"agreed-{len(_agreed)}"
        _agreed[asked] = template, *_agreed_anew(template, **model)[1:]
    template, told, log_key = _agreed[asked]
    shutil.copytree(template, root)
    return House(root), told, log_key


def _agreed_anew(root, **model):
    house, key = made(root)
    with witness(root / "witness", key) as told:
        said = house("program", "apply", house.program(told, **model), "--json")
        assert said.code == 0, said
    return house, told, said.json["log_key"]
