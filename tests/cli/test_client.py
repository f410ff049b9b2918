"""How commands reach a server on another machine."""

from pathlib import Path

import pytest

from safeconduct.cli.client import Client
from safeconduct.kernel.errors import UnavailableError
from support.liars import Raw, says


def test_an_https_address_is_never_asked_in_the_clear():
    with Raw(says("[]")) as server:
        assert Client(Path(), url=server.url).get("/api/v1/logs") == []
        with pytest.raises(UnavailableError):
            Client(Path(), url=server.url.replace("http://", "https://")).get("/api/v1/logs")
