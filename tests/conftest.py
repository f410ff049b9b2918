"""Makes tests/support, tools and bench importable, and books a traced run's lines to the test file that ran them."""

import os
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tools"), str(HERE.parent)]

from support.traceability import TABLE, rows  # noqa: E402 - found by the line above

# No test depends on the machine's speed. CI draws the same examples each time, so that a red run can be repeated.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("steady"), derandomize=True)
settings.register_profile("long", settings.get_profile("steady"), max_examples=1000)  # make test-all
settings.load_profile("long" if os.environ.get("SAFECONDUCT_LONG") else "ci" if os.environ.get("CI") else "steady")

os.environ["SAFECONDUCT_CONFIG"] = "/nonexistent"  # nobody's own login acts in a test

_booked = [""]

if "PYTEST_XDIST_WORKER" in os.environ:  # it is traced; what it starts is not: no line of that is booked to a test
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)

_LISTED = {test for row in rows(TABLE.read_text()) for test in row.tests}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Traces what docs/traceability.md speaks of and no more: a tracer makes everything two to ten times slower."""
    if item.nodeid.partition("::")[0] in _LISTED and item.get_closest_marker("untraced") is None:
        return (yield)
    with _untraced():
        return (yield)


@contextmanager
def _untraced():
    own, threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        threading.settrace(threads)
        sys.settrace(own)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    # By file, because docs/traceability.md names files; for the whole process, because much of the product runs in
    # threads of its own, which coverage's own contexts (by the calling function's name) leave out.
    file = item.nodeid.partition("::")[0]
    tracer = Coverage.current()
    if tracer is not None and _booked[0] != file:
        _booked[0] = file
        tracer.switch_context(file)


@pytest.fixture(scope="session")
def token(tmp_path_factory):
    """A PKCS#11 token. One for the whole process: SoftHSM reads where its tokens lie once."""
    from support.tokens import soft_token

    return soft_token(tmp_path_factory.mktemp("softhsm"))


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server, started by the first test that asks for it."""
    from support.postgres import running  # not everybody has the driver

    with running() as server:
        yield server


@pytest.fixture
def database(postgres):
    """The URL of an empty database."""
    return postgres.database()
