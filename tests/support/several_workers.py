"""One gateway of several processes over PostgreSQL, with a model to talk to."""

import contextlib
from types import SimpleNamespace

import pytest

from safeconduct.adapters.data_folder import running_server
from support.serve_calls import bearer
from support.shell import DATABASES, start, until
from support.talker import talking

WORKERS = 2


@contextlib.contextmanager
def several_workers(root, postgres, making):
    """Serves what `making` makes in a folder, its program in force, with WORKERS workers and databases of its own."""
    with pytest.MonkeyPatch.context() as patch, talking() as model:
        for name in DATABASES:
            patch.setenv(name, postgres.database())
        house = making(root / "house")
        words = ("serve", "--port", 0, "--no-local-model", "--workers", WORKERS, "--model", model.url, "--drain", 0)
        with start(*words, data=house.data, log=root / "server") as process:
            until(lambda: running_server(house.data), process, says=str(root))
            yield SimpleNamespace(
                house=house, url=running_server(house.data).url, process=process, model=model, token=bearer(house)
            )
