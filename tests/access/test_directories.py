"""A directory takes access away and gives none: who left is out at once, and only what a directory did is undone."""

import pytest

from safeconduct.access import records as kept
from safeconduct.access.directory.credentials import LIFETIME_MAX, identify_directory
from safeconduct.access.directory.model import NAME_CHARS_MAX, USERS, directory_restriction, name_key
from safeconduct.access.directory.reviewing import orphans, people
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.restrictions import restrictions
from safeconduct.kernel.errors import ConflictError, InvalidInputError, RefusedError, UnauthenticatedError
from safeconduct.kernel.ids import PathId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.sealing import KeySelector
from support.directories import DAY, PushedWorld, connecting, pushed_program
from support.gateway_world import AGREEMENT, MODEL, PATH, PURPOSE
from support.programs import signed_by_both
from support.restricting import lifting, setting
from support.sign_ins import SUBJECT


@pytest.fixture
def world():
    made = PushedWorld()
    yield made
    made.close()


def restricted(world):
    with world.store.snapshot() as records:
        return [one.id for one in restrictions(records)]


def decided(world, principal="ana"):
    request = CallRequest(
        principal=PrincipalId(principal),
        path=PathId(PATH),
        model=MODEL,
        purpose=PURPOSE,
        now=world.clock.now(),
    )
    return world.board.current.authorize(request)[0]


def token_holds(world, name="ana"):
    try:
        return world.board.current.identify(world.tokens[name], world.clock.now()).id == name
    except UnauthenticatedError:
        return False


def test_whom_a_directory_announces_gets_nothing_by_it(world):
    world.add("zoe@northwind.example", external_id="00u-zoe")
    assert restricted(world) == []
    with world.store.snapshot() as records:
        (zoe,) = people(records, "northwind")
        assert (zoe.state, zoe.principal) == ("announced", "")
        assert records.get(kept.PRINCIPALS, "zoe") is None


def test_who_is_linked_works_on_and_leaves_no_restriction(world):
    world.add_ana()
    with world.store.snapshot() as records:
        assert [(one.principal, one.state) for one in people(records, "northwind")] == [("ana", "linked")]
    assert (restricted(world), token_holds(world), decided(world).allowed) == ([], True, True)


@pytest.mark.parametrize("how", ["patch", "put", "delete", "another external id", "no external id"])
def test_who_left_is_out_at_once_by_whatever_way_the_directory_says_so(world, how):
    ana = world.add_ana()
    where = f"Users/{ana.id}"
    match how:
        case "patch":
            world.patch(where, {"op": "replace", "path": "active", "value": False})
        case "put":
            world.ask("PUT", where, ana.body | {"active": False})
        case "delete":
            world.ask("DELETE", where)
        case "another external id":
            world.patch(where, {"op": "replace", "path": "externalId", "value": "00u-else"})
        case _:
            world.patch(where, {"op": "remove", "path": "externalId"})
    assert restricted(world) == ["directory.ana", "directory.triage-service"]  # ana answers for the service
    assert not token_holds(world)
    assert not token_holds(world, "triage-service")
    assert token_holds(world, "bo")
    refused = next(reason for reason in decided(world).reasons if reason.code == "suspended")
    assert refused.clause == "restriction:directory.ana"
    assert "directory" in refused.remedy


def test_a_returning_person_is_free_again_with_new_tokens(world):
    ana = world.add_ana(active=False)
    assert restricted(world) == ["directory.ana", "directory.triage-service"]
    world.patch(f"Users/{ana.id}", {"op": "replace", "path": "active", "value": True})
    assert (restricted(world), decided(world).allowed) == ([], True)
    assert not token_holds(world)  # what ended has ended


def test_who_comes_back_after_a_removal_is_free_again(world):
    world.ask("DELETE", f"Users/{world.add_ana().id}")
    assert restricted(world) != []
    world.add_ana()
    assert restricted(world) == []


def test_only_what_the_directory_did_is_lifted_by_it(world):
    ana = world.add_ana(active=False)
    person = world.run(setting("principal:ana", "suspend", now=world.clock.now())).value
    world.patch(f"Users/{ana.id}", {"op": "replace", "path": "active", "value": True})
    assert restricted(world) == [person.id]
    assert not decided(world).allowed


def test_nobody_else_lifts_what_a_directory_keeps(world):
    world.add_ana(active=False)
    with pytest.raises(RefusedError) as caught:
        world.run(lifting(directory_restriction("ana"), by="ops", now=world.clock.now()))
    assert caught.value.code == "directory-restriction"


def test_who_left_signs_nothing_any_more(world):
    world.add_ana(active=False)
    with pytest.raises(RefusedError) as caught:
        world.run(connecting("northwind", by="ana", now=world.clock.now()))
    assert (caught.value.code, caught.value.clause) == ("directory-suspended", "restriction:directory.ana")


def test_who_left_before_the_program_named_them_starts_out_suspended():
    program = pushed_program()
    world = PushedWorld(program=program)
    try:
        world.add("zoe@northwind.example", external_id="00u-zoe", active=False)
        assert restricted(world) == []
        world.apply(signed_by_both(program.replace(SUBJECT.encode(), b"00u-zoe")))
        assert restricted(world) == ["directory.ana", "directory.triage-service"]
        world.apply(signed_by_both(program))  # and who is nobody the directory spoke of is free
        assert restricted(world) == []
    finally:
        world.close()


def test_an_external_id_of_its_own_links_where_the_subject_is_the_provider_s_secret():
    program = pushed_program().replace(SUBJECT.encode() + b"}", SUBJECT.encode() + b", external_id: object-7}")
    world = PushedWorld(program=program)
    try:
        world.add("stranger@northwind.example", external_id=SUBJECT, active=False)
        assert restricted(world) == []
        world.add("ana@northwind.example", external_id="object-7", active=False)
        assert restricted(world) == ["directory.ana", "directory.triage-service"]
    finally:
        world.close()


def test_a_directory_speaks_of_its_own_people_only(world):
    world.add("ana", external_id=SUBJECT, active=False, organization="meridian")
    assert restricted(world) == []
    assert decided(world).allowed


def test_groups_are_facts_and_give_no_role(world):
    bo = world.add("bo@northwind.example", external_id="00u-bo")
    with world.store.snapshot() as records:
        before = records.get(kept.PRINCIPALS, "bo").roles
    made = world.ask("POST", "Groups", {"displayName": "administrator", "members": [{"value": bo.id}]})
    assert made.status == 201
    with world.store.snapshot() as records:
        assert [one.groups for one in people(records, "northwind")] == [("administrator",)]
        assert records.get(kept.PRINCIPALS, "bo").roles == before
    world.ask("DELETE", f"Users/{bo.id}")
    assert "members" not in world.ask("GET", f"Groups/{made.id}").body


def test_orphans_are_whom_the_program_has_and_the_directory_has_not(world):
    with world.store.snapshot() as records:
        found = {one.principal: (one.suspended, one.why) for one in orphans(records, "northwind")}
    assert found["ana"] == (False, "the directory never named this person")
    ana = world.add_ana()
    with world.store.snapshot() as records:
        assert "ana" not in [one.principal for one in orphans(records, "northwind")]
    world.ask("DELETE", f"Users/{ana.id}")
    with world.store.snapshot() as records:
        found = {one.principal: (one.suspended, one.why) for one in orphans(records, "northwind")}
        assert found["ana"] == (True, "the directory does not know this person any more")
        assert list(orphans(records, "nobody")) == []


def test_names_of_people_are_sealed_and_nowhere_in_the_clear(world):
    world.add_ana(displayName="Ana Lopez")
    leaves = b"".join(
        leaf for origin in world.store.origins() for leaf in world.reader.leaves(origin, 0, world.reader.size(origin))
    )
    kept_ = repr(list(world.store.snapshot().__enter__().scan(USERS)))
    for said in ("ana@northwind", "Ana Lopez"):
        assert said.encode() not in leaves
        assert said not in kept_


def test_a_name_that_was_destroyed_shows_as_its_id_until_it_is_sent_again(world):
    ana = world.add_ana()
    world.keys.destroy(world.keys.ids(KeySelector(origin=AGREEMENT, subject=f"directory-user:{ana.id}")))
    shown = world.ask("GET", f"Users/{ana.id}")
    assert (shown.status, shown.body["userName"], shown.body["active"]) == (200, ana.id, True)
    world.patch(f"Users/{ana.id}", {"op": "replace", "path": "userName", "value": "ana@northwind.example"})
    assert world.ask("GET", f"Users/{ana.id}").body["userName"] == "ana@northwind.example"


@pytest.mark.parametrize(("days", "fits"), [(90, True), (91, False)])
def test_a_credential_lives_for_ninety_days_at_most(world, days, fits):
    assert LIFETIME_MAX == 90 * DAY
    if fits:
        assert world.run(connecting("northwind", by="ana", now=world.clock.now(), days=days)).value.secret
    else:
        with pytest.raises(InvalidInputError):
            world.run(connecting("northwind", by="ana", now=world.clock.now(), days=days))


def test_there_are_two_credentials_at_most_so_that_one_can_follow_the_other(world):
    world.run(connecting("northwind", by="ana", now=world.clock.now()))
    with pytest.raises(ConflictError) as caught:
        world.run(connecting("northwind", by="ana", now=world.clock.now()))
    assert caught.value.code == "directory-credentials-full"
    world.clock.at = Instant(world.clock.now() + 31 * DAY)  # those have ended, and bar nobody
    assert world.run(connecting("northwind", by="ana", now=world.clock.now())).value.secret


@pytest.mark.parametrize(
    ("organization", "by", "code"),
    [
        ("northwind", "ops", "another-organization"),
        ("meridian", "ana", "another-organization"),
        ("northwind", "bo", ""),
    ],
)
def test_a_directory_is_connected_by_an_administrator_of_its_organization(world, organization, by, code):
    with pytest.raises(RefusedError) as caught:
        world.run(connecting(organization, by=by, now=world.clock.now()))
    assert caught.value.code == (code or "role-missing")


def test_a_credential_ends_to_the_microsecond_and_opens_no_other_organization(world):
    with world.store.snapshot() as records:
        secret, now = world.secrets["northwind"], world.clock.now()
        assert identify_directory(records, "northwind", secret, Instant(now + 30 * DAY - 1)).by == "ana"
        for organization, shown, at in (
            ("northwind", secret, Instant(now + 30 * DAY)),
            ("meridian", secret, now),
            ("northwind", secret + "x", now),
            ("northwind", world.tokens["ana"], now),
            ("northwind", "", now),
        ):
            with pytest.raises(UnauthenticatedError) as caught:
                identify_directory(records, organization, shown, at)
            assert caught.value.code == "directory-credential-invalid"


def test_a_directory_s_credential_is_no_token_for_calls(world):
    with pytest.raises(UnauthenticatedError):
        world.board.current.identify(world.secrets["northwind"], world.clock.now())


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("Ana@Northwind.example", True),
        ("ANA@NORTHWIND.EXAMPLE", True),
        ("\uff41na@northwind.example", True),  # a full-width a
        ("ana@northwind.example ", True),
        ("an\u0430@northwind.example", False),  # Cyrillic: another letter, and another person
        ("ana@northwind.examples", False),
    ],
)
def test_names_are_one_where_people_read_them_as_one(one, same):
    assert (name_key(one) == name_key("ana@northwind.example")) is same


@pytest.mark.parametrize("bad", ["", " ", "\u202eana", "an\u200ba", "ana\0", "ana\n", "x" * (NAME_CHARS_MAX + 1)])
def test_a_name_that_hides_something_is_none(bad):
    with pytest.raises(InvalidInputError) as caught:
        name_key(bad)
    assert caught.value.code == "directory-name-invalid"


def test_the_longest_name_is_one():
    assert name_key("x" * NAME_CHARS_MAX)
