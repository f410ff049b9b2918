"""SCIM by somebody else's judge: scim2-tester, over HTTP against the routes and a real log."""

import os

import pytest

try:
    from httpx2 import Client
    from scim2_client.engines.httpx2 import SyncSCIMClient
    from scim2_tester import Status, check_server
except ImportError:
    if os.environ.get("CI"):
        raise
    pytest.skip("scim2-tester is not installed", allow_module_level=True)

from support.directories import PushedWorld
from support.serving import served


def test_every_check_of_scim2_tester_passes(tmp_path):
    world = PushedWorld(tmp_path)
    try:
        with served(world.app()) as url:
            headers = {"authorization": f"Bearer {world.secrets['northwind']}"}
            with Client(base_url=f"{url}/scim/v2/northwind", headers=headers) as client:
                results = check_server(SyncSCIMClient(client))
    finally:
        world.close()
    passed = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}
    assert [(one.title, one.status.name, one.reason) for one in results if one.status not in passed] == []
    assert {one.resource_type for one in results} >= {"User", "Group"}
    assert len(results) > 40
