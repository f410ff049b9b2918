"""Services that ship telemetry: what a program says of them, what their tokens are good for, and how long they hold."""

import pytest

from safeconduct.access.compiling import compile_standing
from safeconduct.access.document import ProgramInvalidError
from safeconduct.access.program import parse_program
from safeconduct.access.tokens import LIFETIME_MAX, SHIPPER_LIFETIME_MAX
from safeconduct.kernel.errors import InvalidInputError, RefusedError, UnauthenticatedError
from support.programs import bring_into_force, in_force
from support.shippers import COLLECTOR, SERVICE, shipping_program, token_of


def refused(source):
    with pytest.raises(ProgramInvalidError) as caught:
        parse_program(source)
    return caught.value.message


def standing(writer):
    return compile_standing(writer.state)


def test_only_a_service_ships():
    assert next(one for one in parse_program(shipping_program()).principals if one.id == COLLECTOR).ships
    agent = shipping_program().replace(b"kind: service, sponsor: ana, ships", b"kind: agent, sponsor: ana, ships")
    assert "collector is of kind agent; only services send telemetry by a token" in refused(agent)


def test_a_service_that_ships_has_no_grant():
    row = SERVICE.replace("}", ", ships: true}").encode()
    granted = shipping_program().replace(SERVICE.encode(), row)
    assert "triage-service sends telemetry in and makes no calls" in refused(granted)


def test_its_token_ships_and_does_nothing_else_and_no_other_ships():
    writer = in_force(shipping_program())
    ships, calls = token_of(writer).secret, token_of(writer, "triage-service").secret
    found, now = standing(writer), writer.now
    assert found.shipper(ships, now).id == COLLECTOR
    assert found.identify(calls, now).id == "triage-service"
    with pytest.raises(UnauthenticatedError) as caught:
        found.identify(ships, now)
    assert (caught.value.code, caught.value.clause) == ("token-only-ships", "principal:collector/ships")
    with pytest.raises(RefusedError) as refusal:
        found.shipper(calls, now)
    assert (refusal.value.code, refusal.value.clause) == ("may-not-ship", "principal:triage-service/ships")


@pytest.mark.parametrize(
    ("principal", "most"), [(COLLECTOR, SHIPPER_LIFETIME_MAX), ("triage-service", LIFETIME_MAX), ("ana", LIFETIME_MAX)]
)
def test_a_shippers_token_holds_for_longer_than_others(principal, most):
    writer = in_force(shipping_program())
    assert token_of(writer, principal, lives_s=most // 1_000_000).expires_at == writer.now + most
    with pytest.raises(InvalidInputError):
        token_of(writer, principal, lives_s=most // 1_000_000 + 1)


@pytest.mark.parametrize(("before", "after"), [("true", "false"), ("false", "true")])
def test_a_token_never_becomes_one_of_the_other_kind(before, after):
    """Attack: a token that holds for months is one for calls, once the program lets its service make some."""
    writer = in_force(shipping_program(ships=before))
    secret = token_of(writer).secret
    other = token_of(writer, "triage-service").secret
    bring_into_force(writer, shipping_program(ships=after))
    for asked in (standing(writer).identify, standing(writer).shipper):
        with pytest.raises(UnauthenticatedError) as caught:
            asked(secret, writer.now)
        assert caught.value.code == "token-unknown"
    assert standing(writer).identify(other, writer.now).id == "triage-service"
