"""Makes tests/support, tools and bench importable, and under CI books what of the product each test file ran."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tools"), str(HERE.parent)]

from support import booking  # noqa: E402 - found by the line above
from support.traceability import RAN  # noqa: E402

# No test depends on the machine's speed. CI draws the same examples each time, so that a red run can be repeated.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("steady"), derandomize=True)
settings.register_profile("long", settings.get_profile("steady"), max_examples=1000)  # make test-all
settings.load_profile("long" if os.environ.get("SAFECONDUCT_LONG") else "ci" if os.environ.get("CI") else "steady")

os.environ["SAFECONDUCT_CONFIG"] = "/nonexistent"  # nobody's own login acts in a test

# Before any module of the product is imported.
_books = booking.begin() if os.environ.get("SAFECONDUCT_BOOKED") else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if _books is not None:
        _books.turn_to(item.nodeid.partition("::")[0])


def pytest_sessionfinish():
    if _books is not None:
        _books.write(RAN / f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.json")


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
