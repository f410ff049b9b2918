"""Whole dialogues of identity providers as Entra ID and Okta hold them, and what hostile ones try."""

import asyncio
import json
import threading

import msgspec
import pytest
from scim2_models import ResourceType

from safeconduct.access.directory.credentials import identify_directory
from safeconduct.access.directory.pushing import MEMBERS_MAX
from safeconduct.access.restrictions import restrictions
from safeconduct.adapters.scim.serving import EXPRESSION_CHARS_MAX, OPERATIONS_MAX, TRIES
from safeconduct.adapters.scim.storage import PLACE_TRIES, DirectoryStorage
from safeconduct.bootstrap.directories import directories
from safeconduct.http.inprocess import Ask, ask
from safeconduct.http.scim import BODY_BYTES_MAX
from safeconduct.kernel.errors import AbsentError, UnavailableError
from support.directories import GROUP, PATCH, USER, PushedWorld
from support.patience import PATIENCE_S
from support.sign_ins import SUBJECT

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.fixture(scope="module")
def world():
    made = PushedWorld()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def emptied(world):
    yield
    for kind in ("Groups", "Users"):
        while found := world.ask("GET", kind).body.get("Resources"):
            for one in found:
                world.ask("DELETE", f"{kind}/{one['id']}")


def suspended(world):
    with world.store.snapshot() as records:
        return "directory.ana" in [one.id for one in restrictions(records)]


def test_entra_looks_first_then_creates_renames_disables_enables_and_deletes(world):
    assert world.ask("GET", 'Users?filter=userName+eq+"ana@northwind.example"').body["totalResults"] == 0
    stated = {
        "schemas": [USER, ENTERPRISE],
        "externalId": SUBJECT,
        "userName": "ana@northwind.example",
        "active": True,
        "displayName": "Ana",
        "emails": [{"primary": True, "type": "work", "value": "ana@northwind.example"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Ana Lopez", "familyName": "Lopez", "givenName": "Ana"},
        "roles": [],
        ENTERPRISE: {"department": "SOC", "manager": "someone"},
    }
    made = world.ask("POST", "Users", stated)
    assert (made.status, made.headers["Location"]) == (
        201,
        f"https://gate.example/scim/v2/northwind/Users/{made.id}",
    )
    assert set(made.body) == {"schemas", "id", "externalId", "userName", "displayName", "active", "meta"}
    where = f"Users/{made.id}"
    changed = world.patch(
        where,
        {"op": "Replace", "path": "displayName", "value": "Ana L."},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "IR"},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "al@northwind.example"},
        {"op": "Replace", "path": "name.familyName", "value": "L."},
    )
    assert changed.status in (200, 204), changed.body
    assert world.ask("GET", where).body["displayName"] == "Ana L."
    world.patch(where, {"op": "Replace", "path": "active", "value": "False"})
    assert (world.ask("GET", where).body["active"], suspended(world)) == (False, True)
    world.patch(where, {"op": "Replace", "path": "active", "value": "True"})
    assert (world.ask("GET", where).body["active"], suspended(world)) == (True, False)
    assert world.ask("DELETE", where).status == 204
    assert (world.ask("GET", where).status, suspended(world)) == (404, True)


def test_entra_fills_and_empties_a_group_without_reading_its_members(world):
    ana, bo = world.add_ana(), world.add("bo@northwind.example")
    made = world.ask(
        "POST", "Groups", {"schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1", "displayName": "Defenders"},
    )  # fmt: skip
    assert made.status == 201, made.body
    where = f"Groups/{made.id}"
    world.patch(where, {"op": "Add", "path": "members", "value": [{"value": ana.id}, {"value": bo.id}]})
    world.patch(where, {"op": "Remove", "path": "members", "value": [{"value": bo.id}]})
    assert [one["value"] for one in world.ask("GET", where).body["members"]] == [ana.id]
    assert "members" not in world.ask("GET", f"{where}?excludedAttributes=members").body
    found = world.ask("GET", 'Groups?excludedAttributes=members&filter=displayName+eq+"defenders"').body
    assert [one["id"] for one in found["Resources"]] == [made.id]
    world.patch(where, {"op": "Remove", "path": f'members[value eq "{ana.id}"]'})
    assert "members" not in world.ask("GET", where).body


def test_okta_pages_creates_replaces_and_deactivates_by_a_value_without_a_path(world):
    page = world.ask("GET", "Users?startIndex=1&count=100").body
    assert (page["totalResults"], page["startIndex"]) == (0, 1)
    stated = {
        "schemas": [USER],
        "userName": "ana@northwind.example",
        "name": {"givenName": "Ana", "familyName": "Lopez"},
        "emails": [{"primary": True, "value": "ana@northwind.example", "type": "work"}],
        "displayName": "Ana Lopez",
        "locale": "en-US",
        "externalId": SUBJECT,
        "groups": [],
        "password": "never kept",
        "active": True,
    }
    made = world.ask("POST", "Users", stated)
    where = f"Users/{made.id}"
    assert (made.status, "password" in made.body) == (201, False)
    assert world.ask("PUT", where, stated | {"id": made.id, "displayName": "Ana M."}).body["displayName"] == "Ana M."
    off = world.patch(where, {"op": "replace", "value": {"active": False}})
    assert off.status in (200, 204)
    assert suspended(world)
    again = world.ask("PUT", where, stated | {"id": made.id, "active": True})
    assert (again.status, suspended(world)) == (200, False)


def test_pages_hold_each_user_once(world):
    made = {world.add(f"user{number}@northwind.example").id for number in range(7)}
    seen = [
        one["id"]
        for start in (1, 4, 7)
        for one in world.ask("GET", f"Users?startIndex={start}&count=3&sortBy=userName").body["Resources"]
    ]
    assert (len(seen), set(seen)) == (7, made)
    assert world.ask("GET", "Users?count=0").body["totalResults"] == 7


def test_a_version_that_somebody_else_changed_meanwhile_is_not_written_over(world):
    ana = world.add_ana()
    tag = ana.headers["ETag"]
    where = f"Users/{ana.id}"
    assert world.ask("GET", where, if_none_match=tag).status == 304
    rename = {"op": "replace", "path": "displayName", "value": "A"}
    assert world.patch(where, rename, if_match=tag).status in (200, 204)
    stale = world.patch(where, rename | {"value": "B"}, if_match=tag)
    assert (stale.status, world.ask("GET", where).body["displayName"]) == (412, "A")


def test_changes_at_once_are_all_made_where_no_version_was_named(world):
    group = world.ask("POST", "Groups", {"displayName": "all"})
    users = [world.add(f"at-once-{number}").id for number in range(TRIES)]
    answers = []

    def join(user):
        answers.append(world.patch(f"Groups/{group.id}", {"op": "add", "path": "members", "value": [{"value": user}]}))

    threads = [threading.Thread(target=join, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    done = [one for one in answers if one.status in (200, 204)]
    members = world.ask("GET", f"Groups/{group.id}").body.get("members", [])
    assert (len(members), {one.status for one in answers} <= {200, 204, 412}) == (len(done), True)
    assert done


@pytest.mark.parametrize(
    "shown",
    ["", "scd_" + "A" * 43, "another organization's", "a token for calls"],
    ids=["", "made up", "other", "call"],
)
@pytest.mark.parametrize(
    "path", ["Users", "Groups", "Schemas", "ServiceProviderConfig", "ResourceTypes", "Users/01", "x"]
)
def test_one_organization_s_credential_tells_nothing_of_another(world, path, shown):
    secret = {
        "another organization's": world.secrets["meridian"],
        "a token for calls": world.tokens["ana"],
    }.get(shown, shown)
    refused = world.ask("GET", path, secret=secret)
    assert (refused.status, refused.detail.partition(":")[0]) == (401, "directory-credential-invalid")
    unknown = world.ask("GET", path, organization="nobody", secret=secret)
    assert unknown.body == refused.body


def test_another_organization_s_user_is_not_there(world):
    ana = world.add_ana()
    for method, body in (("GET", None), ("DELETE", None), ("PUT", {"userName": "x"}), ("PATCH", {"schemas": [PATCH], "Operations": [{"op": "add", "path": "active", "value": False}]})):  # fmt: skip  # noqa: E501
        assert world.ask(method, f"Users/{ana.id}", body, organization="meridian").status == 404
    refused = world.ask("POST", "Groups", {"displayName": "g", "members": [{"value": ana.id}]}, organization="meridian")
    assert (refused.status, refused.body["scimType"]) == (400, "invalidValue")
    assert world.ask("GET", "Users", organization="meridian").body["totalResults"] == 0
    assert not suspended(world)


@pytest.mark.parametrize("name", ["ANA@northwind.example", "\uff41na@northwind.example", " ana@northwind.example"])
def test_a_name_in_another_spelling_is_taken(world, name):
    world.add_ana()
    refused = world.ask("POST", "Users", {"schemas": [USER], "userName": name})
    assert (refused.status, refused.body["scimType"]) == (409, "uniqueness")
    other = world.add("bo@northwind.example", external_id="00u-bo")
    assert world.patch(f"Users/{other.id}", {"op": "replace", "path": "userName", "value": name}).status == 409
    assert world.patch(f"Users/{other.id}", {"op": "replace", "path": "externalId", "value": SUBJECT}).status == 409


@pytest.mark.parametrize("name", ["", "\u202eana", "a\u200bna", "a" * 257])
def test_a_name_that_hides_something_is_refused(world, name):
    refused = world.ask("POST", "Users", {"schemas": [USER], "userName": name})
    assert (refused.status, refused.body["scimType"]) == (400, "invalidValue")


def test_nothing_of_ours_can_be_assigned_by_naming_it(world):
    mass = {
        "id": "ana", "principal": "ana", "role": "administrator", "roles": [{"value": "administrator"}], "tier": 9,
        "entitlements": [{"value": "all"}], "key": "ed25519:AAAA", "org": "meridian", "credential": "x",
        "meta": {"version": 'W/"0"', "created": "2001-01-01T00:00:00Z"}, "sponsor": "ana", "external": "x",
        "urn:safeconduct:1.0:Principal": {"tier": 9},
    }  # fmt: skip
    made = world.add("mallory", **mass)
    assert set(made.body) == {"schemas", "id", "userName", "active", "meta"}
    assert made.id != "ana"
    assert not made.body["meta"]["created"].startswith("2001")
    before = world.ask("GET", f"Users/{made.id}").body
    for name, value in mass.items():
        world.patch(f"Users/{made.id}", {"op": "add", "path": name, "value": value})
    after = world.ask("GET", f"Users/{made.id}").body
    assert (after, made.body["meta"]) == (before, after["meta"])


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "Users", b"", 400),
        ("POST", "Users", b"{", 400),
        ("POST", "Users", b"[]", 400),
        ("POST", "Users", b'{"userName": 1e400}', 400),
        ("POST", "Users", b'{"userName": "\xff"}', 400),
        ("POST", "Users", b'{"userName": "\\ud800"}', 400),
        ("POST", "Users", b'{"a":' * 20_000 + b"1" + b"}" * 20_000, 400),
        ("PATCH", "Users/01", b"[" * 50_000, 400),
        ("POST", "Bulk", b"{}", 501),
        ("GET", "Me", None, 501),
        ("GET", "Users/../../api", None, 404),
        ("GET", "Users?filter=" + "(" * 200 + "userName+pr" + ")" * 200, None, (200, 400)),
        ("GET", "Users?filter=" + "not+(" * 150 + "userName+pr" + ")" * 150, None, (200, 400)),
        ("GET", "Users?filter=userName+eq+" + "x" * EXPRESSION_CHARS_MAX, None, 400),
        ("GET", "Users?filter=password+eq+%22x%22", None, 400),
        ("GET", "Users?sortBy=nothing", None, (200, 400)),
        ("GET", "Users?startIndex=-5&count=-1", None, (200, 400)),
        ("GET", "Users?count=99999999999999999999", None, (200, 400)),
        ("DELETE", "Schemas", None, 405),
    ],
)
def test_what_does_not_fit_is_told_in_scim_s_form_and_quickly(world, method, path, body, status):
    answered = world.ask(method, path, body)
    assert answered.status in (status if isinstance(status, tuple) else (status,)), answered.body
    if answered.status >= 400:
        assert answered.body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert answered.body["status"] == str(answered.status)


@pytest.mark.parametrize(("count", "status"), [(OPERATIONS_MAX, (200, 204)), (OPERATIONS_MAX + 1, (413,))])
def test_a_patch_has_so_many_operations(world, count, status):
    ana = world.add_ana()
    one = {"op": "replace", "path": "displayName", "value": "x"}
    assert world.patch(f"Users/{ana.id}", *[one] * count).status in status


def test_a_group_has_so_many_members(world):
    group = world.ask("POST", "Groups", {"displayName": "many"})
    members = [{"value": f"01{number:024d}"} for number in range(MEMBERS_MAX + 1)]
    refused = world.ask("PUT", f"Groups/{group.id}", {"schemas": [GROUP], "displayName": "many", "members": members})
    assert (refused.status, refused.detail.partition(":")[0]) == (413, "directory-full")


def sent(world, body, *, path="Users", method="POST"):
    headers = {
        "authorization": f"Bearer {world.secrets['northwind']}",
        "content-type": "application/scim+json",
        "host": "gate.example",
    }
    request = Ask(method=method, path=f"/scim/v2/northwind/{path}", headers=headers, body=body)
    return asyncio.run(ask(world.app(), request))


@pytest.mark.parametrize(("bytes_", "status"), [(BODY_BYTES_MAX, 201), (BODY_BYTES_MAX + 1, 413), (1024 * 1024, 413)])
def test_a_body_has_so_many_bytes(world, bytes_, status):
    body = json.dumps({"schemas": [USER], "userName": "ana", "x": ""}).encode()
    padded = body.replace(b'"x": ""', b'"x": "' + b"x" * (bytes_ - len(body)) + b'"')
    assert (len(padded), sent(world, padded).status) == (bytes_, status)


def test_over_http_an_error_is_told_in_scim_s_form(world):
    answered = sent(world, b"", path="nothing", method="GET")
    document = msgspec.json.decode(answered.body)
    assert (answered.status, document["status"]) == (404, "404")


def test_without_the_extra_the_route_says_what_to_install(world, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "safeconduct.adapters.scim.serving", None)
    with pytest.raises(UnavailableError) as caught:
        directories(world)(None)
    assert (caught.value.code, caught.value.remedy) == ("extra-missing", "pip install 'safeconduct[scim]'")


class LatePlaces:
    """A log whose entries get their places later, as where many workers write."""

    def __init__(self, log, looks):
        self.log, self.looks = log, looks

    def open_field(self, entry, name):
        self.looks -= 1
        if self.looks >= 0:
            raise AbsentError(f"there is no entry {entry}")
        return self.log.open_field(entry, name)


@pytest.mark.parametrize("looks", [0, PLACE_TRIES - 1, PLACE_TRIES])
def test_a_user_whose_entry_has_no_place_yet_is_waited_for_and_never_told_to_be_absent(world, looks):
    ana = world.add_ana()
    with world.store.snapshot() as records:
        speaker = identify_directory(records, "northwind", world.secrets["northwind"], world.clock.now())
    storage = DirectoryStorage(
        speaker=speaker,
        writer=world.writer,
        snapshot=world.store.snapshot,
        log=LatePlaces(world.reader, looks),
        pause=lambda _seconds: None,
    )
    if looks < PLACE_TRIES:
        assert storage.get(ResourceType(name="User"), ana.id).user_name == "ana@northwind.example"
    else:
        with pytest.raises(UnavailableError) as caught:
            storage.get(ResourceType(name="User"), ana.id)
        assert caught.value.code == "directory-entry-waits"


@pytest.mark.parametrize("applied", [False, True], ids=["failed", "failed but applied"])
def test_a_store_that_fails_suspends_or_says_that_it_could_not(tmp_path, applied):
    world = PushedWorld(tmp_path)
    try:
        ana = world.add_ana()
        real = world.writer.submit

        def failing(command):
            if applied:
                real(command).result()
            raise UnavailableError("the disk is full", code="log-unwritable")

        world.writer.submit = failing
        off = {"op": "replace", "path": "active", "value": False}
        refused = world.patch(f"Users/{ana.id}", off)
        assert (refused.status, refused.detail.partition(":")[0], suspended(world)) == (503, "log-unwritable", applied)
        del world.writer.submit
        assert world.patch(f"Users/{ana.id}", off).status in (200, 204)  # sent again, as identity providers do
        assert suspended(world)
        world.restart()
        assert suspended(world)
    finally:
        world.close()
