import hashlib
from dataclasses import replace

import pytest

from safeconduct.access import records as kept
from safeconduct.access.acts import (
    ACT_AGE_MAX,
    ACT_AHEAD_MAX,
    ROLES,
    Capability,
    ProgramElectorate,
    authenticate,
    authenticate_act,
    check_signature,
    recused,
)
from safeconduct.access.freezes import freeze
from safeconduct.access.model.parties import Principal, PrincipalKind, Role
from safeconduct.kernel.errors import InvalidInputError, RefusedError, UnauthenticatedError
from safeconduct.kernel.instants import rfc3339, seconds
from safeconduct.ledger.acts import sign_act
from support.freezing import ordered
from support.immediate import START
from support.programs import KEYS, in_force, signed

OPERATION, BODY = "POST /x", b"{}"
CONTENT = hashlib.sha256(BODY).hexdigest()


def act(actor="ops", *, key="", **other):
    made = signed(actor, OPERATION, BODY, START)
    return sign_act(replace(made.act, **other), KEYS[key or actor])


def check(made, *, now=START):
    return authenticate(in_force().state, made, operation=OPERATION, content=CONTENT, now=now)


def code(made, **options):
    with pytest.raises(UnauthenticatedError) as caught:
        check(made, **options)
    return caught.value.code


def test_an_act_of_a_known_person_is_theirs():
    assert check(act()).id == "ops"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (act(key="stranger"), "wrong-key"),
        (act("stranger"), "signer-unknown"),
        (act("triage-service", key="stranger") if "triage-service" in KEYS else act("meridian"), "signer-unknown"),
        (act(operation="POST /y"), "act-for-another-request"),
        (act(content="00" * 32), "act-for-another-request"),
        (act(nonce="x" * 15), "act-unreadable"),
        (act(nonce="x" * 65), "act-unreadable"),
        (act(nonce="x/" * 10), "act-unreadable"),
        (replace(act(), act=replace(act().act, nonce="y" * 16)), "wrong-key"),
    ],
)
def test_every_other_act_is_refused(made, expected):
    assert code(made) == expected


def test_an_act_must_be_fresh():
    for age, fresh in (
        (ACT_AGE_MAX, True),
        (ACT_AGE_MAX + 1, False),
        (-ACT_AHEAD_MAX, True),
        (-ACT_AHEAD_MAX - 1, False),
    ):
        made = act(at=rfc3339(START - age))
        if fresh:
            assert check(made).id == "ops"
        else:
            assert code(made) == "act-stale"


def test_an_instant_that_is_none_is_refused():
    with pytest.raises((InvalidInputError, UnauthenticatedError)):
        check(act(at="yesterday"))


def freezing(writer, made, selector="path:soc-triage"):
    return writer.run(lambda tx: freeze(tx, made, ordered(selector), operation=OPERATION, content=CONTENT))


def test_an_act_is_used_once():
    writer = in_force()
    made = act()
    freezing(writer, made)
    count = len(writer.entries)
    with pytest.raises(UnauthenticatedError) as caught:
        freezing(writer, made)
    assert caught.value.code == "act-used"
    assert len(writer.entries) == count
    freezing(writer, act())


def test_the_same_nonce_of_another_person_is_another_act():
    writer = in_force()
    count = len(writer.entries)
    freezing(writer, act(nonce="n" * 16))
    freezing(writer, act("bo", nonce="n" * 16))
    assert [entry.act["actor"] for entry in writer.entries[count:]] == ["ops", "bo"]


@pytest.mark.parametrize("capability", list(Capability))
@pytest.mark.parametrize(("name", "role"), [("ana", Role.ANALYST), ("bo", Role.RESPONDER), ("ops", Role.ADMINISTRATOR)])
def test_roles_decide_what_an_act_may_be_for(capability, name, role):
    writer = in_force()

    def do(tx):
        return authenticate_act(tx, act(name), operation=OPERATION, expected_content=CONTENT, capability=capability)

    if role in ROLES[capability]:
        assert writer.run(do).id == name
    else:
        with pytest.raises(RefusedError) as caught:
            writer.run(do)
        assert caught.value.code == "role-missing"


def test_every_capability_names_its_roles():
    assert set(ROLES) == set(Capability)
    assert all(ROLES.values())


def test_who_is_frozen_by_name_can_do_nothing_but_freeze():
    writer = in_force()
    freezing(writer, act(), "principal:ops")

    def do(tx):
        return authenticate_act(
            tx, act(), operation=OPERATION, expected_content=CONTENT, capability=Capability.UNFREEZE
        )

    with pytest.raises(RefusedError) as caught:
        writer.run(do)
    assert caught.value.code == "principal-frozen"
    freezing(writer, act())


def test_a_frozen_organization_can_still_end_the_freeze():
    writer = in_force()
    freezing(writer, act(), "organization:meridian")
    freezing(writer, act(), "all")
    found = writer.run(
        lambda tx: authenticate_act(
            tx, act(), operation=OPERATION, expected_content=CONTENT, capability=Capability.UNFREEZE
        )
    )
    assert found.id == "ops"


def elect(writer, made):
    return ProgramElectorate().authenticate(writer.state, made, operation=OPERATION, content=CONTENT, now=START)


def test_the_electorate_is_the_people_of_the_program():
    voter = elect(in_force(), act("bo"))
    assert (voter.principal, voter.organization, voter.roles) == ("bo", "northwind", {"responder"})


def test_a_frozen_person_does_not_vote():
    writer = in_force()
    freezing(writer, act(), "principal:bo")
    with pytest.raises(RefusedError, match="bo is frozen: a drill"):
        elect(writer, act("bo"))


def test_a_service_does_not_vote():
    writer = in_force()
    robot = Principal(
        id="stranger", organization="northwind", kind=PrincipalKind.SERVICE, key=KEYS["stranger"].public.text
    )
    writer.state.put(kept.PRINCIPALS, "stranger", robot)
    with pytest.raises(RefusedError) as caught:
        elect(writer, act("stranger"))
    assert caught.value.code == "not-a-person"


def test_a_services_sponsor_has_a_hand_in_what_it_proposes():
    state = in_force().state
    assert recused(state, "triage-service") == ("ana",)
    assert recused(state, "ana") == recused(state, "nobody") == ()


def test_a_signature_is_checked_before_anything_it_says():
    late = START + seconds(10_000)
    with pytest.raises(UnauthenticatedError) as caught:
        check_signature(None, act(), operation="", content="", now=late)
    assert caught.value.code == "signer-unknown"
