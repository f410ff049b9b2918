"""Where the test corpora are: public test data that is not in the repository."""

import os
from pathlib import Path

import pytest


def corpora() -> Path:
    """Returns the folder of corpora; skips the test without one, except where `CI` says that all must run."""
    folder = os.environ.get("SAFECONDUCT_CORPORA")
    if folder:
        return Path(folder)
    message = "set SAFECONDUCT_CORPORA to the folder of test corpora to run this"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
